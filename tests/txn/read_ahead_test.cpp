// A scan of what is on disk has the disk begin with the next blocks before it reads them.
#include <catch2/catch.hpp>

#include "support/table_world.hpp"

using namespace spg;
using namespace spg::test;

TEST_CASE("a cold scan announces what it reads, and a hot one reads nothing") {
  os::SimStorage disk;
  World world(disk);
  REQUIRE_FALSE(world.open());
  REQUIRE_FALSE(world.create_table());
  Model model;
  for (std::int32_t from = 0; from < 60'000; from += 2000)
    REQUIRE_FALSE(world.write([&](SimTransaction& transaction) -> Status {
      Conflict conflict;
      for (std::int32_t key = from; key < from + 2000; ++key) {
        SPG_TRY(put(transaction, key, "text " + std::to_string(key), conflict));
        model[key] = "text " + std::to_string(key);
      }
      return ok();
    }));
  REQUIRE_FALSE(world.machine->checkpoint());
  REQUIRE_FALSE(world.open());

  const std::uint16_t columns[] = {1, 2};
  const auto scan = [&](std::span<const std::uint16_t> wanted, std::span<const ZonePredicate> zones, std::uint64_t end_block, Model* found) {
    SimTransaction reader(*world.machine, *world.lineage);
    REQUIRE_FALSE(reader.begin({}));
    REQUIRE_FALSE(reader.begin_statement(Intent::read, store::Access::wait));
    ScanRequest request;
    request.table = table_id;
    request.columns = wanted;
    request.zones = zones;
    request.end_block = end_block;
    auto opened = reader.open_scan(request, world.arena);
    REQUIRE(opened);
    std::unique_ptr<Scan> owned(*opened);
    (void)disk.take_reads();
    for (RowBatch batch;;) {
      auto more = owned->next(batch);
      REQUIRE(more);
      if (!*more) break;
      for (std::uint32_t i = 0; found != nullptr && i < batch.batch.selected.count; ++i) {
        const std::uint32_t row = batch.batch.selected[i];
        (*found)[batch.batch.columns[0].value<std::int32_t>(row)] = std::string(batch.batch.columns[1].value<StringRef>(row).view());
      }
    }
    const os::SimReads reads = disk.take_reads();
    REQUIRE_FALSE(reader.end_statement(true));
    REQUIRE_FALSE(reader.commit());
    world.arena.reset();
    return reads;
  };
  Model found;
  const os::SimReads cold = scan(columns, {}, UINT64_MAX, &found);
  CHECK(found == model);
  // 59 blocks with two chunks each; strings' bodies are known once their chunk has been read.
  CHECK(cold.all >= 59 * 3);
  CHECK(cold.announced >= 57 * 3);
  CHECK(scan(columns, {}, UINT64_MAX, nullptr).all == 0);
  // What the scan does not need is not asked for.
  (void)world.machine->objects().evict(SIZE_MAX);
  const os::SimReads part = scan(std::span(columns).first(1), {}, 20, nullptr);
  CHECK(part.all < 20 * 2 + 25);
  (void)world.machine->objects().evict(SIZE_MAX);
  const type::Value low = type::Value::of(Physical::int4, std::int32_t{50'000});
  const ZonePredicate zone{1, ZonePredicate::Op::greater_equal, low};
  const os::SimReads pruned = scan(columns, {&zone, 1}, UINT64_MAX, nullptr);
  CHECK(pruned.all < cold.all / 2);
}
