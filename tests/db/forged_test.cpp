// Records that carry right checksums but lie: whatever they say, the database answers XX001, and what is below is not touched.
#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <string>

#include "spg/os/sim/sim.hpp"
#include "spg/table/table.hpp"
#include "support/forgery.hpp"

#include "spg/txn/bodies.inl.hpp"

using namespace spg;
using namespace spg::test;
using store::Kind;

namespace {

using SimDatabase = Database<os::SimEnv>;

/// `change` gets the model; then the question is asked.
std::string ask_forged(Forgery& forgery, const std::function<void(SegmentModel&)>& change, const char* question) {
  os::SimStorage copy;
  forgery.forge(change, copy);
  std::string result;
  SimDatabase database(copy);
  if (Status failed = database.open()) result = answer_of(failed).error + " " + answer_of(failed).message;
  else result = database.rows(question);
  database.close();
  CHECK(database.alloc.used_bytes() == 0);
  return result;
}

constexpr const char* scan = "SELECT sum(id), sum(length(note)) FROM t";
constexpr const char* by_id = "SELECT id FROM t WHERE id > 0 ORDER BY id";
constexpr const char* by_note = "SELECT id FROM t WHERE note > '' ORDER BY note";

}  // namespace

TEST_CASE("a record that lies about its content is refused, whatever its checksum says") {
  Forgery forgery;
  for (const char* question : {scan, by_id, by_note}) CHECK(ask_forged(forgery, [](SegmentModel&) {}, question).substr(0, 2) != "XX");
  struct Lie {
    const char* what;
    std::function<void(SegmentModel&)> tell;
    const char* question;
  };
  const Lie lies[] = {
      {"a block that uses more rows than its chunks hold",
       [](SegmentModel& model) { payload<table::BlockState>(*records_of(model, Kind::block).back()).used = 1024; }, scan},
      {"a block whose live rows lie behind those it uses",
       [](SegmentModel& model) {
         auto& block = payload<table::BlockState>(*records_of(model, Kind::block).back());
         block.live[15] |= 1;
         ++block.live_count;
       }, scan},
      {"a block whose numbers are strings",
       [](SegmentModel& model) { payload<table::BlockState>(*records_of(model, Kind::block).back()).entries()[0].physical = type::Physical::string; }, scan},
      {"a chunk of a larger capacity than its bytes have room for",
       [](SegmentModel& model) { payload<table::ChunkState>(*records_of(model, Kind::chunk).back()).capacity = 1024; }, scan},
      {"a string behind the end of its heap",
       [](SegmentModel& model) {
         ModelRecord& chunk = *records_of(model, Kind::chunk).back();
         auto& state = payload<table::ChunkState>(chunk);
         REQUIRE(state.physical == type::Physical::string);
         const std::size_t values_at = table::chunk_values_at(state.capacity) - sizeof(store::Image);
         reinterpret_cast<type::StringRef*>(chunk.head.data() + values_at)->place.offset = 1 << 20;
       }, scan},
      {"a string in a heap that the chunk does not have",
       [](SegmentModel& model) {
         ModelRecord& chunk = *records_of(model, Kind::chunk).back();
         const std::size_t values_at = table::chunk_values_at(payload<table::ChunkState>(chunk).capacity) - sizeof(store::Image);
         reinterpret_cast<type::StringRef*>(chunk.head.data() + values_at)->place.heap = 77;
       }, scan},
      {"a heap that says it is an index node",
       [](SegmentModel& model) { records_of(model, Kind::heap).back()->header[14] = std::byte{8}; }, scan},
      {"one chunk in two blocks",
       [](SegmentModel& model) {
         const auto blocks = records_of(model, Kind::block);
         REQUIRE(blocks.size() == 2);
         blocks[1]->children[0].child = blocks[0]->children[0].child;
       }, scan},
      {"a table whose rows lie deeper than there are bits in a rowid",
       [](SegmentModel& model) { payload<table::TableState>(*records_of(model, Kind::table).back()).row_height = 200; }, scan},
      {"a table whose rows lie one level deeper than they do",
       [](SegmentModel& model) { ++payload<table::TableState>(*records_of(model, Kind::table).back()).row_height; }, scan},
      {"an index that is higher than it is",
       [](SegmentModel& model) { ++payload<table::TableState>(*records_of(model, Kind::table).back()).indexes()[0].height; }, by_id},
      {"an index that is higher than a path has room for",
       [](SegmentModel& model) { payload<table::TableState>(*records_of(model, Kind::table).back()).indexes()[0].height = 200; }, by_id},
      {"an index of numbers that is one of bytes",
       [](SegmentModel& model) { payload<table::TableState>(*records_of(model, Kind::table).back()).indexes()[1].kind = table::KeyKind::integer; }, by_note},
      {"a leaf of numbers that counts more than it holds",
       [](SegmentModel& model) { payload<index::IntNodes::State>(*records_of(model, Kind::int_leaf).back()).count = 5000; }, by_id},
      {"a leaf of numbers out of order",
       [](SegmentModel& model) {
         auto* keys = reinterpret_cast<index::IntKey*>(&payload<index::IntNodes::State>(*records_of(model, Kind::int_leaf).back()) + 1);
         std::swap(keys[0], keys[1]);
       }, by_id},
      {"an inner node without one of its children",
       [](SegmentModel& model) { records_of(model, Kind::int_inner).back()->children.pop_back(); }, by_id},
      {"a key behind the end of its leaf",
       [](SegmentModel& model) {
         auto& state = payload<index::BytesNodes::State>(*records_of(model, Kind::bytes_leaf).back());
         reinterpret_cast<index::BytesNodes::Slot*>(&state + 1)[0].size = 60000;
       }, by_note},
      {"a prefix as long as the leaf",
       [](SegmentModel& model) { payload<index::BytesNodes::State>(*records_of(model, Kind::bytes_leaf).back()).prefix_bytes = 4096; }, by_note},
      {"a layout with more columns than bytes",
       [](SegmentModel& model) { payload<table::LayoutState>(*records_of(model, Kind::layout).back()).column_count = 0x10000000; }, scan},
      {"a layout without the table's index",
       [](SegmentModel& model) { payload<table::LayoutState>(*records_of(model, Kind::layout).back()).index_count = 1; }, scan},
      {"a layout that calls numbers strings",
       [](SegmentModel& model) {
         auto& state = payload<table::LayoutState>(*records_of(model, Kind::layout).back());
         reinterpret_cast<table::ColumnLayout*>(&state + 1)->physical = type::Physical::string;
       }, scan},
  };
  for (const Lie& lie : lies) {
    CAPTURE(lie.what);
    const std::string answer = ask_forged(forgery, lie.tell, lie.question);
    CHECK(answer.substr(0, 3) == "XX0");
  }
}
