// INSERT, UPDATE, DELETE; statements as a whole.
//
// The query of an INSERT yields every column of the table in order of their numbers, defaults filled in. That of UPDATE
// and DELETE yields the rowid first; UPDATE's new values follow.
#include "binder.hpp"
#include "spg/sql/parser.hpp"

namespace spg::plan {

Result<const catalog::Relation*> Binder::writable(const sql::TableRef& node, Modify::Op op) {
  SPG_ASSIGN(const catalog::Relation* relation, open_relation(node));
  if (relation->kind == 'r' && relation->table != TableId::none) return relation;
  if (relation->kind == 'r')
    return fail(sqlstate::insufficient_privilege, -1, "permission denied for table ", relation->name);
  if (relation->kind == 'v')
    return fail(sqlstate::object_not_in_prerequisite_state, -1, "cannot ",
                op == Modify::Op::insert   ? "insert into"
                : op == Modify::Op::update ? "update"
                                           : "delete from",
                " view \"", relation->name, "\"");
  if (relation->kind == 'S')
    return fail(sqlstate::wrong_object_type, -1, "cannot change sequence \"", relation->name, "\"");
  return fail(sqlstate::wrong_object_type, -1, "cannot change relation \"", relation->name, "\"");
}

Result<Expr*> Binder::default_of(const catalog::Relation& relation, const catalog::ColumnInfo& column) {
  if (!column.has_default || column.default_text.empty()) {
    Constant* made = make_constant(*arena_, column.type, type::Value::null_of(physical(column.type)));
    made->typmod = column.typmod;
    made->collation = column.collation;
    return made;
  }
  SPG_ASSIGN(sql::Expr * parsed, sql::parse_expression(*arena_, column.default_text));
  Scope* const kept = scope_;
  const std::string_view text = text_;
  scope_ = nullptr;
  text_ = {};  // positions in the default's text mean nothing to the client
  auto bound = expr(*parsed);
  if (bound) bound = assign(*bound, relation, column, -1);
  text_ = text;
  scope_ = kept;
  return bound;
}

Status Binder::returning(const Vec<sql::Target>& nodes, BoundStatement* bound, Scope&) {
  bound->returning = Vec<Target>(*arena_);
  bound->outputs = Vec<OutputColumn>(*arena_);
  if (nodes.empty()) return ok();
  SPG_TRY(target_list(nodes, bound->returning, Place::returning));
  for (Target& target : bound->returning) { SPG_ASSIGN(target.expr, settle_unknown(target.expr)); }
  output_columns(bound->returning, static_cast<std::uint32_t>(bound->returning.size()), bound->outputs);
  return ok();
}

Result<Vec<const catalog::ColumnInfo*>> Binder::insert_columns(const Vec<sql::AssignTarget>& nodes,
                                                               const catalog::Relation& relation) {
  Vec<const catalog::ColumnInfo*> columns(*arena_);
  if (nodes.empty())
    for (const catalog::ColumnInfo& column : relation.columns)
      if (!column.dropped) columns.push_back(&column);
  for (const sql::AssignTarget& target : nodes) {
    SPG_ASSIGN(const catalog::ColumnInfo* column, assigned_column(relation, target));
    if (!target.steps.empty())
      return fail(sqlstate::feature_not_supported, target.at,
                  "assignment to parts of a column is not supported in INSERT");
    for (const catalog::ColumnInfo* before : columns)
      if (before == column)
        return fail(sqlstate::duplicate_column, target.at, "column \"", target.column, "\" specified more than once");
    columns.push_back(column);
  }
  return columns;
}

Status Binder::check_width(const Vec<sql::AssignTarget>& nodes, std::size_t columns, std::size_t width,
                           std::int32_t extra) {
  if (width > columns)
    return fail(sqlstate::syntax_error, extra, "INSERT has more expressions than target columns");
  if (!nodes.empty() && width < columns)
    return fail(sqlstate::syntax_error, nodes[width].at, "INSERT has more target columns than expressions");
  return ok();
}

Status Binder::insert_targets(const WriteTarget& to, std::span<const catalog::ColumnInfo* const> columns,
                              std::span<Expr* const> given, Vec<Target>& targets) {
  const catalog::Relation& relation = *to.range->relation;
  Vec<const catalog::ColumnInfo*> written(*arena_);
  for (std::size_t c = 0; c < given.size(); ++c) {
    SPG_ASSIGN(const catalog::ColumnInfo* column, written_column(to, *columns[c], Modify::Op::insert));
    for (std::size_t i = 0; i < written.size(); ++i)
      if (written[i] == column) return assigned_twice(to, columns[i]->number, columns[c]->number);
    written.push_back(column);
  }
  for (const catalog::ColumnInfo& column : relation.columns) {
    if (column.dropped) continue;
    Target target;
    target.name = column.name;
    target.assigned = column.number;
    for (std::size_t c = 0; c < given.size(); ++c)
      if (written[c] == &column) target.expr = given[c];
    // A default of the view's column goes before the table's.
    for (std::size_t i = 0; to.view != nullptr && i < to.view->columns.size() && target.expr == nullptr; ++i)
      if (to.view->columns[i].number == column.number && to.named->columns[i].has_default) {
        SPG_ASSIGN(target.expr, default_of(*to.named, to.named->columns[i]));
      }
    if (target.expr == nullptr) { SPG_ASSIGN(target.expr, default_of(relation, column)); }
    targets.push_back(target);
  }
  return ok();
}

/// The written table as names see it.
NameItem Binder::target_item(RangeEntry* target) {
  NameItem item = item_of(target);
  if (auto schema = catalog_->schema_name(target->relation->schema); schema && !target->has_alias)
    item.schema = arena_->copy(*schema);
  return item;
}

Target Binder::row_id_target(const RangeEntry& target) {
  Target made;
  made.name = "ctid";
  made.expr = make_column(*arena_, target.number, static_cast<std::int16_t>(target.columns.size()), oid::int8, -1,
                          Oid::none, Physical::int8, -1);
  return made;
}

Result<BoundStatement*> Binder::insert(const sql::Insert& node) {
  auto* bound = arena_->make<BoundStatement>();
  bound->is_dml = true;
  bound->op = Modify::Op::insert;
  Scope* const outer = scope_;
  Scope scope = make_scope(outer);
  scope_ = &scope;
  Query* query = scope.query;
  bound->query = query;
  if (node.with != nullptr) SPG_TRY(with(*node.with, query));
  SPG_ASSIGN(const WriteTarget target, write_target(*node.table, Modify::Op::insert, bound));
  const catalog::Relation* relation = target.named;
  SPG_ASSIGN(const Vec<const catalog::ColumnInfo*> columns, insert_columns(node.columns, *relation));
  Vec<Expr*> given(*arena_);  // one per column in `columns`, of the query's result
  RangeEntry* source = nullptr;
  const bool values_only = node.query != nullptr && !node.query->values.empty() && node.query->with == nullptr &&
                           node.query->order_by.empty() && node.query->limit == nullptr &&
                           node.query->offset == nullptr;
  if (values_only) {
    Vec<Vec<Expr*>> rows(*arena_);
    SPG_TRY(rows_of_values(*node.query, rows, true));
    const std::size_t width = rows[0].size();
    const std::int32_t extra = width > columns.size() ? node.query->values[0][columns.size()]->at : -1;
    SPG_TRY(check_width(node.columns, columns.size(), width, extra));
    source = new_range(RangeKind::values);
    source->alias = "*VALUES*";
    for (std::size_t c = 0; c < width; ++c) {
      for (Vec<Expr*>& row : rows) {
        if (row[c]->kind == ExprKind::default_marker) {
          SPG_ASSIGN(row[c], target_default(target, *columns[c]));
        } else if (rows.size() == 1) {
          SPG_ASSIGN(row[c], assign(row[c], *relation, *columns[c], -1));
        }
      }
      if (rows.size() > 1) {
        // Rows are typed together first, as in VALUES elsewhere; literals take the column's type.
        Vec<Expr*> known(*arena_);
        for (const Vec<Expr*>& row : rows)
          if (row[c]->type != oid::unknown) known.push_back(row[c]);
        if (!known.empty()) {
          auto common = common_type(known.span(), "VALUES");
          if (!common) return common.take_error();
        }
        for (Vec<Expr*>& row : rows) { SPG_ASSIGN(row[c], assign(row[c], *relation, *columns[c], -1)); }
      }
      RangeColumn info;
      info.name = columns[c]->name;
      info.type = columns[c]->type;
      info.typmod = columns[c]->typmod;
      info.collation = columns[c]->collation;
      info.physical = physical(columns[c]->type);
      source->columns.push_back(info);
    }
    std::span<Expr*>* list = arena_->array<std::span<Expr*>>(rows.size());
    for (std::size_t r = 0; r < rows.size(); ++r) list[r] = rows[r].span();
    source->rows = {list, rows.size()};
    const NameItem item = item_of(source);
    for (const NamedColumn& column : item.columns) given.push_back(column.expr);
  } else if (node.query != nullptr) {
    SPG_ASSIGN(Query * inner, select(*node.query, scope_, true));
    const std::int32_t extra = inner->visible > columns.size() ? inner->targets[columns.size()].expr->position : -1;
    SPG_TRY(check_width(node.columns, columns.size(), inner->visible, extra));
    source = new_range(RangeKind::subquery);
    source->subquery = inner;
    source->alias = "*SELECT*";
    for (std::uint32_t c = 0; c < inner->visible; ++c) {
      Expr*& value = inner->targets[c].expr;
      if (value->type == oid::unknown) { SPG_ASSIGN(value, assign(value, *relation, *columns[c], -1)); }
      RangeColumn info;
      info.name = inner->targets[c].name;
      info.type = value->type;
      info.typmod = value->typmod;
      info.collation = value->collation;
      info.physical = value->physical;
      source->columns.push_back(info);
      Expr* column = make_column(*arena_, source->number, static_cast<std::int16_t>(c + 1), info.type, info.typmod,
                                 info.collation, info.physical, value->position);
      SPG_ASSIGN(column, assign(column, *relation, *columns[c], -1));
      given.push_back(column);
    }
  }
  if (source != nullptr) {
    query->from = arena_->make<FromTree>();
    query->from->range = source;
  }
  SPG_TRY(insert_targets(target, columns.span(), given.span(), query->targets));
  query->visible = static_cast<std::uint32_t>(query->targets.size());
  // RETURNING sees the target's own columns only.
  Scope after = make_scope(outer);
  after.query = query;
  after.ctes = scope.ctes;
  after.items.push_back(target.item);
  after.columns = target.item.columns;
  if (node.on_conflict != nullptr) {
    SPG_TRY(on_conflict(*node.on_conflict, target, bound, after));
    if (bound->on_conflict->updates) after.hidden.push_back(item_of(bound->on_conflict->excluded));
  }
  scope_ = &after;
  SPG_TRY(returning(node.returning, bound, after));
  scope_ = outer;
  if (node.on_conflict != nullptr) SPG_TRY(find_arbiters(*node.on_conflict, target, bound));
  return bound;
}

/// The rows of the view, or all, that WHERE leaves.
Status Binder::find_rows(const sql::Expr* where, const WriteTarget& target, BoundStatement* bound) {
  Query* query = bound->query;
  if (target.view != nullptr) query->where = target.view->where;
  if (const auto* cursor = sql::as<sql::CurrentOf>(where)) {
    if (target.view != nullptr)
      return fail(sqlstate::feature_not_supported, -1, "WHERE CURRENT OF on a view is not implemented");
    SPG_ASSIGN(query->where, current_of(*cursor, bound));
  } else if (where != nullptr) {
    SPG_ASSIGN(Expr * bound_where, condition(*where, Place::where, "WHERE"));
    query->where = conjoin(*arena_, query->where, bound_where);
  }
  return ok();
}

Result<BoundStatement*> Binder::update(const sql::Update& node) {
  auto* bound = arena_->make<BoundStatement>();
  bound->is_dml = true;
  bound->op = Modify::Op::update;
  Scope* const outer = scope_;
  Scope scope = make_scope(outer);
  scope_ = &scope;
  Query* query = scope.query;
  bound->query = query;
  if (node.with != nullptr) SPG_TRY(with(*node.with, query));
  SPG_ASSIGN(const WriteTarget target, write_target(*node.table, Modify::Op::update, bound));
  scope.items.push_back(target.item);
  scope.columns.append(target.item.columns.span());
  auto* leaf = arena_->make<FromTree>();
  leaf->range = bound->target;
  scope.written = bound->target;
  SPG_ASSIGN(FromTree * list, from_list(node.from));
  scope.written = nullptr;
  Vec<FromTree*> items(*arena_);
  items.push_back(leaf);
  items.append(list->items.span());
  list->items = items;
  query->from = list;
  query->targets.push_back(row_id_target(*bound->target));
  scope.place = Place::update;
  SPG_TRY(assignments(node.set, target, query->targets));
  scope.place = Place::none;
  SPG_TRY(find_rows(node.where, target, bound));
  query->visible = static_cast<std::uint32_t>(query->targets.size());
  SPG_TRY(returning(node.returning, bound, scope));
  scope_ = outer;
  return bound;
}

Result<BoundStatement*> Binder::remove(const sql::Delete& node) {
  auto* bound = arena_->make<BoundStatement>();
  bound->is_dml = true;
  bound->op = Modify::Op::remove;
  Scope* const outer = scope_;
  Scope scope = make_scope(outer);
  scope_ = &scope;
  Query* query = scope.query;
  bound->query = query;
  if (node.with != nullptr) SPG_TRY(with(*node.with, query));
  SPG_ASSIGN(const WriteTarget target, write_target(*node.table, Modify::Op::remove, bound));
  scope.items.push_back(target.item);
  scope.columns.append(target.item.columns.span());
  auto* leaf = arena_->make<FromTree>();
  leaf->range = bound->target;
  scope.written = bound->target;
  SPG_ASSIGN(FromTree * list, from_list(node.using_items));
  scope.written = nullptr;
  Vec<FromTree*> items(*arena_);
  items.push_back(leaf);
  items.append(list->items.span());
  list->items = items;
  query->from = list;
  query->targets.push_back(row_id_target(*bound->target));
  SPG_TRY(find_rows(node.where, target, bound));
  query->visible = 1;
  SPG_TRY(returning(node.returning, bound, scope));
  scope_ = outer;
  return bound;
}

Result<BoundStatement*> Binder::statement(const sql::Statement& statement) {
  BoundStatement* bound = nullptr;
  switch (statement.kind) {
    case sql::NodeKind::select: {
      bound = arena_->make<BoundStatement>();
      SPG_ASSIGN(bound->query, select(sql::to<sql::Select>(statement), nullptr));
      if (context_->for_cursor) give_row_ids(bound->query);
      bound->returning = Vec<Target>(*arena_);
      bound->outputs = Vec<OutputColumn>(*arena_);
      output_columns(bound->query->targets, bound->query->visible, bound->outputs);
      break;
    }
    case sql::NodeKind::insert: {
      SPG_ASSIGN(bound, insert(sql::to<sql::Insert>(statement)));
      break;
    }
    case sql::NodeKind::update: {
      SPG_ASSIGN(bound, update(sql::to<sql::Update>(statement)));
      break;
    }
    case sql::NodeKind::delete_: {
      SPG_ASSIGN(bound, remove(sql::to<sql::Delete>(statement)));
      break;
    }
    case sql::NodeKind::merge: {
      SPG_ASSIGN(bound, merge(sql::to<sql::Merge>(statement)));
      break;
    }
    default: return Error::make(sqlstate::feature_not_supported, "this statement cannot be planned");
  }
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (parameters_[i] == Oid::none || parameters_[i] == oid::unknown)
      return Error::make(sqlstate::indeterminate_datatype, "could not determine data type of parameter $", i + 1);
  bound->parameter_types = parameters_.span();
  bound->writes = writes_;
  bound->ranges = ranges_;
  bound->internal_parameters = internal_parameters_;
  bound->work_tables = work_tables_;
  return bound;
}

Result<Expr*> Binder::standalone(const sql::Expr& node, Oid target, std::int32_t typmod) {
  scope_ = nullptr;
  SPG_ASSIGN(Expr * bound, expr(node));
  if (target == Oid::none) return settle_unknown(bound);
  const Oid source = bound->type;
  bool done = false;
  SPG_ASSIGN(Expr * made, coerce_to(bound, target, typmod, CastContext::assignment, -1, &done));
  if (!done && !context_->default_column.empty())
    return Error::make(sqlstate::datatype_mismatch, "column \"", context_->default_column, "\" is of type ",
                       type_text(target), " but default expression is of type ", type_text(source))
        .hint("You will need to rewrite or cast the expression.");
  if (!done)
    return fail(sqlstate::datatype_mismatch, bound->position, "cannot convert type ", type_text(source), " to ",
                type_text(target));
  return made;
}

Result<BoundStatement*> bind_statement(Arena& arena, const sql::Statement& statement, PlanContext& context) {
  Binder binder(arena, context);
  return binder.statement(statement);
}

Result<Expr*> bind_standalone(Arena& arena, const sql::Expr& expr, Oid type, std::int32_t typmod,
                              PlanContext& context) {
  Binder binder(arena, context);
  return binder.standalone(expr, type, typmod);
}

Result<Analysis> analyze(Arena& arena, const sql::Statement& statement, PlanContext& context) {
  SPG_ASSIGN(BoundStatement * bound, bind_statement(arena, statement, context));
  return Analysis{bound->parameter_types, bound->outputs.span()};
}

}  // namespace spg::plan
