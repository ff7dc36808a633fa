#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "spg/log/log.inl.hpp"
#include "spg/os/sim/sim.hpp"

using namespace spg;
using namespace spg::log;
using SimLog = Log<os::SimStorage, os::NoSync>;

namespace {

struct Recovered {
  std::vector<std::string> records;
  std::uint64_t end = 0;
  Sqlstate failed{};
};

Recovered recover(SimLog& log, const std::vector<Epoch>& history) {
  Recovered found;
  Status status = log.recover(0, history, [&](const Record& record) {
    found.records.emplace_back(as_text(record.payload));
    return ok();
  });
  if (status) found.failed = status.code();
  found.end = log.end();
  return found;
}

Result<std::uint64_t> put(SimLog& log, Bytes payload) {
  SPG_TRY(log.reserve(payload.size()));
  return log.append(DatabaseId{1}, RecordType::commit, payload);
}

std::string body(int i, std::size_t bytes) { return std::to_string(i) + std::string(bytes, static_cast<char>('a' + i % 26)); }

}  // namespace

TEST_CASE("a log that was recovered and not started is not written to") {
  os::SimStorage disk;
  const std::vector<Epoch> history{{1, 0}};
  {
    SimLog log(disk, "d/wal");
    recover(log, history);
    REQUIRE_FALSE(log.start(1));
    REQUIRE(put(log, as_bytes(body(1, 100))));
    REQUIRE_FALSE(log.flush());
  }
  {
    SimLog log(disk, "d/wal");
    REQUIRE(recover(log, history).records.size() == 1);
    const std::uint64_t steps = disk.steps();
    (void)log.flush();
    CHECK(disk.steps() == steps);
  }
  SimLog log(disk, "d/wal");
  CHECK(recover(log, history).records == std::vector<std::string>{body(1, 100)});
}

TEST_CASE("acknowledged records survive every crash, and what survives is a prefix") {
  const std::uint64_t steps = [] {
    os::SimStorage disk;
    SimLog log(disk, "d/wal");
    std::vector<Epoch> history{{1, 0}};
    recover(log, history);
    REQUIRE_FALSE(log.start(1));
    for (int i = 0; i < 12; ++i) {
      REQUIRE(put(log, as_bytes(body(i, static_cast<std::size_t>(i) * 400))));
      if (i % 3 == 2) REQUIRE_FALSE(log.flush());
    }
    return disk.steps();
  }();
  for (std::uint64_t cut = 1; cut <= steps + 1; ++cut) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      CAPTURE(cut, seed);
      os::SimStorage disk;
      std::vector<Epoch> history{{1, 0}};
      std::vector<std::string> appended;
      std::size_t acknowledged = 0;
      {
        SimLog log(disk, "d/wal");
        disk.cut_power_at(cut);
        recover(log, history);
        if (!log.start(1)) {
          for (int i = 0; i < 12; ++i) {
            appended.push_back(body(i, static_cast<std::size_t>(i) * 400));
            if (!put(log, as_bytes(appended.back()))) break;
            if (i % 3 == 2) {
              if (log.flush()) break;
              acknowledged = appended.size();
            }
          }
        }
      }
      os::SimChance chance(seed);
      disk.power_cycle(chance, seed == 0 ? os::Survival::none : seed == 1 ? os::Survival::all : os::Survival::torn);
      SimLog again(disk, "d/wal");
      const Recovered found = recover(again, history);
      REQUIRE(found.failed == Sqlstate{});
      REQUIRE(found.records.size() >= acknowledged);
      REQUIRE(found.records.size() <= appended.size());
      for (std::size_t i = 0; i < found.records.size(); ++i) REQUIRE(found.records[i] == appended[i]);
      // Life goes on in the next epoch, and a second recovery sees both.
      history.push_back({2, found.end});
      REQUIRE_FALSE(again.start(2));
      REQUIRE(put(again, as_bytes("after")));
      REQUIRE_FALSE(again.flush());
      SimLog third(disk, "d/wal");
      const Recovered later = recover(third, history);
      REQUIRE(later.records.size() == found.records.size() + 1);
      REQUIRE(later.records.back() == "after");
    }
  }
}

