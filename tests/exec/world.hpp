// A machine on a simulated disk with one table, a catalog that knows it, and verbs to build plans by hand.
#pragma once
#include <catch2/catch.hpp>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "spg/exec/execution.hpp"
#include "spg/os/sim/sim.hpp"
#include "spg/txn/bodies.inl.hpp"
#include "spg/type/io.hpp"
#include "spg/type/numeric.hpp"
#include "spg/type/oids.hpp"

namespace exec_test {

using namespace spg;
using namespace spg::plan;
using type::Batch;
using type::Value;
using SimMachine = txn::Machine<os::SimEnv>;
using SimTransaction = txn::Transaction<os::SimEnv>;
namespace oid = type::oid;

inline constexpr Oid items_oid{20000};

/// items(id int4 primary key, name text, price numeric(8,2), qty int4)
class FakeCatalog final : public catalog::Catalog {
 public:
  FakeCatalog() {
    const std::int32_t typmod = type::NumericTypmod{8, 2}.typmod();
    columns_[0] = {1, "id", oid::int4, -1, {}, type::Physical::int4, true, false, false, {}};
    columns_[1] = {2, "name", oid::text, -1, {}, type::Physical::string, false, false, false, {}};
    columns_[2] = {3, "price", oid::numeric, typmod, {}, type::Physical::int8, false, false, false, {}};
    columns_[3] = {4, "qty", oid::int4, -1, {}, type::Physical::int4, false, false, false, {}};
    indexes_[0] = {Oid{20001}, IndexId{1}, "items_pkey", {&key_, 1}, {}, {}, true, true, {}};
    indexes_[1] = {Oid{20002}, IndexId{2}, "items_price", {&price_, 1}, {}, {}, false, false, {}};
    relation_ = {items_oid, "items", Oid{2200}, 'r', TableId{txn::first_user_table}, false, {}, 'p', columns_, indexes_, 0};
  }
  const catalog::Type* type(Oid) override { return nullptr; }
  const catalog::Type* type(std::string_view, std::string_view) override { return nullptr; }
  const catalog::Function* function(Oid oid) override { return oid == Oid{9999} ? &unknown_ : nullptr; }
  std::span<const catalog::Function* const> functions(std::string_view, std::string_view) override { return {}; }
  const catalog::Operator* operator_(Oid) override { return nullptr; }
  std::span<const catalog::Operator* const> operators(std::string_view, std::string_view) override { return {}; }
  const catalog::Cast* cast(Oid, Oid) override { return nullptr; }
  catalog::Comparison comparison_of(Oid) override { return catalog::Comparison::none; }
  const catalog::Operator* comparison(Oid, Oid, catalog::Comparison) override { return nullptr; }
  Result<const catalog::Relation*> relation(std::string_view, std::string_view name) override {
    return name == "items" ? &relation_ : nullptr;
  }
  Result<const catalog::Relation*> relation(Oid oid) override { return oid == items_oid ? &relation_ : nullptr; }
  Result<Oid> schema_oid(std::string_view) override { return Oid{2200}; }
  Result<std::string_view> schema_name(Oid) override { return std::string_view("public"); }
  Result<Oid> reg_in(Oid, std::string_view, Arena&) override { return Error::make(sqlstate::undefined_object, "no names here"); }
  Result<std::string_view> reg_out(Oid, Oid, Arena&) override { return Error::make(sqlstate::undefined_object, "no names here"); }

 private:
  catalog::ColumnInfo columns_[4];
  std::int16_t key_ = 1, price_ = 3;
  catalog::IndexInfo indexes_[2];
  catalog::Relation relation_;
  Oid argument_ = oid::int4;
  catalog::Function unknown_{Oid{9999}, "mystery", Oid{11}, oid::int4, {&argument_, 1}, {}, 'f', 'i', true, false,
                             0,         {},        {},      {},  {}};
};

class FakeHost final : public txn::Host {
 public:
  Status check_interrupts() override {
    if (asked) asked();
    return cancelled ? Error::make(sqlstate::query_canceled, "canceling statement due to user request") : ok();
  }
  void fill_random(MutableBytes into) override {
    for (auto& byte : into) byte = std::byte{7};
  }
  bool cancelled = false;
  std::function<void()> asked;  ///< runs whenever the statement looks whether it goes on
};

struct World {
  os::SimStorage disk;
  os::SimClock clock;
  os::SimAlloc alloc;
  os::SimRandom random;
  MemoryBudget budget;
  Arena arena{budget};  ///< of plans
  FakeCatalog catalog;
  FakeHost host;
  type::TextSettings settings;
  std::unique_ptr<SimMachine> machine;
  std::unique_ptr<SimTransaction> transaction;
  std::vector<Value> parameters;
  std::string error;  ///< "code message|detail" of the last run that failed
  std::uint64_t affected = 0;

