// Verification: what is sound has no faults, whatever is in memory; a fault in any byte, and in what bytes with right
// checksums say, is found; and a database with bytes that have changed, strayed or stayed behind answers right or not at all.
#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "spg/index/btree/nodes.hpp"
#include "spg/os/sim/sim.hpp"
#include "spg/store/segment_walk.hpp"
#include "spg/table/table.hpp"
#include "support/database.hpp"
#include "support/forgery.hpp"
#include "support/verify.hpp"

#include "spg/txn/bodies.inl.hpp"

using namespace spg;
using namespace spg::test;
using store::Kind;

namespace {

using SimDatabase = Database<os::SimEnv>;
using SimMachine = txn::Machine<os::SimEnv>;

void ask(SimDatabase& database, const std::string& text) {
  const Answer answer = database.ask(text);
  CAPTURE(text, answer.message);
  REQUIRE(answer.error == "");
}

/// Tables with every kind of object: of several blocks, with dropped and added columns, long strings and NULLs.
void fill(SimDatabase& database) {
  ask(database, "CREATE TABLE t (id int PRIMARY KEY, note text, f float8, n numeric(12,3), gone int, b bool, u uuid)");
  ask(database, "INSERT INTO t SELECT i, 'note ' || i, i / 3.0, i * 1.001, i, i % 2 = 0, '00000000-0000-0000-0000-00000000000a' FROM generate_series(1, 2500) i");
  ask(database, "CREATE INDEX t_note ON t (note, f DESC)");
  ask(database, "CREATE UNIQUE INDEX t_n ON t (n)");
  ask(database, "UPDATE t SET note = repeat('long ' || id, 250) WHERE id % 200 = 0 AND id < 500");
  ask(database, "UPDATE t SET n = NULL, b = NULL WHERE id % 3 = 0");
  ask(database, "CREATE TABLE large (id int, body text)");
  ask(database, "INSERT INTO large SELECT i, repeat('abcdefgh' || i, 20000 * i) FROM generate_series(1, 3) i");
  REQUIRE_FALSE(database.machine->checkpoint());
  ask(database, "DELETE FROM t WHERE id BETWEEN 1000 AND 2200");
  ask(database, "ALTER TABLE t DROP COLUMN gone");
  ask(database, "ALTER TABLE t ADD COLUMN more text DEFAULT 'a value that does not lie in the row'");
  ask(database, "UPDATE t SET f = -f WHERE id < 100");
  ask(database, "UPDATE t SET more = 'own' WHERE id > 2400");
}

}  // namespace

