#include "world.hpp"

using namespace exec_test;

namespace {
constexpr int null = INT32_MIN;
}

TEST_CASE("expressions evaluate only what rows need") {
  World w;
  Expr* x = w.column(0, oid::int4);
  Node* in = w.rows({{0}, {5}, {null}, {2}}, 1);
  // x <> 0 AND 10 / x > 2
  Expr* nonzero = w.call(144, oid::boolean, {x, w.integer(0)});
  Expr* big = w.less(w.integer(2), w.divide(w.integer(10), x));
  CHECK(w.run(w.project(in, {w.variadic(ExprKind::logical_and, oid::boolean, {nonzero, big})})) == "f f - t");
  CHECK(w.run(w.filter(in, w.variadic(ExprKind::logical_and, oid::boolean, {nonzero, big}))) == "2");
  Expr* zero = w.equal(x, w.integer(0));
  CHECK(w.run(w.project(in, {w.variadic(ExprKind::logical_or, oid::boolean, {zero, big})})) == "t f - t");
  auto* choice = w.make<Case>(ExprKind::case_when, oid::int4);
  choice->whens = w.list<Case::When>({{zero, w.integer(-1)}, {w.less(x, w.integer(3)), w.divide(w.integer(10), x)}});
  CHECK(w.run(w.project(in, {choice})) == "-1 - - 5");
  CHECK(w.run(w.project(in, {w.variadic(ExprKind::coalesce, oid::int4, {x, w.integer(9)})})) == "0 5 9 2");
  CHECK(w.run(w.project(in, {w.variadic(ExprKind::greatest, oid::int4, {x, w.integer(3)})})) == "3 5 3 3");
  CHECK(w.run(w.project(in, {w.divide(w.integer(10), x)})) == "!22012");
  CHECK(w.error == "22012 division by zero|");
  auto* null_if = w.make<Call>(ExprKind::null_if, oid::int4);
  null_if->function = Oid{65};
  null_if->arguments = w.list({x, w.integer(5)});
  CHECK(w.run(w.project(in, {null_if})) == "0 - - 2");
  auto* distinct = w.make<Call>(ExprKind::distinct_from, oid::boolean);
  distinct->function = Oid{65};
  distinct->arguments = w.list({x, w.value(oid::int4, nullptr)});
  CHECK(w.run(w.project(in, {distinct})) == "t t f t");
}

TEST_CASE("membership is three-valued") {
  World w;
  Node* in = w.rows({{1}, {5}, {null}}, 1);
  auto any = [&](const char* array, ExprKind kind = ExprKind::any_of) {
    auto* expr = w.make<AnyAll>(kind, oid::boolean);
    expr->function = Oid{65};
    expr->scalar = w.column(0, oid::int4);
    expr->array_value = w.value(oid::int4_array, array);
    return w.run(w.project(in, {expr}));
  };
  CHECK(any("{1,2}") == "t f -");
  CHECK(any("{1,NULL}") == "t - -");
  CHECK(any("{}") == "f f f");
  CHECK(any(nullptr) == "- - -");
  CHECK(any("{1,1}", ExprKind::all_of) == "t f -");
  CHECK(any("{}", ExprKind::all_of) == "t t t");
  auto in_list = [&](bool negated, std::initializer_list<Expr*> items) {
    auto* expr = w.make<InList>(ExprKind::in_list, oid::boolean);
    expr->function = Oid{65};
    expr->negated = negated;
    expr->scalar = w.column(0, oid::int4);
    expr->items = w.list(items);
    return w.run(w.project(in, {expr}));
  };
  CHECK(in_list(false, {w.integer(1), w.value(oid::int4, nullptr)}) == "t - -");
  CHECK(in_list(true, {w.integer(1), w.integer(2)}) == "f t -");
  CHECK(in_list(false, {w.integer(1), w.integer(2), w.integer(3), w.integer(4), w.integer(6)}) == "t f -");
  CHECK(in_list(true, {w.integer(1), w.integer(2), w.integer(3), w.integer(4), w.value(oid::int4, nullptr)}) ==
        "f - -");
}

