// The stages of a query above its FROM: grouping, result expressions, distinct, order, limit; set operations; WITH.
#include "planner.hpp"

namespace spg::plan {

Rel Planner::one_row() {
  auto* node = make_node<Values>(NodeKind::values);
  auto* rows = arena_->array<std::span<Expr*>>(1);
  rows[0] = {};
  node->rows = {rows, 1};
  node->cost_total = 0.01;
  return rel_of(node);
}

Result<Rel> Planner::plan_query(Query* query, const Vec<bool>* wanted) {
  SPG_TRY(arena_->check());
  SPG_TRY(plan_ctes(query));
  if (query->set_op != sql::SetOp::none) return plan_set(query);
  pull_up_in(query);
  Vec<std::uint32_t> kept(*arena_);
  for (std::uint32_t i = 0; i < query->visible; ++i) {
    const bool keep = wanted == nullptr || query->distinct || query->has_set_functions || (*wanted)[i] ||
                      is_volatile(query->targets[i].expr);
    if (keep) kept.push_back(i);
  }
  return plan_plain(query, kept);
}

bool Planner::order_from_query(Query* query, WantedOrder& order) {
  if (query->grouped || !query->window_calls.empty() || query->has_set_functions || (query->distinct && query->distinct_on.empty()) ||
      query->order_by.empty())
    return false;
  order.keys = Vec<WantedOrder::Key>(*arena_);
  for (const SortBy& sort : query->order_by) {
    Expr* expr = simplify(query->targets[sort.target].expr);
    if (expr->kind == ExprKind::constant || expr->kind == ExprKind::parameter) continue;
    if (expr->kind != ExprKind::column) return false;
    order.keys.push_back({static_cast<Column*>(expr), sort.descending, sort.nulls_first});
  }
  order.limited = query->limit != nullptr;
  return !order.keys.empty();
}

namespace {
/// Whether rows come out of the node in the order that was asked for at its scan.
bool keeps_order(const Node* node, const WantedOrder& order, const Rel& rel, Arena&) {
  if (node->kind == NodeKind::filter) return keeps_order(as<Filter>(*node).input, order, rel, *rel.slots.arena());
  if (node->kind != NodeKind::index_scan) return false;
  return true;
}
}  // namespace

Result<Rel> Planner::plan_plain(Query* query, const Vec<std::uint32_t>& kept) {
  SPG_ASSIGN(Rel quick, min_max(query));
  if (quick.node != nullptr) {
    if (!query->window_calls.empty()) { SPG_ASSIGN(quick, windows(query, quick)); }
    return finish(query, quick, kept);
  }
  WantedOrder order;
  const bool ordered = query->window_calls.empty() ? order_from_query(query, order) : order_from_windows(query, order);
  Rel rel;
  if (query->from != nullptr) {
    SPG_ASSIGN(rel, plan_from(query->from, query->where, ordered ? &order : nullptr));
  } else {
    rel = one_row();
    if (query->where != nullptr) {
      Vec<Expr*> quals(*arena_);
      split_and(simplify(query->where), quals);
      SPG_ASSIGN(rel, apply_quals(rel, quals.span()));
    }
  }
  if (query->grouped) { SPG_ASSIGN(rel, aggregate(query, rel)); }
  if (!query->window_calls.empty()) { SPG_ASSIGN(rel, windows(query, rel)); }
  return finish(query, rel, kept);
}

Result<std::span<Expr*>> Planner::resolve_simplified(std::span<Expr*> exprs, const Rel& below) {
  Expr** list = arena_->array<Expr*>(exprs.size());
  for (std::size_t i = 0; i < exprs.size(); ++i) { SPG_ASSIGN(list[i], resolve(simplify(exprs[i]), below)); }
  return std::span<Expr*>(list, exprs.size());
}

std::span<std::span<const std::uint32_t>> Planner::key_sets(const Vec<Vec<std::uint32_t>>& sets) {
  auto* list = arena_->array<std::span<const std::uint32_t>>(sets.size());
  for (std::size_t i = 0; i < sets.size(); ++i) list[i] = sets[i].span();
  return {list, sets.size()};
}

Result<Rel> Planner::aggregate(Query* query, Rel input) {
  auto* node = make_node<Aggregate>(NodeKind::aggregate);
  Rel rel = rel_of(node);
  node->input = input.node;
  Vec<OutputColumn> outputs(*arena_);
  Vec<Expr*> keys(*arena_);
  for (std::size_t i = 0; i < query->group_keys.size(); ++i) {
    Expr* key = simplify(query->group_keys[i]);
    SPG_ASSIGN(Expr * resolved, resolve(key, input));
    keys.push_back(resolved);
    const RangeColumn& column = query->key_range->columns[i];
    OutputColumn output = output_of(*query->group_keys[i], column.name);
    output.physical = resolved->physical;
    outputs.push_back(output);
    rel.slots.push_back({query->key_range->number, static_cast<std::int16_t>(i + 1)});
  }
  AggregateCall* calls = arena_->array<AggregateCall>(query->aggregates.size());
  for (std::size_t i = 0; i < query->aggregates.size(); ++i) {
    const Aggregated& from = query->aggregates[i];
    AggregateCall& call = calls[i] = from.call;
    SPG_ASSIGN(call.arguments, resolve_simplified(from.call.arguments, input));
    if (call.filter != nullptr) { SPG_ASSIGN(call.filter, resolve(simplify(call.filter), input)); }
    Vec<AggregateCall::Order> orders(*arena_);
    for (const AggregateCall::Order& one : from.call.order_by) {
      SPG_ASSIGN(Expr * resolved, resolve(simplify(one.value), input));
      orders.push_back({resolved, one.descending, one.nulls_first});
    }
    call.order_by = orders.span();
    OutputColumn output;
    output.name = from.name;
    output.type = call.result_type;
    output.physical = call.physical;
    output.typmod = call.typmod;
    outputs.push_back(output);
    rel.slots.push_back({query->aggregate_range->number, static_cast<std::int16_t>(i + 1)});
  }
  for (std::size_t i = 0; i < query->groupings.size(); ++i) {
    OutputColumn output;
    output.name = query->grouping_range->columns[i].name;
    output.type = oid::int4;
    output.physical = Physical::int4;
    outputs.push_back(output);
    rel.slots.push_back({query->grouping_range->number, static_cast<std::int16_t>(i + 1)});
  }
  node->keys = keys.span();
  node->aggregates = {calls, query->aggregates.size()};
  node->sets = key_sets(query->group_sets);
  node->groupings = key_sets(query->groupings);
  node->outputs = outputs.span();
  for (AggregateCall& call : node->aggregates) { SPG_ASSIGN(call.direct, resolve_simplified(call.direct, rel)); }
  const double rows = input.node->rows_estimate;
  const auto groups = [&](std::size_t key_count) {
    return key_count == 0 ? 1 : rows < 200 ? (rows < 1 ? 1 : rows) : rows * 0.1 < 200 ? 200 : rows * 0.1;
  };
  node->rows_estimate = node->sets.empty() ? groups(keys.size()) : 0;
  for (const auto set : node->sets) node->rows_estimate += groups(set.size());
  const double passes = node->sets.empty() ? 1 : static_cast<double>(node->sets.size());
  node->cost_start = node->cost_total =
      input.node->cost_total + passes * rows * 0.01 * static_cast<double>(1 + query->aggregates.size());
  if (query->having == nullptr) return rel;
  Vec<Expr*> quals(*arena_);
  split_and(simplify(query->having), quals);
  return apply_quals(rel, quals.span());
}

Result<Rel> Planner::finish(Query* query, Rel input, const Vec<std::uint32_t>& kept) {
  // Outputs of the projection: the kept targets, then what only sorting needs.
  Vec<std::uint32_t> listed(*arena_);
  listed.append({kept.begin(), kept.size()});
  const auto place_of = [&](std::uint32_t target) {
    for (std::uint32_t i = 0; i < listed.size(); ++i)
      if (listed[i] == target) return i;
    listed.push_back(target);
    return static_cast<std::uint32_t>(listed.size() - 1);
  };
  for (const SortBy& sort : query->order_by) place_of(sort.target);
  for (const std::uint32_t target : query->distinct_on) place_of(target);
  for (const RowLocking& lock : query->row_locks) place_of(lock.target);
  for (const RowLocking& id : query->row_ids) place_of(id.target);
  WantedOrder order;
  bool in_order = order_from_query(query, order) && query->from != nullptr &&
                  keeps_order(input.node, order, input, *arena_) && scan_gives(input.node, order);
  if (!query->window_calls.empty()) in_order = windows_give_order(query, input);
  Vec<Expr*> exprs(*arena_);
  Vec<OutputColumn> outputs(*arena_);
  bool identity = listed.size() == input.node->outputs.size();
  bool has_sets = false;
  for (std::uint32_t i = 0; i < listed.size(); ++i) {
    const Target& target = query->targets[listed[i]];
    Expr* simple = simplify(target.expr);
    SPG_ASSIGN(Expr * resolved, resolve(simple, input));
    exprs.push_back(resolved);
    OutputColumn output = output_of(*target.expr, target.name);
    output.physical = resolved->physical;
    if (listed[i] >= query->visible && resolved->kind == ExprKind::column)
      output.name = input.node->outputs[as<Column>(*resolved).place].name;
    outputs.push_back(output);
    identity = identity && resolved->kind == ExprKind::column && as<Column>(*resolved).place == i;
    has_sets = has_sets || contains_set(resolved);
  }
  Rel rel = input;
  const double rows = input.node->rows_estimate;
  if (has_sets) {
    auto* node = make_node<ProjectSet>(NodeKind::project_set);
    node->input = input.node;
    node->expressions = exprs.span();
    node->outputs = outputs.span();
    node->rows_estimate = rows * 1000;
    node->cost_total = input.node->cost_total + rows * 10;
    rel.node = node;
  } else if (!identity) {
    if (input.node->kind == NodeKind::values && as<Values>(*input.node).rows.size() == 1 &&
        input.node->outputs.empty()) {
      auto* node = static_cast<Values*>(input.node);
      node->rows[0] = exprs.span();
      node->outputs = outputs.span();
      rel.node = node;
    } else {
      auto* node = make_node<Project>(NodeKind::project);
      node->input = input.node;
      node->expressions = exprs.span();
      node->outputs = outputs.span();
      node->rows_estimate = rows;
      node->cost_start = input.node->cost_start;
      node->cost_total = input.node->cost_total + rows * 0.0025 * static_cast<double>(exprs.size());
      rel.node = node;
    }
  } else {
    rel.node->outputs = outputs.span();
  }
  const auto sort_by = [&](std::span<const SortKey> keys, Expr* top) {
    auto* node = make_node<Sort>(NodeKind::sort);
    node->input = rel.node;
    SortKey* list = arena_->array<SortKey>(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) list[i] = keys[i];
    node->keys = {list, keys.size()};
    node->limit = top;
    node->outputs = rel.node->outputs;
    node->rows_estimate = rel.node->rows_estimate;
    node->cost_start = node->cost_total = rel.node->cost_total + rel.node->rows_estimate * 0.05;
    rel.node = node;
  };
  Expr* count = nullptr;
  Expr* offset = nullptr;
  const Rel nothing = rel_of(rel.node);
  if (query->limit != nullptr) {
    SPG_ASSIGN(count, resolve(simplify(query->limit), nothing));
    if (is_null_constant(count) && !query->with_ties) count = nullptr;
  }
  if (query->offset != nullptr) {
    SPG_ASSIGN(offset, resolve(simplify(query->offset), nothing));
    if (is_null_constant(offset)) offset = nullptr;
  }
  // What a top-N sort must keep: count + offset, where that cannot overflow.
  Expr* top = nullptr;
  if (count != nullptr && !query->with_ties) {
    if (offset == nullptr) {
      top = count;
    } else if (is_constant(count) && is_constant(offset)) {
      const std::int64_t a = as<Constant>(*count).value.as<std::int64_t>(),
                         b = as<Constant>(*offset).value.as<std::int64_t>();
      std::int64_t sum = 0;
      if (!__builtin_add_overflow(a, b, &sum))
        top = make_constant(*arena_, oid::int8, type::Value::of(Physical::int8, sum), count->position);
    }
  }
  Vec<SortKey> keys(*arena_);
  for (const SortBy& sort : query->order_by) keys.push_back({place_of(sort.target), sort.descending, sort.nulls_first});
  if (query->distinct) {
    Vec<std::uint32_t> columns(*arena_);
    auto* node = arena_->make<Distinct>();
    node->kind = NodeKind::distinct;
    if (!query->distinct_on.empty()) {
      for (const std::uint32_t target : query->distinct_on) columns.push_back(place_of(target));
      Vec<SortKey> full(*arena_);
      full.append(keys.span());
      for (const std::uint32_t column : columns) {
        bool sorted = false;
        for (const SortKey& key : keys) sorted = sorted || key.column == column;
        if (!sorted) full.push_back({column, false, false});
      }
      if (!in_order || full.size() > keys.size()) sort_by(full.span(), nullptr);
      node->sorted = true;
      in_order = true;
    } else {
      for (std::uint32_t i = 0; i < query->visible; ++i) columns.push_back(i);
    }
    node->id = next_id_++;
    node->input = rel.node;
    node->keys = columns.span();
    node->outputs = rel.node->outputs;
    node->rows_estimate = rel.node->rows_estimate < 200 ? rel.node->rows_estimate : rel.node->rows_estimate * 0.1;
    if (node->rows_estimate < 1) node->rows_estimate = 1;
    node->cost_start = node->cost_total = rel.node->cost_total + rel.node->rows_estimate * 0.01;
    rel.node = node;
  }
  // Rows that are locked may be skipped, so that more than the top N may be asked for.
  if (!keys.empty() && !in_order) sort_by(keys.span(), query->row_locks.empty() ? top : nullptr);
  if (!query->row_locks.empty()) {
    auto* node = make_node<LockRows>(NodeKind::lock_rows);
    node->input = rel.node;
    node->locks = {arena_->array<LockRows::Lock>(query->row_locks.size()), query->row_locks.size()};
    for (std::size_t i = 0; i < query->row_locks.size(); ++i) {
      const RowLocking& lock = query->row_locks[i];
      node->locks[i] = {lock.range->relation->table, arena_->copy(lock.range->relation->name), place_of(lock.target), lock.mode, lock.wait};
    }
    // Only what LIMIT lets through is locked; what it skips is, too.
    node->count = query->with_ties ? nullptr : count;
    node->offset = query->with_ties ? nullptr : offset;
    node->outputs = rel.node->outputs;
    node->rows_estimate = rel.node->rows_estimate;
    node->cost_start = rel.node->cost_start;
    node->cost_total = rel.node->cost_total + rel.node->rows_estimate * 0.01;
    rel.node = node;
    locks_rows_ = true;
    row_lock_ = node->locks[0].mode;
  }
  if (count != nullptr || offset != nullptr) {
    auto* node = make_node<Limit>(NodeKind::limit);
    node->input = rel.node;
    node->count = count;
    node->offset = offset;
    node->with_ties = query->with_ties;
    node->outputs = rel.node->outputs;
    node->rows_estimate = rel.node->rows_estimate;
    if (count != nullptr && is_constant(count) &&
        static_cast<double>(as<Constant>(*count).value.as<std::int64_t>()) < node->rows_estimate)
      node->rows_estimate = static_cast<double>(as<Constant>(*count).value.as<std::int64_t>());
    const double part = rel.node->rows_estimate > 0 ? node->rows_estimate / rel.node->rows_estimate : 1;
    node->cost_start = rel.node->cost_start;
    node->cost_total = rel.node->cost_start + (rel.node->cost_total - rel.node->cost_start) * part;
    rel.node = node;
  }
  if (listed.size() > kept.size()) {
    auto* node = make_node<Project>(NodeKind::project);
    node->input = rel.node;
    Vec<Expr*> places(*arena_);
    Vec<OutputColumn> shape(*arena_);
    const auto keep = [&](std::uint32_t i) {
      const OutputColumn& output = rel.node->outputs[i];
      shape.push_back(output);
      auto* column = make_expr<Column>(*arena_, ExprKind::column, output.type, output.physical, -1);
      column->typmod = output.typmod;
      column->collation = output.collation;
      column->place = i;
      places.push_back(column);
    };
    for (std::uint32_t i = 0; i < kept.size(); ++i) keep(i);
    if (!query->row_ids.empty()) row_ids_ = {arena_->array<RowId>(query->row_ids.size()), query->row_ids.size()};
    for (std::size_t i = 0; i < query->row_ids.size(); ++i) {
      const RowLocking& id = query->row_ids[i];
      const catalog::Relation& relation = *id.range->relation;
      row_ids_[i] = {relation.table, relation.oid, arena_->copy(relation.name), static_cast<std::uint32_t>(kept.size() + i), query->locks_later, id.mode, id.wait};
      keep(place_of(id.target));
    }
    if (query->locks_later) row_lock_ = query->row_ids[0].mode;
    node->expressions = places.span();
    node->outputs = shape.span();
    node->rows_estimate = rel.node->rows_estimate;
    node->cost_start = rel.node->cost_start;
    node->cost_total = rel.node->cost_total;
    rel.node = node;
  }
  rel.slots = Vec<Slot>(*arena_);
  for (const std::uint32_t target : kept) rel.slots.push_back({0, static_cast<std::int16_t>(target + 1)});
  return rel;
}

bool Planner::contains_set(const Expr* expr) {
  if (expr->kind == ExprKind::call && as<Call>(*expr).returns_set) return true;
  bool found = false;
  for_each_part(const_cast<Expr*>(expr), [&](Expr*& part) { found = found || contains_set(part); });
  return found;
}

/// Requires: keeps_order. Whether the index below runs through the wanted keys in their order.
bool Planner::scan_gives(const Node* node, const WantedOrder& order) {
  while (node->kind == NodeKind::filter) node = as<Filter>(*node).input;
  const auto& scan = as<IndexScan>(*node);
  if (scan.any_of != nullptr || order.keys.empty()) return false;
  const RangeEntry* entry = range(order.keys[0].column->relation);
  if (entry->relation == nullptr || entry->relation->oid != scan.relation) return false;
  for (const catalog::IndexInfo& index : entry->relation->indexes) {
    if (index.id != scan.index) continue;
    std::size_t at = scan.prefix.size();
    if (index.is_always_unique() && at == index.columns.size()) return true;
    for (const WantedOrder::Key& key : order.keys) {
      if (key.column->relation != entry->number) return false;
      const std::int16_t stored = entry->columns[static_cast<std::size_t>(key.column->number - 1)].stored;
      bool fixed = false;
      for (std::size_t i = 0; i < scan.prefix.size(); ++i) fixed = fixed || index.columns[i] == stored;
      if (fixed) continue;
      if (at >= index.columns.size()) return index.is_always_unique();
      if (index.columns[at] != stored) return false;
      const bool descending = (at < index.descending.size() && index.descending[at] != 0) != scan.backward;
      const bool nulls_first = (at < index.nulls_first.size() && index.nulls_first[at] != 0) != scan.backward;
      if (key.descending != descending || key.nulls_first != nulls_first) return false;
      ++at;
    }
    return true;
  }
  return false;
}

/// min and max of indexed columns: the first entry of the index, by a subquery each. Null node: not such a query.
Result<Rel> Planner::min_max(Query* query) {
  if (!query->grouped || !query->group_keys.empty() || !query->group_sets.empty() || query->having != nullptr || query->aggregates.empty())
    return Rel{};
  FromTree* leaf = query->from;
  while (leaf != nullptr && leaf->kind == FromTree::Kind::list && leaf->items.size() == 1 && leaf->condition == nullptr)
    leaf = leaf->items[0];
  if (leaf == nullptr || leaf->kind != FromTree::Kind::leaf || leaf->range->kind != RangeKind::relation) return Rel{};
  if (leaf->range->sample != nullptr) return Rel{};
  const auto is = [&](Oid function, std::string_view name) {
    const catalog::Function* found = catalog_->function(function);
    return found != nullptr && found->schema == catalog::ns::pg_catalog && found->name == name;
  };
  auto* node = make_node<Values>(NodeKind::values);
  Rel rel = rel_of(node);
  Vec<Expr*> values(*arena_);
  Vec<OutputColumn> outputs(*arena_);
  for (std::size_t i = 0; i < query->aggregates.size(); ++i) {
    const AggregateCall& call = query->aggregates[i].call;
    const bool is_max = is(call.function, "max");
    if ((!is_max && !is(call.function, "min")) || call.arguments.size() != 1 || call.filter != nullptr) return Rel{};
    Expr* argument = simplify(call.arguments[0]);
    const RangeColumn* column = column_of(argument, leaf->range);
    bool indexed = false;
    for (const catalog::IndexInfo& index : leaf->range->relation->indexes)
      for (const std::int16_t stored : index.columns)
        indexed = indexed || (column != nullptr && stored == column->stored);
    if (!indexed || argument->kind != ExprKind::column) return Rel{};
    Query* inner = arena_->make<Query>();
    inner->targets = Vec<Target>(*arena_);
    inner->order_by = Vec<SortBy>(*arena_);
    inner->targets.push_back({argument, query->aggregates[i].name, 0, 0, nullptr});
    inner->visible = 1;
    inner->from = query->from;
    inner->where = conjoin(*arena_, query->where, make_unary(*arena_, ExprKind::is_not_null, argument, -1));
    inner->order_by.push_back({0, is_max, is_max});
    inner->limit = make_constant(*arena_, oid::int8, type::Value::of(Physical::int8, std::int64_t{1}));
    auto* link = make_expr<QueryLink>(*arena_, ExprKind::subquery, call.result_type, call.physical, -1);
    link->form = SubqueryExpr::Form::scalar;
    link->query = inner;
    SPG_ASSIGN(Expr * resolved, resolve(link, rel_of(node)));
    const Node* below = as<SubqueryExpr>(*resolved).plan;
    if (below->kind == NodeKind::project) below = as<Project>(*below).input;
    if (below->kind != NodeKind::limit) return Rel{};
    below = as<Limit>(*below).input;
    if (below->kind == NodeKind::project) below = as<Project>(*below).input;
    if (below->kind != NodeKind::index_scan) return Rel{};
    values.push_back(resolved);
    OutputColumn output;
    output.name = query->aggregates[i].name;
    output.type = call.result_type;
    output.physical = resolved->physical;
    outputs.push_back(output);
    rel.slots.push_back({query->aggregate_range->number, static_cast<std::int16_t>(i + 1)});
  }
  auto* rows = arena_->array<std::span<Expr*>>(1);
  rows[0] = values.span();
  node->rows = {rows, 1};
  node->outputs = outputs.span();
  node->cost_total = 0.5;
  return rel;
}

// ------------------------------------------------------------------------------------------------- set operations

Result<Rel> Planner::plan_set(Query* query) {
  const std::uint16_t number = query->set_range->number;
  Rel rel;
  Vec<OutputColumn> outputs(*arena_);
  for (const RangeColumn& column : query->set_range->columns) {
    OutputColumn output;
    output.name = column.name;
    output.type = column.type;
    output.typmod = column.typmod;
    output.collation = column.collation;
    output.physical = column.physical;
    outputs.push_back(output);
  }
  if (query->set_op == sql::SetOp::union_) {
    auto* node = make_node<Append>(NodeKind::append);
    rel = rel_of(node);
    Vec<Node*> inputs(*arena_);
    for (Query* side : {query->left, query->right}) {
      SPG_ASSIGN(const Rel one, plan_query(side, nullptr));
      // A chain of unions of one kind is one append.
      const bool inner_all = side->set_op == sql::SetOp::union_ && (side->set_all || !query->set_all) &&
                             side->order_by.empty() && side->limit == nullptr && side->offset == nullptr;
      const Node* below = one.node;
      if (inner_all && below->kind == NodeKind::distinct && !query->set_all) below = as<Distinct>(*below).input;
      if (inner_all && below->kind == NodeKind::append)
        for (Node* input : as<Append>(*below).inputs) inputs.push_back(input);
      else inputs.push_back(one.node);
    }
    node->inputs = inputs.span();
    node->outputs = outputs.span();
    node->rows_estimate = 0;
    for (const Node* input : inputs) {
      node->rows_estimate += input->rows_estimate;
      node->cost_total += input->cost_total;
    }
    if (!query->set_all) {
      auto* distinct = make_node<Distinct>(NodeKind::distinct);
      distinct->input = node;
      distinct->outputs = node->outputs;
      distinct->rows_estimate = node->rows_estimate;
      distinct->cost_start = distinct->cost_total = node->cost_total + node->rows_estimate * 0.01;
      rel.node = distinct;
    }
  } else {
    auto* node = make_node<SetOperation>(NodeKind::set_operation);
    rel = rel_of(node);
    SPG_ASSIGN(const Rel left, plan_query(query->left, nullptr));
    SPG_ASSIGN(const Rel right, plan_query(query->right, nullptr));
    node->op = query->set_op == sql::SetOp::intersect ? SetOperation::Op::intersect : SetOperation::Op::except;
    node->all = query->set_all;
    node->left = left.node;
    node->right = right.node;
    node->outputs = outputs.span();
    node->rows_estimate = left.node->rows_estimate;
    node->cost_start = node->cost_total =
        left.node->cost_total + right.node->cost_total + left.node->rows_estimate * 0.01;
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) rel.slots.push_back({number, static_cast<std::int16_t>(i + 1)});
  Vec<std::uint32_t> kept(*arena_);
  for (std::uint32_t i = 0; i < query->visible; ++i) kept.push_back(i);
  return finish(query, rel, kept);
}

// ----------------------------------------------------------------------------------------------------------- WITH

Status Planner::plan_ctes(Query* query) {
  for (Cte* cte : query->ctes) {
    if (cte->writes != nullptr && cte->planned == nullptr) { SPG_ASSIGN(cte->planned, side_write(cte)); }
    if (cte->references == 0 || cte->planned != nullptr) continue;
    if (!cte->recursive && cte->references == 1 && cte->materialized != sql::Materialized::always) {
      bool keep = !cte->query->row_locks.empty();
      for (const Target& target : cte->query->targets) keep = keep || is_volatile(target.expr);
      if (!keep || cte->materialized == sql::Materialized::never) continue;  // merged where it is read
    }
    auto* node = make_node<Materialize>(NodeKind::materialize);
    if (cte->recursive) {
      auto* both = make_node<RecursiveUnion>(NodeKind::recursive_union);
      SPG_ASSIGN(const Rel initial, plan_query(cte->initial, nullptr));
      SPG_ASSIGN(const Rel step, plan_query(cte->step, nullptr));
      both->initial = initial.node;
      both->step = step.node;
      both->all = cte->union_all;
      both->slot = cte->slot;
      both->outputs = initial.node->outputs;
      both->rows_estimate = initial.node->rows_estimate * 10 + step.node->rows_estimate;
      both->cost_total = initial.node->cost_total + 10 * step.node->cost_total;
      node->input = both;
    } else {
      SPG_ASSIGN(const Rel rel, plan_query(cte->query, nullptr));
      node->input = rel.node;
    }
    node->outputs = node->input->outputs;
    node->rows_estimate = node->input->rows_estimate;
    node->cost_start = node->cost_total = node->input->cost_total;
    cte->planned = node;
  }
  return ok();
}

}  // namespace spg::plan
