// Window functions: which windows are computed, in which order, over which sorts.
//
// A window needs its rows sorted by partition, then order. Windows are arranged as PostgreSQL arranges them: those that
// begin with the same keys beside each other, the longest first, so that one sort serves them all, and those that begin
// as the query's ORDER BY does last. Calls over windows of the same keys are one node, whatever their frames.
#include "planner.hpp"

namespace spg::plan {

namespace {

bool begins_with(std::span<const WindowKey> order, std::span<const WindowKey> keys) {
  return keys.size() <= order.size() && same_keys(order.first(keys.size()), keys);
}
/// Partition, then order, each key once.
Vec<WindowKey> all_keys(Arena& arena, std::span<const WindowKey> partition, std::span<const WindowKey> order) {
  Vec<WindowKey> keys(arena);
  for (const std::span<const WindowKey> list : {partition, order})
    for (const WindowKey& key : list) {
      bool known = false;
      for (const WindowKey& before : keys) known = known || same_expr(before.value, key.value);
      if (!known) keys.push_back(key);
    }
  return keys;
}
bool has_range_offset(const WindowFrame& frame) {
  return frame.mode == sql::FrameMode::range && (frame.start_offset != nullptr || frame.end_offset != nullptr);
}
std::uint32_t place_of(const Rel& rel, const Expr* value) {
  const auto& column = as<Column>(*value);
  for (std::uint32_t i = 0; i < rel.slots.size(); ++i)
    if (rel.slots[i].relation == column.relation && rel.slots[i].number == column.number) return i;
  return UINT32_MAX;
}

/// Expressions that sort or group by, numbered as PostgreSQL numbers them (tleSortGroupRef).
class Numbers {
 public:
  explicit Numbers(Arena& arena) : exprs_(arena) {}
  void add(const Expr* expr) {
    if (of(expr) == exprs_.size()) exprs_.push_back(expr);
  }
  std::size_t of(const Expr* expr) const {
    std::size_t at = 0;
    while (at < exprs_.size() && !same_expr(exprs_[at], expr)) ++at;
    return at;
  }
  bool comes_first(std::span<const WindowKey> a, std::span<const WindowKey> b) const {
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
      const std::size_t x = of(a[i].value), y = of(b[i].value);
      if (x != y) return x > y;
      if (a[i].descending != b[i].descending) return a[i].descending;
      if (a[i].nulls_first != b[i].nulls_first) return a[i].nulls_first;
    }
    return a.size() > b.size();
  }

 private:
  Vec<const Expr*> exprs_;
};

Expr* with_key_columns(Arena& arena, Expr* expr, const KeyColumns& keys) {
  for (std::size_t i = 0; i < keys.exprs.size(); ++i)
    if (same_expr(keys.exprs[i], expr)) return keys.columns[i];
  if (expr->kind == ExprKind::column || is_constant(expr) || expr->kind == ExprKind::parameter) return expr;
  Expr* made = copy_node(arena, expr);
  for_each_part(made, [&](Expr*& part) { part = with_key_columns(arena, part, keys); });
  return made;
}

}  // namespace

/// Whether WHERE leaves only rows with one value of the expression, which then need not be sorted by.
bool Planner::is_fixed(const Query* query, Expr* value) {
  if (is_constant(value) || value->kind == ExprKind::parameter) return true;
  if (query->grouped || query->where == nullptr) return false;
  Vec<Expr*> quals(*arena_);
  split_and(simplify(query->where), quals);
  for (const Expr* qual : quals) {
    if (qual->kind != ExprKind::call || as<Call>(*qual).arguments.size() != 2 ||
        catalog_->comparison_of(as<Call>(*qual).function) != catalog::Comparison::equal)
      continue;
    const std::span<Expr*> sides = as<Call>(*qual).arguments;
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}})
      if (same_expr(sides[i], value) && (is_constant(sides[1 - i]) || sides[1 - i]->kind == ExprKind::parameter))
        return true;
  }
  return false;
}

/// What rows are to be sorted by: partition, then order.
std::span<WindowKey> Planner::sort_keys(const Query* query, std::span<const WindowKey> partition,
                                        std::span<const WindowKey> order) {
  Vec<WindowKey> kept(*arena_);
  for (const WindowKey& key : all_keys(*arena_, partition, order))
    if (!is_fixed(query, simplify(key.value))) kept.push_back(key);
  return kept.span();
}

