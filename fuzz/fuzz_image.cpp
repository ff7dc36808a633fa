// Objects with hostile content under right checksums: the records of a small database are changed as the input says and sealed
// again; then the database is opened, read by scan, by look-up and in index order, written, checkpointed and opened once more.
// Any answer will do; what may not happen is a crash, a hang or a leak.
//
// Input: one control byte (odd: no writing), then edits of 8 bytes: record (u16, counted from the root), operation, place (u16), value (u24).
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "spg/os/sim/sim.hpp"
#include "spg/store/manifest.inl.hpp"
#include "support/database.hpp"
#include "support/segment_model.hpp"

#include "spg/txn/bodies.inl.hpp"

using namespace spg;
using SimDatabase = test::Database<os::SimEnv>;

namespace {

constexpr const char* making[] = {
    "CREATE TABLE t (id int PRIMARY KEY, note text, f float8, n numeric(12,3), b boolean, long text, a int[], d timestamp, u numeric)",
    ("INSERT INTO t SELECT i, 'note ' || i, i / 3.0, i * 1.001, i % 3 = 0, repeat('long ' || i, i % 20), ARRAY[i, i + 1], '2001-01-01'::timestamp"
    "  + i * interval '1 h', i / 7::numeric FROM generate_series(1, 1100) i"),
    "CREATE INDEX t_note ON t (note, b DESC)",
    "DELETE FROM t WHERE id % 7 = 0 OR id BETWEEN 300 AND 1000",  // trees keep their height: few rows are quick to read
    "ALTER TABLE t ADD COLUMN added text DEFAULT 'a missing value that is long'",
    "INSERT INTO t (id, note, long) SELECT 2000 + i, NULL, repeat('x', 70000) FROM generate_series(1, 2) i",
};
constexpr const char* reading[] = {
    "SELECT * FROM t",
    "SELECT * FROM t WHERE id = 77",
    "SELECT id, note FROM t WHERE note = 'note 55'",
    "SELECT id FROM t WHERE id > 1000 ORDER BY id DESC",
    "SELECT note, length(long) FROM t ORDER BY note, b DESC LIMIT 50",
    "SELECT b, count(*), sum(n), max(f), min(d), max(added), sum(u) FROM t GROUP BY b ORDER BY 1",
    "SELECT x.id FROM t x JOIN t y ON x.id = y.a[2] WHERE y.note > 'note 9'",
};
constexpr const char* writing[] = {
    "UPDATE t SET note = 'other ' || id, long = repeat('y', 3000) WHERE id % 5 = 0",
    "DELETE FROM t WHERE id % 3 = 0",
    "INSERT INTO t (id, note, b) SELECT 3000 + i, 'new ' || i, true FROM generate_series(1, 40) i",
    "ALTER TABLE t DROP COLUMN f",
    "UPDATE t SET b = NOT b",
    "CREATE INDEX t_d ON t (d, n)",
    "SELECT * FROM t ORDER BY note",
    "DROP TABLE t",
};

struct Original {
  os::SimStorage storage;
  std::vector<std::byte> segment;
  Original() {
    {
      SimDatabase database(storage);
      if (database.open()) std::abort();
      for (const char* one : making)
        if (!database.ask(one).error.empty()) std::abort();
      if (database.machine->checkpoint()) std::abort();
    }
    auto read = store::read_manifest(storage, "d/db");
    if (!read || read->segments.size() != 1 || read->segments[0].number != 1) std::abort();
    RecordBuffer bytes;
    if (store::read_whole_file(storage, "d/db.d/segment-00000001", bytes)) std::abort();
    segment.assign(bytes.data(), bytes.data() + bytes.size());
  }
};

void set_bytes(std::vector<std::byte>& bytes, std::size_t at, std::uint32_t value, std::size_t count) {
  for (std::size_t i = 0; i < count && !bytes.empty(); ++i) bytes[(at + i) % bytes.size()] = static_cast<std::byte>(value >> (8 * i));
}

void edit(test::SegmentModel& model, const std::uint8_t* data) {
  const std::size_t count = model.records.size();
  test::ModelRecord& record = model.records[count - 1 - load_le<std::uint16_t>(data) % count];
  const std::size_t at = load_le<std::uint16_t>(data + 3);
  const std::uint32_t value = load_le<std::uint32_t>(data + 4) >> 8;
  auto& children = record.children;
  switch (data[2] % 10) {
    case 0: set_bytes(record.head, at, value, 1); break;
    case 1: set_bytes(record.head, at & ~std::size_t{1}, value, 2); break;
    case 2: set_bytes(record.head, at & ~std::size_t{3}, value, 4); break;
    case 3: set_bytes(record.tail, at, value, 1); break;
    case 4: record.header[8 + at % 40] = static_cast<std::byte>(value); break;
    case 5: if (!children.empty()) children[at % children.size()].child = value % count; break;
    case 6: if (!children.empty()) children.erase(children.begin() + static_cast<std::ptrdiff_t>(at % children.size())); break;
    case 7: children.push_back({(children.empty() ? 0 : children.back().slot + 1) + at % 4, value % count, 1}); break;
    case 8: record = model.records[value % count]; break;  // its references come along
    default: if (!record.head.empty()) record.head[at % record.head.size()] ^= static_cast<std::byte>(1u << value % 8);
  }
}

void ask_all(SimDatabase& database, bool writes) {
  for (const char* one : reading) (void)database.ask(one);
  if (!writes) return;
  for (const char* one : writing) (void)database.ask(one);
  (void)database.machine->checkpoint();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Original original;
  if (size < 1 || size > 1 + 8 * 64) return 0;
  test::SegmentModel model(original.segment);
  for (std::size_t at = 1; at + 8 <= size; at += 8) edit(model, data + at);
  os::SimStorage storage;
  storage.copy_from(original.storage);
  auto manifest_read = store::read_manifest(storage, "d/db");
  if (!manifest_read) std::abort();
  store::Manifest& manifest = *manifest_read;
  std::vector<store::Address> places;
  const std::vector<std::byte> segment = model.seal(places);
  for (store::ManifestDatabase& database : manifest.databases) database.root = places[model.at_offset(database.root.offset)];
  manifest.segments[0].bytes = segment.size();
  if (store::write_whole_file(storage, "d/db.d/segment-00000001", segment)) std::abort();
  if (store::write_manifest(storage, "d/db", manifest)) std::abort();
  SimDatabase database(storage);
  for (int round = 0; round < 2; ++round) {
    if (!database.open()) ask_all(database, data[0] % 2 == 0 && round == 0);
    database.close();
    if (database.alloc.used_bytes() != 0) std::abort();
  }
  return 0;
}
