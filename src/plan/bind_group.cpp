// GROUP BY: its keys, and what may stand outside of aggregates.
//
// After the check every expression above the grouping reads the group's columns: keys through Query::key_range,
// aggregates through Query::aggregate_range (the latter are made when the call is bound).
#include <algorithm>

#include "binder.hpp"

namespace spg::plan {

namespace {
using KeySet = Vec<std::uint32_t>;
constexpr std::size_t group_sets_max = 4096, cube_elements_max = 12, grouping_arguments_max = 31;

bool contains(const KeySet& set, std::uint32_t key) {
  for (const std::uint32_t one : set)
    if (one == key) return true;
  return false;
}
KeySet copy_of(const KeySet& set) {
  KeySet made(*set.arena(), set.size());
  made.append(set);
  return made;
}
/// Keys of `from` that `to` has not are put behind those it has.
void unite(KeySet& to, const KeySet& from) {
  for (const std::uint32_t key : from)
    if (!contains(to, key)) to.push_back(key);
}
}  // namespace

std::uint32_t Binder::add_group_key(Expr* key, std::uint32_t target, Query* query) {
  if (query->key_range == nullptr) {
    query->key_range = new_range(RangeKind::groups);
    query->key_range->owner = query;
    query->key_range->subquery = query;
  }
  RangeColumn column;
  column.type = key->type;
  column.typmod = key->typmod;
  column.collation = key->collation;
  column.physical = key->physical;
  if (key->kind == ExprKind::column) {
    const auto& ref = as<Column>(*key);
    const RangeColumn& origin = ranges_[ref.relation]->columns[static_cast<std::size_t>(ref.number - 1)];
    column.name = origin.name;
    column.origin_table = origin.origin_table;
    column.origin_number = origin.origin_number;
  }
  query->group_keys.push_back(key);
  query->key_targets.push_back(target);
  query->key_range->columns.push_back(column);
  return static_cast<std::uint32_t>(query->group_keys.size() - 1);
}

/// The key that an expression of GROUP BY names; a column of its own for every target, since sets may have one and lack
/// the other of two that are equal.
Result<std::uint32_t> Binder::group_key(const sql::Expr& node, Query* query) {
  SPG_ASSIGN(const std::uint32_t at, sort_target(node, query, Place::group_by, false));
  Expr* key = query->targets[at].expr;
  if (key->type == oid::unknown) {
    SPG_ASSIGN(key, settle_unknown(key));
    query->targets[at].expr = key;
  }
  if (const Expr* inner = find_aggregate_of(key, query); inner != nullptr)
    return fail(sqlstate::grouping_error, inner->position, "aggregate functions are not allowed in GROUP BY");
  const auto written = [&](std::uint32_t number) {
    query->written_keys.push_back(number);
    return number;
  };
  const Oid base = base_type(key->type);
  if (base != oid::record && element_of(base) == Oid::none && !has_equality(base))
    return fail(sqlstate::undefined_function, location(key), "could not identify an equality operator for type ",
                type_text(key->type));
  for (std::uint32_t i = 0; i < query->group_keys.size(); ++i)
    if (query->key_targets[i] == at) return written(i);
  return written(add_group_key(key, at, query));
}

/// (a, b) without ROW is several keys, however deep it is nested.
Status Binder::group_keys(const sql::Expr& node, Query* query, Vec<std::uint32_t>& keys) {
  if (const auto* row = sql::as<sql::RowExpr>(&node); row != nullptr && !row->explicit_row) {
    for (const sql::Expr* one : row->args) SPG_TRY(group_keys(*one, query, keys));
    return ok();
  }
  SPG_ASSIGN(const std::uint32_t key, group_key(node, query));
  if (!contains(keys, key)) keys.push_back(key);
  return ok();
}

/// Appends the sets of keys that an item of GROUP BY stands for.
Status Binder::group_sets(const sql::GroupItem& item, Query* query, Vec<Vec<std::uint32_t>>& sets) {
  const Deeper deeper(depth_);
  SPG_TRY(check_depth());
  SPG_TRY(arena_->check());
  if (item.kind == sql::GroupItemKind::sets) {
    for (const sql::GroupItem* one : item.items) SPG_TRY(group_sets(*one, query, sets));
    return ok();
  }
  if (item.kind == sql::GroupItemKind::empty || item.kind == sql::GroupItemKind::expr) {
    KeySet keys(*arena_);
    if (item.kind == sql::GroupItemKind::expr) SPG_TRY(group_keys(*item.expr, query, keys));
    sets.push_back(keys);
    return ok();
  }
  Vec<KeySet> elements(*arena_);
  for (const sql::GroupItem* one : item.items) {
    KeySet keys(*arena_);
    SPG_TRY(group_keys(*one->expr, query, keys));
    elements.push_back(keys);
  }
  const auto count = static_cast<std::uint32_t>(elements.size());
  const auto add = [&](auto has) {
    KeySet keys(*arena_);
    for (std::uint32_t i = 0; i < count; ++i)
      if (has(i)) unite(keys, elements[i]);
    sets.push_back(keys);
  };
  if (item.kind == sql::GroupItemKind::rollup) {
    for (std::uint32_t size = count + 1; size-- > 0;) add([&](std::uint32_t i) { return i < size; });
    return ok();
  }
  if (count > cube_elements_max)
    return fail(sqlstate::too_many_columns, item.at, "CUBE is limited to ", cube_elements_max, " elements");
  for (std::uint32_t mask = 1u << count; mask-- > 0;) add([&](std::uint32_t i) { return (mask >> i & 1) != 0; });
  return ok();
}

/// GROUP BY DISTINCT: of sets with the same keys, the first stays.
void Binder::drop_repeated_sets(Query* query) {
  struct Entry {
    KeySet sorted;
    std::uint32_t at;
  };
  Vec<Entry> entries(*arena_);
  for (std::uint32_t i = 0; i < query->group_sets.size(); ++i) {
    KeySet sorted = copy_of(query->group_sets[i]);
    std::sort(sorted.begin(), sorted.end());
    entries.push_back({sorted, i});
  }
  const auto before = [](const KeySet& a, const KeySet& b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
  };
  std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
    return before(a.sorted, b.sorted) || (!before(b.sorted, a.sorted) && a.at < b.at);
  });
  Vec<bool> repeated(*arena_);
  repeated.resize(entries.size());
  for (std::size_t i = 1; i < entries.size(); ++i)
    repeated[entries[i].at] = !before(entries[i - 1].sorted, entries[i].sorted);
  Vec<KeySet> kept(*arena_);
  for (std::size_t i = 0; i < query->group_sets.size(); ++i)
    if (!repeated[i]) kept.push_back(query->group_sets[i]);
  query->group_sets = kept;
}

