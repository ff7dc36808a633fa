// WITH: common table expressions, recursive ones, and statements that write.
#include "binder.hpp"

namespace spg::plan {

Status Binder::name_cte(const sql::CommonTable& node, Cte* cte, std::span<const OutputColumn> outputs) {
  cte->columns = Vec<RangeColumn>(*arena_);
  if (node.columns.size() > outputs.size())
    return fail(sqlstate::invalid_column_reference, node.at, "WITH query \"", node.name, "\" has ", outputs.size(),
                " columns available but ", node.columns.size(), " columns specified");
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    RangeColumn column;
    column.name = i < node.columns.size() ? arena_->copy(node.columns[i]) : outputs[i].name;
    column.type = outputs[i].type;
    column.typmod = outputs[i].typmod;
    column.collation = outputs[i].collation;
    column.physical = outputs[i].physical;
    column.origin_table = outputs[i].origin_table;
    column.origin_number = outputs[i].origin_number;
    cte->columns.push_back(column);
  }
  cte->own_columns = static_cast<std::uint32_t>(cte->columns.size());
  return ok();
}

Status Binder::name_cte(const sql::CommonTable& node, Cte* cte, const Query* query) {
  Vec<OutputColumn> outputs(*arena_);
  output_columns(query->targets, query->visible, outputs);
  return name_cte(node, cte, outputs.span());
}

Status Binder::with(const sql::With& node, Query* query) {
  for (const sql::CommonTable* table : node.tables)
    if (table->query->kind == sql::NodeKind::merge)
      return fail(sqlstate::feature_not_supported, table->at, "MERGE not supported in WITH query");
  for (const sql::CommonTable* table : node.tables) {
    for (const Cte* other : query->ctes)
      if (other->name == table->name)
        return fail(sqlstate::duplicate_alias, table->at, "WITH query name \"", table->name,
                    "\" specified more than once");
    auto* cte = arena_->make<Cte>();
    cte->name = arena_->copy(table->name);
    cte->node = table;
    cte->materialized = table->materialized;
    cte->position = table->at;
    if (table->cycle != nullptr) SPG_TRY(cycle_mark(*table->cycle, cte));
    const auto* inner = sql::as<sql::Select>(static_cast<const sql::Node*>(table->query));
    if (inner == nullptr) SPG_TRY(writing_cte(*table, cte, node.recursive));
    else if (node.recursive && inner->op == sql::SetOp::union_ && inner->with == nullptr)
      SPG_TRY(recursive_cte(*table, *inner, cte));
    if (inner != nullptr && !cte->recursive) SPG_TRY(plain_cte(*table, *inner, cte, node.recursive));
    if (!cte->recursive && (table->search != nullptr || table->cycle != nullptr))
      return fail(sqlstate::syntax_error, table->at, "WITH query is not recursive");
    query->ctes.push_back(cte);
    scope_->ctes.push_back(cte);
  }
  return ok();
}

Status Binder::plain_cte(const sql::CommonTable& node, const sql::Select& inner, Cte* cte, bool may_recurse) {
  cte->is_no_union = may_recurse;
  if (may_recurse) scope_->ctes.push_back(cte);
  auto bound = select(inner, scope_);
  if (may_recurse) scope_->ctes.pop_back();
  if (!bound) return bound.take_error();
  cte->query = *bound;
  return name_cte(node, cte, cte->query);
}

/// INSERT, UPDATE or DELETE, whose rows are those of RETURNING.
Status Binder::writing_cte(const sql::CommonTable& node, Cte* cte, bool may_recurse) {
  cte->is_writing = true;
  if (may_recurse) scope_->ctes.push_back(cte);
  const sql::Statement& statement = *node.query;
  auto bound = statement.kind == sql::NodeKind::insert   ? insert(sql::to<sql::Insert>(statement))
               : statement.kind == sql::NodeKind::update ? update(sql::to<sql::Update>(statement))
                                                         : remove(sql::to<sql::Delete>(statement));
  if (!bound) return bound.take_error();  // the scope is then not this one
  if (may_recurse) scope_->ctes.pop_back();
  cte->writes = *bound;
  writes_.push_back(*bound);
  if (scope_->outer != nullptr)
    return fail(sqlstate::feature_not_supported, node.at,
                "WITH clause containing a data-modifying statement must be at the top level");
  return name_cte(node, cte, cte->writes->outputs.span());
}