TEST_CASE("a sound database has no faults, in memory, on disk or between, and verification changes nothing") {
  os::SimStorage storage;
  SimDatabase database(storage);
  REQUIRE_FALSE(database.open());
  fill(database);
  CHECK(faults_of(*database.machine) == "");
  REQUIRE_FALSE(database.machine->checkpoint());
  (void)database.machine->objects().evict(SIZE_MAX);
  CHECK(faults_of(*database.machine) == "");
  ask(database, "INSERT INTO t (id, note, n) SELECT i, NULL, NULL FROM generate_series(3000, 3100) i");
  database.close();
  const std::uint64_t before = storage.fingerprint(), steps = storage.steps();
  Faults all, little;
  verify_all<SimMachine>(storage, all);
  verify_all<SimMachine>(storage, little, 200'000);  // less than the table takes
  CHECK(all.text == "");
  CHECK(little.text == "");
  CHECK(all.rows > 1400);
  CHECK(all.entries > 3 * 1400);
  CHECK(all.log_records > 0);
  CHECK((little.rows == all.rows && little.entries == all.entries && little.tables == all.tables));
  CHECK((storage.fingerprint() == before && storage.steps() == steps));
}

TEST_CASE("an opened-to-be-read database takes no writes") {
  os::SimStorage storage;
  {
    SimDatabase database(storage);
    REQUIRE_FALSE(database.open());
    ask(database, "CREATE TABLE t (id int)");
  }
  const std::uint64_t before = storage.fingerprint();
  os::SimClock clock;
  os::SimAlloc alloc;
  os::SimRandom random;
  txn::MachineOptions options = read_only_options();
  SimMachine machine(storage, clock, alloc, random, options);
  REQUIRE_FALSE(machine.open());
  CHECK(machine.log_is_broken());
  CHECK(machine.checkpoint());
  CHECK(machine.flush());
  CHECK(storage.fingerprint() == before);
  options.database_path = "d/nothing";
  SimMachine none(storage, clock, alloc, random, options);
  CHECK(none.open().code() == sqlstate::undefined_file);
}

TEST_CASE("what records with right checksums say of each other is verified") {
  Forgery forgery;
  using Change = std::function<void(SegmentModel&)>;
  const auto found = [&](const Change& change) {
    os::SimStorage copy;
    forgery.forge(change, copy);
    Faults faults;
    verify_all<SimMachine>(copy, faults);
    return faults.text;
  };
  CHECK(found([](SegmentModel&) {}) == "");
  struct Lie { const char* what; Change tell; };
  const auto int_keys = [](ModelRecord& record) { return reinterpret_cast<index::IntKey*>(record.head.data() + sizeof(index::IntNodes::State)); };
  const auto table_of_user = [](SegmentModel& model) -> table::TableState& { return payload<table::TableState>(*records_of(model, Kind::table).back()); };
  const Lie lies[] = {
      {"it has an entry with another key than its row's, row", [&](SegmentModel& model) { ++int_keys(*records_of(model, Kind::int_leaf).back())[0].rowid; }},
      {"has no entry of row", [&](SegmentModel& model) { ++int_keys(*records_of(model, Kind::int_leaf).back())[0].rowid; }},
      {"it has an entry of a row that is not there, row",
       [&](SegmentModel& model) {
         ModelRecord& leaf = *records_of(model, Kind::int_leaf).back();
         int_keys(leaf)[payload<index::IntNodes::State>(leaf).count - 1].rowid += 70'000;
       }},
      {"entries, and has", [&](SegmentModel& model) { --payload<index::IntNodes::State>(*records_of(model, Kind::int_leaf).back()).count; }},
      {"holds entries in the wrong place", [&](SegmentModel& model) { int_keys(*records_of(model, Kind::int_inner).back())[0].key += 3; }},
      {"rows, and has", [&](SegmentModel& model) { ++table_of_user(model).rows; }},
      {"has rows that are to come", [&](SegmentModel& model) { table_of_user(model).next_rowid = 1050; }},
      {"holds a value outside its bounds", [](SegmentModel& model) { --payload<table::BlockState>(*records_of(model, Kind::block).back()).entries()[0].high; }},
      {"NULLs, its block counts",
       [](SegmentModel& model) {
         ModelRecord& chunk = *records_of(model, Kind::chunk).front();
         *reinterpret_cast<std::uint64_t*>(chunk.head.data() + sizeof(table::ChunkState)) &= ~std::uint64_t{1};
       }},
      {"calls itself", [](SegmentModel& model) { store_le(records_of(model, Kind::block).back()->header + 32, std::uint64_t{77}); }},
      {"calls itself one of index", [](SegmentModel& model) { store_le(records_of(model, Kind::bytes_leaf).back()->header + 28, 77u); }},
      {"is not in its heap",
       [](SegmentModel& model) {
         for (ModelRecord* record : records_of(model, Kind::chunk))
           if (payload<table::ChunkState>(*record).physical == type::Physical::string)
             reinterpret_cast<type::StringRef*>(record->head.data() + table::chunk_values_at(payload<table::ChunkState>(*record).capacity) - sizeof(store::Image))[3].place.offset += 5;
       }},
  };
  for (const Lie& lie : lies) {
    CAPTURE(lie.what);
    CHECK_THAT(found(lie.tell), Catch::Contains(lie.what));
  }
}

TEST_CASE("keys that a unique index has twice are found") {
  os::SimStorage storage;
  SimDatabase database(storage);
  REQUIRE_FALSE(database.open());
  ask(database, "CREATE TABLE t (a int, b text)");
  ask(database, "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (1, 'x'), (NULL, NULL), (NULL, NULL)");
  ask(database, "CREATE INDEX t_a ON t (a); CREATE INDEX t_b ON t (b)");
  REQUIRE_FALSE(database.machine->checkpoint());
  database.close();
  RecordBuffer bytes;
  REQUIRE_FALSE(store::read_whole_file(storage, "d/db.d/segment-00000001", bytes));
  SegmentModel model(bytes.bytes());
  ModelRecord& layout = *records_of(model, Kind::layout).back();
  auto& state = payload<table::LayoutState>(layout);
  auto* indexes = reinterpret_cast<table::IndexLayout*>(layout.head.data() + sizeof state + state.column_count * sizeof(table::ColumnLayout));
  REQUIRE(state.index_count == 2);
  indexes[0].unique = indexes[1].unique = table::Uniqueness::immediate;
  auto manifest = store::read_manifest(storage, "d/db");
  REQUIRE(manifest);
  std::vector<store::Address> places;
  const std::vector<std::byte> segment = model.seal(places);
  for (store::ManifestDatabase& one : manifest->databases) one.root = places[model.at_offset(one.root.offset)];
  manifest->segments[0].bytes = segment.size();
  REQUIRE_FALSE(store::write_whole_file(storage, "d/db.d/segment-00000001", segment));
  REQUIRE_FALSE(store::write_manifest(storage, "d/db", *manifest));
  Faults faults;
  verify_all<SimMachine>(storage, faults);
  CAPTURE(faults.text);
  CHECK(std::count(faults.text.begin(), faults.text.end(), '\n') == 2);  // one an index; NULLs are distinct
  CHECK_THAT(faults.text, Catch::Contains("has a key twice, the second time of row 2"));
}

namespace {

constexpr const char* questions[] = {
    "SELECT count(*), sum(id), count(note), sum(length(body)) FROM t",
    "SELECT * FROM t ORDER BY id",
    "SELECT id FROM t WHERE note = 'note 7'",
    "SELECT relname FROM pg_class WHERE relname LIKE 't%' ORDER BY 1",
};
std::vector<std::string> answers(SimDatabase& database) {
  std::vector<std::string> all;
  for (const char* question : questions) all.push_back(database.rows(question));
  return all;
}

/// A small database: a part in segments, two commits in the log.
struct Small {
  os::SimStorage storage;
  std::vector<std::string> truth, before_last;
  std::uint64_t last_frame = 0;  ///< where the last record begins: what is wrong from there on looks like a torn end
  std::uint64_t log_end = 0;

  Small() {
    SimDatabase database(storage);
    REQUIRE_FALSE(database.open());
    ask(database, "CREATE TABLE t (id int PRIMARY KEY, note text, body text)");
    ask(database, "INSERT INTO t SELECT i, 'note ' || i, CASE i WHEN 5 THEN repeat('0123456789', 7000) END FROM generate_series(1, 20) i");
    ask(database, "CREATE INDEX t_note ON t (note)");
    REQUIRE_FALSE(database.machine->checkpoint());
    ask(database, "UPDATE t SET note = 'changed' WHERE id = 3");
    ask(database, "DELETE FROM t WHERE id = 11");
    before_last = answers(database);
    last_frame = database.machine->log().position();
    ask(database, "INSERT INTO t VALUES (100, 'last', NULL)");
    truth = answers(database);
    log_end = database.machine->log().position();
  }
  std::vector<std::string> files() {
    std::vector<std::string> found;
    for (const char* folder : {"d", "d/db.d"})
      REQUIRE_FALSE(storage.list(folder, [&](std::string_view name) { found.push_back(std::string(folder) + "/" + std::string(name)); }));
    return found;
  }
  /// The records of the log from where the manifest says on.
  std::vector<log::FrameHeader> frames() {
    const auto manifest = store::read_manifest(storage, "d/db");
    Array<log::Epoch> history;
    for (const store::ManifestEpoch& epoch : manifest->epochs) REQUIRE(history.push_back({epoch.number, epoch.start}));
    log::Log<os::SimStorage, os::NoSync> log(storage, "d/wal", policy::OpenMode::read);
    std::vector<log::FrameHeader> found;
    REQUIRE_FALSE(log.recover(manifest->log_start, {history.data(), history.size()}, [&](const log::Record& record) { found.push_back(record.header); return ok(); }));
    return found;
  }
  /// Bytes between records of the log, which nobody reads.
  bool is_padding(std::uint64_t at) {
    if (frames_.empty()) frames_ = frames();
    for (const log::FrameHeader& frame : frames_) {
      const std::uint64_t start = log::file_header_bytes + frame.counter;
      if (at >= start + log::frame_header_bytes + frame.length && at < start + log::frame_bytes(frame.length)) return true;
    }
    return false;
  }
  std::uint64_t bytes_of(const std::string& path) { return *storage.open(path, policy::OpenMode::read)->size(); }

 private:
  std::vector<log::FrameHeader> frames_;
};

enum class Harm { none, refused, told, silent_end };

/// Opens and asks. Wrong answers end the test; `end_may_go`: the answers may be those before the last commit.
Harm judge(const Small& small, os::SimStorage& copy, bool end_may_go) {
  SimDatabase database(copy);
  if (Status failed = database.open()) {
    const std::string code = answer_of(failed).error;
    CAPTURE(answer_of(failed).message);
    REQUIRE((code == "XX001" || code == "0A000" || code == "58P01"));
    database.close();
    REQUIRE(database.alloc.used_bytes() == 0);
    return Harm::refused;
  }
  const std::vector<std::string> got = answers(database);
  if (got == small.truth) return Harm::none;
  if (end_may_go && got == small.before_last) return Harm::silent_end;
  for (std::size_t i = 0; i < got.size(); ++i)
    if (got[i] != small.truth[i] && !(end_may_go && got[i] == small.before_last[i])) REQUIRE(got[i].substr(0, 5) == "XX001");
  return Harm::told;
}
std::string files_faults(os::SimStorage& storage) {
  Faults faults;
  if (Status failed = txn::verify_files<os::SimStorage, os::NoSync>(storage, "d/db", "d/wal", faults)) faults.text += std::string(failed.message());
  return faults.text;
}

}  // namespace

TEST_CASE("verification finds every flipped byte of manifest, pointer file and segments, and of the log before its last record") {
  Small small;
  REQUIRE(files_faults(small.storage) == "");
  os::SimChance chance(3);
  std::uint64_t flips = 0;
  for (const std::string& path : small.files()) {
    const bool is_log = path.find("d/wal") == 0;
    const std::uint64_t bytes = is_log ? log::file_header_bytes + small.last_frame : small.bytes_of(path);
    const auto manifest = store::read_manifest(small.storage, "d/db");
    const std::uint64_t from = is_log ? log::file_header_bytes + manifest->log_start : 0;
    for (std::uint64_t at = 0; at < bytes; ++at) {
      if (at == log::file_header_bytes && is_log) at = from;  // what is before is in the segments
      if (is_log && small.is_padding(at)) continue;
      const unsigned bit = static_cast<unsigned>(chance.below(8));
      CAPTURE(path, at, bit, bytes);
      REQUIRE(small.storage.flip(path, at, bit));
      REQUIRE(files_faults(small.storage) != "");
      REQUIRE(small.storage.flip(path, at, bit));
      ++flips;
    }
  }
  INFO(flips << " flips");
  CHECK(flips > 5000);
  CHECK(files_faults(small.storage) == "");
}

TEST_CASE("with any byte flipped a database answers right or XX001") {
  Small small;
  os::SimChance chance(4);
  int harms[4] = {};
  for (const std::string& path : small.files()) {
    const bool is_log = path.find("d/wal") == 0;
    const std::uint64_t bytes = is_log ? log::file_header_bytes + small.log_end + 256 : small.bytes_of(path);
    const auto manifest = store::read_manifest(small.storage, "d/db");
    // Every byte of what is small, and of the log that counts; of a segment one in ten or so.
    const std::uint64_t stride = bytes < 2000 || is_log ? 1 : 19;
    for (std::uint64_t at = 0; at < bytes; at += 1 + chance.below(stride)) {
      if (is_log && at == log::file_header_bytes) at += manifest->log_start;
      const unsigned bit = static_cast<unsigned>(chance.below(8));
      CAPTURE(path, at, bit, bytes);
      os::SimStorage copy;
      copy.copy_from(small.storage);
      REQUIRE(copy.flip(path, at, bit));
      const bool in_last = is_log && at >= log::file_header_bytes + small.last_frame;
      ++harms[static_cast<int>(judge(small, copy, in_last))];
    }
  }
  INFO(harms[0] << " did no harm, " << harms[1] << " refused, " << harms[2] << " told, " << harms[3] << " took the last record for torn");
  CHECK(harms[1] > 200);
  CHECK(harms[2] > 100);
  CHECK(harms[3] > 50);
}

TEST_CASE("records of segments that were written elsewhere, twice, or not at all are found") {
  Small small;
  const std::string path = "d/db.d/segment-00000001";
  std::vector<store::WalkedRecord> records;
  auto file = small.storage.open(path, policy::OpenMode::write);
  REQUIRE(file);
  const store::SegmentInfo info = store::read_manifest(small.storage, "d/db")->segments[0];
  REQUIRE_FALSE(store::walk_segment(info, [&](std::uint64_t at, MutableBytes into) { return file->read_at(at, into); },
                                    [&](const store::WalkedRecord& one) { records.push_back(one); }, [](std::uint64_t, std::string_view) { FAIL("a fault"); }));
  REQUIRE(records.size() > 50);
  // What lay in the place before: another database's segment of that number, of another time.
  os::SimStorage other;
  {
    SimDatabase database(other);
    REQUIRE_FALSE(database.open());
    ask(database, "CREATE TABLE other (id int PRIMARY KEY, note text, body text)");
    ask(database, "INSERT INTO other SELECT i, 'more ' || i, CASE i WHEN 5 THEN repeat('0123456789', 7000) END FROM generate_series(1, 20) i");
    REQUIRE_FALSE(database.machine->checkpoint());
  }
  const auto bytes_at = [](os::SimStorage& storage, const std::string& name, std::uint64_t at, std::size_t count) {
    std::vector<std::byte> bytes(count);
    auto opened = storage.open(name, policy::OpenMode::read);
    if (!opened || opened->read_at(at, bytes)) bytes.clear();
    return bytes;
  };
  os::SimChance chance(5);
  int told = 0;
  for (const store::WalkedRecord& record : records) {
    const store::WalkedRecord& from = records[chance.below(records.size())];
    const std::size_t take = std::min(record.length, from.length);
    const std::vector<std::byte> replacements[] = {bytes_at(small.storage, path, from.offset, take),   // misdirected
                                                   std::vector<std::byte>(record.length),              // never written
                                                   bytes_at(other, path, record.offset, record.length)};  // stale
    for (const std::vector<std::byte>& bytes : replacements) {
      CAPTURE(record.offset, from.offset, &bytes - replacements);
      if (bytes.empty() || bytes == bytes_at(small.storage, path, record.offset, bytes.size())) continue;
      os::SimStorage copy;
      copy.copy_from(small.storage);
      auto target = copy.open(path, policy::OpenMode::write);
      REQUIRE_FALSE(target->write_at(record.offset, bytes));
      // Objects of the same content and birth are the same record: the empty tables of the catalog.
      Faults faults;
      verify_all<SimMachine>(copy, faults);
      REQUIRE(faults.text != "");
      const Harm harm = judge(small, copy, false);
      told += harm == Harm::told || harm == Harm::refused;
    }
  }
  CHECK(told > 50);
}

TEST_CASE("an old pointer file, an old manifest and a missing one are damage, never a new database") {
  Small small;
  const auto read = [](os::SimStorage& storage, const std::string& path) {
    RecordBuffer bytes;
    REQUIRE_FALSE(store::read_whole_file(storage, path, bytes));
    return std::vector<std::byte>(bytes.data(), bytes.data() + bytes.size());
  };
  const auto number = store::read_manifest(small.storage, "d/db")->number;
  const std::string name = "d/db.d/manifest-0000000" + std::to_string(number);
  const auto pointer = read(small.storage, "d/db"), manifest = read(small.storage, name);
  {  // opening writes the next manifest, and removes the one before
    SimDatabase database(small.storage);
    REQUIRE_FALSE(database.open());
  }
  const std::string newer = "d/db.d/manifest-0000000" + std::to_string(number + 1);
  const auto check = [&](const std::function<void(os::SimStorage&)>& change) {
    os::SimStorage copy;
    copy.copy_from(small.storage);
    change(copy);
    CHECK(files_faults(copy) != "");
    SimDatabase database(copy);
    Status failed = database.open();
    REQUIRE(failed);
    CHECK(answer_of(failed).error == "XX001");
    return std::string(failed.message());
  };
  CHECK_THAT(check([&](os::SimStorage& copy) { REQUIRE_FALSE(store::write_whole_file(copy, "d/db", pointer)); }), Catch::Contains("is not there"));
  CHECK_THAT(check([&](os::SimStorage& copy) { REQUIRE_FALSE(copy.remove(newer)); }), Catch::Contains("is not there"));
  CHECK_THAT(check([&](os::SimStorage& copy) { REQUIRE_FALSE(store::write_whole_file(copy, newer, manifest)); }), Catch::Contains("another number"));
}

TEST_CASE("log records that were written elsewhere or not at all are damage; copies behind the end are nothing") {
  Small small;
  const std::vector<log::FrameHeader> frames = small.frames();
  REQUIRE(frames.size() >= 3);
  REQUIRE(frames.back().counter == small.last_frame);
  const std::string path = "d/wal.00000000";
  const auto place = [](const log::FrameHeader& frame) { return log::file_header_bytes + frame.counter; };
  const auto frame_of = [&](const log::FrameHeader& frame) {
    std::vector<std::byte> bytes(log::frame_bytes(frame.length));
    REQUIRE_FALSE(small.storage.open(path, policy::OpenMode::read)->read_at(place(frame), bytes));
    return bytes;
  };
  const auto with = [&](std::uint64_t at, const std::vector<std::byte>& bytes, os::SimStorage& copy) {
    copy.copy_from(small.storage);
    REQUIRE_FALSE(copy.open(path, policy::OpenMode::write)->write_at(at, bytes));
  };
  for (std::size_t i = 0; i + 1 < frames.size(); ++i) {
    for (std::size_t from = 0; from < frames.size(); ++from) {
      if (from == i) continue;
      os::SimStorage copy;
      std::vector<std::byte> bytes = frame_of(frames[from]);
      bytes.resize(std::min<std::size_t>(bytes.size(), log::frame_bytes(frames[i].length)));
      with(place(frames[i]), bytes, copy);
      CHECK(files_faults(copy) != "");
      CHECK(judge(small, copy, false) == Harm::refused);
    }
    os::SimStorage unwritten;
    with(place(frames[i]), std::vector<std::byte>(log::frame_bytes(frames[i].length)), unwritten);
    CHECK(files_faults(unwritten) != "");
    CHECK(judge(small, unwritten, false) == Harm::refused);
    os::SimStorage twice;
    with(log::file_header_bytes + small.log_end, frame_of(frames[i]), twice);
    CHECK(files_faults(twice) == "");
    CHECK(judge(small, twice, false) == Harm::none);
  }
}
