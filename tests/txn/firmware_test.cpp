// The machine without threads: commits are durable when they return, tick() checkpoints, and full storage or memory is an
// error and not an end.
#include "spg/profile/firmware.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <optional>
#include <vector>

#include "spg/txn/bodies.inl.hpp"

using namespace spg;

namespace {

const table::ColumnLayout one_column[] = {{1, type::Physical::int8, 0, {}, type::Value::null_of(type::Physical::int8)}};

struct Device {
  explicit Device(std::size_t storage_bytes, std::size_t memory_bytes) : disk(storage_bytes), memory(memory_bytes) {}
  std::vector<std::byte> disk, memory;
  std::optional<os::RamStorage> storage;
  std::optional<os::FixedAlloc> alloc;
  os::TickClock clock;
  os::SeededRandom random{as_bytes("device")};
  std::unique_ptr<FirmwareMachine> machine;
  std::unique_ptr<txn::TransactionControl> transaction;
  TableId table{1};

  /// Loses what is in memory.
  Status start() {
    transaction.reset();
    machine.reset();
    storage.emplace(disk);
    alloc.emplace(memory);
    txn::MachineOptions options;
    options.checkpoint_log_bytes = 32 * 1024;
    machine = std::make_unique<FirmwareMachine>(*storage, clock, *alloc, random, options);
    SPG_TRY(machine->open());
    if (machine->is_new()) SPG_TRY(machine->create_database(DatabaseId{1}));
    transaction.reset(machine->open_transaction(DatabaseId{1}));
    return ok();
  }
  template <class Work>
  Status change(Work work) {
    SPG_TRY(transaction->begin({}));
    SPG_TRY(transaction->begin_statement(txn::Intent::write, store::Access::wait));
    Status failed = work(*transaction);
    SPG_TRY(transaction->end_statement(!failed.failed()));
    if (failed) { transaction->rollback(); return failed; }
    SPG_TRY(transaction->commit());
    return machine->wait_durable(transaction->floor());
  }
  Status create() {
    return change([&](txn::View& view) -> Status {
      SPG_ASSIGN(table, view.create_table(txn::TableUse::user, one_column));
      return ok();
    });
  }
  Status insert(std::int64_t from, std::uint32_t count) {
    std::vector<std::int64_t> values(count);
    for (std::uint32_t i = 0; i < count; ++i) values[i] = from + i;
    const table::ColumnInput input{1, {type::Physical::int8, type::Vector::Form::flat, values.data(), nullptr, nullptr}};
    txn::Conflict conflict;
    return change([&](txn::View& view) { return view.insert(table, {&input, 1}, {nullptr, count}, conflict).status(); });
  }
  std::uint64_t rows() {
    REQUIRE_FALSE(transaction->begin({}).failed());
    REQUIRE_FALSE(transaction->begin_statement(txn::Intent::read, store::Access::wait).failed());
    auto count = transaction->row_count(table);
    REQUIRE(count.has_value());
    REQUIRE_FALSE(transaction->end_statement(true).failed());
    REQUIRE_FALSE(transaction->commit().failed());
    return *count;
  }
};

}  // namespace

TEST_CASE("firmware: a commit is durable when it returns, and tick() writes checkpoints") {
  Device device(16u << 20, 8u << 20);
  REQUIRE_FALSE(device.start().failed());
  REQUIRE_FALSE(device.create().failed());
  std::uint64_t rows = 0;
  for (int round = 0; round < 40; ++round) {
    REQUIRE_FALSE(device.insert(static_cast<std::int64_t>(rows), 300).failed());
    rows += 300;
    REQUIRE_FALSE(device.machine->tick().failed());
    if (round % 7 == 0) REQUIRE_FALSE(device.start().failed());
    REQUIRE(device.rows() == rows);
  }
  // Restarts write no segment: these are tick()'s.
  const auto& segments = device.machine->manifest().segments;
  REQUIRE(segments.size() > 1);
  for (const store::SegmentInfo& segment : segments) REQUIRE(segment.bytes > store::segment_header_bytes);
}

TEST_CASE("firmware: a full storage is 53100, nothing acknowledged is lost") {
  Device device(2u << 20, 16u << 20);
  REQUIRE_FALSE(device.start().failed());
  REQUIRE_FALSE(device.create().failed());
  std::uint64_t rows = 0;
  Status failed;
  while (!(failed = device.insert(static_cast<std::int64_t>(rows), 500))) {
    rows += 500;
    REQUIRE(rows < 1'000'000);
  }
  REQUIRE(failed.code() == sqlstate::disk_full);
  REQUIRE(device.rows() == rows);
  REQUIRE_FALSE(device.start().failed());
  REQUIRE(device.rows() == rows);
}

TEST_CASE("firmware: full memory is 53200, nothing acknowledged is lost") {
  Device device(32u << 20, 1u << 20);
  REQUIRE_FALSE(device.start().failed());
  REQUIRE_FALSE(device.create().failed());
  std::uint64_t rows = 0;
  Status failed;
  while (!(failed = device.insert(static_cast<std::int64_t>(rows), 500))) {
    rows += 500;
    REQUIRE(rows < 1'000'000);
  }
  REQUIRE(failed.code() == sqlstate::out_of_memory);
  REQUIRE(device.rows() == rows);
}
