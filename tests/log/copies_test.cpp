#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

#include "spg/log/copies.inl.hpp"
#include "spg/log/log.inl.hpp"
#include "spg/log/trail.inl.hpp"
#include "spg/os/sim/sim.hpp"

using namespace spg;
using namespace spg::log;
using SimLog = Log<os::SimStorage, os::NoSync>;
using SimCopies = Copies<os::SimStorage>;
using SimTrail = Trail<os::SimStorage>;

namespace {

struct Lines final : CopyReport {
  void say(std::string_view line) override { all.emplace_back(line); }
  std::size_t count(std::string_view part) const {
    std::size_t found = 0;
    for (const std::string& line : all) found += line.find(part) != std::string::npos;
    return found;
  }
  std::vector<std::string> all;
};

std::string body(int i, std::size_t bytes) { return std::to_string(i) + std::string(bytes, static_cast<char>('a' + i % 26)); }

/// A log on a disk of its own with copies.
struct Fixture {
  Fixture(os::SimStorage& storage, CopyOptions of) : disk(storage), options(of), log(std::make_unique<SimLog>(disk, "d/wal")) {}
  Status open(std::uint32_t epoch, std::vector<Epoch> history) {
    SPG_TRY(log->recover(0, history, [](const Record&) { return ok(); }));
    copies = std::make_unique<SimCopies>(disk, "d/wal", options, &lines);
    SPG_TRY(copies->open(log->first(), log->end(), {}));
    log->keep(copies->needs());
    return log->start(epoch);
  }
  Status put(std::string_view text) {
    SPG_TRY(log->reserve(text.size()));
    SPG_TRY(log->append(DatabaseId{1}, RecordType::commit, as_bytes(text)).status());
    return log->flush();
  }
  void step(std::uint64_t seconds) {
    now_ns += seconds * 1'000'000'000;
    while (copies->step(log->durable(), now_ns)) {}
  }
  std::vector<std::string> names(std::string_view folder) {
    std::vector<std::string> found;
    REQUIRE_FALSE(disk.list(folder, [&](std::string_view name) { found.emplace_back(name); }));
    return found;
  }

  os::SimStorage& disk;
  CopyOptions options;
  Lines lines;
  std::unique_ptr<SimLog> log;
  std::unique_ptr<SimCopies> copies;
  std::uint64_t now_ns = 1;
};

CopyOptions both() {
  CopyOptions options;
  options.archive = "a";
  options.tee = "t/wal";
  return options;
}

std::vector<std::string> follow(os::SimStorage& disk, std::string_view path, PlaceKind kind, Sqlstate& failed) {
  SimTrail trail(disk);
  REQUIRE_FALSE(trail.add(path, kind));
  std::vector<std::string> found;
  Status status = trail.follow(0, 0, [&](const Record& record) -> Result<bool> {
    found.emplace_back(as_text(record.payload));
    return true;
  });
  failed = status ? status.code() : Sqlstate{};
  return found;
}

}  // namespace

TEST_CASE("files are archived when they are finished, their beginnings after a time, and are kept until then") {
  os::SimStorage disk;
  Fixture one(disk, both());
  one.options.archive_seconds = 60;
  REQUIRE_FALSE(one.open(1, {{1, 0}}));
  const std::string big(5'000'000, 'x');
  std::vector<std::string> expected;
  for (int i = 0; i < 4; ++i) REQUIRE_FALSE(one.put(expected.emplace_back(big + std::to_string(i))));
  REQUIRE_FALSE(one.log->trim(std::min(one.log->durable(), one.copies->needs())));
  CHECK(one.names("d").size() == 2);  // nothing has been copied yet
  one.step(1);
  CHECK(one.names("a") == std::vector<std::string>{"wal.00000000"});
  CHECK(one.copies->needs() / file_data_bytes == 1);
  one.step(1);
  CHECK(one.names("a").size() == 1);
  one.step(60);
  CHECK(one.names("a") == std::vector<std::string>{"wal.00000000", "wal.00000001"});
  REQUIRE_FALSE(one.put(expected.emplace_back("later")));
  one.copies->finish(one.log->durable(), one.now_ns);
  for (const auto& [path, kind] : {std::pair("a/wal", PlaceKind::archive), std::pair("t/wal", PlaceKind::tee)}) {
    Sqlstate failed{};
    CHECK(follow(disk, path, kind, failed) == expected);
    CHECK(failed == Sqlstate{});
  }
  CHECK(one.lines.all.empty());
}

