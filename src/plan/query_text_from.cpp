// FROM, and the names of its items and their columns.
#include <algorithm>

#include "query_text.hpp"

#include "spg/sql/ddl.hpp"

namespace spg::plan {

// --------------------------------------------------------------------------------------------------------- names

bool QueryText::is_taken(std::string_view name, const Level& level) const {
  for (const Level* at = &level; at != nullptr; at = at->outer)
    for (const ItemName* one = at->names; one != nullptr; one = one->next)
      if (one->name == name) return true;
  return false;
}

void QueryText::name_item(const void* item, std::string_view wanted, Level& level) {
  std::string_view name = wanted;
  for (int i = 1; is_taken(name, level); ++i) name = arena_.concat(wanted, "_", i);
  level.names = arena_.make<ItemName>(item, name, level.names);
}

void QueryText::name_tree(const FromTree* tree, Level& level) {
  if (tree == nullptr) return;
  for (const FromTree* item : tree->items) name_tree(item, level);
  name_tree(tree->left, level);
  name_tree(tree->right, level);
  if (tree->kind == FromTree::Kind::join && tree->names != nullptr) {
    const JoinNames& join = *tree->names;
    if (is_stored()) name_item(&join, arena_.concat(first_join_reference + join.id), level);
    else if (join.number != 0) name_item(&join, join.alias, level);
  }
  if (tree->kind != FromTree::Kind::leaf || tree->range == nullptr) return;
  const RangeEntry& range = *tree->range;
  if (is_stored()) name_item(&range, arena_.concat(range.number), level);
  else name_item(&range, range.alias, level);
}

void QueryText::name_items(const Query& query, Level& level) {
  name_tree(query.from, level);
  if (!is_stored()) force_names(query.from);
}

std::string_view QueryText::name_of(const void* item) const {
  for (const Level* at = level_; at != nullptr; at = at->outer)
    for (const ItemName* one = at->names; one != nullptr; one = one->next)
      if (one->item == item) return one->name;
  return "?";
}

/// A column that USING joins by is called as USING calls it, whatever its table calls it now.
void QueryText::force_name(const Expr* column, std::string_view name) {
  column = seen(column);
  while (column->kind == ExprKind::relabel || column->kind == ExprKind::call)
    column = seen(column->kind == ExprKind::relabel ? as<Unary>(*column).argument : as<Call>(*column).arguments[0]);
  if (column->kind == ExprKind::coalesce) {
    for (const Expr* part : as<Variadic>(*column).arguments) force_name(part, name);
    return;
  }
  if (column->kind != ExprKind::column || (column->shown != nullptr && column->shown->join->number != 0)) return;
  const auto& ref = as<Column>(*column);
  forced_ = arena_.make<ForcedName>(ref.relation, ref.number, name, forced_);
}

void QueryText::force_names(const FromTree* tree) {
  if (tree == nullptr) return;
  for (const FromTree* item : tree->items) force_names(item);
  force_names(tree->left);
  force_names(tree->right);
  if (tree->kind != FromTree::Kind::join || tree->names == nullptr || tree->names->merged == 0) return;
  std::size_t i = 0;
  for (const JoinNames::Pair& pair : tree->names->pairs) {
    force_name(pair.left, tree->names->using_names[i]);
    force_name(pair.right, tree->names->using_names[i]);
    ++i;
  }
}

std::string_view QueryText::column_name(const RangeEntry& range, std::size_t index) const {
  for (const ForcedName* one = forced_; one != nullptr; one = one->next)
    if (one->relation == range.number && static_cast<std::size_t>(one->number) == index + 1) return one->name;
  const std::string_view name = range.columns[index].name;
  bool repeated = false;
  for (std::size_t i = 0; i < index; ++i) repeated = repeated || range.columns[i].name == name;
  if (!repeated) return name;
  for (int suffix = 1;; ++suffix) {
    const std::string_view made = arena_.concat(name, "_", suffix);
    bool taken = false;
    for (std::size_t i = 0; i < range.columns.size(); ++i)
      taken = taken || (i < index ? column_name(range, i) == made : range.columns[i].name == made);
    if (!taken) return made;
  }
}

void QueryText::name_list(std::span<const std::string_view> names) {
  out_->add("(");
  for (std::size_t i = 0; i < names.size(); ++i) out_->add(i == 0 ? "" : ", ", quoted(names[i]));
  out_->add(")");
}

// ---------------------------------------------------------------------------------------------------------- FROM

Status QueryText::from(const Query& of) {
  if (of.from == nullptr) return ok();
  Vec<const FromTree*> items(arena_);
  if (of.from->kind == FromTree::Kind::list)
    for (const FromTree* item : of.from->items) items.push_back(item);
  else items.push_back(of.from);
  TextBuilder* const out = out_;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i == 0) {
      keyword(" FROM ", -indent_step, indent_step, 2);
      SPG_TRY(from_item(items[i]));
      continue;
    }
    out->add(", ");
    TextBuilder item(arena_);
    out_ = &item;
    Status status = from_item(items[i]);
    out_ = out;
    SPG_TRY(std::move(status));
    const std::string_view text = item.view();
    if (breaks_lines() && style_.wrap >= 0) {
      if (!text.empty() && text[0] == '\n') drop_spaces();
      else if (line_bytes() + text.size() > static_cast<std::size_t>(style_.wrap))
        keyword("", -indent_step, indent_step, indent_item);
    }
    out->add(text);
  }
  return ok();
}