TEST_CASE("casts through text, arrays and rows") {
  World w;
  CHECK(w.run(w.call(0, oid::int4, {w.value(oid::text, " 42 ")})) == "42");
  CHECK(w.run(w.call(0, oid::int4, {w.value(oid::text, "x")})) == "!22P02");
  CHECK(w.run(w.variadic(ExprKind::array, oid::int4_array, {w.integer(1), w.value(oid::int4, nullptr)})) == "{1,NULL}");
  Expr* inner = w.variadic(ExprKind::array, oid::int4_array, {w.integer(1), w.integer(2)});
  CHECK(w.run(w.variadic(ExprKind::array, oid::int4_array, {inner, inner})) == "{{1,2},{1,2}}");
  CHECK(w.run(w.call(6179, oid::int4, {inner, w.integer(2)})) == "2");
  CHECK(w.run(w.call(6179, oid::int4, {inner, w.integer(3)})) == "-");
  CHECK(w.run(w.variadic(ExprKind::row, oid::record,
                         {w.integer(1), w.value(oid::text, "a b"), w.value(oid::text, nullptr)})) == "(1,\"a b\",)");
  CHECK(w.run(w.call(9999, oid::int4, {w.integer(1)})) == "!0A000");
  CHECK(w.error == "0A000 function mystery(integer) is not supported|");
}

TEST_CASE("limit, sort, distinct, append") {
  World w;
  auto limited = [&](Node* input, const char* count, const char* offset, bool ties = false) {
    auto* limit = w.arena.make<Limit>();
    limit->kind = NodeKind::limit;
    limit->outputs = input->outputs;
    limit->input = input;
    limit->count = count == nullptr ? nullptr : w.value(oid::int8, count);
    limit->offset = offset == nullptr ? nullptr : w.value(oid::int8, offset);
    limit->with_ties = ties;
    return limit;
  };
  auto sorted = [&](Node* input, std::initializer_list<SortKey> keys, Expr* limit = nullptr) {
    auto* sort = w.arena.make<Sort>();
    sort->kind = NodeKind::sort;
    sort->outputs = input->outputs;
    sort->input = input;
    sort->keys = w.list(keys);
    sort->limit = limit;
    return sort;
  };
  CHECK(w.run(limited(w.series(1, 3000), "3", "1500")) == "1501 1502 1503");
  CHECK(w.run(limited(w.series(1, 5), nullptr, "3")) == "4 5");
  CHECK(w.run(limited(w.series(1, 5), "0", nullptr)).empty());
  CHECK(w.run(limited(w.series(1, 5), "-1", nullptr)) == "!2201W");
  CHECK(w.run(limited(w.series(1, 5), "1", "-1")) == "!2201X");
  Node* pairs = w.rows({{2, 1}, {1, 2}, {null, 3}, {2, 4}, {1, 5}}, 2);
  CHECK(w.run(sorted(pairs, {{0, false, false}})) == "1,2 1,5 2,1 2,4 -,3");
  CHECK(w.run(sorted(pairs, {{0, true, true}, {1, true, false}})) == "-,3 2,4 2,1 1,5 1,2");
  CHECK(w.run(limited(sorted(pairs, {{0, false, false}}), "1", nullptr, true)) == "1,2 1,5");
  CHECK(w.run(limited(sorted(w.series(1, 20000), {{0, true, false}}, w.value(oid::int8, "3")), "3", nullptr)) ==
        "20000 19999 19998");
  auto* distinct = w.arena.make<Distinct>();
  distinct->kind = NodeKind::distinct;
  distinct->input = w.rows({{1}, {null}, {2}, {1}, {null}}, 1);
  distinct->outputs = distinct->input->outputs;
  CHECK(w.run(distinct) == "1 - 2");
  auto* append = w.node<Append>(NodeKind::append, {oid::int4});
  append->inputs = w.list<Node*>({w.rows({{1}}, 1), w.rows({}, 1), w.rows({{2}}, 1)});
  CHECK(w.run(append) == "1 2");
  for (const bool all : {false, true}) {
    auto* operation = w.node<SetOperation>(NodeKind::set_operation, {oid::int4});
    operation->all = all;
    operation->left = w.rows({{1}, {1}, {1}, {2}, {null}}, 1);
    operation->right = w.rows({{1}, {1}, {null}, {3}}, 1);
    operation->op = SetOperation::Op::intersect;
    CHECK(w.run(operation) == (all ? "1 1 -" : "1 -"));
    operation->op = SetOperation::Op::except;
    CHECK(w.run(operation) == (all ? "1 2" : "2"));
  }
}

