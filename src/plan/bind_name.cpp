// Names of columns: scopes, ambiguity, `*`, and the hints that PostgreSQL gives for near misses.
#include "binder.hpp"

namespace spg::plan {

namespace {
/// Edits between two names; used for hints only, so long names are cut.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  constexpr std::size_t cap = 64;
  a = a.substr(0, cap - 1);
  b = b.substr(0, cap - 1);
  std::size_t row[cap];
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      std::size_t best = diagonal + (a[i - 1] != b[j - 1]);
      if (above + 1 < best) best = above + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      row[j] = best;
      diagonal = above;
    }
  }
  return row[b.size()];
}
}  // namespace

Error Binder::no_column(std::string_view name, std::string_view qualifier, std::int32_t at) {
  Error error = qualifier.empty()
                    ? fail(sqlstate::undefined_column, at, "column \"", name, "\" does not exist")
                    : fail(sqlstate::undefined_column, at, "column ", qualifier, ".", name, " does not exist");
  if (qualifier.empty())
    for (Scope* scope = scope_; scope != nullptr; scope = scope->outer)
      for (const NameItem& item : scope->hidden)
        for (const NamedColumn& column : item.columns) {
          if (column.name != name) continue;
          if (item.is_joined_outside) return no_table(item.name, at);
          return std::move(error).hint("There is a column named \"", name, "\" in table \"", item.name,
                                       "\", but it cannot be referenced from this part of the query.");
        }
  std::size_t best = 4;  // more than three edits are no help
  const NameItem* items[2] = {};
  std::string_view names[2];
  std::size_t count = 0;
  for (Scope* scope = scope_; scope != nullptr; scope = scope->outer) {
    for (const NameItem& item : scope->items) {
      const std::size_t penalty = qualifier.empty() ? 0 : edit_distance(qualifier, item.name);
      if (penalty > 3) continue;
      for (const NamedColumn& column : item.columns) {
        const std::size_t distance = edit_distance(name, column.name);
        if (distance > name.size() / 2 || distance > 3) continue;
        const std::size_t total = distance + penalty;
        if (total > 3) continue;
        if (total < best) {
          best = total;
          count = 0;
        }
        if (total == best) {
          if (count < 2) {
            items[count] = &item;
            names[count] = column.name;
          }
          ++count;
        }
      }
    }
  }
  if (count == 1)
    return std::move(error).hint("Perhaps you meant to reference the column \"", items[0]->name, ".", names[0], "\".");
  if (count == 2)
    return std::move(error).hint("Perhaps you meant to reference the column \"", items[0]->name, ".", names[0],
                                 "\" or the column \"", items[1]->name, ".", names[1], "\".");
  return error;
}

Error Binder::no_table(std::string_view name, std::int32_t at) {
  for (Scope* scope = scope_; scope != nullptr; scope = scope->outer) {
    for (const NameItem& item : scope->hidden)
      if (item.name == name && item.is_joined_outside)
        return fail(sqlstate::invalid_column_reference, at, "invalid reference to FROM-clause entry for table \"", name,
                    "\"")
            .detail("The combining JOIN type must be INNER or LEFT for a LATERAL reference.");
    for (const NameItem& item : scope->hidden)
      if (item.name == name)
        return fail(sqlstate::undefined_table, at, "invalid reference to FROM-clause entry for table \"", name, "\"")
            .hint("There is an entry for table \"", name,
                  "\", but it cannot be referenced from this part of the query.");
    for (const NameItem& item : scope->items)
      if (item.range != nullptr && item.range->relation != nullptr && item.range->has_alias &&
          item.range->relation->name == name)
        return fail(sqlstate::undefined_table, at, "invalid reference to FROM-clause entry for table \"", name, "\"")
            .hint("Perhaps you meant to reference the table alias \"", item.name, "\".");
  }
  return fail(sqlstate::undefined_table, at, "missing FROM-clause entry for table \"", name, "\"");
}

/// The table that is written, in the FROM beside it.
Error Binder::no_lateral(std::string_view name, std::int32_t at) {
  return fail(sqlstate::invalid_column_reference, at, "invalid reference to FROM-clause entry for table \"", name, "\"")
      .hint("There is an entry for table \"", name, "\", but it cannot be referenced from this part of the query.");
}

Result<const NameItem*> Binder::find_item(std::string_view schema, std::string_view name, std::int32_t at) {
  for (Scope* scope = scope_; scope != nullptr; scope = scope->outer) {
    const NameItem* found = nullptr;
    for (const NameItem& item : scope->items) {
      if (item.name != name || (!schema.empty() && (item.schema != schema))) continue;
      if (found != nullptr) return fail(sqlstate::ambiguous_alias, at, "table reference \"", name, "\" is ambiguous");
      found = &item;
    }
    if (found != nullptr && scope->written != nullptr && found->range == scope->written) return no_lateral(name, at);
    if (found != nullptr) return found;
  }
  return static_cast<const NameItem*>(nullptr);
}

namespace {
/// Whether rows of the FROM may come without one of the range, since it is on the outer side of a join.
bool may_lack(const FromTree& tree, const RangeEntry* range, bool is_outer) {
  if (tree.kind == FromTree::Kind::leaf) return is_outer && tree.range == range;
  for (const FromTree* item : tree.items)
    if (may_lack(*item, range, is_outer)) return true;
  if (tree.kind != FromTree::Kind::join) return false;
  const bool left = tree.type == sql::JoinType::right || tree.type == sql::JoinType::full;
  const bool right = tree.type == sql::JoinType::left || tree.type == sql::JoinType::full;
  return may_lack(*tree.left, range, is_outer || left) || may_lack(*tree.right, range, is_outer || right);
}
}  // namespace