  World() {
    txn::MachineOptions options;
    options.database_path = "d/db";
    options.log_path = "d/wal";
    machine = std::make_unique<SimMachine>(disk, clock, alloc, random, options);
    REQUIRE_FALSE(machine->open());
    auto lineage = machine->create_lineage(DatabaseId{1});
    REQUIRE(lineage);
    transaction = std::make_unique<SimTransaction>(*machine, **lineage);
    REQUIRE_FALSE(transaction->begin({}));
    REQUIRE_FALSE(transaction->begin_statement(txn::Intent::write, store::Access::wait));
    using type::Physical;
    const table::ColumnLayout layout[] = {{1, Physical::int4, 0, {}, Value::null_of(Physical::int4)},
                                          {2, Physical::string, 0, {}, Value::null_of(Physical::string)},
                                          {3, Physical::int8, 0, {}, Value::null_of(Physical::int8)},
                                          {4, Physical::int4, 0, {}, Value::null_of(Physical::int4)}};
    REQUIRE(transaction->create_table(txn::TableUse::user, layout));
    txn::Conflict conflict;
    const table::KeyPart id{raw(oid::int4), 1, 0, 0}, price{raw(oid::int8), 3, 0, 0};
    REQUIRE(transaction->create_index(TableId{txn::first_user_table}, {{&id, 1}, spg::table::Uniqueness::immediate, true}, conflict));
    REQUIRE(transaction->create_index(TableId{txn::first_user_table}, {{&price, 1}, spg::table::Uniqueness::none, true}, conflict));
    REQUIRE_FALSE(transaction->end_statement(true));
  }

  // --- expressions
  template <class T>
  T* make(ExprKind kind, Oid type) {
    T* expr = arena.make<T>();
    expr->kind = kind;
    expr->type = type;
    expr->physical = type::physical_of(type);
    return expr;
  }
  Expr* value(Oid type, const char* text) {
    auto* expr = make<Constant>(ExprKind::constant, type);
    expr->value = Value::null_of(expr->physical);
    if (text == nullptr) return expr;
    auto read = type::input(type, arena.copy(text), -1, settings, arena);
    REQUIRE(read);
    expr->value = *read;
    return expr;
  }
  Expr* integer(int number) { return value(oid::int4, std::to_string(number).c_str()); }
  Expr* column(std::uint32_t place, Oid type) {
    auto* expr = make<Column>(ExprKind::column, type);
    expr->place = place;
    return expr;
  }
  Expr* parameter(std::uint32_t number, Oid type, bool internal) {
    auto* expr = make<Parameter>(ExprKind::parameter, type);
    expr->number = number;
    expr->internal = internal;
    return expr;
  }
  template <class T>
  std::span<T> list(std::initializer_list<T> items) {
    T* copy = arena.array<T>(items.size() + 1);
    std::copy(items.begin(), items.end(), copy);
    return {copy, items.size()};
  }
  Expr* call(std::uint32_t function, Oid result, std::initializer_list<Expr*> arguments) {
    auto* expr = make<Call>(ExprKind::call, result);
    expr->function = Oid{function};
    expr->arguments = list(arguments);
    return expr;
  }
  Expr* equal(Expr* a, Expr* b) { return call(65, oid::boolean, {a, b}); }  // int4eq
  Expr* less(Expr* a, Expr* b) { return call(66, oid::boolean, {a, b}); }   // int4lt
  Expr* plus(Expr* a, Expr* b) { return call(177, oid::int4, {a, b}); }     // int4pl
  Expr* divide(Expr* a, Expr* b) { return call(154, oid::int4, {a, b}); }   // int4div
  Expr* variadic(ExprKind kind, Oid type, std::initializer_list<Expr*> arguments) {
    auto* expr = make<Variadic>(kind, type);
    expr->arguments = list(arguments);
    return expr;
  }