/// UNION under WITH RECURSIVE: bound as what it is if its right side reads it; else left alone.
Status Binder::recursive_cte(const sql::CommonTable& node, const sql::Select& inner, Cte* cte) {
  scope_->ctes.push_back(cte);
  SPG_ASSIGN(cte->initial, select(*inner.left, scope_));
  if (cte->references != 0)
    return fail(sqlstate::invalid_recursion, node.at, "recursive reference to query \"", cte->name,
                "\" must not appear within its non-recursive term");
  SPG_TRY(name_cte(node, cte, cte->initial));
  add_searched_columns(node, cte);
  SPG_ASSIGN(Query * step, recursive_term(*inner.right));
  scope_->ctes.pop_back();
  if (cte->references == 0) {
    cte->initial = nullptr;
    return ok();
  }
  if (!inner.order_by.empty())
    return fail(sqlstate::feature_not_supported, inner.order_by[0].expr->at,
                "ORDER BY in a recursive query is not implemented");
  if (inner.limit != nullptr)
    return fail(sqlstate::feature_not_supported, inner.limit->at, "LIMIT in a recursive query is not implemented");
  if (inner.offset != nullptr)
    return fail(sqlstate::feature_not_supported, inner.offset->at, "OFFSET in a recursive query is not implemented");
  SPG_TRY(unify_terms(inner, *cte, step));
  cte->written_initial = cte->initial;
  cte->written_step = step;
  if (node.search != nullptr || node.cycle != nullptr) {
    SPG_TRY(check_search_and_cycle(node, inner, *cte));
    SPG_ASSIGN(step, searched_step(node, *cte, step));
    cte->initial = searched_initial(node, *cte);
  }
  cte->recursive = true;
  cte->step = step;
  cte->union_all = inner.all;
  cte->slot = work_tables_++;
  cte->references = 0;
  return ok();
}

Result<Query*> Binder::recursive_term(const sql::Select& node) {
  const std::string_view kept_place = recursion_place_;
  recursion_place_ = {};
  auto step = select(node, scope_, true);
  recursion_place_ = kept_place;
  return step;
}

/// The recursive term yields what the other one does.
Status Binder::unify_terms(const sql::Select& node, Cte& cte, Query* step) {
  if (step->visible != cte.initial->visible)
    return fail(sqlstate::syntax_error, step->targets.empty() ? node.right->at : location(step->targets[0].expr),
                "each UNION query must have the same number of columns");
  cte.initial_names = Vec<std::string_view>(*arena_);
  for (std::uint32_t i = 0; i < step->visible; ++i) {
    Expr*& a = cte.initial->targets[i].expr;
    Expr*& b = step->targets[i].expr;
    SPG_ASSIGN(const Oid common, common_type(span_of(*arena_, {a, b}), "UNION"));
    if (common != a->type)
      return fail(sqlstate::datatype_mismatch, a->position, "recursive query \"", cte.name, "\" column ", i + 1,
                  " has type ", type_text(a->type, a->typmod), " in non-recursive term but type ", type_text(common),
                  " overall")
          .hint("Cast the output of the non-recursive term to the correct type.");
    if (b->type != oid::unknown) step->targets[i].written = b;
    SPG_ASSIGN(b, coerce_common(b, common, "UNION"));
    cte.initial_names.push_back(cte.initial->targets[i].name);
    cte.initial->targets[i].name = cte.columns[i].name;
  }
  return ok();
}

}  // namespace spg::plan
