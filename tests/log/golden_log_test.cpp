// Log files that are kept: what was written once is read for ever, and what is written does not change unnoticed. SPG_WRITE_GOLDEN=1
// writes those of the present format.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "spg/log/log.inl.hpp"
#include "spg/os/sim/sim.hpp"
#include "spg/store/manifest.inl.hpp"

using namespace spg;
using namespace spg::log;
using SimLog = Log<os::SimStorage, os::NoSync>;

namespace {

struct Kept { DatabaseId database; RecordType type; std::string payload; };

std::vector<Kept> records() {
  return {{DatabaseId{1}, RecordType::commit, "a commit"},
          {DatabaseId{7}, RecordType::piece, std::string(300, 'p')},
          {DatabaseId{7}, RecordType::streamed_commit, "streamed"},
          {DatabaseId{1}, RecordType::joint_commit, std::string("\0joint\xff", 7)},
          {DatabaseId{1}, audited(RecordType::commit), "audited"}};
}

/// Two epochs and a mark; without the room that is made ahead.
std::string written() {
  os::SimStorage disk;
  SimLog log(disk, "d/wal");
  const Epoch history[] = {{1, 0}};
  const auto visit = [](const Record&) { return ok(); };
  REQUIRE_FALSE(log.recover(0, history, visit));
  REQUIRE_FALSE(log.start(1));
  std::size_t count = 0;
  for (const Kept& one : records()) {
    REQUIRE_FALSE(log.reserve(one.payload.size()));
    REQUIRE(log.append(one.database, one.type, as_bytes(one.payload)));
    if (++count % 2 == 0) REQUIRE_FALSE(log.flush());
  }
  REQUIRE_FALSE(log.flush());
  REQUIRE_FALSE(log.append_mark());
  REQUIRE_FALSE(log.flush());
  RecordBuffer bytes;
  REQUIRE_FALSE(store::read_whole_file(disk, "d/wal.00000000", bytes));
  return std::string(as_text(bytes.bytes()).substr(0, file_header_bytes + log.end()));
}

}  // namespace

TEST_CASE("a log file of the present format is written as ever, and read") {
  const std::string path = std::string(SPG_TEST_VECTORS) + "/log/wal-v1", made = written();
  if (std::getenv("SPG_WRITE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << made;
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  const std::string golden{std::istreambuf_iterator<char>(file), {}};
  CHECK(golden == made);
  os::SimStorage disk;
  REQUIRE_FALSE(store::write_whole_file(disk, "d/wal.00000000", as_bytes(golden)));
  SimLog log(disk, "d/wal", policy::OpenMode::read);
  const Epoch history[] = {{1, 0}};
  std::size_t count = 0;
  const std::vector<Kept> wanted = records();
  REQUIRE_FALSE(log.recover(0, history, [&](const Record& record) {
    REQUIRE(count < wanted.size());
    CHECK(record.header.database == wanted[count].database);
    CHECK(record.header.type == wanted[count].type);
    CHECK(as_text(record.payload) == wanted[count].payload);
    ++count;
    return ok();
  }));
  CHECK(count == wanted.size());
  CHECK(log.end() == golden.size() - file_header_bytes);
}
