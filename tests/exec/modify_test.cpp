#include "world.hpp"

using namespace exec_test;

namespace {

Node* item_rows(World& w, std::initializer_list<std::array<const char*, 4>> rows) {
  auto* values = w.node<Values>(NodeKind::values, {oid::int4, oid::text, oid::numeric, oid::int4});
  auto* lines = w.arena.array<std::span<Expr*>>(rows.size() + 1);
  const Oid types[] = {oid::int4, oid::text, oid::numeric, oid::int4};
  std::size_t at = 0;
  for (const auto& row : rows) {
    auto* exprs = w.arena.array<Expr*>(4);
    for (std::size_t c = 0; c < 4; ++c) exprs[c] = w.value(types[c], row[c]);
    lines[at++] = {exprs, 4};
  }
  values->rows = {lines, rows.size()};
  return values;
}
Modify* insert(World& w, Node* input) {
  Modify* made = w.modify(Modify::Op::insert, input);
  made->columns = w.list<std::uint16_t>({1, 2, 3, 4});
  return made;
}
std::string all(World& w) { return w.run(w.scan({1, 2, 3, 4}, {oid::int4, oid::text, oid::numeric, oid::int4})); }
void fill(World& w) {
  REQUIRE(w.run(insert(w, item_rows(w, {{"1", "one", "1.50", "10"},
                                        {"2", "a name that is longer than twelve", "2.25", nullptr},
                                        {"3", nullptr, nullptr, "30"}}))) == "");
}
IndexScan* index_scan(World& w, IndexId index) {
  auto* scan = w.node<IndexScan>(NodeKind::index_scan, {oid::int4, oid::numeric});
  scan->table = TableId{txn::first_user_table};
  scan->relation = items_oid;
  scan->index = index;
  scan->columns = w.list<std::uint16_t>({1, 3});
  return scan;
}

}  // namespace

TEST_CASE("insert, scan, and scaled numerics") {
  World w;
  fill(w);
  CHECK(w.affected == 3);
  CHECK(all(w) == "1,one,1.50,10 2,a name that is longer than twelve,2.25,- 3,-,-,30");
  CHECK(w.run(w.scan({0, 4}, {oid::int8, oid::int4}, w.less(w.integer(10), w.column(1, oid::int4)))) == "2,30");
  auto* zoned = static_cast<TableScan*>(w.scan({1}, {oid::int4}));
  zoned->zones = w.list<TableScan::Zone>({{1, txn::ZonePredicate::Op::greater, w.integer(50)}});
  CHECK(w.run(zoned) == "");
}

TEST_CASE("violations carry PostgreSQL's words, and leave nothing behind") {
  World w;
  fill(w);
  const std::string before = all(w);
  CHECK(w.run(insert(w, item_rows(w, {{"7", "x", "1.00", "1"}, {nullptr, "y", "12345.67", nullptr}}))) == "!23502");
  CHECK(w.error ==
        "23502 null value in column \"id\" of relation \"items\" violates not-null constraint|Failing row contains "
        "(null, y, 12345.67, null).");
  CHECK(w.run(insert(w, item_rows(w, {{"8", "x", "1.00", "1"}, {"2", "y", nullptr, nullptr}}))) == "!23505");
  CHECK(w.error == "23505 duplicate key value violates unique constraint \"items_pkey\"|Key (id)=(2) already exists.");
  CHECK(all(w) == before);
}