TEST_CASE("a failing archive keeps the log, is said once, and catches up") {
  os::SimStorage disk;
  CopyOptions options;
  options.archive = "a";
  Fixture one(disk, options);
  REQUIRE_FALSE(one.open(1, {{1, 0}}));
  const std::string big(5'000'000, 'x');
  for (int i = 0; i < 8; ++i) {
    REQUIRE_FALSE(one.put(big));
    disk.fail_at(1, sqlstate::disk_full, true, os::SimCalls::all);
    one.step(5);
    disk.fail_at(0, sqlstate::disk_full);
  }
  CHECK(one.copies->needs() == 0);
  CHECK(one.lines.count("the archive fails") == 1);
  CHECK(one.lines.count("No space left on device") == 1);
  one.step(5);
  CHECK(one.lines.count("the archive works again") == 1);
  CHECK(one.copies->needs() / file_data_bytes == 2);
}

TEST_CASE("a tee that lags too much is given up, and one that cannot be reached at the start is tried again") {
  os::SimStorage disk;
  CopyOptions options;
  options.tee = "t/wal";
  options.lag_bytes_max = 12'000'000;
  Fixture one(disk, options);
  REQUIRE_FALSE(one.open(1, {{1, 0}}));
  const std::string big(5'000'000, 'x');
  REQUIRE_FALSE(one.put(big));
  one.step(1);
  CHECK(one.copies->needs() > 5'000'000);
  disk.fail_at(1, sqlstate::io_error, true, os::SimCalls::writes);
  for (int i = 0; i < 3; ++i) {
    disk.fail_at(0, sqlstate::io_error);
    REQUIRE_FALSE(one.put(big));
    disk.fail_at(1, sqlstate::io_error, true, os::SimCalls::writes);
    one.step(5);
  }
  CHECK(one.lines.count("the tee fails") == 1);
  CHECK(one.lines.count("is given up") == 1);
  CHECK(one.copies->needs() == UINT64_MAX);
  // The next start goes on with it.
  disk.fail_at(0, sqlstate::io_error);
  const std::uint64_t end = one.log->durable();
  Fixture two(disk, options);
  REQUIRE_FALSE(two.open(2, {{1, 0}}));
  two.step(1);
  CHECK(two.copies->needs() == end);
  CHECK(two.lines.all.empty());
}

TEST_CASE("a copy that knows of more than the log shows that the log has lost it; another log's is not written to") {
  os::SimStorage disk;
  {
    Fixture one(disk, both());
    REQUIRE_FALSE(one.open(1, {{1, 0}}));
    for (int i = 0; i < 3; ++i) REQUIRE_FALSE(one.put(body(i, 100)));
    one.copies->finish(one.log->durable(), one.now_ns);
  }
  const std::uint64_t last = file_header_bytes + 2 * frame_bytes(101) + 60;
  for (const bool by_archive : {true, false}) {
    os::SimStorage copy;
    copy.copy_from(disk);
    REQUIRE(copy.flip("d/wal.00000000", last, 3));  // looks like a torn tail
    CopyOptions options = both();
    (by_archive ? options.tee : options.archive) = {};
    Fixture again(copy, options);
    Status failed = again.open(2, {{1, 0}});
    REQUIRE(failed.code() == sqlstate::data_corrupted);
    CHECK(failed.message().find(by_archive ? "the archive \"a\" holds the log up to" : "the tee \"t/wal\" holds the log up to") == 0);
  }
  // Another database, as far along, with the same places.
  os::SimStorage other;
  other.copy_from(disk);
  REQUIRE_FALSE(other.remove("d/wal.00000000"));
  Fixture foreign(other, both());
  foreign.options.archive = foreign.options.tee = {};
  REQUIRE_FALSE(foreign.open(1, {{1, 0}}));
  for (int i = 0; i < 9; ++i) REQUIRE_FALSE(foreign.put(body(i + 5, 100)));
  foreign.log.reset();
  const std::uint64_t before = other.fingerprint();
  Fixture again(other, both());
  REQUIRE_FALSE(again.log->recover(0, std::vector<Epoch>{{1, 0}}, [](const Record&) { return ok(); }));
  again.copies = std::make_unique<SimCopies>(other, "d/wal", again.options, &again.lines);
  REQUIRE_FALSE(again.copies->open(0, again.log->end(), {}));
  again.copies->finish(again.log->end(), 1);
  CHECK(again.lines.count("holds another log") == 1);
  CHECK(again.lines.count("it is the archive of another log") == 1);
  CHECK(again.names("a").size() == 2);  // what was begun under another name
  REQUIRE_FALSE(other.remove("a/wal.00000000.new"));
  CHECK(other.fingerprint() == before);
}