TEST_CASE("a canary without syncs is caught by the same test") {
  bool lost = false;
  for (std::uint64_t seed = 0; seed < 20 && !lost; ++seed) {
    os::SimStorage disk;
    disk.ignore_syncs(true);
    {
      SimLog log(disk, "d/wal");
      recover(log, {{1, 0}});
      REQUIRE_FALSE(log.start(1));
      REQUIRE(put(log, as_bytes("acknowledged")));
      REQUIRE_FALSE(log.flush());
    }
    os::SimChance chance(seed);
    disk.power_cycle(chance, os::Survival::torn);
    SimLog again(disk, "d/wal");
    lost = recover(again, {{1, 0}}).records.empty();
  }
  CHECK(lost);
}

TEST_CASE("a flipped bit is the end of the log, or damage when later records knew better") {
  os::SimStorage disk;
  {
    SimLog log(disk, "d/wal");
    recover(log, {{1, 0}});
    REQUIRE_FALSE(log.start(1));
    for (int i = 0; i < 4; ++i) {
      REQUIRE(put(log, as_bytes(body(i, 50))));
      REQUIRE_FALSE(log.flush());
    }
  }
  const std::uint64_t record = frame_bytes(51);
  for (std::uint64_t at = 0; at < 4 * record; ++at) {
    CAPTURE(at);
    REQUIRE(disk.flip("d/wal.00000000", file_header_bytes + at, static_cast<unsigned>(at)));
    SimLog log(disk, "d/wal");
    const Recovered found = recover(log, {{1, 0}});
    const std::uint64_t hit = at / record, within = at % record;
    // The last record's loss looks like a torn tail; padding is not under a checksum and means nothing.
    if (within >= frame_header_bytes + 51) CHECK((found.failed == Sqlstate{} && found.records.size() == 4));
    else if (hit >= 2) CHECK((found.failed == Sqlstate{} ? found.records.size() == hit : hit == 2));
    else CHECK(found.failed == sqlstate::data_corrupted);
    REQUIRE(disk.flip("d/wal.00000000", file_header_bytes + at, static_cast<unsigned>(at)));
  }
}

TEST_CASE("records cross files, and trimmed files are reused") {
  os::SimStorage disk;
  std::vector<Epoch> history{{1, 0}};
  SimLog log(disk, "wal");
  recover(log, history);
  REQUIRE_FALSE(log.start(1));
  const std::string big(5'000'000, 'x');
  for (int i = 0; i < 20; ++i) {
    REQUIRE(put(log, as_bytes(big)));
    REQUIRE_FALSE(log.flush());
    if (i == 10) REQUIRE_FALSE(log.trim(log.durable() - 100));
  }
  int files = 0;
  REQUIRE_FALSE(disk.list("", [&](std::string_view) { ++files; }));
  CHECK(files <= 6);
}

TEST_CASE("a file that was made ahead and then removed by a recovery is not written to") {
  os::SimStorage disk;
  std::vector<Epoch> history{{1, 0}};
  const std::string big(1'000'000, 'x');
  std::size_t appended = 0;
  for (std::uint32_t life = 1; life <= 3; ++life) {
    SimLog log(disk, "wal");
    REQUIRE(recover(log, history).records.size() == appended);
    if (life > 1) history.push_back({life, log.end()});
    REQUIRE_FALSE(log.start(life));
    const std::size_t records = life == 1 ? 16 : 4;  // the first life ends just before the second file, which is there already
    for (std::size_t i = 0; i < records; ++i, ++appended) REQUIRE(put(log, as_bytes(big)));
    REQUIRE_FALSE(log.flush());
  }
  SimLog log(disk, "wal");
  CHECK(recover(log, history).records.size() == appended);
}

