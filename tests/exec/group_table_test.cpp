#include "../../src/exec/group_table.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "spg/type/io.hpp"
#include "spg/type/numeric.hpp"
#include "spg/type/oids.hpp"

using namespace spg;
using namespace spg::exec;
namespace oid = type::oid;

namespace {

struct World {
  MemoryBudget budget;
  Arena arena{budget};
  type::TextSettings settings;
};

/// A key column of random values, few of them different, some NULL.
struct Column {
  Oid type;
  std::vector<const char*> values;  ///< as text; null = NULL
};

/// Rows that a random generator draws, in batches of a few rows; what a table makes of them, and what a map does.
class Trial {
 public:
  Trial(std::vector<Column> columns, unsigned seed) : columns_(std::move(columns)), random_(seed) {
    Vec<Oid> types(world_.arena);
    for (const Column& column : columns_) types.push_back(column.type);
    table_ = world_.arena.allocate(sizeof(GroupTable), alignof(GroupTable));
    new (table_) GroupTable(world_.arena, key_types(world_.arena, types.span()), nullptr);
  }
  GroupTable& table() { return *static_cast<GroupTable*>(table_); }

  void add_batch(std::uint32_t rows, bool select) {
    Arena batch(world_.budget);  // what keys refer to goes with it
    draw(rows, select, batch);
    std::uint32_t groups[type::batch_rows_max];
    REQUIRE_FALSE(table().add(vectors_, rows, selection_, groups).failed());
    for (std::uint32_t i = 0; i < selection_.count; ++i) {
      const auto [found, fresh] = model_.try_emplace(keys_[selection_[i]], static_cast<std::uint32_t>(model_.size()));
      REQUIRE(groups[i] == found->second);
    }
    REQUIRE(table().count() == model_.size());
  }
  void find_batch(std::uint32_t rows) {
    Arena batch(world_.budget);
    draw(rows, false, batch);
    std::uint32_t groups[type::batch_rows_max];
    table().find(vectors_, selection_, groups);
    for (std::uint32_t i = 0; i < rows; ++i) {
      const auto found = model_.find(keys_[i]);
      REQUIRE(groups[i] == (found == model_.end() ? UINT32_MAX : found->second));
    }
  }
  /// The stored keys are those of the groups.
  void check_keys() {
    for (const auto& [key, group] : model_) {
      std::string stored;
      for (std::size_t c = 0; c < columns_.size(); ++c)
        stored += shown(columns_[c].type, table().keys().value(group, c)) + "|";
      REQUIRE(stored == key);
    }
  }

 private:
  /// Equal values look alike.
  std::string shown(Oid type, const Value& value) {
    if (value.is_null) return "NULL";
    TextBuilder text(world_.arena);
    type::output(type, value, text, world_.settings);
    std::string result(text.view());
    if (result == "-0") return "0";
    if (type == oid::numeric && result.find('.') != std::string::npos) {
      while (result.back() == '0') result.pop_back();
      if (result.back() == '.') result.pop_back();
    }
    return result;
  }
  void draw(std::uint32_t rows, bool select, Arena& arena) {
    keys_.assign(rows, "");
    vectors_.clear();
    for (const Column& column : columns_) {
      const auto physical = type::physical_of(column.type);
      const std::size_t bytes = type::physical_bytes(physical);
      auto* values = static_cast<std::byte*>(arena.allocate(rows * bytes + 16));
      auto* validity = arena.array<std::uint64_t>(rows / 64 + 1);
      std::memset(validity, 0xff, (rows / 64 + 1) * 8);
      bool nulls = false;
      for (std::uint32_t i = 0; i < rows; ++i) {
        const char* text = column.values[random_() % column.values.size()];
        Value value = Value::null_of(physical);
        if (text != nullptr) {
          auto made = type::input(column.type, arena.copy(text), -1, world_.settings, arena);
          REQUIRE(made.has_value());
          value = *made;
        } else {
          nulls = true;
          clear_bit(validity, i);
        }
        std::memcpy(values + i * bytes, value.bytes, bytes);
        keys_[i] += shown(column.type, value) + "|";
      }
      vectors_.push_back({physical, Vector::Form::flat, values, nulls ? validity : nullptr, nullptr});
    }
    selection_ = {nullptr, rows};
    if (!select) return;
    selected_.clear();
    for (std::uint32_t i = 0; i < rows; ++i)
      if (random_() % 3 != 0) selected_.push_back(static_cast<std::uint16_t>(i));
    selection_ = {selected_.data(), static_cast<std::uint32_t>(selected_.size())};
  }