TEST_CASE("joins of every type") {
  World w;
  Node* left = w.rows({{1, 10}, {2, 20}, {2, 21}, {null, 30}, {5, 50}}, 2);
  Node* right = w.rows({{2, 200}, {1, 100}, {2, 201}, {7, 700}}, 2);
  Node* with_null = w.rows({{2, 200}, {null, 0}}, 2);
  Node* nothing = w.rows({}, 2);
  struct Case {
    JoinType type;
    Node* right;
    const char* want;
  };
  const Case cases[] = {
      {JoinType::inner, right, "1,10,1,100 2,20,2,200 2,20,2,201 2,21,2,200 2,21,2,201"},
      {JoinType::left, right, "1,10,1,100 2,20,2,200 2,20,2,201 2,21,2,200 2,21,2,201 -,30,-,- 5,50,-,-"},
      {JoinType::right, right, "1,10,1,100 2,20,2,200 2,20,2,201 2,21,2,200 2,21,2,201 -,-,7,700"},
      {JoinType::full, right, "1,10,1,100 2,20,2,200 2,20,2,201 2,21,2,200 2,21,2,201 -,30,-,- 5,50,-,- -,-,7,700"},
      {JoinType::semi, right, "1,10 2,20 2,21"},
      {JoinType::anti, right, "-,30 5,50"},
      {JoinType::anti_null_aware, right, "5,50"},
      {JoinType::anti_null_aware, with_null, ""},
      {JoinType::anti_null_aware, nothing, "1,10 2,20 2,21 -,30 5,50"},
      {JoinType::left, nothing, "1,10,-,- 2,20,-,- 2,21,-,- -,30,-,- 5,50,-,-"},
  };
  for (const Case& c : cases) {
    const bool left_only = c.type == JoinType::semi || c.type == JoinType::anti || c.type == JoinType::anti_null_aware;
    const std::vector<Oid> outputs(left_only ? 2 : 4, oid::int4);
    CAPTURE(static_cast<int>(c.type), c.want);
    auto* hash = w.node<HashJoin>(NodeKind::hash_join, outputs);
    hash->type = c.type;
    hash->left = left;
    hash->right = c.right;
    hash->keys = w.list<HashJoin::Key>({{w.column(0, oid::int4), w.column(0, oid::int4), Oid{65}}});
    CHECK(w.run(hash) == c.want);
    auto* loop = w.node<LoopJoin>(NodeKind::loop_join, outputs);
    loop->type = c.type;
    loop->left = left;
    loop->right = c.right;
    loop->condition = w.equal(w.column(0, oid::int4), w.column(2, oid::int4));
    CHECK(w.run(loop) == c.want);
  }
}

TEST_CASE("a residual, and more pairs than a batch holds") {
  World w;
  auto* join = w.node<HashJoin>(NodeKind::hash_join, {oid::int4, oid::int4});
  join->type = JoinType::inner;
  join->left = w.series(1, 60);
  join->right = w.series(1, 60);
  auto* count = w.node<Aggregate>(NodeKind::aggregate, {oid::int8, oid::int8});
  count->input = join;
  AggregateCall calls[2];
  calls[0].function = Oid{2803};
  calls[0].result_type = oid::int8;
  calls[1].function = Oid{2108};
  calls[1].result_type = oid::int8;
  Expr* argument = w.column(1, oid::int4);
  calls[1].arguments = {&argument, 1};
  count->aggregates = calls;
  CHECK(w.run(count) == "3600,109800");
  join->residual = w.less(w.column(0, oid::int4), w.column(1, oid::int4));
  CHECK(w.run(count) == "1770,71980");
  auto* outer = w.node<HashJoin>(NodeKind::hash_join, {oid::int4, oid::int4});
  outer->type = JoinType::left;
  outer->left = w.series(1, 60);
  outer->right = w.series(1, 60);
  outer->residual = join->residual;
  count->input = outer;
  CHECK(w.run(count) == "1771,71980");
}