  // --- nodes
  template <class T>
  T* node(NodeKind kind, const std::vector<Oid>& outputs) {
    T* made = arena.make<T>();
    made->kind = kind;
    auto* columns = arena.array<OutputColumn>(outputs.size() + 1);
    std::size_t at = 0;
    for (const Oid type : outputs) {
      new (&columns[at]) OutputColumn{};
      columns[at].type = type;
      columns[at++].physical = type::physical_of(type);
    }
    made->outputs = {columns, outputs.size()};
    return made;
  }
  /// Rows of int4; INT_MIN stands for NULL.
  Node* rows(std::initializer_list<std::initializer_list<int>> numbers, std::size_t width) {
    auto* made = width == 1   ? node<Values>(NodeKind::values, {oid::int4})
                 : width == 2 ? node<Values>(NodeKind::values, {oid::int4, oid::int4})
                              : node<Values>(NodeKind::values, {oid::int4, oid::int4, oid::int4});
    auto* lines = arena.array<std::span<Expr*>>(numbers.size() + 1);
    std::size_t at = 0;
    for (const auto& line : numbers) {
      auto* exprs = arena.array<Expr*>(line.size());
      std::size_t c = 0;
      for (const int number : line) exprs[c++] = number == INT32_MIN ? value(oid::int4, nullptr) : integer(number);
      lines[at++] = {exprs, line.size()};
    }
    made->rows = {lines, numbers.size()};
    return made;
  }
  /// Column `from` .. `to` of int4.
  Node* series(int from, int to) {
    auto* scan = node<FunctionScan>(NodeKind::function_scan, {oid::int4});
    auto* made = static_cast<Call*>(call(1067, oid::int4, {integer(from), integer(to)}));
    made->returns_set = true;
    scan->functions = list<Call*>({made});
    return scan;
  }
  Node* project(Node* input, std::initializer_list<Expr*> exprs) {
    auto* made = node<Project>(NodeKind::project, {});
    auto* outputs = arena.array<OutputColumn>(exprs.size() + 1);
    std::size_t at = 0;
    for (const Expr* e : exprs) {
      new (&outputs[at]) OutputColumn{};
      outputs[at].type = e->type;
      outputs[at++].physical = e->physical;
    }
    made->outputs = {outputs, exprs.size()};
    made->input = input;
    made->expressions = list(exprs);
    return made;
  }
  Node* filter(Node* input, Expr* condition) {
    auto* made = arena.make<Filter>();
    made->kind = NodeKind::filter;
    made->outputs = input->outputs;
    made->input = input;
    made->condition = condition;
    return made;
  }
  Node* scan(std::initializer_list<std::uint16_t> columns, std::initializer_list<Oid> types,
             Expr* condition = nullptr) {
    auto* made = node<TableScan>(NodeKind::table_scan, types);
    made->table = TableId{txn::first_user_table};
    made->relation = items_oid;
    made->columns = list(columns);
    made->filter = condition;
    return made;
  }
  Modify* modify(Modify::Op op, Node* input) {
    auto* made = node<Modify>(NodeKind::modify, {});
    made->op = op;
    made->relation = items_oid;
    made->table = TableId{txn::first_user_table};
    made->input = input;
    made->relation_name = "items";
    made->schema_name = "public";
    made->not_null = list<Modify::NotNull>({{1, "id"}});
    made->row_columns = list<Modify::RowColumn>({{1, "id", oid::int4, -1},
                                                 {2, "name", oid::text, -1},
                                                 {3, "price", oid::numeric, type::NumericTypmod{8, 2}.typmod()},
                                                 {4, "qty", oid::int4, -1}});
    return made;
  }

  // --- running
  std::string print(const Batch& batch, std::span<OutputColumn> outputs) {
    std::string text;
    for (std::uint32_t i = 0; i < batch.selected.count; ++i) {
      if (i != 0) text += ' ';
      for (std::size_t c = 0; c < batch.columns.size(); ++c) {
        if (c != 0) text += ',';
        const Value v = type::value_of(batch.columns[c], batch.selected[i]);
        MemoryBudget unlimited;
        Arena scratch(unlimited);
        TextBuilder out(scratch);
        if (v.is_null) out.add("-");
        else type::output(outputs[c].type, v, out, settings);
        text += out.view();
      }
    }
    return text;
  }
  /// All rows as text, blank between rows; "!" code on failure (see `error`).
  std::string run(Node* root, std::size_t limit_bytes = SIZE_MAX) {
    Plan plan;
    plan.root = root;
    plan.internal_parameters = 8;
    plan.work_tables = 2;
    MemoryBudget statement_budget(limit_bytes);
    Arena statement(statement_budget);
    exec::ExecContext context;
    context.view = transaction.get();
    context.catalog = &catalog;
    context.host = &host;
    context.arena = &statement;
    context.settings = &settings;
    context.parameters = parameters;
    REQUIRE_FALSE(transaction->begin_statement(txn::Intent::write, store::Access::wait));
    std::string text;
    const Status status = [&]() -> Status {
      exec::Execution execution;
      SPG_TRY(execution.open(plan, context));
      for (;;) {
        Batch batch;
        SPG_ASSIGN(const bool more, execution.next(batch));
        if (!more) break;
        if (!text.empty()) text += ' ';
        text += print(batch, root->outputs);
      }
      affected = execution.rows_affected();
      return ok();
    }();
    error.clear();
    if (status.failed()) {
      const auto code = sqlstate_text(status.code());
      error = std::string(code.data(), 5) + " " + std::string(status.message()) + "|" +
              std::string(status.field(ErrorField::detail));
    }
    REQUIRE_FALSE(transaction->end_statement(!status.failed()));
    return status.failed() ? "!" + error.substr(0, 5) : text;
  }
  std::string run(Expr* expr) { return run(project(nullptr, {expr})); }
};

}  // namespace exec_test