TEST_CASE("a gap is told") {
  os::SimStorage disk;
  {
    Fixture one(disk, CopyOptions{});
    REQUIRE_FALSE(one.open(1, {{1, 0}}));
    one.options = both();
    one.copies = std::make_unique<SimCopies>(disk, "d/wal", one.options, &one.lines);
    REQUIRE_FALSE(one.copies->open(0, 0, {}));
    REQUIRE_FALSE(one.put("first"));
    one.copies->finish(one.log->durable(), 1);
    const std::string big(9'000'000, 'x');
    for (int i = 0; i < 9; ++i) REQUIRE_FALSE(one.put(big));
    REQUIRE_FALSE(one.log->trim(one.log->durable()));
  }
  Lines lines;
  const CopyOptions options = both();
  SimCopies copies(disk, "d/wal", options, &lines);
  REQUIRE_FALSE(copies.open(2 * file_data_bytes, 81'000'000, {}));
  CHECK(lines.count("the archive lacks the log from 48 to 33554304") == 1);
  CHECK(lines.count("the tee lacks the log from 48 to 33554304") == 1);
  copies.finish(81'000'000, 1);
  Sqlstate failed{};
  CHECK(follow(disk, "a/wal", PlaceKind::archive, failed).size() == 1);
  CHECK(failed == sqlstate::data_corrupted);
}

TEST_CASE("every flipped bit of an archive is found, or changes nothing") {
  os::SimStorage disk;
  std::vector<std::string> expected;
  {
    CopyOptions options;
    options.archive = "a";
    Fixture one(disk, options);
    REQUIRE_FALSE(one.open(1, {{1, 0}}));
    for (int i = 0; i < 4; ++i) REQUIRE_FALSE(one.put(expected.emplace_back(body(i, 50))));
    one.copies->finish(one.log->durable(), 1);
  }
  const std::uint64_t record = frame_bytes(51), bytes = file_header_bytes + 4 * record;
  for (std::uint64_t at = 0; at < bytes; ++at) {
    CAPTURE(at);
    REQUIRE(disk.flip("a/wal.00000000", at, static_cast<unsigned>(at)));
    Sqlstate failed{};
    const auto found = follow(disk, "a/wal", PlaceKind::archive, failed);
    const bool is_padding = at < file_header_bytes || (at - file_header_bytes) % record >= frame_header_bytes + 51;
    // Even of the last record: an archive holds nothing but what was durable.
    if (is_padding) CHECK((found == expected && failed == Sqlstate{}));
    else CHECK(failed == sqlstate::data_corrupted);
    REQUIRE(disk.flip("a/wal.00000000", at, static_cast<unsigned>(at)));
  }
}

TEST_CASE("a trail takes each frame from where it is whole, and finds what is missing in the middle") {
  os::SimStorage disk;
  std::vector<std::string> expected;
  {
    CopyOptions options;
    options.archive = "a";
    Fixture one(disk, options);
    REQUIRE_FALSE(one.open(1, {{1, 0}}));
    for (int i = 0; i < 20; ++i) REQUIRE_FALSE(one.put(expected.emplace_back(body(i, 2'000'000))));
    one.copies->finish(one.log->durable(), 1);
  }
  REQUIRE(disk.flip("d/wal.00000000", 3'000'000, 1));
  REQUIRE(disk.flip("a/wal.00000000", 9'000'000, 1));
  REQUIRE_FALSE(disk.remove("a/wal.00000001"));
  SimTrail trail(disk);
  REQUIRE_FALSE(trail.add("d/wal", PlaceKind::log));
  REQUIRE_FALSE(trail.add("a/wal", PlaceKind::archive));
  std::size_t found = 0;
  REQUIRE_FALSE(trail.follow(0, 0, [&](const Record& record) -> Result<bool> { return as_text(record.payload) == expected[found++]; }));
  CHECK(found == expected.size());
  REQUIRE_FALSE(disk.remove("d/wal.00000001"));
  SimTrail gap(disk);
  REQUIRE_FALSE(gap.add("d/wal", PlaceKind::log));
  REQUIRE_FALSE(gap.add("a/wal", PlaceKind::archive));
  CHECK(gap.follow(0, 0, [](const Record&) -> Result<bool> { return true; }).code() == sqlstate::data_corrupted);
}
