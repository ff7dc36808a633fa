// World: a machine in memory with a database and the shared lineage, bootstrapped; statements run in transactions of
// their own unless a block is open.
#pragma once
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "spg/catalog/session.hpp"
#include "spg/os/sim/sim.hpp"
#include "spg/txn/bodies.inl.hpp"

namespace spg::test {

struct World {
  using Machine = txn::Machine<os::SimEnv>;
  using Transaction = txn::Transaction<os::SimEnv>;

  os::SimStorage disk;
  os::SimClock clock;
  os::SimAlloc alloc;
  os::SimRandom random;
  MemoryBudget budget;
  Arena arena{budget};
  std::unique_ptr<Machine> machine;
  std::unique_ptr<Transaction> database, shared;
  std::unique_ptr<catalog::SessionCatalog> catalog;

  World() {
    machine = std::make_unique<Machine>(disk, clock, alloc, random, options());
    REQUIRE(!machine->open().failed());
    REQUIRE(lineage(DatabaseId::shared) != nullptr);
    REQUIRE(lineage(DatabaseId{1}) != nullptr);
    database = std::make_unique<Transaction>(*machine, *lineage(DatabaseId{1}));
    shared = std::make_unique<Transaction>(*machine, *lineage(DatabaseId::shared));
    catalog = std::make_unique<catalog::SessionCatalog>(*database, shared.get(), budget);
    must([&] { return catalog::bootstrap_database(*database, arena); });
    must([&] { return catalog::bootstrap_shared(*shared, {}, arena); });
  }
  static txn::MachineOptions options() {
    txn::MachineOptions result;
    result.database_path = "d/db";
    result.log_path = "d/wal";
    return result;
  }
  Machine::LineageOf* lineage(DatabaseId id) {
    if (auto* found = machine->lineage(id)) return found;
    auto made = machine->create_lineage(id);
    return made ? *made : nullptr;
  }

  bool in_block = false;
  void begin() {
    REQUIRE(!database->begin({}).failed());
    REQUIRE(!shared->begin({}).failed());
    in_block = true;
  }
  void end(bool keep) {
    in_block = false;
    if (keep) {
      REQUIRE(!database->commit().failed());
      REQUIRE(!shared->commit().failed());
    } else {
      database->rollback();
      shared->rollback();
    }
  }
  /// Runs `body` as one statement; what it returns is the statement's error.
  template <class Body>
  Status run(Body body) {
    const bool own = !in_block;
    if (own) begin();
    REQUIRE(!database->begin_statement(txn::Intent::write, store::Access::wait).failed());
    REQUIRE(!shared->begin_statement(txn::Intent::write, store::Access::wait).failed());
    Status status = body();
    REQUIRE(!database->end_statement(!status.failed()).failed());
    REQUIRE(!shared->end_statement(!status.failed()).failed());
    catalog->invalidate();
    if (own) end(!status.failed());
    return status;
  }
  template <class Body>
  void must(Body body) {
    const Status status = run(body);
    if (status.failed()) FAIL(std::string(status.message()));
  }
};

}  // namespace spg::test