TEST_CASE("index scans: points, ranges, arrays, bounds that the column cannot hold") {
  World w;
  fill(w);
  auto* point = index_scan(w, IndexId{1});
  point->prefix = w.list<Expr*>({w.integer(2)});
  CHECK(w.run(point) == "2,2.25");
  point->prefix = w.list<Expr*>({w.value(oid::int4, nullptr)});
  CHECK(w.run(point) == "");
  auto* range = index_scan(w, IndexId{1});
  range->low = w.integer(1);
  range->low_inclusive = false;
  CHECK(w.run(range) == "2,2.25 3,-");
  range->backward = true;
  CHECK(w.run(range) == "3,- 2,2.25");
  auto* any = index_scan(w, IndexId{1});
  any->any_of = w.value(oid::int4_array, "{3,NULL,1,3,9}");
  CHECK(w.run(any) == "3,- 1,1.50");
  auto* price = index_scan(w, IndexId{2});
  price->prefix = w.list<Expr*>({w.value(oid::numeric, "2.2500")});
  CHECK(w.run(price) == "2,2.25");
  price->prefix = w.list<Expr*>({w.value(oid::numeric, "2.251")});
  CHECK(w.run(price) == "");
  struct Bound {
    const char* low;
    const char* high;
    bool inclusive;
    const char* want;
  };
  const Bound bounds[] = {{"1.501", nullptr, true, "2,2.25"},
                          {"1.499", nullptr, false, "1,1.50 2,2.25"},
                          {nullptr, "2.251", false, "1,1.50 2,2.25"},
                          {nullptr, "2.249", true, "1,1.50"},
                          {"-1.555", nullptr, true, "1,1.50 2,2.25"},
                          {nullptr, "99999999999999999999999", true, "1,1.50 2,2.25"},
                          {"99999999999999999999999", nullptr, true, ""},
                          {"NaN", nullptr, true, ""},
                          {nullptr, "NaN", true, "1,1.50 2,2.25"},
                          {nullptr, "-Infinity", true, ""},
                          {"-Infinity", nullptr, true, "1,1.50 2,2.25"}};
  for (const Bound& b : bounds) {
    CAPTURE(b.low, b.high);
    auto* scan = index_scan(w, IndexId{2});
    if (b.low != nullptr) scan->low = w.value(oid::numeric, b.low);
    if (b.high != nullptr) scan->high = w.value(oid::numeric, b.high);
    scan->low_inclusive = scan->high_inclusive = b.inclusive;
    CHECK(w.run(scan) == b.want);
  }
}

TEST_CASE("update and delete, with RETURNING, each row once") {
  World w;
  fill(w);
  // update items set qty = qty + 1, price = 9.99 where id < 3 returning id, price, old qty
  Node* in = w.project(
      w.filter(w.scan({0, 1, 4}, {oid::int8, oid::int4, oid::int4}), w.less(w.column(1, oid::int4), w.integer(3))),
      {w.column(0, oid::int8), w.plus(w.column(2, oid::int4), w.integer(1)), w.value(oid::numeric, "9.99"),
       w.column(2, oid::int4)});
  Modify* update = w.modify(Modify::Op::update, in);
  update->columns = w.list<std::uint16_t>({4, 3});
  update->values = w.list<std::uint32_t>({1, 2});
  update->returning_columns = w.list<std::uint16_t>({1, 3, 4});
  // over id, price, qty, then the input's four columns
  update->returning = w.list<Expr*>(
      {w.column(0, oid::int4), w.column(1, oid::numeric), w.column(2, oid::int4), w.column(6, oid::int4)});
  OutputColumn outputs[4];
  const Oid types[] = {oid::int4, oid::numeric, oid::int4, oid::int4};
  for (std::size_t i = 0; i < 4; ++i) outputs[i].type = types[i];
  update->outputs = outputs;
  CHECK(w.run(update) == "1,9.99,11,10 2,9.99,-,-");
  CHECK(w.affected == 2);
  CHECK(all(w) == "1,one,9.99,11 2,a name that is longer than twelve,9.99,- 3,-,-,30");

  // A join that yields row 0 three times, out of order, updates it once, with the first values.
  auto* join = w.node<LoopJoin>(NodeKind::loop_join, {oid::int4, oid::int8});
  join->type = JoinType::inner;
  join->left = w.rows({{70}, {71}, {72}}, 1);
  join->right = w.scan({0}, {oid::int8}, w.equal(w.integer(1), w.integer(1)));
  Modify* once = w.modify(Modify::Op::update, w.project(join, {w.column(1, oid::int8), w.column(0, oid::int4)}));
  once->columns = w.list<std::uint16_t>({4});
  once->values = w.list<std::uint32_t>({1});
  CHECK(w.run(once) == "");
  CHECK(w.affected == 3);
  CHECK(w.run(w.scan({4}, {oid::int4})) == "70 70 70");

  Modify* remove = w.modify(Modify::Op::remove,
                            w.scan({0, 1}, {oid::int8, oid::int4}, w.less(w.column(1, oid::int4), w.integer(2))));
  remove->returning_columns = w.list<std::uint16_t>({2});
  remove->returning = w.list<Expr*>({w.column(0, oid::text)});
  remove->outputs = {outputs, 1};
  outputs[0].type = oid::text;
  CHECK(w.run(remove) == "one");
  CHECK(w.run(w.scan({1}, {oid::int4})) == "2 3");
}

