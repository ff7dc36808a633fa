// Windows: OVER and WINDOW, what they inherit from each other, their frames, and calls over them.
//
// A call becomes a column of Query::window_range. A window is bound when a call first asks for it; those that none asks
// for, at the end of the query.
#include "binder.hpp"
#include "spg/sql/deparse.hpp"

namespace spg::plan {

namespace {
bool is_window_place(Place place) {
  return place == Place::window || place == Place::window_rows || place == Place::window_range ||
         place == Place::window_groups;
}
bool is_offset(sql::FrameBound bound) {
  return bound == sql::FrameBound::preceding || bound == sql::FrameBound::following;
}
/// A set-returning call in the expression; null: none.
Expr* find_set_call(Expr* expr) {
  if (expr->kind == ExprKind::call && as<Call>(*expr).returns_set) return expr;
  Expr* found = nullptr;
  for_each_part(expr, [&](Expr*& part) {
    if (found == nullptr) found = find_set_call(part);
  });
  return found;
}
bool same_frame(const WindowFrame& a, const WindowFrame& b) {
  return a.mode == b.mode && a.start == b.start && a.end == b.end && a.exclusion == b.exclusion &&
         same_expr(a.start_offset, b.start_offset) && same_expr(a.end_offset, b.end_offset) &&
         a.start_in_range == b.start_in_range && a.end_in_range == b.end_in_range;
}
}  // namespace

Expr* Binder::find_window_call(Expr* expr, const Query* query) {
  if (query->window_range == nullptr) return nullptr;
  if (expr->kind == ExprKind::column) return as<Column>(*expr).relation == query->window_range->number ? expr : nullptr;
  Expr* found = nullptr;
  for_each_part(expr, [&](Expr*& part) {
    if (found == nullptr) found = find_window_call(part, query);
  });
  return found;
}

bool Binder::calls_volatile(const Expr* expr) {
  if (expr->kind == ExprKind::call && as<Call>(*expr).function != io_cast_function) {
    const catalog::Function* function = catalog_->function(as<Call>(*expr).function);
    if (function != nullptr && function->volatility == 'v') return true;
  }
  bool found = false;
  for_each_part(const_cast<Expr*>(expr), [&](Expr*& part) { found = found || calls_volatile(part); });
  return found;
}

/// Room for the windows that have names, so that they are numbered as they were written.
void Binder::name_windows(const sql::Select& node, Query* query) {
  for (const sql::WindowDef* def : node.windows) {
    auto* window = arena_->make<WindowSpec>();
    window->def = def;
    window->name = def->name;
    query->windows.push_back(window);
  }
}

Status Binder::finish_windows(Query* query) {
  for (std::size_t i = 0; i < query->windows.size(); ++i) {
    WindowSpec* window = query->windows[i];
    for (std::size_t k = 0; k < i && !window->name.empty(); ++k)
      if (query->windows[k]->name == window->name)
        return fail(sqlstate::windowing_error, window->def->at, "window \"", window->name, "\" is already defined");
    if (!window->bound) SPG_TRY(bind_window(query, window, i));
  }
  return ok();
}

/// The window with the name, among the first `before`; bound. Null: there is none.
Result<WindowSpec*> Binder::named_window(Query* query, std::string_view name, std::size_t before) {
  for (std::size_t i = 0; i < before && i < query->windows.size(); ++i) {
    WindowSpec* window = query->windows[i];
    if (window->name.empty() || window->name != name) continue;
    if (!window->bound) SPG_TRY(bind_window(query, window, i));
    return window;
  }
  return static_cast<WindowSpec*>(nullptr);
}

Result<std::uint32_t> Binder::window_of(const sql::WindowDef& def, Query* query) {
  const auto number_of = [&](const WindowSpec* wanted) {
    std::uint32_t at = 0;
    while (query->windows[at] != wanted) ++at;
    return at;
  };
  if (def.bare) {
    SPG_ASSIGN(WindowSpec * named, named_window(query, def.reference, query->windows.size()));
    if (named == nullptr)
      return fail(sqlstate::undefined_object, def.at, "window \"", def.reference, "\" does not exist");
    return number_of(named);
  }
  auto* window = arena_->make<WindowSpec>();
  window->def = &def;
  SPG_TRY(bind_window(query, window, query->windows.size()));
  for (std::uint32_t i = 0; i < query->windows.size(); ++i) {
    const WindowSpec& other = *query->windows[i];
    if (other.name.empty() && other.bound && same_keys(other.partition_by, window->partition_by) &&
        same_keys(other.order_by, window->order_by) && same_frame(other.frame, window->frame))
      return i;
  }
  query->windows.push_back(window);
  return static_cast<std::uint32_t>(query->windows.size() - 1);
}

Result<Expr*> Binder::window_key(const sql::Expr& node) {
  const Place was = scope_->place;
  const bool allowed = scope_->aggregates_allowed;
  scope_->place = Place::window;
  scope_->aggregates_allowed = true;
  auto bound = expr(node);
  scope_->place = was;
  scope_->aggregates_allowed = allowed;
  if (!bound) return bound;
  return settle_unknown(*bound);
}

Result<std::span<WindowKey>> Binder::window_order(const Vec<sql::SortItem>& items) {
  Vec<WindowKey> keys(*arena_);
  for (const sql::SortItem& item : items) {
    SPG_ASSIGN(Expr * value, window_key(*item.expr));
    WindowKey key{value, false, false};
    SPG_TRY(sort_direction(item, value, &key.descending, &key.nulls_first));
    bool repeated = false;
    for (const WindowKey& before : keys) repeated = repeated || same_expr(before.value, value);
    if (!repeated) keys.push_back(key);
  }
  return keys.span();
}

/// Keys are sorted as the ORDER BY of the window would sort them.
Result<std::span<WindowKey>> Binder::window_partition(const Vec<sql::Expr*>& items, std::span<const WindowKey> order) {
  Vec<const sql::Expr*> parts(*arena_);
  for (const sql::Expr* item : items) {
    if (const auto* row = sql::as<sql::RowExpr>(item); row != nullptr && !row->explicit_row)
      for (const sql::Expr* one : row->args) parts.push_back(one);
    else parts.push_back(item);
  }
  Vec<WindowKey> keys(*arena_);
  for (const sql::Expr* part : parts) {
    SPG_ASSIGN(Expr * value, window_key(*part));
    const Oid base = base_type(value->type);
    if (base != oid::record && element_of(base) == Oid::none && !has_equality(base))
      return fail(sqlstate::undefined_function, location(value), "could not identify an equality operator for type ",
                  type_text(value->type));
    WindowKey key{value, false, false};
    for (const WindowKey& one : order)
      if (same_expr(one.value, value)) key = {value, one.descending, one.nulls_first};
    bool repeated = false;
    for (const WindowKey& before : keys) repeated = repeated || same_expr(before.value, value);
    if (!repeated) keys.push_back(key);
  }
  return keys.span();
}

Status Binder::bind_window(Query* query, WindowSpec* window, std::size_t number) {
  const sql::WindowDef& def = *window->def;
  window->bound = true;
  WindowSpec* base = nullptr;
  if (!def.reference.empty()) {
    SPG_ASSIGN(base, named_window(query, def.reference, number));
    if (base == nullptr)
      return fail(sqlstate::undefined_object, def.at, "window \"", def.reference, "\" does not exist");
  }
  SPG_ASSIGN(window->order_by, window_order(def.order_by));
  SPG_ASSIGN(window->partition_by, window_partition(def.partition_by, window->order_by));
  if (base != nullptr) {
    if (!def.partition_by.empty())
      return fail(sqlstate::windowing_error, def.at, "cannot override PARTITION BY clause of window \"", def.reference,
                  "\"");
    window->partition_by = base->partition_by;
    if (!def.order_by.empty() && !base->order_by.empty())
      return fail(sqlstate::windowing_error, def.at, "cannot override ORDER BY clause of window \"", def.reference,
                  "\"");
    if (def.order_by.empty()) window->order_by = base->order_by;
    if (base->def->has_frame) {
      Error error = fail(sqlstate::windowing_error, def.at, "cannot copy window \"", def.reference,
                         "\" because it has a frame clause");
      if (!window->name.empty() || !def.order_by.empty() || def.has_frame) return error;
      return std::move(error).hint("Omit the parentheses in this OVER clause.");
    }
  }
  return window_frame(def, window);
}

Status Binder::window_frame(const sql::WindowDef& def, WindowSpec* window) {
  WindowFrame& frame = window->frame;
  frame.mode = def.mode;
  frame.start = def.start;
  frame.end = def.end;
  frame.exclusion = def.exclusion;
  const bool offsets = is_offset(def.start) || is_offset(def.end);
  if (def.mode == sql::FrameMode::range && offsets && window->order_by.size() != 1)
    return fail(sqlstate::windowing_error, def.at,
                "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column");
  if (def.mode == sql::FrameMode::groups && window->order_by.empty())
    return fail(sqlstate::windowing_error, def.at, "GROUPS mode requires an ORDER BY clause");
  if (def.start_offset != nullptr) {
    SPG_ASSIGN(frame.start_offset, frame_offset(*def.start_offset, *window, &frame.start_in_range));
  }
  if (def.end_offset != nullptr) {
    SPG_ASSIGN(frame.end_offset, frame_offset(*def.end_offset, *window, &frame.end_in_range));
  }
  return ok();
}

Result<Expr*> Binder::frame_offset(const sql::Expr& node, const WindowSpec& window, Oid* in_range) {
  const sql::FrameMode mode = window.frame.mode;
  const std::string_view word = mode == sql::FrameMode::rows    ? "ROWS"
                                : mode == sql::FrameMode::range ? "RANGE"
                                                                : "GROUPS";
  const Place was = scope_->place;
  const bool allowed = scope_->aggregates_allowed;
  scope_->place = mode == sql::FrameMode::rows    ? Place::window_rows
                  : mode == sql::FrameMode::range ? Place::window_range
                                                  : Place::window_groups;
  scope_->aggregates_allowed = false;
  auto bound = expr(node);
  scope_->place = was;
  scope_->aggregates_allowed = allowed;
  if (!bound) return bound;
  Expr* offset = *bound;
  if (mode == sql::FrameMode::range) {
    SPG_ASSIGN(offset, range_offset(offset, base_type(window.order_by[0].value->type), in_range));
  } else {
    SPG_ASSIGN(offset, coerce_integer(offset, word));
  }
  if (const Expr* column = find_column_of(offset, scope_->query); column != nullptr)
    return fail(sqlstate::invalid_column_reference, column->position, "argument of ", word,
                " must not contain variables");
  return offset;
}

/// A column of the query's own FROM; null: none.
Expr* Binder::find_column_of(Expr* expr, const Query* query) {
  if (expr->kind == ExprKind::column) return ranges_[as<Column>(*expr).relation]->owner == query ? expr : nullptr;
  Expr* found = nullptr;
  for_each_part(expr, [&](Expr*& part) {
    if (found == nullptr) found = find_column_of(part, query);
  });
  return found;
}

/// The in_range function of the sort column's type that takes the offset.
Result<Expr*> Binder::range_offset(Expr* offset, Oid column, Oid* in_range) {
  if (column == oid::varchar) column = oid::text;
  if (element_of(column) != Oid::none) column = oid::anyarray;
  const Oid preferred = offset->type == oid::unknown ? column : offset->type;
  std::size_t known = 0, matches = 0;
  Oid type = Oid::none;
  for (const catalog::Function* one : catalog_->functions("pg_catalog", "in_range")) {
    if (one->arguments.size() != 5 || one->arguments[0] != column) continue;
    ++known;
    const Oid wanted = one->arguments[2];
    if (offset->type != oid::unknown && !can_coerce(offset->type, wanted, CastContext::implicit)) continue;
    ++matches;
    if (type != preferred) {
      type = wanted;
      *in_range = one->oid;
    }
  }
  if (known == 0)
    return fail(sqlstate::feature_not_supported, location(offset),
                "RANGE with offset PRECEDING/FOLLOWING is not supported for column type ", type_text(column));
  if (matches == 0)
    return fail(sqlstate::feature_not_supported, location(offset),
                "RANGE with offset PRECEDING/FOLLOWING is not supported for column type ", type_text(column),
                " and offset type ", type_text(offset->type))
        .hint("Cast the offset value to an appropriate type.");
  if (matches != 1 && type != preferred)
    return fail(sqlstate::feature_not_supported, location(offset),
                "RANGE with offset PRECEDING/FOLLOWING has multiple interpretations for column type ",
                type_text(column), " and offset type ", type_text(offset->type))
        .hint("Cast the offset value to the exact intended type.");
  return coerce(offset, type, -1, CastContext::implicit, -1);
}

// ---------------------------------------------------------------------------------------------------------- calls

Status Binder::check_window_place(std::int32_t at) {
  if (scope_ == nullptr || scope_->query == nullptr)
    return fail(sqlstate::windowing_error, at, "window functions are not allowed in ",
                place_name(scope_ == nullptr ? Place::default_value : scope_->place));
  if (is_window_place(scope_->place))
    return fail(sqlstate::windowing_error, at, "window functions are not allowed in window definitions");
  if (scope_->place != Place::select && scope_->place != Place::order_by && scope_->place != Place::distinct_on)
    return fail(sqlstate::windowing_error, at, "window functions are not allowed in ", place_name(scope_->place));
  return ok();
}

Status Binder::check_window_call(const sql::FunctionCall& node, std::string_view shown, bool is_aggregate,
                                 std::span<Expr*> args) {
  if (!is_aggregate && node.within_group)
    return fail(sqlstate::wrong_object_type, node.at, "window function ", shown, " cannot have WITHIN GROUP");
  if (node.distinct)
    return fail(sqlstate::feature_not_supported, node.at, "DISTINCT is not implemented for window functions");
  if (is_aggregate && args.empty() && !node.star)
    return fail(sqlstate::wrong_object_type, node.at, shown,
                "(*) must be used to call a parameterless aggregate function");
  if (!node.order_by.empty())
    return fail(sqlstate::feature_not_supported, node.at, "aggregate ORDER BY is not implemented for window functions");
  if (!is_aggregate && node.filter != nullptr)
    return fail(sqlstate::feature_not_supported, node.at,
                "FILTER is not implemented for non-aggregate window functions");
  for (Expr* arg : args)
    if (const Expr* set = find_set_call(arg); set != nullptr)
      return fail(sqlstate::feature_not_supported, set->position,
                  "window function calls cannot contain set-returning function calls")
          .hint("You might be able to move the set-returning function into a LATERAL FROM item.");
  SPG_TRY(check_window_place(node.at));
  for (Expr* arg : args)
    if (const Expr* inner = find_window_call(arg, scope_->query); inner != nullptr)
      return fail(sqlstate::windowing_error, inner->position, "window function calls cannot be nested");
  return ok();
}

Result<Expr*> Binder::window_call(const sql::FunctionCall& node, std::string_view shown, const Candidate& chosen,
                                  std::span<Expr*> args, Oid result) {
  const bool is_aggregate = chosen.function->kind == 'a';
  SPG_TRY(check_window_call(node, shown, is_aggregate, args));
  Query* query = scope_->query;
  WindowedCall made;
  made.name = chosen.function->name;
  made.call.is_aggregate = is_aggregate;
  made.call.function = chosen.function->oid;
  made.call.result_type = result;
  made.call.physical = physical(result);
  made.call.arguments = args;
  if (node.filter != nullptr) { SPG_ASSIGN(made.call.filter, condition(*node.filter, Place::filter, "FILTER")); }
  SPG_ASSIGN(made.window, window_of(*node.over, query));
  if (query->window_range == nullptr) {
    query->window_range = new_range(RangeKind::windows);
    query->window_range->owner = query;
    query->window_range->subquery = query;
  }
  std::size_t at = 0;
  const auto same = [&](const WindowedCall& other) {
    if (other.window != made.window || other.call.function != made.call.function ||
        other.call.arguments.size() != args.size() || !same_expr(other.call.filter, made.call.filter))
      return false;
    for (std::size_t i = 0; i < args.size(); ++i)
      if (!same_expr(other.call.arguments[i], args[i])) return false;
    return true;
  };
  // Calls that are written twice are one, but for volatile ones: ORDER BY then means the one in the list.
  bool alone = false;
  for (const Expr* arg : args) alone = alone || (scope_->place == Place::select && calls_volatile(arg));
  while (at < query->window_calls.size() && (alone || !same(query->window_calls[at]))) ++at;
  if (at == query->window_calls.size()) {
    query->window_calls.push_back(made);
    RangeColumn column;
    column.name = made.name;
    column.type = result;
    column.collation = collation_of(result);
    column.physical = made.call.physical;
    query->window_range->columns.push_back(column);
  }
  return make_column(*arena_, query->window_range->number, static_cast<std::int16_t>(at + 1), result, -1,
                     collation_of(result), made.call.physical, node.at);
}

}  // namespace spg::plan
