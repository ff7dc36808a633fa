// FROM items: tables, subqueries, functions, joins; what names they bring into scope.
#include "binder.hpp"
#include "spg/sql/ddl.hpp"

namespace spg::plan {

RangeEntry* Binder::new_range(RangeKind kind) {
  auto* made = arena_->make<RangeEntry>();
  made->kind = kind;
  made->number = static_cast<std::uint16_t>(ranges_.size());
  made->columns = Vec<RangeColumn>(*arena_);
  made->owner = scope_ == nullptr ? nullptr : scope_->query;
  made->in_view = in_view_ != 0;
  ranges_.push_back(made);
  return made;
}

NameItem Binder::item_of(RangeEntry* range) {
  NameItem item;
  item.name = range->alias;
  item.range = range;
  item.columns = Vec<NamedColumn>(*arena_);
  for (std::size_t i = 0; i < range->columns.size(); ++i) {
    const RangeColumn& column = range->columns[i];
    if (range->kind == RangeKind::relation && column.stored == 0) continue;
    item.columns.push_back(
        {column.name, make_column(*arena_, range->number, static_cast<std::int16_t>(i + 1), column.type, column.typmod,
                                  column.collation, column.physical, -1)});
  }
  return item;
}

Status Binder::apply_alias(const sql::Alias* alias, RangeEntry* range, std::string_view what, std::int32_t at) {
  if (alias == nullptr) return ok();
  if (in_view_ != 0) {
    apply_reference(*alias, range);
    return ok();
  }
  range->alias = arena_->copy(alias->name);
  range->has_alias = true;
  if (alias->columns.size() > range->columns.size())
    return fail(sqlstate::invalid_column_reference, alias->at >= 0 ? -1 : at, what, " \"", alias->name, "\" has ",
                range->columns.size(), " columns available but ", alias->columns.size(), " columns specified");
  for (std::size_t i = 0; i < alias->columns.size(); ++i) {
    range->columns[i].name = arena_->copy(alias->columns[i]);
    range->columns[i].aliased = true;
  }
  return ok();
}

Cte* Binder::find_cte(std::string_view name) {
  for (Scope* scope = scope_; scope != nullptr; scope = scope->outer)
    for (std::size_t i = scope->ctes.size(); i-- > 0;)
      if (scope->ctes[i]->name == name) return scope->ctes[i];
  return nullptr;
}

bool Binder::has_own_cte(const Cte& cte) const {
  for (const Cte* one : scope_->ctes)
    if (one == &cte) return true;
  return false;
}

Result<const catalog::Relation*> Binder::open_relation(const sql::TableRef& node) {
  if (in_view_ != 0 && node.schema == reference_schema) return relation_by_reference(node.name);
  SPG_ASSIGN(const catalog::Relation* relation, catalog_->relation(node.schema, node.name));
  if (relation == nullptr) {
    if (node.schema.empty())
      return fail(sqlstate::undefined_table, node.at, "relation \"", node.name, "\" does not exist");
    return fail(sqlstate::undefined_table, node.at, "relation \"", node.schema, ".", node.name, "\" does not exist");
  }
  if (relation->kind == 'i' || relation->kind == 'I')
    return fail(sqlstate::wrong_object_type, node.at, "\"", relation->name, "\" is an index");
  if (relation->kind == 'c')
    return fail(sqlstate::wrong_object_type, node.at, "\"", relation->name, "\" is a composite type");
  return relation;
}

RangeEntry* Binder::relation_range(const catalog::Relation& relation, bool with_row_id) {
  RangeEntry* range = new_range(RangeKind::relation);
  range->relation = &relation;
  range->alias = arena_->copy(relation.name);
  for (const catalog::ColumnInfo& info : relation.columns) {
    if (info.dropped) continue;
    RangeColumn column;
    column.name = arena_->copy(info.name);
    column.type = info.type;
    column.typmod = info.typmod;
    column.collation = info.collation;
    column.physical = physical(info.type);  // as scans yield it, whatever the table keeps
    column.origin_table = relation.oid;
    column.origin_number = column.stored = info.number;
    range->columns.push_back(column);
  }
  if (with_row_id) {
    RangeColumn column;
    column.type = oid::int8;
    column.physical = Physical::int8;
    range->columns.push_back(column);
  }
  return range;
}

Result<FromResult> Binder::from_table(const sql::TableRef& node) {
  RangeEntry* range = nullptr;
  std::string_view schema;
  if (Cte* cte = node.schema.empty() ? find_cte(node.name) : nullptr; cte != nullptr) {
    if (cte->is_writing && cte->writes == nullptr)
      return fail(sqlstate::invalid_recursion, cte->position, "recursive query \"", cte->name,
                  "\" must not contain data-modifying statements");
    if (cte->is_writing && cte->writes->returning.empty())
      return fail(sqlstate::feature_not_supported, node.at, "WITH query \"", cte->name,
                  "\" does not have a RETURNING clause");
    const bool is_bound = cte->query != nullptr || cte->writes != nullptr;
    if (!is_bound && cte->initial == nullptr && cte->is_no_union)
      return fail(sqlstate::invalid_recursion, cte->position, "recursive query \"", cte->name,
                  "\" does not have the form non-recursive-term UNION [ALL] recursive-term");
    if (!is_bound && cte->initial == nullptr)
      return fail(sqlstate::invalid_recursion, node.at, "recursive reference to query \"", cte->name,
                  "\" must not appear within its non-recursive term");
    const bool inside = !is_bound && cte->step == nullptr;
    if (inside && !recursion_place_.empty())
      return fail(sqlstate::invalid_recursion, node.at, "recursive reference to query \"", cte->name,
                  "\" must not appear within ", recursion_place_);
    if (inside && cte->references != 0)
      return fail(sqlstate::invalid_recursion, node.at, "recursive reference to query \"", cte->name,
                  "\" must not appear more than once");
    range = new_range(inside ? RangeKind::work_table : RangeKind::cte);
    range->cte = cte;
    range->alias = cte->name;
    range->columns.append(cte->columns.span().first(cte->own_columns));
    ++cte->references;
  } else {
    SPG_ASSIGN(const catalog::Relation* relation, open_relation(node));
    if (relation->view != nullptr && expands_views_) {
      SPG_ASSIGN(range, view_range(*relation, node.at));
    } else {
      range = relation_range(*relation, false);
    }
    auto name = catalog_->schema_name(relation->schema);
    if (name) schema = arena_->copy(*name);
  }
  range->only = node.only;
  SPG_TRY(apply_alias(node.alias, range, "table", node.at));
  const std::size_t own = range->columns.size();
  if (range->cte != nullptr) range->columns.append(range->cte->columns.span().subspan(own));
  FromResult result;
  result.tree = arena_->make<FromTree>();
  result.tree->range = range;
  result.items = Vec<NameItem>(*arena_);
  NameItem item = in_view_ != 0 ? referenced_item(range, node.alias) : item_of(range);
  if (!range->has_alias) item.schema = schema;
  // What SEARCH and CYCLE add, `*` shows only right beside the WITH.
  if (range->cte != nullptr && !has_own_cte(*range->cte))
    for (std::size_t i = own; i < item.columns.size(); ++i) item.columns[i].is_not_of_star = true;
  result.items.push_back(item);
  result.columns = item.columns;
  return result;
}

/// An argument of TABLESAMPLE, which does not see the table.
Result<Expr*> Binder::sample_argument(const sql::Expr& node, Oid wanted, std::string_view construct,
                                      const NameItem& table) {
  const Place was = scope_->place;
  const Vec<NameItem> hidden = scope_->hidden;
  Vec<NameItem> with_table(*arena_);
  with_table.append(hidden);
  with_table.push_back(table);
  scope_->place = Place::from_function;
  scope_->hidden = with_table;
  auto bound = expr(node);
  scope_->place = was;
  scope_->hidden = hidden;
  if (!bound) return bound;
  bool done = false;
  SPG_ASSIGN(Expr * made, coerce_to(*bound, wanted, -1, CastContext::assignment, -1, &done));
  if (!done)
    return fail(sqlstate::datatype_mismatch, location(*bound), "argument of ", construct, " must be type ",
                type_text(wanted), ", not type ", type_text((*bound)->type));
  return made;
}

Result<FromResult> Binder::from_sample(const sql::TableSample& node) {
  SPG_ASSIGN(const FromResult result, from_item(*node.relation));
  RangeEntry* range = result.tree->range;
  if (range->kind != RangeKind::relation || range->relation->kind != 'r')
    return fail(sqlstate::feature_not_supported, node.relation->at,
                "TABLESAMPLE clause can only be applied to tables and materialized views");
  if (range->relation->is_virtual || range->relation->table == TableId::none)
    return fail(sqlstate::feature_not_supported, node.relation->at, "TABLESAMPLE of catalogs is not supported");
  const std::string_view method = node.method.back();
  const bool in_catalog = node.method.size() == 1 || node.method[node.method.size() - 2] == "pg_catalog";
  if (!in_catalog || (method != "bernoulli" && method != "system"))
    return fail(sqlstate::undefined_object, node.at, "tablesample method ", shown_method(node), " does not exist");
  if (node.args.size() != 1)
    return fail(sqlstate::invalid_tablesample_argument, node.at, "tablesample method ", shown_method(node),
                " requires 1 argument, not ", node.args.size());
  auto* sample = arena_->make<SampleClause>();
  sample->by_block = method == "system";
  SPG_ASSIGN(sample->percent, sample_argument(*node.args[0], oid::float4, "TABLESAMPLE", result.items[0]));
  if (node.repeatable != nullptr) {
    SPG_ASSIGN(sample->seed, sample_argument(*node.repeatable, oid::float8, "REPEATABLE", result.items[0]));
  }
  range->sample = sample;
  return result;
}

std::string_view Binder::shown_method(const sql::TableSample& node) {
  TextBuilder text(*arena_);
  for (std::size_t i = 0; i < node.method.size(); ++i) text.add(i == 0 ? "" : ".", node.method[i]);
  return text.view();
}

namespace {
FromResult leaf(Arena& arena, const NameItem& item, bool lateral) {
  FromResult result;
  result.tree = arena.make<FromTree>();
  result.tree->range = item.range;
  result.tree->lateral = lateral;
  result.items = Vec<NameItem>(arena);
  result.items.push_back(item);
  result.columns = item.columns;
  return result;
}
}  // namespace

Result<FromResult> Binder::from_subquery(const sql::SubqueryRef& node) {
  if (node.alias == nullptr)
    return fail(sqlstate::syntax_error, node.at, "subquery in FROM must have an alias")
        .hint("For example, FROM (SELECT ...) [AS] foo.");
  Scope barrier = *scope_;
  barrier.place = Place::from_subquery;
  barrier.aggregates_allowed = false;
  if (!node.lateral) {
    barrier.items = Vec<NameItem>(*arena_);
    barrier.columns = Vec<NamedColumn>(*arena_);
    barrier.hidden = scope_->items;
  }
  SPG_ASSIGN(Query * query, select(*node.query, &barrier));
  RangeEntry* range = new_range(RangeKind::subquery);
  range->subquery = query;
  Vec<OutputColumn> outputs(*arena_);
  output_columns(query->targets, query->visible, outputs);
  for (const OutputColumn& output : outputs) {
    RangeColumn column;
    column.name = output.name;
    column.type = output.type;
    column.typmod = output.typmod;
    column.collation = output.collation;
    column.physical = output.physical;
    column.origin_table = output.origin_table;
    column.origin_number = output.origin_number;
    range->columns.push_back(column);
  }
  SPG_TRY(apply_alias(node.alias, range, "table", node.at));
  return leaf(*arena_, in_view_ != 0 ? referenced_item(range, node.alias) : item_of(range), node.lateral);
}

/// A column that no table stores, with its type's collation. Refers to the name.
RangeColumn Binder::computed_column(std::string_view name, Oid type, std::int32_t typmod) {
  RangeColumn column;
  column.name = name;
  column.type = type;
  column.typmod = typmod;
  column.collation = collation_of(type);
  column.physical = physical(type);
  return column;
}

Result<FromResult> Binder::from_function(const sql::FunctionRef& node) {
  RangeEntry* range = new_range(RangeKind::function);
  Vec<Call*> functions(*arena_);
  Vec<std::int16_t> widths(*arena_);
  const Place was = scope_->place;
  const auto add_column = [&](std::string_view name, Oid column_type, std::int32_t typmod) {
    range->columns.push_back(computed_column(arena_->copy(name), column_type, typmod));
  };
  for (const sql::FunctionRefItem& item : node.functions) {
    scope_->place = Place::from_function;
    const bool allowed = scope_->aggregates_allowed;
    scope_->aggregates_allowed = false;
    auto bound = expr(*item.call);
    scope_->place = was;
    scope_->aggregates_allowed = allowed;
    if (!bound) return bound.take_error();
    if ((*bound)->kind != ExprKind::call)
      return fail(sqlstate::feature_not_supported, item.call->at, "this expression is not supported in FROM");
    auto* call = static_cast<Call*>(*bound);
    functions.push_back(call);
    range->has_definitions = range->has_definitions || !item.columns.empty() || !node.columns.empty();
    const catalog::Function* function = catalog_->function(call->function);
    const Vec<sql::ColumnDef*>& definitions = item.columns.empty() ? node.columns : item.columns;
    const std::size_t before = range->columns.size();
    if (!definitions.empty()) {
      if (call->type != oid::record)
        return fail(sqlstate::syntax_error, definitions[0]->at,
                    "a column definition list is only allowed for functions returning \"record\"");
      for (const sql::ColumnDef* definition : definitions) {
        SPG_ASSIGN(const ResolvedType resolved, type_of(*definition->type));
        add_column(definition->name, resolved.type, resolved.typmod);
      }
    } else if (function != nullptr && function->out_types.size() > 1) {
      for (std::size_t i = 0; i < function->out_types.size(); ++i)
        add_column(i < function->out_names.size() ? function->out_names[i] : std::string_view("?column?"),
                   function->out_types[i], -1);
    } else {
      if (call->type == oid::record)
        return fail(sqlstate::syntax_error, item.call->at,
                    "a column definition list is required for functions returning \"record\"");
      std::string_view name =
          function != nullptr && !function->out_names.empty() ? function->out_names[0] : figure_name(*item.call);
      if (node.alias != nullptr && node.functions.size() == 1 && (function == nullptr || function->out_names.empty())) {
        if (in_view_ == 0) name = node.alias->name;
        else if (const ReferenceAlias reference = read_reference(node.alias->name); reference.given) name = reference.name;
      }
      add_column(name, call->type, call->typmod);
    }
    widths.push_back(static_cast<std::int16_t>(range->columns.size() - before));
    if (range->alias.empty()) range->alias = arena_->copy(figure_name(*item.call));
  }
  if (node.with_ordinality) add_column("ordinality", oid::int8, -1);
  range->functions = functions.span();
  range->function_widths = widths.span();
  range->with_ordinality = node.with_ordinality;
  SPG_TRY(apply_alias(node.alias, range, "table", node.at));
  return leaf(*arena_, in_view_ != 0 ? referenced_item(range, node.alias) : item_of(range), true);
}

Status Binder::check_duplicates(const Vec<NameItem>& before, const Vec<NameItem>& added) {
  for (const NameItem& item : added)
    for (const NameItem& other : before) {
      if (item.name != other.name) continue;
      const auto relation_of = [](const RangeEntry* range) {
        return range == nullptr || range->has_alias ? nullptr : range->view != nullptr ? range->view : range->relation;
      };
      const catalog::Relation *one = relation_of(item.range), *two = relation_of(other.range);
      if (one != nullptr && two != nullptr && one != two) continue;
      return fail(sqlstate::duplicate_alias, -1, "table name \"", item.name, "\" specified more than once");
    }
  return ok();
}

Result<FromResult> Binder::from_item(const sql::FromItem& node) {
  const Deeper deeper(depth_);
  SPG_TRY(check_depth());
  switch (node.kind) {
    case sql::NodeKind::table_ref: return from_table(sql::to<sql::TableRef>(node));
    case sql::NodeKind::subquery_ref: return from_subquery(sql::to<sql::SubqueryRef>(node));
    case sql::NodeKind::function_ref: return from_function(sql::to<sql::FunctionRef>(node));
    case sql::NodeKind::join: return from_join(sql::to<sql::Join>(node));
    case sql::NodeKind::table_sample: return from_sample(sql::to<sql::TableSample>(node));
    default: return fail(sqlstate::feature_not_supported, node.at, "this FROM item is not supported");
  }
}

namespace {
Vec<NameItem> joined(Arena& arena, const Vec<NameItem>& a, const Vec<NameItem>& b) {
  Vec<NameItem> all(arena);
  all.append(a);
  all.append(b);
  return all;
}
}  // namespace

Result<FromResult> Binder::from_join(const sql::Join& node) {
  const Vec<NameItem> kept_items = scope_->items;
  const Vec<NamedColumn> kept_columns = scope_->columns;
  const Vec<NameItem> kept_hidden = scope_->hidden;
  const std::string_view kept_place = recursion_place_;
  const auto restore = [&] {
    scope_->items = kept_items;
    scope_->columns = kept_columns;
    scope_->hidden = kept_hidden;
    recursion_place_ = kept_place;
  };
  const bool keeps_right = node.type == sql::JoinType::right || node.type == sql::JoinType::full;
  const bool keeps_left = node.type == sql::JoinType::left || node.type == sql::JoinType::full;
  if (keeps_right) recursion_place_ = "an outer join";
  auto left_result = from_item(*node.left);
  recursion_place_ = kept_place;
  if (!left_result) return left_result;
  FromResult left = *left_result;
  if (keeps_right) {
    // LATERAL cannot look at a side that may be missing.
    Vec<NameItem> hidden(*arena_);
    for (const NameItem& item : left.items) {
      hidden.push_back(item);
      hidden.back().is_joined_outside = true;
    }
    scope_->hidden = joined(*arena_, kept_hidden, hidden);
  } else {
    scope_->items = joined(*arena_, kept_items, left.items);
    scope_->columns = Vec<NamedColumn>(*arena_);
    scope_->columns.append(kept_columns);
    scope_->columns.append(left.columns.span());
  }
  if (keeps_left) recursion_place_ = "an outer join";
  auto right_result = from_item(*node.right);
  restore();
  if (!right_result) return right_result;
  FromResult right = *right_result;
  SPG_TRY(check_duplicates(left.items, right.items));
  FromResult result;
  result.items = joined(*arena_, left.items, right.items);
  result.columns = Vec<NamedColumn>(*arena_);
  result.tree = arena_->make<FromTree>();
  result.tree->kind = FromTree::Kind::join;
  result.tree->type = node.type == sql::JoinType::cross ? sql::JoinType::inner : node.type;
  result.tree->left = left.tree;
  result.tree->right = right.tree;
  auto* shown = arena_->make<JoinNames>();
  shown->node = &node;
  shown->id = ++joins_;
  shown->names = Vec<std::string_view>(*arena_);
  shown->using_names = Vec<std::string_view>(*arena_);
  shown->columns = Vec<Expr*>(*arena_);
  shown->pairs = Vec<JoinNames::Pair>(*arena_);
  result.tree->names = shown;
  Vec<std::string_view> names(*arena_);
  names.append(node.using_columns);
  if (node.natural)
    for (const NamedColumn& column : left.columns)
      for (const NamedColumn& other : right.columns)
        if (column.name == other.name) {
          bool seen = false;
          for (const std::string_view name : names) seen = seen || name == column.name;
          if (!seen) names.push_back(column.name);
        }
  const auto find = [&](const Vec<NamedColumn>& columns, std::string_view name,
                        std::string_view side) -> Result<Expr*> {
    Expr* match = nullptr;
    for (const NamedColumn& column : columns) {
      if (column.name != name) continue;
      if (match != nullptr)
        return fail(sqlstate::ambiguous_column, -1, "common column name \"", name, "\" appears more than once in ",
                    side, " table");
      match = column.expr;
    }
    if (match == nullptr)
      return fail(sqlstate::undefined_column, -1, "column \"", name, "\" specified in USING clause does not exist in ",
                  side, " table");
    return match;
  };
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j)
      if (names[i] == names[j])
        return fail(sqlstate::duplicate_column, -1, "column name \"", names[i],
                    "\" appears more than once in USING clause");
    SPG_ASSIGN(Expr * a, find(left.columns, names[i], "left"));
    SPG_ASSIGN(Expr * b, find(right.columns, names[i], "right"));
    SPG_ASSIGN(const Oid common, common_type(span_of(*arena_, {a, b}), "JOIN/USING"));
    SPG_ASSIGN(Expr * equal, make_operator("=", a, b, node.at));
    result.tree->condition = conjoin(*arena_, result.tree->condition, equal);
    SPG_ASSIGN(Expr * from_left, coerce(a, common, -1, CastContext::implicit, -1));
    SPG_ASSIGN(Expr * from_right, coerce(b, common, -1, CastContext::implicit, -1));
    Expr* merged = from_left;
    if (node.type == sql::JoinType::right) merged = from_right;
    if (node.type == sql::JoinType::full) {
      auto* either = make_expr<Variadic>(*arena_, ExprKind::coalesce, common, physical(common), -1);
      either->arguments = span_of(*arena_, {from_left, from_right});
      either->collation = collation_of(common);
      merged = either;
    }
    if (merged->kind != ExprKind::column) {
      merged = copy_node(*arena_, merged);
      merged->shown = show_join_column(*shown, i);
    }
    shown->using_names.push_back(arena_->copy(names[i]));
    shown->pairs.push_back({a, b});
    result.columns.push_back({shown->using_names.back(), merged});
  }
  const std::size_t merged_count = result.columns.size();
  const auto add_rest = [&](const Vec<NamedColumn>& columns) {
    for (const NamedColumn& column : columns) {
      bool merged = false;
      for (const std::string_view name : names) merged = merged || name == column.name;
      if (!merged) result.columns.push_back(column);
    }
  };
  add_rest(left.columns);
  add_rest(right.columns);
  shown->merged = merged_count;
  for (const NamedColumn& column : result.columns) {
    shown->names.push_back(column.name);
    shown->columns.push_back(column.expr);
  }
  if (node.on != nullptr) {
    scope_->items = result.items;
    scope_->columns = result.columns;
    auto bound = condition(*node.on, Place::join_on, "JOIN/ON");
    restore();
    if (!bound) return bound.take_error();
    result.tree->condition = *bound;
  }
  const auto alias_item = [&](const sql::Alias& alias, std::size_t count) -> Result<NameItem> {
    NameItem item;
    item.name = arena_->copy(alias.name);
    if (in_view_ != 0) item.name = arena_->concat(read_reference(alias.name).reference);
    item.join = shown;
    item.columns = Vec<NamedColumn>(*arena_);
    item.columns.append(result.columns.span().subspan(0, count));
    if (alias.columns.size() > item.columns.size())
      return fail(sqlstate::invalid_column_reference, -1, "join expression \"", alias.name, "\" has ",
                  item.columns.size(), " columns available but ", alias.columns.size(), " columns specified");
    for (std::size_t i = 0; i < alias.columns.size(); ++i) item.columns[i].name = arena_->copy(alias.columns[i]);
    return item;
  };
  if (node.using_alias != nullptr) {
    SPG_ASSIGN(const NameItem item, alias_item(*node.using_alias, merged_count));
    shown->using_alias = in_view_ != 0 ? read_reference(node.using_alias->name).name : item.name;
    result.items.push_back(item);
  }
  if (node.alias != nullptr) {
    SPG_ASSIGN(const NameItem item, alias_item(*node.alias, result.columns.size()));
    shown->number = shown->id;
    shown->alias = in_view_ != 0 ? read_reference(node.alias->name).name : item.name;
    shown->alias_columns = in_view_ != 0 ? static_cast<std::size_t>(read_reference(node.alias->name).columns) : node.alias->columns.size();
    result.items = Vec<NameItem>(*arena_);
    result.items.push_back(item);
    Vec<NamedColumn>& columns = result.items[0].columns;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      shown->names[i] = columns[i].name;
      columns[i].expr = copy_node(*arena_, columns[i].expr);
      columns[i].expr->shown = show_join_column(*shown, i);
    }
    result.columns = columns;
  }
  return result;
}

Result<FromTree*> Binder::from_list(const Vec<sql::FromItem*>& items) {
  auto* list = arena_->make<FromTree>();
  list->kind = FromTree::Kind::list;
  list->items = Vec<FromTree*>(*arena_);
  for (const sql::FromItem* node : items) {
    SPG_ASSIGN(const FromResult result, from_item(*node));
    SPG_TRY(check_duplicates(scope_->items, result.items));
    list->items.push_back(result.tree);
    scope_->items = joined(*arena_, scope_->items, result.items);
    Vec<NamedColumn> columns(*arena_);
    columns.append(scope_->columns.span());
    columns.append(result.columns.span());
    scope_->columns = columns;
  }
  return list;
}

}  // namespace spg::plan