TEST_CASE("aggregates with groups, filters, distinct and order") {
  World w;
  Node* in = w.rows({{1, 10}, {2, 5}, {1, 10}, {1, 3}, {2, null}, {null, 7}}, 2);
  auto aggregate = [&](std::initializer_list<Expr*> keys, std::uint32_t function, Oid result,
                       std::initializer_list<Expr*> arguments, bool distinct = false, Expr* condition = nullptr,
                       std::initializer_list<AggregateCall::Order> order = {}) {
    auto* made = w.node<Aggregate>(NodeKind::aggregate, {oid::int4, result});
    if (keys.size() == 0) made->outputs = made->outputs.last(1);
    made->input = in;
    made->keys = w.list(keys);
    AggregateCall call;
    call.function = Oid{function};
    call.result_type = result;
    call.arguments = w.list(arguments);
    call.distinct = distinct;
    call.filter = condition;
    call.order_by = w.list(order);
    made->aggregates = w.list({call});
    return w.run(made);
  };
  Expr* key = w.column(0, oid::int4);
  Expr* x = w.column(1, oid::int4);
  Expr* text = w.call(0, oid::text, {x});
  CHECK(aggregate({key}, 2108, oid::int8, {x}) == "1,23 2,5 -,7");
  CHECK(aggregate({}, 2101, oid::numeric, {x}) == "7.0000000000000000");
  CHECK(aggregate({}, 2803, oid::int8, {}) == "6");
  CHECK(aggregate({}, 2147, oid::int8, {x}) == "5");
  CHECK(aggregate({key}, 2147, oid::int8, {x}, true) == "1,2 2,1 -,1");
  CHECK(aggregate({key}, 2116, oid::int4, {x}, false, w.less(x, w.integer(6))) == "1,3 2,5 -,-");
  CHECK(aggregate({key}, 3538, oid::text, {text, w.value(oid::text, "/")}, false, nullptr, {{x, true, false}}) ==
        "1,10/10/3 2,5 -,7");
  CHECK(aggregate({key}, 3538, oid::text, {text, w.value(oid::text, "/")}, true, nullptr, {}) == "1,10/3 2,5 -,7");
  CHECK(aggregate({key}, 2335, oid::int4_array, {x}) == "1,{10,10,3} 2,{5,NULL} -,{7}");
  CHECK(aggregate({}, 2155, oid::numeric, {x}) == "3.0822070014844882");
  CHECK(aggregate({}, 2725, oid::numeric, {x}) == "2.7568097504180444");
  in = w.rows({}, 2);
  CHECK(aggregate({key}, 2108, oid::int8, {x}).empty());
  CHECK(aggregate({}, 2108, oid::int8, {x}) == "-");
}

