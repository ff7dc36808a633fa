// Calls: choosing the function, its arguments' casts, variadic and default arguments, aggregates.
#include "binder.hpp"
#include "spg/sql/deparse.hpp"
#include "spg/sql/parser.hpp"

namespace spg::plan {

namespace {
std::string_view shown_name(Arena& arena, const sql::QualifiedName& name) {
  TextBuilder out(arena);
  for (std::size_t i = 0; i < name.size(); ++i) out.add(i == 0 ? "" : ".", name[i]);
  return out.view();
}
}  // namespace

Result<Expr*> Binder::call_by_name(std::string_view name, std::span<Expr*> args, std::int32_t at) {
  sql::FunctionCall node;
  node.at = at;
  node.name = sql::QualifiedName(*arena_);
  node.name.push_back("pg_catalog");
  node.name.push_back(name);
  return call_function(node, args, {});
}

Result<Expr*> Binder::function(const sql::FunctionCall& node) {
  // In the text of a view: parentheses that the parser does not look through.
  if (in_view_ != 0 && node.name.size() == 1 && node.name[0] == reference_schema && node.args.size() == 1)
    return expr(*node.args[0]);
  Vec<Expr*> args(*arena_);
  Vec<std::string_view> names(*arena_);
  for (const sql::Expr* arg : node.args) {
    const auto* named = sql::as<sql::NamedArgument>(arg);
    if (named != nullptr) names.resize(args.size()), names.push_back(named->name);
    SPG_ASSIGN(Expr * bound, expr(named != nullptr ? *named->value : *arg));
    args.push_back(bound);
  }
  // What WITHIN GROUP orders by are arguments as well.
  if (node.within_group)
    for (const sql::SortItem& item : node.order_by) {
      SPG_ASSIGN(Expr * bound, expr(*item.expr));
      args.push_back(bound);
    }
  return call_function(node, args.span(), names.span());
}

Result<Expr*> Binder::call_function(const sql::FunctionCall& node, std::span<Expr*> args,
                                    std::span<const std::string_view> names) {
  const std::string_view shown = shown_name(*arena_, node.name);
  std::string_view schema = node.name.size() >= 2 ? node.name[node.name.size() - 2] : std::string_view{};
  if (in_view_ != 0 && schema.empty()) schema = "pg_catalog";
  const std::string_view name = node.name[node.name.size() - 1];
  if (!schema.empty()) {
    SPG_ASSIGN(const Oid schema_oid, catalog_->schema_oid(schema));
    if (schema_oid == Oid::none)
      return fail(sqlstate::invalid_schema_name, node.at, "schema \"", schema, "\" does not exist");
  }
  const std::size_t count = args.size();
  Vec<Candidate> candidates(*arena_);
  for (const catalog::Function* one : catalog_->functions(schema, name)) {
    const std::size_t size = one->arguments.size();
    Candidate candidate;
    candidate.function = one;
    if (!names.empty()) {
      if (one->argument_names.empty() || count > size) continue;
      std::int16_t* order = arena_->array<std::int16_t>(count);
      Oid* types = arena_->array<Oid>(count);
      bool fits = true;
      Vec<bool> given(*arena_);
      given.resize(size);
      for (std::size_t i = 0; i < count && fits; ++i) {
        std::size_t at = i;
        if (i < names.size() && !names[i].empty()) {
          for (at = 0; at < size && at < one->argument_names.size() && one->argument_names[at] != names[i];) ++at;
          if (at >= one->argument_names.size()) at = size;
        }
        fits = at < size && !given[at];
        if (!fits) break;
        given[at] = true;
        order[i] = static_cast<std::int16_t>(at);
        types[i] = one->arguments[at];
      }
      for (std::size_t at = 0; at + one->defaults < size && fits; ++at) fits = given[at];
      if (!fits) continue;
      candidate.arguments = {types, count};
      candidate.order = {order, count};
    } else if (count == size && (one->variadic == Oid::none || node.variadic || one->variadic != oid::any)) {
      candidate.arguments = one->arguments;
      if (one->variadic != Oid::none && !node.variadic) {
        Oid* types = arena_->array<Oid>(count);
        for (std::size_t i = 0; i < count; ++i) types[i] = i + 1 < size ? one->arguments[i] : one->variadic;
        candidate.arguments = {types, count};
        candidate.variadic_expanded = true;
      }
    } else if (one->variadic != Oid::none && !node.variadic && count >= size) {
      Oid* types = arena_->array<Oid>(count);
      for (std::size_t i = 0; i < count; ++i) types[i] = i + 1 < size ? one->arguments[i] : one->variadic;
      candidate.arguments = {types, count};
      candidate.variadic_expanded = one->variadic != oid::any;
    } else if (count < size && count + one->defaults >= size && one->variadic == Oid::none) {
      candidate.arguments = one->arguments.subspan(0, count);
      candidate.defaults_used = static_cast<std::uint16_t>(size - count);
    } else {
      continue;
    }
    candidates.push_back(candidate);
  }
  Candidate* chosen = nullptr;
  for (Candidate& candidate : candidates) {
    bool exact = true;
    for (std::size_t i = 0; i < count && exact; ++i) exact = args[i]->type == candidate.arguments[i];
    if (exact && (chosen == nullptr || (chosen->variadic_expanded && !candidate.variadic_expanded)))
      chosen = &candidate;
  }
  if (chosen == nullptr && count == 1 && names.empty() && !node.star && !node.distinct && node.order_by.empty()) {
    // A call that reads like a cast: type(value).
    if (const catalog::Type* target = catalog_->type(schema, name); target != nullptr && target->kind != 'c') {
      const Oid source = args[0]->type;
      const Path path = find_path(target->oid, source, CastContext::explicit_);
      if (source == oid::unknown || path.kind == PathKind::relabel ||
          (path.kind == PathKind::io && source != oid::record))
        return coerce(args[0], target->oid, -1, CastContext::explicit_, node.at);
    }
  }
  if (chosen == nullptr) {
    keep_matching(args, candidates);
    const bool several = candidates.size() > 1;
    chosen = select_candidate(args, candidates);
    if (chosen == nullptr && several)
      return fail(sqlstate::ambiguous_function, node.at, "function ", signature(shown, args, names), " is not unique")
          .hint("Could not choose a best candidate function. You might need to add explicit type casts.");
  }
  if (chosen == nullptr) {
    if (!node.order_by.empty() && !node.within_group && count > 0)
      return fail(sqlstate::undefined_function, node.at, "function ", signature(shown, args, names), " does not exist")
          .hint(
              "No aggregate function matches the given name and argument types. Perhaps you misplaced ORDER BY; ORDER "
              "BY "
              "must appear after all regular arguments of the aggregate.");
    return fail(sqlstate::undefined_function, node.at, "function ", signature(shown, args, names), " does not exist")
        .hint("No function matches the given name and argument types. You might need to add explicit type casts.");
  }
  const catalog::Function& function = *chosen->function;
  const bool is_aggregate = function.kind == 'a';
  if (function.kind == 'p')
    return fail(sqlstate::wrong_object_type, node.at, signature(shown, args, names), " is a procedure")
        .hint("To call a procedure, use CALL.");
  if (function.kind == 'w' && node.over == nullptr)
    return fail(sqlstate::wrong_object_type, node.at, "window function ", shown, " requires an OVER clause");
  if (!is_aggregate && function.kind != 'w') {
    if (node.over != nullptr)
      return fail(sqlstate::wrong_object_type, node.at, "OVER specified, but ", shown,
                  " is not a window function nor an aggregate function");
    if (node.star)
      return fail(sqlstate::wrong_object_type, node.at, shown, "(*) specified, but ", shown,
                  " is not an aggregate function");
    if (node.distinct)
      return fail(sqlstate::wrong_object_type, node.at, "DISTINCT specified, but ", shown,
                  " is not an aggregate function");
    if (node.within_group)
      return fail(sqlstate::wrong_object_type, node.at, "WITHIN GROUP specified, but ", shown,
                  " is not an aggregate function");
    if (!node.order_by.empty())
      return fail(sqlstate::wrong_object_type, node.at, "ORDER BY specified, but ", shown,
                  " is not an aggregate function");
    if (node.filter != nullptr)
      return fail(sqlstate::wrong_object_type, node.at, "FILTER specified, but ", shown,
                  " is not an aggregate function");
  } else if (is_aggregate && node.over == nullptr && count == 0 && !node.star) {
    return fail(sqlstate::wrong_object_type, node.at, shown,
                "(*) must be used to call a parameterless aggregate function");
  }
  if (is_aggregate) SPG_TRY(check_aggregate_form(node, *chosen, args, names, shown));
  Vec<Oid> declared(*arena_);
  declared.append(chosen->arguments);
  SPG_ASSIGN(const Oid result, settle_polymorphic(args, declared.span(), function.result));
  Vec<Expr*> bound(*arena_);
  for (std::size_t i = 0; i < count; ++i) {
    Expr* arg = args[i];
    if (declared[i] == oid::any) {
      const Expr* undecided = arg;
      SPG_ASSIGN(arg, settle_unknown(arg));
      if (arg != undecided && is_constant(arg)) arg->shown = show_expr(undecided);
    } else {
      SPG_ASSIGN(arg, coerce(arg, declared[i], -1, CastContext::implicit, -1));
    }
    bound.push_back(arg);
  }
  if (chosen->variadic_expanded) {
    const std::size_t fixed = function.arguments.size() - 1;
    const Oid element = declared[fixed];
    auto* list = make_expr<Variadic>(*arena_, ExprKind::array, array_of(element), Physical::string, node.at);
    Vec<Expr*> elements(*arena_);
    elements.append(bound.span().subspan(fixed));
    list->arguments = elements.span();
    bound.resize(fixed);
    bound.push_back(list);
  }
  const std::size_t size = function.arguments.size();
  if (bound.size() < size || !chosen->order.empty()) {
    Vec<Expr*> full(*arena_);
    full.resize(size);
    for (std::size_t i = 0; i < bound.size(); ++i)
      full[chosen->order.empty() ? i : static_cast<std::size_t>(chosen->order[i])] = bound[i];
    const std::string_view text = arena_->concat("ROW(", function.default_text, ")");
    Vec<sql::Expr*> defaults(*arena_);
    if (!function.default_text.empty()) {
      SPG_ASSIGN(sql::Expr * parsed, sql::parse_expression(*arena_, text));
      if (const auto* row = sql::as<sql::RowExpr>(parsed); row != nullptr) defaults = row->args;
    }
    for (std::size_t i = 0; i < size; ++i) {
      if (full[i] != nullptr) continue;
      const std::size_t which = i + defaults.size() - size;
      if (which >= defaults.size())
        return fail(sqlstate::feature_not_supported, node.at, "the default of an argument of function ", shown,
                    " is not supported");
      Scope* const kept = scope_;
      scope_ = nullptr;
      auto value = expr(*defaults[which]);
      scope_ = kept;
      if (!value) return value;
      SPG_ASSIGN(full[i], coerce(*value, function.arguments[i], -1, CastContext::explicit_, -1));
    }
    bound = full;
  }
  if (node.over != nullptr) return window_call(node, shown, *chosen, bound.span(), result);
  if (is_aggregate) return aggregate(node, *chosen, bound.span(), result);
  if (function.returns_set && scope_ != nullptr) {
    const Place place = scope_->place;
    if (place != Place::select && place != Place::from_function && place != Place::order_by &&
        place != Place::distinct_on && place != Place::group_by) {
      const std::string_view where = place_name(place);
      return fail(sqlstate::feature_not_supported, node.at, "set-returning functions are not allowed in ", where);
    }
    if (place == Place::select && scope_->query != nullptr) scope_->query->has_set_functions = true;
  }
  auto* made = make_expr<Call>(*arena_, ExprKind::call, result, physical(result), node.at);
  made->function = function.oid;
  if (node.syntax != sql::CallSyntax::plain) made->written = Written::sql_syntax;
  made->is_variadic = chosen->variadic_expanded || node.variadic;
  if (chosen->defaults_used != 0) made->given = static_cast<std::uint8_t>(count);
  made->collation = collation_of(result);
  made->input_collation = bound.empty() ? Oid::none : bound[0]->collation;
  made->strict = function.strict;
  made->returns_set = function.returns_set;
  made->arguments = bound.span();
  return made;
}

std::string_view place_name(Place place) {
  switch (place) {
    case Place::where: return "WHERE";
    case Place::join_on: return "JOIN conditions";
    case Place::group_by: return "GROUP BY";
    case Place::having: return "HAVING";
    case Place::limit: return "LIMIT";
    case Place::offset: return "OFFSET";
    case Place::values: return "VALUES";
    case Place::update: return "UPDATE";
    case Place::returning: return "RETURNING";
    case Place::from_function: return "functions in FROM";
    case Place::default_value: return "DEFAULT expressions";
    case Place::filter: return "FILTER";
    case Place::window: return "window definitions";
    case Place::window_rows: return "window ROWS";
    case Place::window_range: return "window RANGE";
    case Place::window_groups: return "window GROUPS";
    case Place::index_expression: return "index expressions";
    case Place::merge_when: return "MERGE WHEN conditions";
    default: return "this context";
  }
}

}  // namespace spg::plan