Status Binder::group_by(const sql::Select& node, Query* query) {
  if (node.group_by.empty()) return ok();
  query->grouped = true;
  // The items' sets are multiplied: each set of one with each set of the next.
  Vec<KeySet> all(*arena_);
  all.push_back(KeySet(*arena_));
  for (const sql::GroupItem* item : node.group_by) {
    Vec<KeySet> own(*arena_), product(*arena_);
    SPG_TRY(group_sets(*item, query, own));
    if (all.size() * own.size() > group_sets_max)
      return fail(sqlstate::statement_too_complex, -1, "too many grouping sets present (maximum ", group_sets_max, ")");
    for (const KeySet& left : all)
      for (const KeySet& right : own) {
        KeySet both = copy_of(left);
        unite(both, right);
        product.push_back(both);
      }
    SPG_TRY(arena_->check());
    all = product;
  }
  query->group_sets = all;
  if (node.group_distinct) drop_repeated_sets(query);
  // A single set has all keys: that is plain grouping.
  if (query->group_sets.size() == 1) query->group_sets = Vec<KeySet>(*arena_);
  return ok();
}

Expr* Binder::group_column(std::size_t key, const Expr& expr, const Query& query) {
  return make_column(*arena_, query.key_range->number, static_cast<std::int16_t>(key + 1), expr.type, expr.typmod,
                     expr.collation, expr.physical, expr.position);
}