TEST_CASE("grouping sets over batches of one row") {
  World w;
  // a, b, x; each row a batch of its own.
  std::vector<Node*> pieces;
  const std::initializer_list<int> rows[] = {{1, 1, 10}, {1, 2, 20}, {2, 1, 30}, {1, 1, 40}, {null, 1, 50}, {1, null, null}};
  auto* in = w.node<Append>(NodeKind::append, {oid::int4, oid::int4, oid::int4});
  const auto grouped = [&](std::initializer_list<std::vector<std::uint32_t>> sets, std::uint32_t function, Oid result) {
    auto* made = w.node<Aggregate>(NodeKind::aggregate, {oid::int4, oid::int4, result, oid::int4});
    made->input = in;
    made->keys = w.list<Expr*>({w.column(0, oid::int4), w.column(1, oid::int4)});
    auto* list = w.arena.array<std::span<const std::uint32_t>>(sets.size() + 1);
    std::size_t count = 0;
    for (const auto& set : sets) {
      auto* keys = w.arena.array<std::uint32_t>(set.size() + 1);
      std::copy(set.begin(), set.end(), keys);
      list[count++] = {keys, set.size()};
    }
    made->sets = {list, count};
    auto* both = w.arena.array<std::uint32_t>(2);
    both[0] = 0, both[1] = 1;
    auto* calls = w.arena.array<std::span<const std::uint32_t>>(1);
    calls[0] = {both, 2};
    made->groupings = {calls, 1};
    AggregateCall call;
    call.function = Oid{function};
    call.result_type = result;
    call.arguments = w.list<Expr*>({w.column(2, oid::int4)});
    made->aggregates = w.list({call});
    return w.run(made);
  };
  CHECK(grouped({{0}, {}, {}}, 2108, oid::int8) == "-,-,-,3 -,-,-,3");
  CHECK(grouped({{0}, {0, 1}}, 2108, oid::int8).empty());
  for (const auto& row : rows) pieces.push_back(w.rows({row}, 3));
  auto* inputs = w.arena.array<Node*>(pieces.size());
  std::copy(pieces.begin(), pieces.end(), inputs);
  in->inputs = {inputs, pieces.size()};
  CHECK(grouped({{0, 1}, {0}, {}}, 2108, oid::int8) ==
        "1,1,50,0 1,2,20,0 2,1,30,0 -,1,50,0 1,-,-,0 1,-,70,1 2,-,30,1 -,-,50,1 -,-,150,3");
  // The same keys in another order are the same groups; a set may stand there twice.
  CHECK(grouped({{1, 0}, {0, 1}}, 2147, oid::int8) ==
        "1,1,2,0 1,2,1,0 2,1,1,0 -,1,1,0 1,-,0,0 1,1,2,0 1,2,1,0 2,1,1,0 -,1,1,0 1,-,0,0");
  CHECK(grouped({{1}, {1}}, 2116, oid::int4) == "-,1,50,2 -,2,20,2 -,-,-,2 -,1,50,2 -,2,20,2 -,-,-,2");
  CHECK(grouped({{}}, 2101, oid::numeric) == "-,-,30.0000000000000000,3");
}

TEST_CASE("set-returning functions") {
  World w;
  auto* scan = w.node<FunctionScan>(NodeKind::function_scan, {oid::int4, oid::text, oid::int8});
  scan->functions =
      w.list<Call*>({static_cast<Call*>(w.call(1066, oid::int4, {w.integer(5), w.integer(1), w.integer(-2)})),
                     static_cast<Call*>(w.call(2331, oid::text, {w.value(oid::text_array, "{a,b}")}))});
  scan->with_ordinality = true;
  CHECK(w.run(scan) == "5,a,1 3,b,2 1,-,3");
  auto* set = w.node<ProjectSet>(NodeKind::project_set, {oid::int4, oid::int4});
  set->input = w.rows({{2}, {0}, {3}}, 1);
  auto* series = static_cast<Call*>(w.call(1067, oid::int4, {w.integer(1), w.column(0, oid::int4)}));
  series->returns_set = true;
  set->expressions = w.list<Expr*>({w.column(0, oid::int4), series});
  CHECK(w.run(set) == "2,1 2,2 3,1 3,2 3,3");
}

