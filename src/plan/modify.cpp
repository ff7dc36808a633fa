// INSERT, UPDATE, DELETE, MERGE over the plan of their rows; the plan as a whole.
#include "planner.hpp"
#include "spg/sql/deparse.hpp"

namespace spg::plan {

Planner::Planner(Arena& arena, PlanContext& context, BoundStatement& bound)
    : arena_(&arena),
      context_(&context),
      catalog_(context.catalog),
      bound_(&bound),
      internal_parameters_(bound.internal_parameters),
      side_writes_(arena) {}

/// The number of a target of the query that is this column, added when it is not there yet.
std::size_t Planner::riding_target(Query* query, Column* column) {
  std::size_t at = 0;
  while (at < query->targets.size() &&
         (query->targets[at].assigned != 0 || !same_expr(query->targets[at].expr, column)))
    ++at;
  if (at == query->targets.size()) {
    Target extra;
    extra.expr = column;
    query->targets.push_back(extra);
  }
  return at;
}

/// Columns of the query's tables that an expression beside its targets reads ride along with its rows. It then reads
/// columns of `riders`, target n being column n + 1, as what stands in FROM may be merged into the query. The columns of
/// the written row itself stay, but for MERGE, which has no other.
void Planner::ride_along(const BoundStatement& statement, RangeEntry* riders, Expr*& expr) {
  if (expr == nullptr) return;
  if (expr->kind == ExprKind::column) {
    auto* column = static_cast<Column*>(expr);
    const bool is_own = column->relation == statement.target->number && statement.op != Modify::Op::merge;
    if (range(column->relation)->owner != statement.query || is_own) return;
    const std::size_t at = riding_target(statement.query, column);
    expr = make_column(*arena_, riders->number, static_cast<std::int16_t>(at + 1), column->type, column->typmod,
                       column->collation, column->physical, column->position);
    return;
  }
  for_each_part(expr, [&](Expr*& part) { ride_along(statement, riders, part); });
  if (expr->kind == ExprKind::subquery)
    for_each_query_expr(static_cast<QueryLink*>(expr)->query,
                        [&](Expr*& part) { ride_along(statement, riders, part); });
}

/// Makes the query's targets the columns of the range.
void Planner::describe_riders(const Query& query, RangeEntry* riders) {
  for (const Target& target : query.targets) {
    RangeColumn column;
    column.name = target.name;
    column.type = target.expr->type;
    column.typmod = target.expr->typmod;
    column.collation = target.expr->collation;
    column.physical = target.expr->physical;
    if (target.expr->kind == ExprKind::column) {
      const auto& ref = as<Column>(*target.expr);
      const RangeColumn& origin = range(ref.relation)->columns[static_cast<std::size_t>(ref.number - 1)];
      column.name = origin.name;
      column.origin_table = origin.origin_table;
      column.origin_number = origin.origin_number;
    }
    column.used = true;
    riders->columns.push_back(column);
  }
}

Modify* Planner::modify_node(const BoundStatement& statement) {
  const catalog::Relation& relation = *statement.relation;
  auto* node = make_node<Modify>(NodeKind::modify);
  node->op = statement.op;
  node->relation = relation.oid;
  node->table = relation.table;
  node->relation_name = relation.name;
  if (auto schema = catalog_->schema_name(relation.schema)) node->schema_name = arena_->copy(*schema);
  if (statement.target != nullptr && statement.target->has_alias) node->alias = statement.target->alias;
  Vec<Modify::RowColumn> row(*arena_);
  for (const catalog::ColumnInfo& column : relation.columns)
    if (!column.dropped)
      row.push_back({static_cast<std::uint16_t>(column.number), column.name, column.type, column.typmod});
  node->row_columns = row.span();
  return node;
}

/// Those of the columns that must not be NULL, in the order of the table.
std::span<Modify::NotNull> Planner::not_null(const catalog::Relation& relation, std::span<const std::uint16_t> written) {
  Vec<Modify::NotNull> rules(*arena_);
  for (const catalog::ColumnInfo& column : relation.columns)
    for (const std::uint16_t number : written)
      if (column.not_null && number == column.number) rules.push_back({number, column.name});
  return rules.span();
}

Result<Node*> Planner::modify(BoundStatement& statement) {
  Query* query = statement.query;
  RangeEntry* riders = new_range();
  for (Target& target : statement.returning) ride_along(statement, riders, target.expr);
  for (ViewCheck& check : statement.checks) ride_along(statement, riders, check.condition);
  for (MergeClause& clause : statement.merge) {
    ride_along(statement, riders, clause.condition);
    for (Target& set : clause.set) ride_along(statement, riders, set.expr);
  }
  query->visible = static_cast<std::uint32_t>(query->targets.size());
  describe_riders(*query, riders);
  use_query(query, true);
  SPG_ASSIGN(const Rel input, plan_query(query, nullptr));
  if (statement.is_current_of) look_at_row(input.node, statement.relation->table, statement.current_row);
  Modify* node = modify_node(statement);
  node->input = input.node;
  node->rows_estimate = input.node->rows_estimate;
  node->cost_start = input.node->cost_start;
  node->cost_total = input.node->cost_total;
  Vec<std::uint16_t> columns(*arena_);
  Vec<std::uint32_t> values(*arena_);
  for (std::size_t i = 0; i < query->targets.size(); ++i) {
    if (query->targets[i].assigned == 0) continue;
    columns.push_back(static_cast<std::uint16_t>(query->targets[i].assigned));
    values.push_back(static_cast<std::uint32_t>(i));
  }
  node->columns = columns.span();
  node->values = values.span();
  node->not_null = not_null(*statement.relation, columns.span());
  if (statement.op == Modify::Op::merge) SPG_TRY(merge_actions(statement, *riders, node));
  if (statement.on_conflict != nullptr) { SPG_ASSIGN(node->on_conflict, on_conflict(statement, *node)); }
  if (!statement.returning.empty() || !statement.checks.empty()) SPG_TRY(returning(statement, *riders, node));
  return static_cast<Node*>(node);
}

/// RETURNING is over columns of the written row, then the input's.
Status Planner::returning(const BoundStatement& statement, const RangeEntry& riders, Modify* node) {
  Vec<Column*> read(*arena_);
  for (const Target& target : statement.returning) collect_columns(target.expr, read);
  for (const ViewCheck& check : statement.checks) collect_columns(check.condition, read);
  for (std::size_t i = 0; i < statement.target->columns.size() && !statement.checks.empty(); ++i) {
    const RangeColumn& column = statement.target->columns[i];
    if (column.stored == 0) continue;
    read.push_back(make_column(*arena_, statement.target->number, static_cast<std::int16_t>(i + 1), column.type,
                               column.typmod, column.collation, column.physical, -1));
  }
  Rel after = rel_of(arena_->make<Node>());
  Vec<OutputColumn> shape(*arena_);
  Vec<std::uint16_t> returning_columns(*arena_);
  for (const Column* column : read) {
    if (column->relation != statement.target->number) continue;
    bool listed = false;
    for (const Slot& slot : after.slots) listed = listed || slot.number == column->number;
    if (listed) continue;
    const RangeColumn& info = statement.target->columns[static_cast<std::size_t>(column->number - 1)];
    returning_columns.push_back(static_cast<std::uint16_t>(info.stored));
    after.slots.push_back({column->relation, column->number});
    shape.push_back(output_of(*column, info.name));
  }
  add_input(riders, *node->input, after, shape);
  after.node->outputs = shape.span();
  node->returning_columns = returning_columns.span();
  Vec<Expr*> expressions(*arena_);
  for (const Target& target : statement.returning) {
    use(target.expr);
    SPG_ASSIGN(Expr * resolved, resolve(simplify(target.expr), after));
    expressions.push_back(resolved);
  }
  node->returning = expressions.span();
  Vec<Modify::Check> checks(*arena_);
  for (const ViewCheck& check : statement.checks) {
    use(check.condition);
    SPG_ASSIGN(Expr * resolved, resolve(simplify(check.condition), after));
    checks.push_back({resolved, arena_->copy(check.view)});
  }
  node->checks = checks.span();
  Vec<OutputColumn> outputs(*arena_);
  outputs.append(statement.outputs.span());
  node->outputs = outputs.span();
  for (std::size_t i = 0; i < node->outputs.size(); ++i) node->outputs[i].physical = expressions[i]->physical;
  return ok();
}

/// The input's columns, as expressions see them.
void Planner::add_input(const RangeEntry& riders, const Node& input, Rel& rel, Vec<OutputColumn>& shape) {
  for (std::size_t i = 0; i < input.outputs.size(); ++i) {
    shape.push_back(input.outputs[i]);
    rel.slots.push_back({riders.number, static_cast<std::int16_t>(i + 1)});
  }
}

bool Planner::sets_keys(const catalog::Relation& relation, const Vec<Target>& set) {
  for (const catalog::IndexInfo& index : relation.indexes)
    for (const std::int16_t key : index.columns)
      for (const Target& target : set)
        if (index.unique && target.assigned == key) return true;
  return false;
}

Status Planner::merge_actions(const BoundStatement& statement, const RangeEntry& riders, Modify* node) {
  Rel below = rel_of(arena_->make<Node>());
  Vec<OutputColumn> shape(*arena_);
  add_input(riders, *node->input, below, shape);
  below.node->outputs = shape.span();
  Vec<Modify::Action> actions(*arena_);
  std::size_t touching_keys = 0;
  for (const MergeClause& clause : statement.merge) {
    Modify::Action& action = actions.emplace_back();
    action.matched = clause.matched;
    action.writes = clause.action != sql::MergeAction::nothing;
    action.op = clause.action == sql::MergeAction::insert   ? Modify::Op::insert
                : clause.action == sql::MergeAction::update ? Modify::Op::update
                                                            : Modify::Op::remove;
    if (clause.condition != nullptr) {
      use(clause.condition);
      SPG_ASSIGN(action.condition, resolve(simplify(clause.condition), below));
    }
    Vec<std::uint16_t> columns(*arena_);
    Vec<Expr*> values(*arena_);
    for (const Target& set : clause.set) {
      use(set.expr);
      SPG_ASSIGN(Expr * value, resolve(simplify(set.expr), below));
      values.push_back(value);
      columns.push_back(static_cast<std::uint16_t>(set.assigned));
    }
    action.columns = columns.span();
    action.values = values.span();
    action.not_null = not_null(*statement.relation, columns.span());
    const bool touches = action.op == Modify::Op::update ? sets_keys(*statement.relation, clause.set) : action.writes;
    touching_keys += touches;
  }
  node->actions = actions.span();
  node->in_order = touching_keys > 1;
  return ok();
}

/// A statement of WITH that writes. Its rows are kept for those who read them.
Result<Materialize*> Planner::side_write(Cte* cte) {
  SPG_ASSIGN(Node * input, modify(*cte->writes));
  auto* node = make_node<Materialize>(NodeKind::materialize);
  node->input = input;
  node->outputs = input->outputs;
  node->rows_estimate = input->rows_estimate;
  node->cost_start = node->cost_total = input->cost_total;
  side_writes_.push_back({node, cte->name});
  return node;
}

namespace {
bool is_few(const Expr* count) {
  if (count == nullptr || count->kind != ExprKind::constant || as<Constant>(*count).value.is_null) return false;
  return as<Constant>(*count).value.as<std::int64_t>() <= 100;
}
/// Whether the first rows come without those after them being looked at.
bool yields_at_once(const Node* node) {
  switch (node->kind) {
    case NodeKind::project: return yields_at_once(as<Project>(*node).input);
    case NodeKind::lock_rows: return yields_at_once(as<LockRows>(*node).input);
    case NodeKind::index_scan: return as<IndexScan>(*node).filter == nullptr && as<IndexScan>(*node).any_of == nullptr;
    case NodeKind::table_scan: return as<TableScan>(*node).filter == nullptr;
    default: return false;
  }
}
}  // namespace
/// A scan for the one row that a cursor stands on.
void Planner::look_at_row(Node* node, TableId table, std::uint64_t row) {
  while (node->kind == NodeKind::project || node->kind == NodeKind::filter)
    node = node->kind == NodeKind::project ? static_cast<Project*>(node)->input : static_cast<Filter*>(node)->input;
  if (node->kind != NodeKind::table_scan || as<TableScan>(*node).table != table) return;
  static_cast<TableScan*>(node)->only_row = row;
  node->rows_estimate = 1;
}

/// What DO UPDATE's expressions are over: columns of the row in the way, then the input's as `excluded`.
Result<Modify::OnConflict*> Planner::on_conflict(const BoundStatement& statement, const Modify& node) {
  const ConflictClause& clause = *statement.on_conflict;
  const catalog::Relation& relation = *statement.relation;
  const RangeEntry& target = *statement.target;
  auto* made = arena_->make<Modify::OnConflict>();
  made->updates = clause.updates;
  Vec<IndexId> arbiters(*arena_);
  Vec<std::string_view> arbiter_names(*arena_), names(*arena_);
  for (const catalog::IndexInfo* index : clause.arbiters) {
    arbiters.push_back(index->id);
    arbiter_names.push_back(arena_->copy(index->name));
  }
  made->arbiters = arbiters.span();
  made->arbiter_names = arbiter_names.span();
  if (!clause.updates) return made;
  Vec<Column*> read(*arena_);
  for (const Target& set : clause.set) collect_columns(set.expr, read);
  collect_columns(clause.where, read);
  Rel below = rel_of(arena_->make<Node>());
  Vec<OutputColumn> shape(*arena_);
  Vec<std::uint16_t> existing(*arena_), columns(*arena_);
  const auto name_of = [&](const RangeEntry& entry, std::string_view name) {
    return arena_->concat(sql::quote_identifier(*arena_, entry.alias), ".", sql::quote_identifier(*arena_, name));
  };
  for (const Column* column : read) {
    if (column->relation != target.number) continue;
    bool listed = false;
    for (const Slot& slot : below.slots) listed = listed || slot.number == column->number;
    if (listed) continue;
    const RangeColumn& info = target.columns[static_cast<std::size_t>(column->number - 1)];
    existing.push_back(static_cast<std::uint16_t>(info.stored));
    below.slots.push_back({column->relation, column->number});
    shape.push_back(output_of(*column, info.name));
    names.push_back(name_of(target, info.name));
  }
  for (std::size_t i = 0; i < clause.excluded->columns.size(); ++i) {
    below.slots.push_back({clause.excluded->number, static_cast<std::int16_t>(i + 1)});
    shape.push_back(node.input->outputs[i]);
    names.push_back(name_of(*clause.excluded, clause.excluded->columns[i].name));
  }
  below.node->outputs = shape.span();
  made->existing_columns = existing.span();
  made->names = names.span();
  Vec<Expr*> values(*arena_);
  for (const Target& set : clause.set) {
    use(set.expr);
    SPG_ASSIGN(Expr * value, resolve(simplify(set.expr), below));
    values.push_back(value);
    columns.push_back(static_cast<std::uint16_t>(set.assigned));
  }
  made->changes_keys = sets_keys(relation, clause.set);
  made->columns = columns.span();
  made->values = values.span();
  made->not_null = not_null(relation, columns.span());
  if (clause.where != nullptr) {
    use(clause.where);
    SPG_ASSIGN(made->where, resolve(simplify(clause.where), below));
  }
  return made;
}

bool is_short_plan(const Node* node) {
  switch (node->kind) {
    case NodeKind::values: return as<Values>(*node).rows.size() <= 100;
    case NodeKind::table_scan: return as<TableScan>(*node).only_row != UINT64_MAX;
    case NodeKind::index_scan: return node->rows_estimate <= 10 && (!as<IndexScan>(*node).prefix.empty());
    case NodeKind::filter: return is_short_plan(as<Filter>(*node).input);
    case NodeKind::project: return is_short_plan(as<Project>(*node).input);
    case NodeKind::limit: {
      const auto& limit = as<Limit>(*node);
      return is_short_plan(limit.input) || (is_few(limit.count) && (limit.offset == nullptr || is_few(limit.offset)) && yields_at_once(limit.input));
    }
    case NodeKind::sort: return is_short_plan(as<Sort>(*node).input);
    case NodeKind::aggregate: return is_short_plan(as<Aggregate>(*node).input);
    case NodeKind::window: return is_short_plan(as<Window>(*node).input);
    case NodeKind::modify: return is_short_plan(as<Modify>(*node).input);
    case NodeKind::lock_rows: return is_short_plan(as<LockRows>(*node).input);
    case NodeKind::index_join: return node->rows_estimate <= 10 && is_short_plan(as<IndexJoin>(*node).left);
    default: return false;
  }
}

bool has_subquery(const Expr* expr) {
  if (expr == nullptr) return false;
  bool found = expr->kind == ExprKind::subquery;
  for_each_part(const_cast<Expr*>(expr), [&](Expr*& part) { found = found || has_subquery(part); });
  return found;
}

namespace {
/// Subqueries do unbounded work wherever they stand.
bool has_subqueries(const Node* node) {
  const auto any = [](std::span<Expr*> list) {
    for (const Expr* expr : list)
      if (has_subquery(expr)) return true;
    return false;
  };
  switch (node->kind) {
    case NodeKind::values:
      for (const std::span<Expr*> row : as<Values>(*node).rows)
        if (any(row)) return true;
      return false;
    case NodeKind::table_scan: {
      const auto& scan = as<TableScan>(*node);
      const bool in_sample = scan.sample != nullptr && (has_subquery(scan.sample->percent) || has_subquery(scan.sample->seed));
      return in_sample || has_subquery(scan.filter);
    }
    case NodeKind::index_scan: {
      const auto& scan = as<IndexScan>(*node);
      return any(scan.prefix) || has_subquery(scan.filter) || has_subquery(scan.low) || has_subquery(scan.high) ||
             has_subquery(scan.any_of);
    }
    case NodeKind::filter: return has_subquery(as<Filter>(*node).condition) || has_subqueries(as<Filter>(*node).input);
    case NodeKind::project: return any(as<Project>(*node).expressions) || has_subqueries(as<Project>(*node).input);
    case NodeKind::limit: return has_subquery(as<Limit>(*node).count) || has_subqueries(as<Limit>(*node).input);
    case NodeKind::sort: return has_subqueries(as<Sort>(*node).input);
    case NodeKind::aggregate: {
      const auto& aggregate = as<Aggregate>(*node);
      for (const AggregateCall& call : aggregate.aggregates) {
        if (any(call.arguments) || any(call.direct) || has_subquery(call.filter)) return true;
        for (const AggregateCall::Order& order : call.order_by)
          if (has_subquery(order.value)) return true;
      }
      return any(aggregate.keys) || has_subqueries(aggregate.input);
    }
    case NodeKind::window:
      for (const WindowCall& call : as<Window>(*node).calls)
        if (any(call.arguments) || has_subquery(call.filter)) return true;
      for (const WindowFrame& frame : as<Window>(*node).frames)
        if (has_subquery(frame.start_offset) || has_subquery(frame.end_offset)) return true;
      return has_subqueries(as<Window>(*node).input);
    case NodeKind::lock_rows: return has_subqueries(as<LockRows>(*node).input);
    case NodeKind::modify: {
      const auto& modify = as<Modify>(*node);
      const Modify::OnConflict* conflict = modify.on_conflict;
      if (conflict != nullptr && (any(conflict->values) || has_subquery(conflict->where))) return true;
      for (const Modify::Action& action : modify.actions)
        if (any(action.values) || has_subquery(action.condition)) return true;
      return any(modify.returning) || has_subqueries(modify.input);
    }
    case NodeKind::index_join:
      return has_subquery(as<IndexJoin>(*node).residual) || has_subqueries(as<IndexJoin>(*node).left);
    default: return true;
  }
}
}  // namespace

std::span<Plan::TableNeed> Planner::table_needs() {
  Vec<Plan::TableNeed> needs(*arena_);
  const auto add = [&](TableId table, txn::TableLock mode) {
    if (table == TableId::none) return;
    for (Plan::TableNeed& need : needs)
      if (need.table == table) {
        need.mode = std::max(need.mode, mode);
        return;
      }
    needs.push_back({table, mode});
  };
  for (const RangeEntry* range : bound_->ranges)
    if (range != nullptr && range->kind == RangeKind::relation)
      add(range->relation->table, range->locks_rows ? txn::TableLock::row_share : txn::TableLock::access_share);
  if (bound_->is_dml) add(bound_->relation->table, txn::TableLock::row_exclusive);
  for (const BoundStatement* write : bound_->writes) add(write->relation->table, txn::TableLock::row_exclusive);
  return needs.span();
}

Result<Plan*> Planner::plan() {
  Plan* made = arena_->make<Plan>();
  if (bound_->is_dml) {
    SPG_ASSIGN(made->root, modify(*bound_));
  } else {
    use_query(bound_->query, true);
    SPG_ASSIGN(const Rel rel, plan_query(bound_->query, nullptr));
    made->root = rel.node;
    for (std::size_t i = 0; i < bound_->outputs.size(); ++i)
      bound_->outputs[i].physical = rel.node->outputs[i].physical;
    // What is hidden stays behind what is seen.
    Vec<OutputColumn> all(*arena_);
    all.append(bound_->outputs.span());
    for (const RowId& id : row_ids_) all.push_back(rel.node->outputs[id.column]);
    made->root->outputs = all.span();
    made->row_ids = row_ids_;
    if (bound_->query->locks_later) made->locks_rows = true;
  }
  made->writes = bound_->is_dml || !bound_->writes.empty();
  made->side_writes = side_writes_.span();
  made->is_once = bound_->is_current_of;
  for (const BoundStatement* write : bound_->writes) made->is_once = made->is_once || write->is_current_of;
  made->locks_rows = made->locks_rows || locks_rows_;
  made->row_lock = row_lock_;
  made->tables = table_needs();
  made->node_count = next_id_;
  made->internal_parameters = internal_parameters_;
  made->work_tables = bound_->work_tables;
  made->parameter_types = bound_->parameter_types;
  made->is_short = side_writes_.empty() && is_short_plan(made->root) && !has_subqueries(made->root);
  if (context_->view != nullptr) made->catalog_stamp = context_->view->catalog_stamp();
  SPG_TRY(arena_->check());
  return made;
}

Result<Plan*> plan_statement(Arena& arena, const sql::Statement& statement, PlanContext& context) {
  SPG_ASSIGN(BoundStatement * bound, bind_statement(arena, statement, context));
  Planner planner(arena, context, *bound);
  return planner.plan();
}

}  // namespace spg::plan