/// Windows that somebody reads a call of, in the order in which they are computed.
Vec<PlannedWindow> Planner::active_windows(Query* query) {
  Numbers numbers(*arena_);
  for (const SortBy& sort : query->order_by) numbers.add(query->targets[sort.target].expr);
  for (std::size_t i = 0; i < query->group_keys.size(); ++i) {
    const RangeColumn& column = query->key_range->columns[i];
    numbers.add(make_column(*arena_, query->key_range->number, static_cast<std::int16_t>(i + 1), column.type,
                            column.typmod, column.collation, column.physical, -1));
  }
  for (const std::uint32_t target : query->distinct_on) numbers.add(query->targets[target].expr);
  if (query->distinct && query->distinct_on.empty())
    for (std::uint32_t i = 0; i < query->visible; ++i) numbers.add(query->targets[i].expr);
  for (const WindowSpec* window : query->windows) {
    for (const WindowKey& key : window->order_by) numbers.add(key.value);
    for (const WindowKey& key : window->partition_by) numbers.add(key.value);
  }
  Vec<PlannedWindow> active(*arena_);
  Vec<std::span<WindowKey>> keys(*arena_);
  for (std::uint32_t w = 0; w < query->windows.size(); ++w) {
    bool is_read = false;
    for (std::size_t i = 0; i < query->window_calls.size(); ++i)
      is_read = is_read || (query->window_calls[i].window == w && query->window_range->columns[i].used);
    if (!is_read) continue;
    const WindowSpec& window = *query->windows[w];
    const std::span<WindowKey> own = all_keys(*arena_, window.partition_by, window.order_by).span();
    active.push_back({query->windows[w], w, {}, {}});
    keys.push_back(own);
    for (std::size_t i = active.size() - 1; i > 0 && numbers.comes_first(keys[i], keys[i - 1]); --i) {
      std::swap(active[i], active[i - 1]);
      std::swap(keys[i], keys[i - 1]);
    }
  }
  return active;
}

/// Keys as columns of the input, or of `keys`. Without what is the same for all rows.
std::span<WindowKey> Planner::keys_as_columns(std::span<const WindowKey> from, const Rel& input, bool with_constants,
                                              KeyColumns& keys) {
  Vec<WindowKey> made(*arena_);
  for (const WindowKey& key : from) {
    Expr* value = simplify(key.value);
    const bool is_column = value->kind == ExprKind::column && place_of(input, value) != UINT32_MAX;
    const bool constant =
        !is_column && (value->kind == ExprKind::column || is_constant(value) || value->kind == ExprKind::parameter);
    if (constant && !with_constants) continue;
    if (!is_column) {
      std::size_t at = 0;
      while (at < keys.exprs.size() && !same_expr(keys.exprs[at], value)) ++at;
      if (at == keys.exprs.size()) {
        if (keys.range == nullptr) keys.range = new_range();
        RangeColumn column;
        column.type = value->type;
        column.typmod = value->typmod;
        column.collation = value->collation;
        column.physical = value->physical;
        column.used = true;
        keys.range->columns.push_back(column);
        keys.exprs.push_back(value);
        keys.columns.push_back(make_column(*arena_, keys.range->number, static_cast<std::int16_t>(at + 1), value->type,
                                           value->typmod, value->collation, value->physical, value->position));
      }
      value = keys.columns[at];
    }
    made.push_back({value, key.descending, key.nulls_first});
  }
  return made.span();
}