Status QueryText::from_item(const FromTree* tree) {
  if (++depth_ > context_.depth_limit) return Error::make(sqlstate::statement_too_complex, "stack depth limit exceeded");
  Status status = tree->kind == FromTree::Kind::join ? join(tree) : range(*tree->range, tree->lateral);
  --depth_;
  return status;
}

Status QueryText::join(const FromTree* tree) {
  const JoinNames& names = *tree->names;
  const bool has_alias = names.number != 0;
  const bool right_parens = style_.pretty && tree->right->kind == FromTree::Kind::join && tree->right->names->number == 0;
  out_->add(parens_are_forced() || has_alias ? "(" : "");
  SPG_TRY(from_item(tree->left));
  const std::string_view word = tree->type == sql::JoinType::left    ? " LEFT JOIN "
                                : tree->type == sql::JoinType::right ? " RIGHT JOIN "
                                : tree->type == sql::JoinType::full  ? " FULL JOIN "
                                : tree->condition != nullptr         ? " JOIN "
                                                                     : " CROSS JOIN ";
  keyword(word, -indent_step, indent_step, indent_join);
  out_->add(right_parens ? "(" : "");
  SPG_TRY(from_item(tree->right));
  out_->add(right_parens ? ")" : "");
  if (names.merged != 0) {
    out_->add(" USING ");
    name_list(names.using_names.span());
    if (is_stored())
      out_->add(" AS ", quoted(arena_.concat(first_join_reference + names.id, ":0:", names.using_alias.empty() ? "-" : "+", names.using_alias)));
    else if (!names.using_alias.empty()) out_->add(" AS ", quoted(names.using_alias));
    // For what it reads: the columns.
    if (is_stored()) {
      TextBuilder* const out = out_;
      TextBuilder unread(arena_);
      out_ = &unread;
      Status status = expr(tree->condition, false);
      out_ = out;
      SPG_TRY(std::move(status));
    }
  } else if (tree->condition != nullptr) {
    out_->add(" ON ", parens_are_forced() ? "(" : "");
    SPG_TRY(expr(tree->condition, false));
    out_->add(parens_are_forced() ? ")" : "");
  } else if (tree->type != sql::JoinType::inner) {
    out_->add(" ON TRUE");
  }
  out_->add(parens_are_forced() || has_alias ? ")" : "");
  if (!has_alias) return ok();
  if (is_stored()) {
    out_->add(" AS ", quoted(arena_.concat(first_join_reference + names.id, ":", names.alias_columns, ":+", names.alias)));
    name_list(join_names(names, nullptr));
    return ok();
  }
  out_->add(" ", quoted(name_of(&names)));
  bool renamed = false;
  const std::span<const std::string_view> columns = join_names(names, &renamed);
  if (renamed) name_list(columns);
  return ok();
}

