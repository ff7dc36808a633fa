// Queries and row changes as canonical text.
#include "printer.hpp"

namespace spg::sql {

void Printer::with(const With* with) {
  if (with == nullptr) return;
  put(with->recursive ? "WITH RECURSIVE " : "WITH ");
  join(with->tables, ", ", [this](const CommonTable* table) { common_table(*table); });
  put(" ");
}

void Printer::common_table(const CommonTable& table) {
  name(table.name);
  if (!table.columns.empty()) paren_names(table.columns);
  put(" AS ");
  if (table.materialized != Materialized::unspecified)
    put(table.materialized == Materialized::always ? "MATERIALIZED " : "NOT MATERIALIZED ");
  put("(");
  statement(*table.query);
  put(")");
  if (const SearchClause* search = table.search; search != nullptr) {
    put(" SEARCH ", search->breadth_first ? "BREADTH" : "DEPTH", " FIRST BY ");
    names(search->columns);
    put(" SET ");
    name(search->sequence);
  }
  if (const CycleClause* cycle = table.cycle; cycle != nullptr) {
    put(" CYCLE ");
    names(cycle->columns);
    put(" SET ");
    name(cycle->mark);
    if (cycle->mark_value != nullptr) {
      put(" TO ");
      constant(*cycle->mark_value);
      put(" DEFAULT ");
      constant(*cycle->mark_default);
    }
    put(" USING ");
    name(cycle->path);
  }
}

/// Where the grammar takes no CAST().
void Printer::constant(const Expr& node) {
  const auto* typed = as<TypeCast>(&node);
  if (typed == nullptr) return expr(node);
  type(*typed->type);
  put(" ");
  expr(*typed->arg);
}

void Printer::targets(const Vec<Target>& items) {
  join(items, ", ", [this](const Target& item) {
    expr(*item.expr);
    if (!item.label.empty()) { put(" AS "); name(item.label); }
  });
}

namespace {
/// (a, (b, c)) without ROW as the keys that it is.
void flatten_keys(const Expr* expr, Vec<const Expr*>& keys) {
  const auto* row = as<RowExpr>(expr);
  if (row == nullptr || row->explicit_row) return keys.push_back(expr);
  for (const Expr* part : row->args) flatten_keys(part, keys);
}
}  // namespace

void Printer::group_keys(const Expr& expr, GroupWhere where) {
  Vec<const Expr*> keys(*arena_);
  flatten_keys(&expr, keys);
  const bool parens = where == GroupWhere::set || (where == GroupWhere::element && keys.size() != 1);
  if (parens) put("(");
  join(keys, ", ", [this](const Expr* key) { this->expr(*key); });
  if (parens) put(")");
}

/// In GROUPING SETS, every set has its parentheses, and GROUPING SETS is but more of them.
void Printer::group(const GroupItem& item, GroupWhere where) {
  const auto items = [&](GroupWhere inner) {
    join(item.items, ", ", [&](const GroupItem* one) { group(*one, inner); });
  };
  switch (item.kind) {
    case GroupItemKind::expr: group_keys(*item.expr, where); return;
    case GroupItemKind::empty: put("()"); return;
    case GroupItemKind::sets:
      if (where == GroupWhere::set) return items(GroupWhere::set);
      put("GROUPING SETS (");
      items(GroupWhere::set);
      break;
    case GroupItemKind::rollup:
    case GroupItemKind::cube:
      put(item.kind == GroupItemKind::rollup ? "ROLLUP(" : "CUBE(");
      items(GroupWhere::element);
      break;
  }
  put(")");
}

/// An operand of a set operation: in parentheses as soon as it is not a plain core.
void Printer::set_operand(const Select& node) {
  const bool plain = node.op == SetOp::none && node.with == nullptr && node.order_by.empty() &&
                     node.offset == nullptr && node.limit_form == LimitForm::none && node.locking.empty();
  if (plain) { select_body(node); return; }
  put("(");
  select(node);
  put(")");
}

void Printer::select(const Select& node) {
  with(node.with);
  if (node.op != SetOp::none) {
    set_operand(*node.left);
    put(node.op == SetOp::union_      ? " UNION "
        : node.op == SetOp::intersect ? " INTERSECT "
                                      : " EXCEPT ",
        node.all ? "ALL " : "");
    set_operand(*node.right);
  } else {
    select_body(node);
  }
  select_tail(node);
}

void Printer::select_body(const Select& node) {
  if (!node.values.empty()) {
    put("VALUES ");
    join(node.values, ", ", [this](const Vec<Expr*>& row) { paren_exprs(row); });
    return;
  }
  put("SELECT");
  if (node.distinct) put(" DISTINCT");
  if (!node.distinct_on.empty()) { put(" ON "); paren_exprs(node.distinct_on); }
  if (!node.targets.empty()) { put(" "); targets(node.targets); }
  if (node.into != nullptr) {
    put(" INTO ",
        node.into->persistence == Persistence::temporary  ? "TEMPORARY "
        : node.into->persistence == Persistence::unlogged ? "UNLOGGED "
                                                          : "",
        "TABLE ");
    table(*node.into);
  }
  from(node.from);
  if (node.as_of != nullptr) { put(" AS OF SYSTEM TIME "); expr(*node.as_of); }
  where(node.where);
  if (!node.group_by.empty()) {
    put(node.group_distinct ? " GROUP BY DISTINCT " : " GROUP BY ");
    join(node.group_by, ", ", [this](const GroupItem* item) { group(*item, GroupWhere::clause); });
  }
  if (node.having != nullptr) { put(" HAVING "); expr(*node.having); }
  if (!node.windows.empty()) {
    put(" WINDOW ");
    join(node.windows, ", ", [this](const WindowDef* one) { name(one->name); put(" AS "); window(*one); });
  }
}

void Printer::select_tail(const Select& node) {
  if (!node.order_by.empty()) { put(" ORDER BY "); sort(node.order_by); }
  if (node.offset != nullptr) { put(" OFFSET "); expr(*node.offset); }
  switch (node.limit_form) {
    case LimitForm::none: break;
    case LimitForm::limit:
      put(" LIMIT ");
      if (node.limit == nullptr) put("ALL");
      else expr(*node.limit);
      break;
    case LimitForm::fetch_first: case LimitForm::fetch_with_ties:
      put(" FETCH FIRST (");
      expr(*node.limit);
      put(node.limit_form == LimitForm::fetch_first ? ") ROWS ONLY" : ") ROWS WITH TIES");
      break;
  }
  for (const LockingClause& clause : node.locking) {
    constexpr std::string_view words[] = {" FOR KEY SHARE", " FOR SHARE", " FOR NO KEY UPDATE", " FOR UPDATE"};
    put(words[static_cast<std::size_t>(clause.strength)]);
    if (!clause.tables.empty()) {
      put(" OF ");
      join(clause.tables, ", ", [this](const TableRef* one) { table(*one); });
    }
    put(clause.wait == LockWait::block ? "" : clause.wait == LockWait::nowait ? " NOWAIT" : " SKIP LOCKED");
  }
}

void Printer::table(const TableRef& table) {
  if (table.only) put("ONLY ");
  if (!table.catalog.empty()) name(table.catalog).put(".");
  if (!table.schema.empty()) name(table.schema).put(".");
  name(table.name);
  alias(table.alias);
}

void Printer::alias(const Alias* alias) {
  if (alias == nullptr) return;
  put(" AS ");
  name(alias->name);
  if (!alias->columns.empty()) paren_names(alias->columns);
}

void Printer::from(const Vec<FromItem*>& items) {
  if (items.empty()) return;
  put(" FROM ");
  join(items, ", ", [this](const FromItem* item) { from_item(*item); });
}

void Printer::column_definitions(const Vec<ColumnDef*>& columns) {
  put("(");
  join(columns, ", ", [this](const ColumnDef* one) { column(*one); });
  put(")");
}

void Printer::function_ref(const FunctionRef& item) {
  if (item.lateral) put("LATERAL ");
  if (item.rows_from) put("ROWS FROM (");
  join(item.functions, ", ", [this](const FunctionRefItem& one) {
    expr(*one.call);
    if (!one.columns.empty()) { put(" AS "); column_definitions(one.columns); }
  });
  if (item.rows_from) put(")");
  if (item.with_ordinality) put(" WITH ORDINALITY");
  alias(item.alias);
  if (item.columns.empty()) return;
  if (item.alias == nullptr) put(" AS ");
  column_definitions(item.columns);
}

void Printer::from_item(const FromItem& item) {
  switch (item.kind) {
    case NodeKind::table_ref: table(to<TableRef>(item)); return;
    case NodeKind::subquery_ref: {
      const auto& subquery = to<SubqueryRef>(item);
      put(subquery.lateral ? "LATERAL (" : "(");
      select(*subquery.query);
      put(")");
      alias(subquery.alias);
      return;
    }
    case NodeKind::function_ref: function_ref(to<FunctionRef>(item)); return;
    case NodeKind::table_sample: {
      const auto& sample = to<TableSample>(item);
      from_item(*sample.relation);
      put(" TABLESAMPLE ");
      qualified(sample.method);
      paren_exprs(sample.args);
      if (sample.repeatable != nullptr) { put(" REPEATABLE ("); expr(*sample.repeatable); put(")"); }
      return;
    }
    default: break;
  }
  const auto& node = to<Join>(item);
  put("(");
  from_item(*node.left);
  constexpr std::string_view words[] = {"JOIN ", "LEFT JOIN ", "RIGHT JOIN ", "FULL JOIN ", "CROSS JOIN "};
  put(node.natural ? " NATURAL " : " ", words[static_cast<std::size_t>(node.type)]);
  from_item(*node.right);
  if (!node.using_columns.empty()) {
    put(" USING ");
    paren_names(node.using_columns);
    if (node.using_alias != nullptr) { put(" AS "); name(node.using_alias->name); }
  } else if (node.on != nullptr) {
    put(" ON ");
    expr(*node.on);
  }
  put(")");
  alias(node.alias);
}

void Printer::where(const Expr* condition) {
  if (condition == nullptr) return;
  put(" WHERE ");
  expr(*condition);
}
void Printer::returning(const Vec<Target>& items) {
  if (items.empty()) return;
  put(" RETURNING ");
  targets(items);
}
void Printer::assign_target(const AssignTarget& target) {
  name(target.column);
  steps(target.steps);
}
void Printer::assign_targets(const Vec<AssignTarget>& list) {
  put("(");
  join(list, ", ", [this](const AssignTarget& target) { assign_target(target); });
  put(")");
}
void Printer::assignments(const Vec<Assignment>& items) {
  join(items, ", ", [this](const Assignment& item) {
    if (item.row) assign_targets(item.targets);
    else assign_target(item.targets[0]);
    put(" = ");
    expr(*item.value);
  });
}
void Printer::overriding(Overriding overriding) {
  if (overriding != Overriding::none)
    put(overriding == Overriding::user ? " OVERRIDING USER VALUE" : " OVERRIDING SYSTEM VALUE");
}

void Printer::insert(const Insert& node) {
  with(node.with);
  put("INSERT INTO ");
  table(*node.table);
  if (!node.columns.empty()) { put(" "); assign_targets(node.columns); }
  overriding(node.overriding);
  if (node.query == nullptr) put(" DEFAULT VALUES");
  else { put(" "); select(*node.query); }
  if (node.on_conflict != nullptr) conflict(*node.on_conflict);
  returning(node.returning);
}

void Printer::conflict(const OnConflict& node) {
  put(" ON CONFLICT");
  if (!node.target.empty()) { put(" "); index_elements(node.target); where(node.target_where); }
  if (!node.constraint.empty()) { put(" ON CONSTRAINT "); name(node.constraint); }
  if (node.action == ConflictAction::nothing) { put(" DO NOTHING"); return; }
  put(" DO UPDATE SET ");
  assignments(node.set);
  where(node.where);
}

void Printer::update(const Update& node) {
  with(node.with);
  put("UPDATE ");
  table(*node.table);
  put(" SET ");
  assignments(node.set);
  from(node.from);
  where(node.where);
  returning(node.returning);
}

void Printer::remove(const Delete& node) {
  with(node.with);
  put("DELETE FROM ");
  table(*node.table);
  if (!node.using_items.empty()) {
    put(" USING ");
    join(node.using_items, ", ", [this](const FromItem* item) { from_item(*item); });
  }
  where(node.where);
  returning(node.returning);
}

void Printer::merge(const Merge& node) {
  with(node.with);
  put("MERGE INTO ");
  table(*node.target);
  put(" USING ");
  from_item(*node.source);
  put(" ON ");
  expr(*node.on);
  for (const MergeWhen& when : node.whens) {
    put(when.matched ? " WHEN MATCHED" : " WHEN NOT MATCHED");
    if (when.condition != nullptr) { put(" AND "); expr(*when.condition); }
    put(" THEN ");
    switch (when.action) {
      case MergeAction::nothing: put("DO NOTHING"); break;
      case MergeAction::delete_: put("DELETE"); break;
      case MergeAction::update: put("UPDATE SET "); assignments(when.set); break;
      case MergeAction::insert:
        put("INSERT");
        if (!when.columns.empty()) { put(" "); assign_targets(when.columns); }
        overriding(when.overriding);
        if (when.values.empty()) put(" DEFAULT VALUES");
        else { put(" VALUES "); paren_exprs(when.values); }
        break;
    }
  }
}

}  // namespace spg::sql