TEST_CASE("index joins") {
  World w;
  fill(w);
  struct Case {
    JoinType type;
    const char* want;
  };
  const Case cases[] = {{JoinType::inner, "3,- 1,1.50 1,1.50"},
                        {JoinType::left, "3,- 1,1.50 1,1.50 8,- -,-"},
                        {JoinType::semi, "3 1 1"},
                        {JoinType::anti, "8 -"}};
  for (const Case& c : cases) {
    const bool left_only = c.type == JoinType::semi || c.type == JoinType::anti;
    auto* join = left_only ? w.node<IndexJoin>(NodeKind::index_join, {oid::int4})
                           : w.node<IndexJoin>(NodeKind::index_join, {oid::int4, oid::numeric});
    join->type = c.type;
    join->left = w.rows({{3}, {1}, {8}, {INT32_MIN}, {1}}, 1);
    join->table = TableId{txn::first_user_table};
    join->index = IndexId{1};
    join->relation = items_oid;
    join->columns = w.list<std::uint16_t>({3});
    join->keys = w.list<Expr*>({w.column(0, oid::int4)});
    CAPTURE(c.want);
    CHECK(w.run(join) == c.want);
  }
}

TEST_CASE("large statements: many batches, cancellation, memory") {
  World w;
  Node* in = w.project(w.series(1, 5000), {w.column(0, oid::int4), w.call(0, oid::text, {w.column(0, oid::int4)}),
                                           w.value(oid::numeric, nullptr), w.column(0, oid::int4)});
  CHECK(w.run(insert(w, in)) == "");
  CHECK(w.affected == 5000);
  auto* join = w.node<IndexJoin>(NodeKind::index_join, {oid::int4, oid::text});
  join->type = JoinType::inner;
  join->left = w.series(2001, 4100);
  join->table = TableId{txn::first_user_table};
  join->index = IndexId{1};
  join->relation = items_oid;
  join->columns = w.list<std::uint16_t>({2});
  join->keys = w.list<Expr*>({w.column(0, oid::int4)});
  auto* aggregate = w.node<Aggregate>(NodeKind::aggregate, {oid::int8, oid::text});
  aggregate->input = join;
  AggregateCall calls[2];
  calls[0].function = Oid{2803};
  calls[0].result_type = oid::int8;
  calls[1].function = Oid{2129};
  calls[1].result_type = oid::text;
  Expr* text = w.column(1, oid::text);
  calls[1].arguments = {&text, 1};
  aggregate->aggregates = calls;
  CHECK(w.run(aggregate) == "2100,4100");
  auto* sort = w.arena.make<Sort>();
  sort->kind = NodeKind::sort;
  sort->input = w.scan({1, 2}, {oid::int4, oid::text});
  sort->outputs = sort->input->outputs;
  sort->keys = w.list<SortKey>({{1, false, false}});
  CHECK(w.run(sort, 100000) == "!53200");
  CHECK(w.run(sort).substr(0, 24) == "1,1 10,10 100,100 1000,1");
  w.host.cancelled = true;
  CHECK(w.run(sort) == "!57014");
}