TEST_CASE("a full disk is told before anything is appended") {
  os::SimStorage disk;
  SimLog log(disk, "wal");
  recover(log, {{1, 0}});
  REQUIRE_FALSE(log.start(1));
  disk.fail_at(1, sqlstate::disk_full);
  CHECK(log.reserve(40'000'000).code() == sqlstate::disk_full);
  CHECK_FALSE(log.reserve(1000));
  REQUIRE(put(log, as_bytes("small")));
  CHECK_FALSE(log.flush());
}

TEST_CASE("what recovery finds after a kill outlives a power cut") {
  std::size_t found_unsynced = 0;
  for (std::uint64_t failing = 1; failing <= 8; ++failing) {
    CAPTURE(failing);
    os::SimStorage disk;
    os::SimChance chance(failing);
    std::vector<Epoch> history{{1, 0}};
    {
      SimLog log(disk, "d/wal");
      recover(log, history);
      REQUIRE_FALSE(log.start(1));
      REQUIRE(put(log, as_bytes(body(1, 100))));
      REQUIRE_FALSE(log.flush());
      REQUIRE(put(log, as_bytes(body(2, 700))));
      disk.fail_at(failing, sqlstate::io_error);
      (void)log.flush();  // its sync, say, fails; then the process is killed
      disk.fail_at(0, sqlstate::io_error);
    }
    Recovered first;
    {
      SimLog log(disk, "d/wal");
      first = recover(log, history);
      REQUIRE(first.failed == Sqlstate{});
      history.push_back({2, first.end});
      REQUIRE_FALSE(log.start(2));
      REQUIRE(log.durable() == first.end);
      found_unsynced += first.records.size() == 2;
    }
    disk.power_cycle(chance, os::Survival::none);
    SimLog log(disk, "d/wal");
    const Recovered second = recover(log, history);
    REQUIRE(second.failed == Sqlstate{});
    REQUIRE(second.records == first.records);
  }
  REQUIRE(found_unsynced != 0);
}

TEST_CASE("after a failed write the log is cut at what is durable, and goes on") {
  os::SimStorage disk;
  std::vector<Epoch> history{{1, 0}};
  std::uint64_t kept = 0;
  std::vector<std::string> expected{body(1, 300)};
  {
    SimLog log(disk, "d/wal");
    recover(log, history);
    REQUIRE_FALSE(log.start(1));
    kept = put(log, as_bytes(body(1, 300))).value();
    REQUIRE_FALSE(log.flush());
    for (std::uint32_t epoch = 2; epoch < 5; ++epoch) {
      const std::uint64_t first = put(log, as_bytes(body(2, 5000))).value(), second = put(log, as_bytes(body(3, 10))).value();
      disk.fail_at(1, sqlstate::io_error);
      REQUIRE(log.flush().code() == sqlstate::io_error);
      REQUIRE(log.must_be_cut());
      REQUIRE_FALSE(log.is_broken());
      REQUIRE(put(log, as_bytes(body(4, 10))).error().code() == sqlstate::disk_full);
      REQUIRE(log.flush().code() == sqlstate::disk_full);
      history.push_back({epoch, log.in_files(log.durable())});
      REQUIRE_FALSE(log.cut(epoch));
      for (const std::uint64_t lost : {first, second}) {
        REQUIRE(log.is_lost(lost));
        REQUIRE(log.not_lost(lost) == kept);
      }
      REQUIRE_FALSE(log.is_lost(kept));
      const std::uint64_t before = kept;
      kept = put(log, as_bytes(body(static_cast<int>(epoch) + 10, 700))).value();
      expected.push_back(body(static_cast<int>(epoch) + 10, 700));
      REQUIRE(kept > second);
      REQUIRE_FALSE(log.is_lost(kept));
      REQUIRE_FALSE(log.flush());
      REQUIRE(log.in_files(kept) > log.in_files(before));
    }
    kept = log.in_files(kept);
  }
  os::SimChance chance(3);
  disk.power_cycle(chance, os::Survival::none);
  SimLog log(disk, "d/wal");
  const Recovered found = recover(log, history);
  REQUIRE(found.failed == Sqlstate{});
  REQUIRE(found.records == expected);
  REQUIRE(found.end == kept);
}