  World world_;
  std::vector<Column> columns_;
  std::mt19937 random_;
  void* table_ = nullptr;
  std::map<std::string, std::uint32_t> model_;
  std::vector<Vector> vectors_;
  std::vector<std::string> keys_;
  std::vector<std::uint16_t> selected_;
  Selection selection_;
};

const Column integers{oid::int4, {"0", "1", "-1", "2147483647", "-2147483648", "7", nullptr}};
const Column narrow{oid::int2, {"0", "1", "2", "3"}};
const Column wide{oid::int8, {"9223372036854775807", "-9223372036854775808", "0", "4294967296", nullptr}};
const Column oids{Oid{26}, {"0", "4294967295", "2147483648"}};
const Column booleans{oid::boolean, {"t", "f", nullptr}};
const Column floats{oid::float8, {"0", "-0", "NaN", "1.5", "Infinity", nullptr}};
const Column texts{
    oid::text,
    {"", "a", "exactly 12 b", "a text of more than twelve bytes", "a text of more than twelve characters", nullptr}};
const Column dates{oid::date, {"2024-01-01", "2024-01-02", "infinity", nullptr}};
const Column numerics{oid::numeric, {"1.0", "1.00", "2", "NaN", "-3.5", nullptr}};
const Column intervals{oid::interval, {"1 day", "24 hours", "1 month", "30 days"}};

void run(const std::vector<Column>& columns) {
  for (const std::uint32_t size : {1u, 3u, 7u, 200u, 1024u}) {
    Trial trial(columns, size);
    for (int batch = 0; batch < 12; ++batch) {
      trial.find_batch(5);
      trial.add_batch(size, batch % 2 == 1);
    }
    trial.find_batch(size);
    // Texts of time intervals and numerics that are equal may differ.
    if (columns.back().type != oid::interval) trial.check_keys();
  }
}

}  // namespace

TEST_CASE("groups of one key of every kind, in batches of a few rows") {
  for (const Column& column : {integers, narrow, wide, oids, booleans, floats, texts, dates, numerics}) run({column});
}

TEST_CASE("groups of several keys") {
  run({integers, texts});
  run({booleans, narrow, wide});
  run({texts, texts});
  run({floats, dates, texts, integers});
  run({numerics, integers});
  run({oids, texts, numerics});
}

TEST_CASE("integers in a window, outside of it, and many of them") {
  World w;
  Vec<Oid> types(w.arena);
  types.push_back(oid::int4);
  auto* table = new (w.arena.allocate(sizeof(GroupTable), alignof(GroupTable)))
      GroupTable(w.arena, key_types(w.arena, types.span()), nullptr);
  std::map<std::int32_t, std::uint32_t> model;
  std::mt19937 random(5);
  // The first batch's range makes the window; later ones leave it by more and more.
  for (std::int32_t range = 100; range < 2'000'000; range = range * 3 / 2) {
    std::int32_t values[type::batch_rows_max];
    for (std::int32_t& value : values)
      value = static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(range)) - range / 2;
    const Vector vector{Physical::int4, Vector::Form::flat, values, nullptr, nullptr};
    std::uint32_t groups[type::batch_rows_max];
    REQUIRE_FALSE(table->add({&vector, 1}, type::batch_rows_max, {nullptr, type::batch_rows_max}, groups).failed());
    for (std::uint32_t i = 0; i < type::batch_rows_max; ++i)
      REQUIRE(groups[i] == model.try_emplace(values[i], static_cast<std::uint32_t>(model.size())).first->second);
  }
  REQUIRE(table->count() == model.size());
}