Expr* Binder::whole_row(const NameItem& item, std::int32_t at) {
  auto* made = make_expr<Variadic>(*arena_, ExprKind::row, oid::record, Physical::string, at);
  Vec<Expr*> fields(*arena_);
  for (const NamedColumn& column : item.columns) fields.push_back(column.expr);
  made->arguments = fields.span();
  auto* shown = arena_->make<Shown>();
  shown->kind = Shown::Kind::whole_row;
  shown->relation = item.range == nullptr ? std::uint16_t{0} : item.range->number;
  shown->join = item.join;
  made->shown = shown;
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->outer)
    if (item.range != nullptr && scope->query->from != nullptr && may_lack(*scope->query->from, item.range, false))
      made->is_null_without_values = true;
  return made;
}

Expr* Binder::system_column(const NameItem& item, std::string_view name, std::int32_t at) {
  if (name != "tableoid" || item.range == nullptr || item.range->relation == nullptr || item.is_view)
    return nullptr;
  const auto oid = static_cast<std::int32_t>(raw(item.range->relation->oid));
  auto* made = make_constant(*arena_, oid::object_id, type::Value::of(Physical::int4, oid), at);
  auto* shown = arena_->make<Shown>();
  shown->kind = Shown::Kind::system_column;
  shown->relation = item.range->number;
  shown->name = "tableoid";
  made->shown = shown;
  return made;
}

Result<Expr*> Binder::unqualified(std::string_view name, std::int32_t at, bool* found) {
  *found = true;
  for (Scope* scope = scope_; scope != nullptr; scope = scope->outer) {
    Expr* match = nullptr;
    for (const NamedColumn& column : scope->columns) {
      if (column.name != name) continue;
      if (match != nullptr) return fail(sqlstate::ambiguous_column, at, "column reference \"", name, "\" is ambiguous");
      match = column.expr;
    }
    if (match == nullptr) {
      for (const NameItem& item : scope->items) {
        Expr* system = system_column(item, name, at);
        if (system == nullptr) continue;
        if (match != nullptr)
          return fail(sqlstate::ambiguous_column, at, "column reference \"", name, "\" is ambiguous");
        match = system;
      }
    }
    if (match == nullptr) continue;
    if (scope->written != nullptr && match->kind == ExprKind::column &&
        as<Column>(*match).relation == scope->written->number)
      return no_lateral(scope->written->alias, at);
    Expr* made = copy_node(*arena_, match);
    made->position = at;
    return made;
  }
  *found = false;
  return static_cast<Expr*>(nullptr);
}

Result<Expr*> Binder::column(const sql::ColumnRef& node) {
  if (scope_ == nullptr && !context_->default_column.empty())
    return fail(sqlstate::feature_not_supported, node.at, "cannot use column reference in DEFAULT expression");
  if (scope_ == nullptr) {
    const std::string_view first = node.fields.empty() ? std::string_view("*") : node.fields[0];
    return fail(sqlstate::undefined_column, node.at, "column \"", first, "\" does not exist");
  }
  const std::size_t parts = node.fields.size();
  if (node.star) {
    if (parts == 0) return fail(sqlstate::syntax_error, node.at, "row expansion via \"*\" is not supported here");
    SPG_ASSIGN(const NameItem* item,
               find_item(parts >= 2 ? node.fields[parts - 2] : std::string_view{}, node.fields[parts - 1], node.at));
    if (item == nullptr) return no_table(node.fields[parts - 1], node.at);
    return whole_row(*item, node.at);
  }
  if (parts == 1) {
    bool found = false;
    SPG_ASSIGN(Expr * made, unqualified(node.fields[0], node.at, &found));
    if (found) return made;
    SPG_ASSIGN(const NameItem* item, find_item({}, node.fields[0], node.at));
    if (item != nullptr) return whole_row(*item, node.at);
    return no_column(node.fields[0], {}, node.at);
  }
  if (parts > 4) return fail(sqlstate::syntax_error, node.at, "improper qualified name (too many dotted names)");
  const std::string_view schema = parts >= 3 ? node.fields[parts - 3] : std::string_view{};
  const std::string_view table = node.fields[parts - 2], name = node.fields[parts - 1];
  SPG_ASSIGN(const NameItem* item, find_item(schema, table, node.at));
  if (item == nullptr) return no_table(table, node.at);
  Expr* match = nullptr;
  for (const NamedColumn& one : item->columns) {
    if (one.name != name) continue;
    if (match != nullptr)
      return fail(sqlstate::ambiguous_column, node.at, "column reference \"", name, "\" is ambiguous");
    match = one.expr;
  }
  if (match == nullptr) match = system_column(*item, name, node.at);
  if (match == nullptr) return no_column(name, table, node.at);
  Expr* made = copy_node(*arena_, match);
  made->position = node.at;
  return made;
}

Status Binder::expand_star(const sql::ColumnRef& node, Vec<Target>& targets) {
  const auto add = [&](const Vec<NamedColumn>& columns) {
    for (const NamedColumn& column : columns) {
      if (column.is_not_of_star) continue;
      Target target;
      target.expr = copy_node(*arena_, column.expr);
      target.expr->position = node.at;
      target.name = column.name;
      targets.push_back(target);
    }
  };
  const std::size_t parts = node.fields.size();
  if (parts == 0) {
    if (scope_->items.empty())
      return fail(sqlstate::syntax_error, node.at, "SELECT * with no tables specified is not valid");
    add(scope_->columns);
    return ok();
  }
  SPG_ASSIGN(const NameItem* item,
             find_item(parts >= 2 ? node.fields[parts - 2] : std::string_view{}, node.fields[parts - 1], node.at));
  if (item == nullptr) return no_table(node.fields[parts - 1], node.at);
  add(item->columns);
  return ok();
}

}  // namespace spg::plan
