// MERGE: a join of source and target, and what is done about each of its rows.
//
// The query yields the target's rowid, NULL where nothing matches, then whatever the actions read.
#include "binder.hpp"

namespace spg::plan {

namespace {
/// What a WHEN that has no condition leaves to those after it.
bool has_unreachable(const Vec<sql::MergeWhen>& whens) {
  bool is_decided[2] = {};
  for (const sql::MergeWhen& when : whens) {
    if (is_decided[when.matched]) return true;
    is_decided[when.matched] = when.condition == nullptr;
  }
  return false;
}
}  // namespace

Result<BoundStatement*> Binder::merge(const sql::Merge& node) {
  auto* bound = arena_->make<BoundStatement>();
  bound->is_dml = true;
  bound->op = Modify::Op::merge;
  bound->returning = Vec<Target>(*arena_);
  bound->outputs = Vec<OutputColumn>(*arena_);
  bound->merge = Vec<MergeClause>(*arena_);
  Scope scope = make_scope(nullptr);
  scope_ = &scope;
  Query* query = bound->query = scope.query;
  if (node.with != nullptr && node.with->recursive)
    return fail(sqlstate::syntax_error, -1, "WITH RECURSIVE is not supported for MERGE statement");
  if (node.with != nullptr) SPG_TRY(with(*node.with, query));
  if (has_unreachable(node.whens))
    return fail(sqlstate::syntax_error, -1, "unreachable WHEN clause specified after unconditional WHEN clause");
  SPG_ASSIGN(const catalog::Relation* relation, merged_relation(*node.target));
  bound->relation = relation;
  bound->target = relation_range(*relation, true);
  SPG_TRY(apply_alias(node.target->alias, bound->target, "table", node.target->at));
  SPG_ASSIGN(query->from, merge_join(node, *bound, scope));
  query->targets.push_back(row_id_target(*bound->target));
  query->visible = 1;
  for (const sql::MergeWhen& when : node.whens) SPG_TRY(merge_when(when, bound, scope));
  scope_ = nullptr;
  return bound;
}

Result<const catalog::Relation*> Binder::merged_relation(const sql::TableRef& node) {
  SPG_ASSIGN(const catalog::Relation* relation, open_relation(node));
  if (relation->kind == 'v' || relation->kind == 'S')
    return fail(sqlstate::feature_not_supported, -1, "cannot execute MERGE on relation \"", relation->name, "\"")
        .detail("This operation is not supported for ", relation->kind == 'v' ? "views." : "sequences.");
  return writable(node, Modify::Op::merge);
}

/// The source; left, when rows that nothing matches are wanted, else inner, joined with the target. Leaves the source's
/// names in the scope.
Result<FromTree*> Binder::merge_join(const sql::Merge& node, const BoundStatement& bound, Scope& scope) {
  SPG_ASSIGN(const FromResult source, from_item(*node.source));
  for (const NameItem& item : source.items)
    if (item.name == bound.target->alias)
      return Error(fail(sqlstate::duplicate_alias, -1, "name \"", item.name, "\" specified more than once")
                       .detail("The name is used both as MERGE target table and data source."));
  auto* leaf = arena_->make<FromTree>();
  leaf->range = bound.target;
  auto* tree = arena_->make<FromTree>();
  tree->kind = FromTree::Kind::join;
  tree->type = sql::JoinType::inner;
  for (const sql::MergeWhen& when : node.whens)
    if (when.action == sql::MergeAction::insert) tree->type = sql::JoinType::left;
  tree->left = source.tree;
  tree->right = leaf;
  see_merged(bound, source, true, scope);
  SPG_ASSIGN(tree->condition, condition(*node.on, Place::join_on, "JOIN/ON"));
  see_merged(bound, source, false, scope);
  return tree;
}

/// Names for what is said of rows that match (target and source), or do not (source).
void Binder::see_merged(const BoundStatement& bound, const FromResult& source, bool matched, Scope& scope) {
  const NameItem target = target_item(bound.target);
  scope.items = Vec<NameItem>(*arena_);
  scope.columns = Vec<NamedColumn>(*arena_);
  scope.hidden = Vec<NameItem>(*arena_);
  if (matched) {
    scope.items.push_back(target);
    scope.columns.append(target.columns.span());
  } else {
    scope.hidden.push_back(target);
  }
  scope.items.append(source.items);
  scope.columns.append(source.columns.span());
}

Status Binder::merge_when(const sql::MergeWhen& when, BoundStatement* bound, Scope& around) {
  Scope scope = around;
  if (when.matched) {
    FromResult source;
    source.items = around.items;
    source.columns = around.columns;
    see_merged(*bound, source, true, scope);
  }
  scope_ = &scope;
  WriteTarget target;
  target.named = bound->relation;
  target.range = bound->target;
  MergeClause clause;
  clause.matched = when.matched;
  clause.action = when.action;
  clause.set = Vec<Target>(*arena_);
  if (when.condition != nullptr) {
    SPG_ASSIGN(clause.condition, condition(*when.condition, Place::merge_when, "WHEN"));
  }
  if (when.action == sql::MergeAction::update) {
    scope.place = Place::update;
    SPG_TRY(assignments(when.set, target, clause.set));
  } else if (when.action == sql::MergeAction::insert) {
    SPG_TRY(merge_insert(when, target, clause.set));
  }
  bound->merge.push_back(clause);
  scope_ = &around;
  return ok();
}

Status Binder::merge_insert(const sql::MergeWhen& when, const WriteTarget& target, Vec<Target>& targets) {
  const catalog::Relation& relation = *target.named;
  SPG_ASSIGN(const Vec<const catalog::ColumnInfo*> columns, insert_columns(when.columns, relation));
  scope_->place = Place::values;
  Vec<Expr*> given(*arena_);
  for (const sql::Expr* value : when.values) {
    Expr* bound = nullptr;
    if (value->kind != sql::NodeKind::default_value) { SPG_ASSIGN(bound, expr(*value)); }
    given.push_back(bound);
  }
  if (!when.values.empty()) {
    const std::int32_t extra = given.size() > columns.size() ? when.values[columns.size()]->at : -1;
    SPG_TRY(check_width(when.columns, columns.size(), given.size(), extra));
  }
  for (std::size_t i = 0; i < given.size(); ++i)
    if (given[i] != nullptr) { SPG_ASSIGN(given[i], assign(given[i], relation, *columns[i], -1)); }
  return insert_targets(target, columns.span(), given.span(), targets);
}

}  // namespace spg::plan
