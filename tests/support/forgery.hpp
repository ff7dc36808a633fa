// A database whose one segment can be changed and sealed again, with right checksums.
#pragma once
#include <catch2/catch.hpp>

#include <functional>
#include <string>

#include "spg/os/sim/sim.hpp"
#include "spg/store/manifest.inl.hpp"
#include "support/database.hpp"
#include "support/segment_model.hpp"

namespace spg::test {

struct Forgery {
  Forgery() {
    Database<os::SimEnv> database(storage);
    REQUIRE_FALSE(database.open());
    for (const char* one : {"CREATE TABLE t (id int PRIMARY KEY, note text)",
                            "INSERT INTO t SELECT i, repeat('long ' || i, 10) FROM generate_series(1, 1100) i",
                            "CREATE INDEX t_note ON t (note)"})
      REQUIRE(database.ask(one).error == "");
    REQUIRE_FALSE(database.machine->checkpoint());
  }
  /// `copy` becomes the database as it is when `change` has had the model.
  void forge(const std::function<void(SegmentModel&)>& change, os::SimStorage& copy) {
    RecordBuffer bytes;
    REQUIRE_FALSE(store::read_whole_file(storage, "d/db.d/segment-00000001", bytes));
    SegmentModel model(bytes.bytes());
    change(model);
    auto manifest = store::read_manifest(storage, "d/db");
    REQUIRE(manifest);
    std::vector<store::Address> places;
    const std::vector<std::byte> segment = model.seal(places);
    for (store::ManifestDatabase& database : manifest->databases) database.root = places[model.at_offset(database.root.offset)];
    for (store::SegmentInfo& info : manifest->segments) info.bytes = segment.size();
    copy.copy_from(storage);
    REQUIRE_FALSE(store::write_whole_file(copy, "d/db.d/segment-00000001", segment));
    REQUIRE_FALSE(store::write_manifest(copy, "d/db", *manifest));
  }
  os::SimStorage storage;
};

inline store::Kind kind_of(const ModelRecord& record) { return static_cast<store::Kind>(record.header[14]); }
inline std::uint32_t table_of(const ModelRecord& record) { return load_le<std::uint32_t>(record.header + 24); }

/// The records of a kind, first to last, that belong to the user's table (or all, of kinds that do not say).
inline std::vector<ModelRecord*> records_of(SegmentModel& model, store::Kind kind, bool user = true) {
  std::vector<ModelRecord*> found;
  for (ModelRecord& record : model.records)
    if (kind_of(record) == kind && (!user || table_of(record) >= txn::first_user_table)) found.push_back(&record);
  REQUIRE_FALSE(found.empty());
  return found;
}
template <class T>
T& payload(ModelRecord& record) { return *reinterpret_cast<T*>(record.head.data()); }

}  // namespace spg::test
