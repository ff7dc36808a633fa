// How much memory a statement keeps: of what it reads, and of what it computes.
#include <algorithm>

#include "world.hpp"

using namespace exec_test;

namespace {

constexpr int row_count = 40'000;

std::string name_of(int id) { return "a name that is not short " + std::to_string(1'000'000 + id); }

/// The table with many rows, on disk and in memory.
struct Filled : World {
  Filled() {
    REQUIRE_FALSE(transaction->begin_statement(txn::Intent::write, store::Access::wait));
    for (int from = 0; from < row_count; from += 1000) {
      std::vector<std::string> texts;
      std::int32_t ids[1000];
      type::StringRef names[1000];
      for (int i = 0; i < 1000; ++i) texts.push_back(name_of(from + i));
      for (int i = 0; i < 1000; ++i) {
        ids[i] = from + i;
        names[i] = type::StringRef(std::string_view(texts[static_cast<std::size_t>(i)]));
      }
      const spg::table::ColumnInput inputs[] = {{1, {type::Physical::int4, type::Vector::Form::flat, ids, nullptr, nullptr}},
                                         {2, {type::Physical::string, type::Vector::Form::flat, names, nullptr, nullptr}}};
      txn::Conflict conflict;
      REQUIRE(transaction->insert(TableId{txn::first_user_table}, inputs, {nullptr, 1000}, conflict));
      REQUIRE_FALSE(conflict.found());
    }
    REQUIRE_FALSE(transaction->end_statement(true));
    REQUIRE_FALSE(transaction->commit());
    REQUIRE_FALSE(machine->flush());
    REQUIRE_FALSE(machine->checkpoint());
    REQUIRE_FALSE(transaction->begin({}));
    all_bytes = alloc.used_bytes();
    host.asked = [this] { machine->objects().evict(SIZE_MAX); };
    machine->objects().evict(SIZE_MAX);
    machine->objects().evict(SIZE_MAX);
    (void)alloc.take_most_used_bytes();
  }
  Aggregate* aggregate(Node* input, std::uint32_t function, Oid result, Expr* argument) {
    auto* made = node<Aggregate>(NodeKind::aggregate, {result});
    made->input = input;
    AggregateCall call;
    call.function = Oid{function};
    call.result_type = result;
    call.arguments = list({argument});
    made->aggregates = list({call});
    return made;
  }
  Node* all() { return scan({1, 2}, {oid::int4, oid::text}); }
  std::size_t all_bytes = 0;
};

}  // namespace

TEST_CASE("what a statement has read may leave the memory before it ends") {
  Filled w;
  REQUIRE(w.all_bytes > 2'000'000);
  REQUIRE(w.alloc.used_bytes() < w.all_bytes / 4);
  SECTION("one row comes of all") {
    CHECK(w.run(w.aggregate(w.all(), 2129, oid::text, w.column(1, oid::text))) == name_of(row_count - 1));
    CHECK(w.alloc.take_most_used_bytes() < w.all_bytes / 4);
  }
  SECTION("no row comes of any") {
    CHECK(w.run(w.filter(w.all(), w.less(w.column(0, oid::int4), w.integer(0)))).empty());
    CHECK(w.alloc.take_most_used_bytes() < w.all_bytes / 4);
  }
}

TEST_CASE("what is in use stays, whatever else goes") {
  Filled w;
  const auto count_of = [&](Node* input) { return w.run(w.aggregate(input, 2147, oid::int8, w.column(0, oid::int4))); };
  SECTION("a subquery reads the table while the row it is for lies in it") {
    auto* exists = w.make<SubqueryExpr>(ExprKind::subquery, oid::boolean);
    exists->form = SubqueryExpr::Form::exists;
    exists->plan = w.scan({1, 2}, {oid::int4, oid::text},
                          w.call(67, oid::boolean, {w.column(1, oid::text), w.parameter(0, oid::text, true)}));
    exists->bindings = w.list<SubqueryExpr::Binding>({{0, w.column(1, oid::text)}});
    Node* few = w.filter(w.all(), w.less(w.column(0, oid::int4), w.integer(20)));
    CHECK(count_of(w.filter(few, exists)) == "20");
  }
  SECTION("the left side of a join that reads the right one again and again") {
    auto* join = w.node<LoopJoin>(NodeKind::loop_join, {oid::int4, oid::text, oid::int4, oid::text});
    join->left = w.filter(w.all(), w.less(w.column(0, oid::int4), w.integer(3)));
    join->right = w.all();
    join->condition = w.call(67, oid::boolean, {w.column(1, oid::text), w.column(3, oid::text)});
    CHECK(w.run(w.project(join, {w.column(1, oid::text), w.column(3, oid::text)})) ==
          name_of(0) + "," + name_of(0) + " " + name_of(1) + "," + name_of(1) + " " + name_of(2) + "," + name_of(2));
  }
}

TEST_CASE("the greatest text takes the place of the greatest so far") {
  World w;
  auto* made = w.node<Aggregate>(NodeKind::aggregate, {oid::text});
  made->input = w.series(1'000'000, 1'100'000);
  AggregateCall call;
  call.function = Oid{2129};
  call.result_type = oid::text;
  call.arguments = w.list({w.call(1258, oid::text, {w.value(oid::text, "a name that is not short "), w.call(0, oid::text, {w.column(0, oid::int4)})})});
  made->aggregates = w.list({call});
  CHECK(w.run(made, 1'000'000) == name_of(100'000));
}