/// A projection that adds the keys to the columns that are needed above.
Result<Rel> Planner::key_columns(Query* query, Rel input, std::span<const PlannedWindow> windows,
                                 const KeyColumns& keys) {
  Vec<Column*> needed(*arena_);
  for (const Target& target : query->targets) collect_columns(target.expr, needed);
  for (const WindowedCall& one : query->window_calls) {
    for (Expr* argument : one.call.arguments) collect_columns(argument, needed);
    collect_columns(one.call.filter, needed);
  }
  for (const PlannedWindow& window : windows)
    for (const std::span<WindowKey> list : {window.partition_by, window.order_by})
      for (const WindowKey& key : list) collect_columns(key.value, needed);
  auto* node = make_node<Project>(NodeKind::project);
  Rel rel = rel_of(node);
  Vec<Expr*> exprs(*arena_);
  Vec<OutputColumn> outputs(*arena_);
  for (std::uint32_t i = 0; i < input.slots.size(); ++i) {
    const Slot& slot = input.slots[i];
    Column* read = nullptr;
    for (Column* column : needed)
      if (column->relation == slot.relation && column->number == slot.number) read = column;
    if (read == nullptr) continue;
    SPG_ASSIGN(Expr * resolved, resolve(read, input));
    exprs.push_back(resolved);
    outputs.push_back(input.node->outputs[i]);
    rel.slots.push_back(slot);
  }
  for (std::size_t i = 0; i < keys.exprs.size(); ++i) {
    SPG_ASSIGN(Expr * resolved, resolve(keys.exprs[i], input));
    exprs.push_back(resolved);
    OutputColumn output = output_of(*keys.exprs[i], "?column?");
    output.physical = resolved->physical;
    outputs.push_back(output);
    rel.slots.push_back({keys.range->number, static_cast<std::int16_t>(i + 1)});
  }
  node->input = input.node;
  node->expressions = exprs.span();
  node->outputs = outputs.span();
  node->rows_estimate = input.node->rows_estimate;
  node->cost_start = input.node->cost_start;
  node->cost_total = input.node->cost_total + node->rows_estimate * 0.0025 * static_cast<double>(exprs.size());
  return rel;
}

Rel Planner::sorted(Rel rel, std::span<const WindowKey> keys) {
  auto* node = make_node<Sort>(NodeKind::sort);
  node->input = rel.node;
  node->keys = {arena_->array<SortKey>(keys.size()), keys.size()};
  for (std::size_t i = 0; i < keys.size(); ++i)
    node->keys[i] = {place_of(rel, keys[i].value), keys[i].descending, keys[i].nulls_first};
  node->outputs = rel.node->outputs;
  node->rows_estimate = rel.node->rows_estimate;
  node->cost_start = node->cost_total = rel.node->cost_total + rel.node->rows_estimate * 0.05;
  rel.node = node;
  rel.order = Vec<WindowKey>(*arena_);
  rel.order.append(keys);
  return rel;
}

/// Whether the node yields its rows in this order by itself: an index scan.
bool Planner::is_scanned_in_order(const Node* node, std::span<const WindowKey> keys) {
  while (node->kind == NodeKind::filter) node = as<Filter>(*node).input;
  if (node->kind != NodeKind::index_scan) return false;
  WantedOrder order;
  order.keys = Vec<WantedOrder::Key>(*arena_);
  for (const WindowKey& key : keys)
    order.keys.push_back({static_cast<Column*>(key.value), key.descending, key.nulls_first});
  return scan_gives(node, order);
}

/// The order that would spare the first sort.
bool Planner::order_from_windows(Query* query, WantedOrder& order) {
  if (query->grouped || query->has_set_functions) return false;
  const Vec<PlannedWindow> active = active_windows(query);
  if (active.empty()) return false;
  order.keys = Vec<WantedOrder::Key>(*arena_);
  const WindowSpec& first = *active[0].spec;
  for (const WindowKey& key : sort_keys(query, first.partition_by, first.order_by)) {
    Expr* value = simplify(key.value);
    if (value->kind != ExprKind::column) return false;
    order.keys.push_back({static_cast<Column*>(value), key.descending, key.nulls_first});
  }
  return !order.keys.empty();
}