/// The columns of a join with an alias by the names that they have in the text; `renamed`: whether some are not those of
/// the items'.
std::span<const std::string_view> QueryText::join_names(const JoinNames& join, bool* renamed) const {
  Vec<std::string_view> made(arena_);
  for (std::size_t i = 0; i < join.names.size(); ++i) {
    const Expr* column = seen(join.columns[i]);
    std::string_view own = join.names[i];
    if (column->shown != nullptr && column->shown->kind == Shown::Kind::join_column) {
      if (column->shown->join->number != 0) own = join_names(*column->shown->join, nullptr)[column->shown->column];
    } else if (column->kind == ExprKind::column) {
      own = column_name(*ranges_[as<Column>(*column).relation], static_cast<std::size_t>(as<Column>(*column).number - 1));
    }
    const std::string_view wanted = i < join.alias_columns ? join.names[i] : own;
    std::string_view name = wanted;
    for (int suffix = 1; std::find(made.begin(), made.end(), name) != made.end(); ++suffix)
      name = arena_.concat(wanted, "_", suffix);
    made.push_back(name);
    if (renamed != nullptr) *renamed = *renamed || name != own;
  }
  return made.span();
}

/// Qualified where the search path (or a WITH query) hides it.
Status QueryText::relation_name(const catalog::Relation& relation) {
  refer(Oid{1259}, relation.oid, 0);
  if (is_stored()) {
    out_->add("\"@\".\"", raw(relation.oid), "\"");
    return ok();
  }
  SPG_ASSIGN(const catalog::Relation* visible, catalog_.relation({}, relation.name));
  bool hidden = visible == nullptr || visible->oid != relation.oid;
  for (const Level* level = level_; level != nullptr; level = level->outer)
    if (level->query != nullptr)
      for (const Cte* cte : level->query->ctes) hidden = hidden || cte->name == relation.name;
  if (hidden) {
    SPG_ASSIGN(const std::string_view schema, catalog_.schema_name(relation.schema));
    out_->add(quoted(schema), ".");
  }
  out_->add(quoted(relation.name));
  return ok();
}

Status QueryText::functions(const RangeEntry& of) {
  const auto print_call = [&](const Call* one) -> Status {
    const Expr* value = seen(one);
    const bool looks_like_call = value->shown != nullptr || (value->kind == ExprKind::call && !is_cast_tag(tag(value)) && tag(value) != Tag::op);
    if (looks_like_call) return expr(value, true);
    out_->add("CAST(");
    SPG_TRY(expr(value, false));
    out_->add(" AS ", type_name(value->type, value->typmod), ")");
    return ok();
  };
  if (of.functions.size() == 1 && !(of.has_definitions && of.with_ordinality)) {
    SPG_TRY(print_call(of.functions[0]));
  } else {
    out_->add("ROWS FROM(");
    for (std::size_t i = 0; i < of.functions.size(); ++i) {
      out_->add(i == 0 ? "" : ", ");
      SPG_TRY(print_call(of.functions[i]));
    }
    out_->add(")");
  }
  out_->add(of.with_ordinality ? " WITH ORDINALITY" : "");
  return ok();
}