Status Binder::check_grouping(Query* query) {
  if (!query->grouped) return ok();
  for (const Target& target : query->targets) SPG_TRY(check_grouping_calls(target.expr, query));
  for (std::uint32_t i = 0; i < query->targets.size(); ++i) {
    Expr*& target = query->targets[i].expr;
    // A result column that is a key is that key; constants are keys nowhere else.
    std::size_t key = 0;
    while (key < query->key_targets.size() && query->key_targets[key] != i) ++key;
    if (key < query->key_targets.size()) {
      target = group_column(key, *target, *query);
      continue;
    }
    SPG_ASSIGN(target, replace_groups(target, query, GroupPlace::own));
  }
  const auto replace = [&](Expr*& part) -> Status {
    SPG_TRY(check_grouping_calls(part, query));
    SPG_ASSIGN(part, replace_groups(part, query, GroupPlace::own));
    return ok();
  };
  if (query->having != nullptr) SPG_TRY(replace(query->having));
  Status status;
  for_each_window_expr(query, [&](Expr*& part) {
    if (!status.failed()) status = replace(part);
  });
  SPG_TRY(std::move(status));
  // Those of aggregates that nothing reads any more.
  for (std::size_t i = 0; i < query->aggregates.size(); ++i) SPG_TRY(replace_direct(i, query));
  return ok();
}

/// Direct arguments are evaluated once a group, of what is grouped by.
Status Binder::replace_direct(std::size_t aggregate, Query* query) {
  if (query->aggregates[aggregate].direct_replaced) return ok();
  query->aggregates[aggregate].direct_replaced = true;
  for (Expr*& argument : query->aggregates[aggregate].call.direct) {
    SPG_ASSIGN(argument, replace_groups(argument, query, GroupPlace::direct_argument));
  }
  return ok();
}

/// What a call over a window is given, as if it stood where the call does.
Status Binder::replace_windowed(WindowedCall& call, Query* query) {
  if (call.groups_replaced) return ok();
  call.groups_replaced = true;
  const auto replace = [&](Expr*& part) -> Status {
    SPG_TRY(check_grouping_calls(part, query));
    SPG_ASSIGN(part, replace_groups(part, query, GroupPlace::own));
    return ok();
  };
  for (Expr*& argument : call.call.arguments) SPG_TRY(replace(argument));
  return call.call.filter == nullptr ? ok() : replace(call.call.filter);
}

namespace {
Error ungrouped(GroupPlace place, std::string_view range, std::string_view column) {
  if (place == GroupPlace::nested)
    return Error::make(sqlstate::grouping_error, "subquery uses ungrouped column \"", range, ".", column,
                       "\" from outer query");
  Error error = Error::make(sqlstate::grouping_error, "column \"", range, ".", column,
                            "\" must appear in the GROUP BY clause or be used in an aggregate function");
  if (place != GroupPlace::direct_argument) return error;
  return std::move(error).detail("Direct arguments of an ordered-set aggregate must use only grouped columns.");
}
}  // namespace

/// Whether every group has one value of the columns of a table: its primary key is grouped by, in all sets.
bool Binder::depends_on_groups(const RangeEntry& range, const Query& query) {
  if (range.kind != RangeKind::relation) return false;
  const auto is_key = [&](std::int16_t stored) {
    for (std::uint32_t i = 0; i < query.group_keys.size(); ++i) {
      const Expr* key = query.group_keys[i];
      if (key->kind == ExprKind::column && as<Column>(*key).relation == range.number &&
          range.columns[static_cast<std::size_t>(as<Column>(*key).number - 1)].stored == stored &&
          in_all_sets(query, i))
        return true;
    }
    return false;
  };
  for (const catalog::IndexInfo& index : range.relation->indexes) {
    if (!index.primary || !index.immediate) continue;
    bool covered = true;
    for (const std::int16_t number : index.columns) covered = covered && is_key(number);
    if (covered && in_view_ == 0) grouping_keys_.push_back(index.constraint);
    if (covered) return true;
  }
  return false;
}