/// One node over the calls of windows with the same keys.
Result<Rel> Planner::window_node(Query* query, std::span<const PlannedWindow> windows, Rel rel) {
  auto* node = make_node<Window>(NodeKind::window);
  node->input = rel.node;
  const PlannedWindow& keys = windows[0];
  node->partition_by = {arena_->array<std::uint32_t>(keys.partition_by.size()), keys.partition_by.size()};
  for (std::size_t i = 0; i < keys.partition_by.size(); ++i)
    node->partition_by[i] = place_of(rel, keys.partition_by[i].value);
  node->order_by = {arena_->array<SortKey>(keys.order_by.size()), keys.order_by.size()};
  for (std::size_t i = 0; i < keys.order_by.size(); ++i)
    node->order_by[i] = {place_of(rel, keys.order_by[i].value), keys.order_by[i].descending,
                         keys.order_by[i].nulls_first};
  Vec<WindowFrame> frames(*arena_);
  Vec<WindowCall> calls(*arena_);
  Vec<OutputColumn> outputs(*arena_);
  outputs.append({rel.node->outputs.data(), rel.node->outputs.size()});
  const Rel below = rel;
  for (const PlannedWindow& window : windows) {
    WindowFrame frame = window.spec->frame;
    SPG_ASSIGN(frame.start_offset, resolve(simplify(frame.start_offset), below));
    SPG_ASSIGN(frame.end_offset, resolve(simplify(frame.end_offset), below));
    for (std::size_t i = 0; i < query->window_calls.size(); ++i) {
      const WindowedCall& one = query->window_calls[i];
      if (one.window != window.number || !query->window_range->columns[i].used) continue;
      WindowCall call = one.call;
      Vec<Expr*> arguments(*arena_);
      for (Expr* argument : one.call.arguments) {
        SPG_ASSIGN(Expr * resolved, resolve(simplify(argument), below));
        arguments.push_back(resolved);
      }
      call.arguments = arguments.span();
      if (call.filter != nullptr) { SPG_ASSIGN(call.filter, resolve(simplify(call.filter), below)); }
      call.frame = static_cast<std::uint32_t>(frames.size());
      calls.push_back(call);
      const RangeColumn& column = query->window_range->columns[i];
      OutputColumn output;
      output.name = one.name;
      output.type = call.result_type;
      output.collation = column.collation;
      output.physical = call.physical;
      outputs.push_back(output);
      rel.slots.push_back({query->window_range->number, static_cast<std::int16_t>(i + 1)});
    }
    frames.push_back(frame);
  }
  node->frames = frames.span();
  node->calls = calls.span();
  node->outputs = outputs.span();
  node->rows_estimate = rel.node->rows_estimate;
  node->cost_start = rel.node->cost_start;
  node->cost_total = rel.node->cost_total + node->rows_estimate * 0.02 * static_cast<double>(calls.size());
  rel.node = node;
  return rel;
}

Result<Rel> Planner::windows(Query* query, Rel input) {
  Vec<PlannedWindow> active = active_windows(query);
  if (active.empty()) return input;
  KeyColumns keys{nullptr, Vec<Expr*>(*arena_), Vec<Expr*>(*arena_)};
  for (PlannedWindow& window : active) {
    window.partition_by = keys_as_columns(window.spec->partition_by, input, false, keys);
    window.order_by = keys_as_columns(window.spec->order_by, input, has_range_offset(window.spec->frame), keys);
  }
  const Node* const scan = input.node;
  if (!keys.exprs.empty()) {
    // Whoever reads an expression that is a key reads the key's column: it is computed once, even when it is volatile.
    const auto replace = [&](Expr*& expr) {
      if (expr != nullptr) expr = with_key_columns(*arena_, simplify(expr), keys);
    };
    for (Target& target : query->targets) replace(target.expr);
    for (WindowedCall& one : query->window_calls) {
      for (Expr*& argument : one.call.arguments) replace(argument);
      replace(one.call.filter);
    }
    SPG_ASSIGN(input, key_columns(query, input, active.span(), keys));
  }
  Rel rel = input;
  rel.order = Vec<WindowKey>(*arena_);
  for (std::size_t i = 0; i < active.size();) {
    std::size_t end = i + 1;
    while (end < active.size() && same_keys(active[end].partition_by, active[i].partition_by) &&
           same_keys(active[end].order_by, active[i].order_by))
      ++end;
    const std::span<const WindowKey> sort = sort_keys(query, active[i].partition_by, active[i].order_by);
    if (i == 0 && !sort.empty() && is_scanned_in_order(scan, sort)) rel.order.append(sort);
    if (!begins_with(rel.order.span(), sort)) rel = sorted(rel, sort);
    SPG_ASSIGN(rel, window_node(query, active.span().subspan(i, end - i), rel));
    i = end;
  }
  return rel;
}

/// Whether rows that come out of windows are in the order that the query asks for.
bool Planner::windows_give_order(Query* query, const Rel& rel) {
  if (query->distinct && query->distinct_on.empty()) return false;
  std::size_t at = 0;
  const auto fits = [&](std::uint32_t target, bool descending, bool nulls_first) {
    Expr* value = simplify(query->targets[target].expr);
    if (is_fixed(query, value)) return true;
    if (at >= rel.order.size()) return false;
    const WindowKey& key = rel.order[at++];
    return key.descending == descending && key.nulls_first == nulls_first && same_expr(key.value, value);
  };
  for (const SortBy& sort : query->order_by)
    if (!fits(sort.target, sort.descending, sort.nulls_first)) return false;
  return !query->order_by.empty();
}

}  // namespace spg::plan