Status QueryText::range(const RangeEntry& of, bool lateral) {
  switch (of.kind) {
    case RangeKind::relation:
      out_->add(of.only ? "ONLY " : "");
      SPG_TRY(relation_name(*of.relation));
      break;
    case RangeKind::subquery:
      if (of.view != nullptr) {
        out_->add(of.only ? "ONLY " : "");
        SPG_TRY(relation_name(*of.view));
        break;
      }
      out_->add(lateral ? "LATERAL (" : "(");
      SPG_TRY(subquery(*of.subquery, true));
      out_->add(")");
      break;
    case RangeKind::function: {
      bool reads = false;
      auto look = [&](Expr* part) {
        reads = reads || (part->kind == ExprKind::column && level_->query != nullptr && ranges_[as<Column>(*part).relation]->owner == level_->query);
      };
      for (Call* call : of.functions) for_each_below(call, look);
      out_->add(reads ? "LATERAL " : "");
      SPG_TRY(functions(of));
      break;
    }
    case RangeKind::values:
      out_->add("(");
      SPG_TRY(values(of));
      out_->add(")");
      break;
    case RangeKind::cte:
    case RangeKind::work_table: out_->add(quoted(of.cte->name)); break;
    default: return Error::make(sqlstate::internal_error, "unexpected range entry in FROM");
  }
  SPG_TRY(range_alias(of));
  if (of.sample == nullptr) return ok();
  out_->add(" TABLESAMPLE ", of.sample->by_block ? "system" : "bernoulli", " (");
  SPG_TRY(expr(of.sample->percent, false));
  out_->add(")");
  if (of.sample->seed == nullptr) return ok();
  out_->add(" REPEATABLE (");
  SPG_TRY(expr(of.sample->seed, false));
  out_->add(")");
  return ok();
}

/// Every column by the name that the text calls it, as Binder::referenced_item reads it.
void QueryText::stored_alias(const RangeEntry& of) {
  std::int32_t given = 0;
  std::size_t width = 0;
  for (std::size_t i = 0; i < of.columns.size(); ++i) {
    const RangeColumn& column = of.columns[i];
    if (of.kind == RangeKind::relation && column.stored == 0) continue;
    const std::size_t place = column.stored != 0 ? static_cast<std::size_t>(column.stored) : i + 1;
    width = std::max(width, place);
    if (column.aliased) given = static_cast<std::int32_t>(place);
  }
  out_->add(" AS ", quoted(arena_.concat(of.number, ":", given, of.has_alias ? ":+" : ":-", of.alias)));
  if (of.has_definitions) return;
  Vec<std::string_view> names(arena_);
  for (std::size_t i = 0; i < width; ++i) names.push_back("?");
  for (std::size_t i = 0; i < of.columns.size(); ++i) {
    const RangeColumn& column = of.columns[i];
    if (of.kind == RangeKind::relation && column.stored == 0) continue;
    names[column.stored != 0 ? static_cast<std::size_t>(column.stored) - 1 : i] = column_name(of, i);
  }
  if (!names.empty()) name_list(names.span());
}

Status QueryText::range_alias(const RangeEntry& of) {
  if (is_stored()) {
    stored_alias(of);
  } else {
    const std::string_view name = name_of(&of);
    bool renamed = false, given = false;
    Vec<std::string_view> names(arena_);
    for (std::size_t i = 0; i < of.columns.size(); ++i) {
      const RangeColumn& column = of.columns[i];
      if (of.kind == RangeKind::relation && column.stored == 0) continue;
      names.push_back(column_name(of, i));
      std::string_view real = column.name;
      const catalog::Relation* relation = of.view != nullptr ? of.view : of.relation;
      if (relation != nullptr) real = relation->columns[static_cast<std::size_t>(column.stored - 1)].name;
      renamed = renamed || real != names.back();
      given = given || column.aliased;
    }
    const bool is_relation = of.kind == RangeKind::relation || of.view != nullptr;
    const bool prints_columns = of.kind == RangeKind::function || renamed || (given && !is_relation);
    bool prints_name = of.has_alias || prints_columns || of.kind == RangeKind::values;
    if (of.view != nullptr) prints_name = prints_name || name != of.view->name;
    else if (of.kind == RangeKind::relation) prints_name = prints_name || name != of.relation->name;
    else if (of.cte != nullptr) prints_name = prints_name || name != of.cte->name;
    if (prints_name) out_->add(" ", quoted(name));
    if (prints_columns && !of.has_definitions && !names.empty()) name_list(names.span());
  }
  if (!of.has_definitions) return ok();
  out_->add("(");
  for (std::size_t i = 0; i < of.columns.size(); ++i) {
    const RangeColumn& column = of.columns[i];
    out_->add(i == 0 ? "" : ", ", quoted(column.name), " ", type_name(column.type, column.typmod));
  }
  out_->add(")");
  return ok();
}

}  // namespace spg::plan
