// The Window node by hand: batches that cut partitions and peer groups anywhere, rescans, memory, cancellation. What
// functions and frames answer is tested beside PostgreSQL (tests/sql/windows*.slt, tests/clients/windows.py).
#include "world.hpp"

using namespace exec_test;

namespace {

constexpr int null = INT32_MIN;
constexpr std::uint32_t row_number = 3100, rank = 3101, lag = 3106, last_value = 3113, sum_int4 = 2108, min_int4 = 2132;

struct Windows : World {
  /// Partitioned by column 0, ordered by column 1.
  Window* window(Node* input, std::vector<WindowCall> calls, std::vector<Oid> results) {
    std::vector<Oid> types{oid::int4, oid::int4};
    types.insert(types.end(), results.begin(), results.end());
    auto* made = node<Window>(NodeKind::window, types);
    made->input = input;
    made->partition_by = list<std::uint32_t>({0});
    made->order_by = list<SortKey>({{1, false, false}});
    auto* copy = arena.array<WindowCall>(calls.size());
    for (std::size_t i = 0; i < calls.size(); ++i) {
      copy[i] = calls[i];
      copy[i].result_type = results[i];
    }
    made->calls = {copy, calls.size()};
    made->frames = list<WindowFrame>({WindowFrame{}, WindowFrame{}});
    return made;
  }
  WindowCall of(std::uint32_t function, bool is_aggregate, std::initializer_list<Expr*> arguments,
                std::uint32_t frame = 0) {
    WindowCall call;
    call.function = Oid{function};
    call.is_aggregate = is_aggregate;
    call.arguments = list(arguments);
    call.frame = frame;
    return call;
  }
  /// The rows in batches of `size`.
  Node* in_batches(const std::vector<std::pair<int, int>>& rows, std::size_t size) {
    std::vector<Node*> parts;
    for (std::size_t at = 0; at < rows.size(); at += size) {
      auto* part = node<Values>(NodeKind::values, {oid::int4, oid::int4});
      const std::size_t count = std::min(size, rows.size() - at);
      auto* lines = arena.array<std::span<Expr*>>(count);
      for (std::size_t i = 0; i < count; ++i) {
        auto* exprs = arena.array<Expr*>(2);
        const auto& row = rows[at + i];
        exprs[0] = row.first == null ? value(oid::int4, nullptr) : integer(row.first);
        exprs[1] = row.second == null ? value(oid::int4, nullptr) : integer(row.second);
        lines[i] = {exprs, 2};
      }
      part->rows = {lines, count};
      parts.push_back(part);
    }
    auto* all = node<Append>(NodeKind::append, {oid::int4, oid::int4});
    auto* inputs = arena.array<Node*>(parts.size() + 1);
    std::copy(parts.begin(), parts.end(), inputs);
    all->inputs = {inputs, parts.size()};
    return all;
  }
  Expr* x() { return column(1, oid::int4); }
};

}  // namespace

TEST_CASE("batches may cut partitions and peers anywhere") {
  const std::vector<std::pair<int, int>> rows{{1, 3}, {1, 3},    {1, 5},    {2, 1},   {3, 7},
                                              {3, 7}, {3, null}, {null, 2}, {null, 2}};
  for (const std::size_t size : {1u, 2u, 3u, 4u, 9u}) {
    Windows w;
    CAPTURE(size);
    Window* window = w.window(w.in_batches(rows, size),
                              {w.of(row_number, false, {}), w.of(rank, false, {}), w.of(sum_int4, true, {w.x()}),
                               w.of(lag, false, {w.x()}), w.of(min_int4, true, {w.plus(w.x(), w.integer(1))}, 1)},
                              {oid::int8, oid::int8, oid::int8, oid::int4, oid::int4});
    window->frames[1].mode = sql::FrameMode::rows;
    window->frames[1].start = sql::FrameBound::preceding;
    window->frames[1].start_offset = w.value(oid::int8, "1");
    CHECK(w.run(window) ==
          "1,3,1,1,6,-,4 1,3,2,1,6,3,4 1,5,3,3,11,3,4 2,1,1,1,1,-,2 3,7,1,1,14,-,8 3,7,2,1,14,7,8 3,-,3,3,14,7,8 "
          "-,2,1,1,4,-,3 -,2,2,1,4,2,3");
  }
}