Result<Expr*> Binder::replace_groups(Expr* expr, Query* query, GroupPlace place) {
  if (is_constant(expr) || expr->kind == ExprKind::parameter) return expr;
  for (std::size_t i = 0; i < query->group_keys.size(); ++i)
    if (same_expr(query->group_keys[i], expr)) return group_column(i, *expr, *query);
  if (expr->kind == ExprKind::grouping) {
    auto* call = static_cast<GroupingExpr*>(expr);
    return call->query == query ? replace_grouping(*call, query) : expr;
  }
  if (expr->kind == ExprKind::column) {
    const auto& ref = as<Column>(*expr);
    RangeEntry* range = ranges_[ref.relation];
    if (range == query->aggregate_range) {
      SPG_TRY(replace_direct(static_cast<std::size_t>(ref.number - 1), query));
      return expr;
    }
    if (range == query->window_range) {
      SPG_TRY(replace_windowed(query->window_calls[static_cast<std::size_t>(ref.number - 1)], query));
      return expr;
    }
    if (range->owner != query || range->kind == RangeKind::groups) return expr;
    if (depends_on_groups(*range, *query)) {
      const std::uint32_t key = add_group_key(expr, UINT32_MAX, query);
      for (KeySet& set : query->group_sets) set.push_back(key);
      return group_column(key, *expr, *query);
    }
    return ungrouped(place, range->alias, range->columns[static_cast<std::size_t>(ref.number - 1)].name)
        .at(position(expr->position));
  }
  Expr* made = copy_node(*arena_, expr);
  const auto replace = [&](Expr*& part, GroupPlace where) -> Status {
    SPG_ASSIGN(part, replace_groups(part, query, where));
    return ok();
  };
  Status status;
  for_each_part(made, [&](Expr*& part) {
    if (!status.failed()) status = replace(part, place);
  });
  if (status.failed()) return status;
  if (made->kind == ExprKind::subquery)
    for_each_query_expr(static_cast<QueryLink*>(made)->query, [&](Expr*& part) {
      if (!status.failed()) status = replace(part, GroupPlace::nested);
    });
  if (status.failed()) return status;
  return made;
}

// ------------------------------------------------------------------------------------------------------- GROUPING

Result<Expr*> Binder::grouping(const sql::GroupingCall& node) {
  if (node.args.size() > grouping_arguments_max)
    return fail(sqlstate::too_many_arguments, node.at, "GROUPING must have fewer than ", grouping_arguments_max + 1,
                " arguments");
  Vec<Expr*> args(*arena_);
  for (const sql::Expr* arg : node.args) {
    SPG_ASSIGN(Expr * bound, expr(*arg));
    args.push_back(bound);
  }
  SPG_ASSIGN(Scope * owner, owner_of(args.span(), node.at, "grouping operations"));
  owner->query->grouped = true;
  auto* made = make_expr<GroupingExpr>(*arena_, ExprKind::grouping, oid::int4, Physical::int4, node.at);
  made->arguments = args.span();
  made->query = owner->query;
  return made;
}

namespace {
/// The key of GROUP BY that the expression is; UINT32_MAX: none.
std::uint32_t named_key(const Expr* expr, const Query& query) {
  for (std::uint32_t key = 0; key < query.group_keys.size(); ++key)
    if (query.key_targets[key] != UINT32_MAX && same_expr(query.group_keys[key], expr)) return key;
  return UINT32_MAX;
}
}  // namespace

Status Binder::check_grouping_calls(Expr* expr, const Query* query) {
  const Expr* bad = nullptr;
  auto look = [&](Expr* part) {
    if (part->kind != ExprKind::grouping || static_cast<GroupingExpr*>(part)->query != query) return;
    for (const Expr* argument : as<Variadic>(*part).arguments)
      if (bad == nullptr && named_key(argument, *query) == UINT32_MAX) bad = argument;
  };
  for_each_below(expr, look);
  if (bad == nullptr) return ok();
  return fail(sqlstate::grouping_error, location(bad),
              "arguments to GROUPING must be grouping expressions of the associated query level");
}

/// Requires: check_grouping_calls. The call as a column that every grouping set has a value for; 0 where there is but
/// one set.
Result<Expr*> Binder::replace_grouping(const GroupingExpr& call, Query* query) {
  KeySet keys(*arena_);
  for (const Expr* argument : call.arguments) keys.push_back(named_key(argument, *query));
  if (query->group_sets.empty()) return make_int4(*arena_, 0, call.position);
  if (query->grouping_range == nullptr) {
    query->grouping_range = new_range(RangeKind::groups);
    query->grouping_range->owner = query;
    query->grouping_range->subquery = query;
  }
  std::size_t at = 0;
  const auto same = [&](const KeySet& other) {
    return std::equal(other.begin(), other.end(), keys.begin(), keys.end());
  };
  while (at < query->groupings.size() && !same(query->groupings[at])) ++at;
  if (at == query->groupings.size()) {
    query->groupings.push_back(keys);
    RangeColumn column;
    column.name = "grouping";
    column.type = oid::int4;
    column.physical = Physical::int4;
    query->grouping_range->columns.push_back(column);
  }
  return make_column(*arena_, query->grouping_range->number, static_cast<std::int16_t>(at + 1), oid::int4, -1,
                     Oid::none, Physical::int4, call.position);
}

}  // namespace spg::plan