TEST_CASE("subqueries, correlated and not") {
  World w;
  auto subquery = [&](SubqueryExpr::Form form, Oid type, Node* plan) {
    auto* expr = w.make<SubqueryExpr>(ExprKind::subquery, type);
    expr->form = form;
    expr->plan = plan;
    return expr;
  };
  using Form = SubqueryExpr::Form;
  Node* in = w.rows({{1}, {2}, {null}}, 1);
  Expr* x = w.column(0, oid::int4);
  CHECK(w.run(w.project(in, {subquery(Form::scalar, oid::int4, w.rows({{7}}, 1))})) == "7 7 7");
  CHECK(w.run(w.project(in, {subquery(Form::scalar, oid::int4, w.rows({}, 1))})) == "- - -");
  CHECK(w.run(w.project(in, {subquery(Form::scalar, oid::int4, w.series(1, 2))})) == "!21000");
  CHECK(w.error == "21000 more than one row returned by a subquery used as an expression|");
  CHECK(w.run(w.project(in, {subquery(Form::array, oid::int4_array, w.series(1, 2))})) == "{1,2} {1,2} {1,2}");
  // (select y + $0 from (values (10)) v(y)), EXISTS (select 1 where $0 = 2)
  auto* scalar =
      subquery(Form::scalar, oid::int4,
               w.project(w.rows({{10}}, 1), {w.plus(w.column(0, oid::int4), w.parameter(0, oid::int4, true))}));
  scalar->bindings = w.list<SubqueryExpr::Binding>({{0, x}});
  CHECK(w.run(w.project(in, {scalar})) == "11 12 -");
  auto* exists = subquery(Form::exists, oid::boolean,
                          w.filter(w.rows({{2}}, 1), w.equal(w.column(0, oid::int4), w.parameter(0, oid::int4, true))));
  exists->bindings = w.list<SubqueryExpr::Binding>({{0, x}});
  CHECK(w.run(w.filter(in, exists)) == "2");
  for (const bool with_null : {false, true}) {
    auto* any = subquery(Form::any, oid::boolean, with_null ? w.rows({{2}, {null}}, 1) : w.rows({{2}, {3}}, 1));
    any->first_row_param = 1;
    any->test = w.equal(x, w.parameter(1, oid::int4, true));
    CHECK(w.run(w.project(in, {any})) == (with_null ? "- t -" : "f t -"));
  }
  auto* all = subquery(Form::all, oid::boolean, w.rows({}, 1));
  all->test = w.equal(x, w.parameter(0, oid::int4, true));
  CHECK(w.run(w.project(in, {all})) == "t t t");
}

TEST_CASE("lateral joins, CTEs and recursion") {
  World w;
  auto* loop = w.node<LoopJoin>(NodeKind::loop_join, {oid::int4, oid::int4});
  loop->type = JoinType::left;
  loop->left = w.rows({{2}, {0}, {1}}, 1);
  auto* lateral = w.node<FunctionScan>(NodeKind::function_scan, {oid::int4});
  lateral->functions =
      w.list<Call*>({static_cast<Call*>(w.call(1067, oid::int4, {w.integer(1), w.parameter(0, oid::int4, true)}))});
  loop->right = lateral;
  loop->bindings = w.list<SubqueryExpr::Binding>({{0, w.column(0, oid::int4)}});
  CHECK(w.run(loop) == "2,1 2,2 1,1 0,-");
  auto* cte = w.node<Materialize>(NodeKind::materialize, {oid::int4});
  cte->input = w.series(1, 3);
  auto scan = [&] {
    auto* made = w.node<CteScan>(NodeKind::cte_scan, {oid::int4});
    made->source = cte;
    return made;
  };
  auto* join = w.node<LoopJoin>(NodeKind::loop_join, {oid::int4, oid::int4});
  join->type = JoinType::inner;
  join->left = scan();
  join->right = scan();
  join->condition = w.less(w.column(0, oid::int4), w.column(1, oid::int4));
  CHECK(w.run(join) == "1,2 1,3 2,3");
  for (const bool all : {true, false}) {
    auto* recursive = w.node<RecursiveUnion>(NodeKind::recursive_union, {oid::int4});
    auto* work = w.node<WorkTable>(NodeKind::work_table, {oid::int4});
    recursive->initial = w.rows({{1}, {1}}, 1);
    recursive->step = w.project(w.filter(work, w.less(w.column(0, oid::int4), w.integer(3))),
                                {w.plus(w.column(0, oid::int4), w.integer(1))});
    recursive->all = all;
    CHECK(w.run(recursive) == (all ? "1 1 2 2 3 3" : "1 2 3"));
  }
}