TEST_CASE("many partitions, and one of many batches") {
  for (const int partition : {1, 7, 1000, 1024, 5000}) {
    Windows w;
    CAPTURE(partition);
    // 5000 rows: number, number / partition
    Expr* number = w.column(0, oid::int4);
    Node* input = w.project(w.series(0, 4999), {w.divide(number, w.integer(partition)), number});
    Window* window = w.window(
        input, {w.of(row_number, false, {}), w.of(sum_int4, true, {w.x()}, 0), w.of(last_value, false, {w.x()}, 1)},
        {oid::int8, oid::int8, oid::int4});
    window->frames[1].end = sql::FrameBound::unbounded_following;
    // Differences that are zero when right, summed up over all rows.
    auto* sums = w.node<Aggregate>(NodeKind::aggregate, {oid::int8, oid::int8, oid::int8});
    sums->input = window;
    AggregateCall calls[3];
    Expr* arguments[3] = {w.column(2, oid::int8), w.column(3, oid::int8), w.column(4, oid::int4)};
    for (int i = 0; i < 3; ++i) {
      calls[i].function = Oid{i == 2 ? 2108u : 2107u};
      calls[i].result_type = i == 2 ? oid::int8 : oid::numeric;
      calls[i].arguments = {&arguments[i], 1};
    }
    sums->aggregates = calls;
    sums->outputs[0].type = sums->outputs[1].type = oid::numeric;
    sums->outputs[0].physical = sums->outputs[1].physical = type::Physical::string;
    std::int64_t numbers = 0, totals = 0, lasts = 0, total = 0;
    for (int i = 0; i < 5000; ++i) {
      if (i % partition == 0) total = 0;
      total += i;
      numbers += i % partition + 1;
      totals += total;
      lasts += std::min(4999, i / partition * partition + partition - 1);
    }
    CHECK(w.run(sums) == std::to_string(numbers) + "," + std::to_string(totals) + "," + std::to_string(lasts));
  }
}

TEST_CASE("a window without rows, and offsets that no frame has") {
  Windows w;
  Window* window = w.window(w.rows({}, 2), {w.of(sum_int4, true, {w.x()}, 0)}, {oid::int8});
  CHECK(w.run(window) == "");
  window->frames[0].mode = sql::FrameMode::rows;
  window->frames[0].start = sql::FrameBound::preceding;
  window->frames[0].start_offset = w.value(oid::int8, "-1");
  CHECK(w.run(window) == "!22013");
  CHECK(w.error == "22013 frame starting offset must not be negative|");
  window->frames[0].start_offset = w.value(oid::int8, nullptr);
  CHECK(w.run(window) == "!22004");
}

TEST_CASE("a window is computed again for each outer row") {
  Windows w;
  // For each n of 1 .. 3 the running sum over 1 .. n, and lag with an offset that is n.
  Node* input = w.project(w.series(1, 4), {w.integer(0), w.column(0, oid::int4)});
  Expr* n = w.parameter(0, oid::int4, true);
  auto* offset = w.call(481, oid::int8, {n});
  Window* window =
      w.window(w.filter(input, w.less(w.x(), w.plus(n, w.integer(1)))),
               {w.of(sum_int4, true, {w.x()}, 0), w.of(3107, false, {w.x(), n}), w.of(sum_int4, true, {w.x()}, 1)},
               {oid::int8, oid::int4, oid::int8});
  window->frames[1].mode = sql::FrameMode::rows;
  window->frames[1].start = sql::FrameBound::preceding;
  window->frames[1].start_offset = offset;
  window->frames[1].end = sql::FrameBound::preceding;
  window->frames[1].end_offset = w.value(oid::int8, "1");
  auto* join =
      w.node<LoopJoin>(NodeKind::loop_join, {oid::int4, oid::int4, oid::int4, oid::int8, oid::int4, oid::int8});
  join->type = JoinType::inner;
  join->left = w.series(1, 3);
  join->right = window;
  join->bindings = w.list<SubqueryExpr::Binding>({{0, w.column(0, oid::int4)}});
  CHECK(w.run(join) == "1,0,1,1,-,- 2,0,1,1,-,- 2,0,2,3,-,1 3,0,1,1,-,- 3,0,2,3,-,1 3,0,3,6,-,3");
}

TEST_CASE("memory and cancellation end a window") {
  Windows w;
  Node* input = w.project(w.series(1, 200000), {w.integer(0), w.column(0, oid::int4)});
  Window* window = w.window(input, {w.of(sum_int4, true, {w.x()}, 0)}, {oid::int8});
  CHECK(w.run(window, 1 << 20) == "!53200");
  w.host.cancelled = true;
  CHECK(w.run(window) == "!57014");
}