TEST_CASE("after a failed sync nothing is in order") {
  os::SimStorage disk;
  SimLog log(disk, "d/wal");
  recover(log, {{1, 0}});
  REQUIRE_FALSE(log.start(1));
  REQUIRE(put(log, as_bytes(body(1, 300))));
  disk.fail_at(2, sqlstate::io_error);
  REQUIRE(log.flush().failed());
  REQUIRE(log.is_broken());
  REQUIRE_FALSE(log.must_be_cut());
}

TEST_CASE("damage of the last record is told from a torn tail once something knows that it was durable") {
  const std::uint64_t record = frame_bytes(51), last = file_header_bytes + 2 * record + 45;
  for (const char* knowing : {"nothing", "mark", "epoch"}) {
    CAPTURE(knowing);
    os::SimStorage disk;
    std::vector<Epoch> history{{1, 0}};
    {
      SimLog log(disk, "d/wal");
      recover(log, history);
      REQUIRE_FALSE(log.start(1));
      CHECK_FALSE(log.wants_mark());
      for (int i = 0; i < 3; ++i) REQUIRE(put(log, as_bytes(body(i, 50))));
      CHECK_FALSE(log.wants_mark());
      REQUIRE_FALSE(log.flush());
      CHECK(log.wants_mark());
      if (knowing == std::string("mark")) {
        REQUIRE_FALSE(log.append_mark());
        REQUIRE_FALSE(log.flush());
        CHECK_FALSE(log.wants_mark());
      }
      if (knowing == std::string("epoch")) history.push_back({2, 3 * record});  // a start has found them
    }
    {
      SimLog log(disk, "d/wal");
      const Recovered found = recover(log, history);  // marks are not handed out
      REQUIRE(found.failed == Sqlstate{});
      REQUIRE(found.records.size() == 3);
    }
    REQUIRE(disk.flip("d/wal.00000000", last, 5));
    SimLog log(disk, "d/wal");
    const Recovered found = recover(log, history);
    if (knowing == std::string("nothing")) CHECK((found.failed == Sqlstate{} && found.records.size() == 2));
    else CHECK(found.failed == sqlstate::data_corrupted);
  }
}

TEST_CASE("a log behind a jump begins its file with it, whoever makes the file") {
  os::SimStorage disk;
  const Jump jump{1000, 3 * file_data_bytes, 4, 7};
  const auto header_of = [&](Jump& found) {
    auto file = disk.open("d/wal.00000003", policy::OpenMode::read);
    REQUIRE(file);
    std::byte header[file_header_bytes];
    REQUIRE_FALSE(file->read_at(0, header));
    REQUIRE(read_file_header(header, 3, found));
    for (std::size_t at = 0; at < 52; ++at) {  // each of its bytes counts, but those that are always zero
      header[at] ^= std::byte{0x10};
      Jump other;
      if (at < 28 || at >= 32) CHECK_FALSE(read_file_header(header, 3, other));
      header[at] ^= std::byte{0x10};
    }
  };
  {
    SimLog log(disk, "d/wal");
    REQUIRE_FALSE(log.start_behind(jump, 7));
    REQUIRE(put(log, as_bytes("first")).value() > jump.to);
    REQUIRE_FALSE(log.flush());
  }
  Jump found;
  header_of(found);
  CHECK((found.from == jump.from && found.to == jump.to && found.epoch_before == 4 && found.epoch_after == 7));
  SimLog again(disk, "d/wal");
  REQUIRE(again.start_behind(jump, 7).code() == sqlstate::duplicate_file);
  // A file that has been lost before anything was in it is made again as it was.
  REQUIRE_FALSE(disk.remove("d/wal.00000003"));
  SimLog third(disk, "d/wal");
  third.set_jump(jump);
  const std::vector<Epoch> history{{7, jump.to}};
  REQUIRE_FALSE(third.recover(jump.to, history, [](const Record&) { return ok(); }));
  REQUIRE_FALSE(third.start(8));
  header_of(found);
  CHECK(found.from == jump.from);
}
