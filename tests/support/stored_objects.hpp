// A table of every physical type and two index trees, made from a seed: objects of every kind that have an encoding.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "spg/index/btree/tree.inl.hpp"
#include "spg/table/table.inl.hpp"
#include "support/objects.hpp"

namespace spg::test {

class StoredObjects : public ObjectsFixture {
 public:
  store::Cell* table = nullptr;  ///< owns its indexes

  StoredObjects(std::uint64_t seed, std::uint32_t rows) : chance_(seed) {
    Scope scope = this->scope();
    table::LayoutBuilder layout(arena_);
    for (std::uint16_t i = 0; i < std::size(columns); ++i)
      layout.columns.push_back({static_cast<std::uint16_t>(i + 1), columns[i].physical, 0, {}, type::Value::null_of(columns[i].physical)});
    const table::KeyPart part{23, 1, 0, 0};
    layout.add_index({IndexId{1}, table::KeyKind::integer, table::Uniqueness::none, 1, 0, 0, 0}, {&part, 1});
    layout.add_index({IndexId{2}, table::KeyKind::bytes, table::Uniqueness::none, 1, 0, 0, 0}, {&part, 1});
    table = *table::make_table(scope, TableId{64}, *layout.write(scope, TableId{64}));
    append(scope, rows);
    for (std::uint32_t i = 0; i < rows; ++i) add_keys(scope, i);
    commit(scope);
  }
  ~StoredObjects() { objects.free_tree(table, store::Access::no_wait); }

  /// Every object of the table, parents first.
  template <class Visit>
  void each(Visit visit) { each_below(table, visit); }

 private:
  enum class Shape { constant, serial, few, small, sparse, all_null, any, decimal, word, words, digest, long_text };
  struct Column { type::Physical physical; Shape shape; };
  static constexpr Column columns[] = {
      {type::Physical::int4, Shape::serial},     {type::Physical::int8, Shape::any},       {type::Physical::int2, Shape::small},
      {type::Physical::boolean, Shape::few},     {type::Physical::int16, Shape::sparse},   {type::Physical::float8, Shape::decimal},
      {type::Physical::float8, Shape::any},      {type::Physical::float4, Shape::decimal}, {type::Physical::interval, Shape::few},
      {type::Physical::uuid, Shape::any},        {type::Physical::int8, Shape::all_null},  {type::Physical::int4, Shape::constant},
      {type::Physical::string, Shape::word},     {type::Physical::string, Shape::words},   {type::Physical::string, Shape::digest},
      {type::Physical::string, Shape::long_text}, {type::Physical::string, Shape::sparse}, {type::Physical::string, Shape::any},
  };

  std::string letters(std::uint64_t count, std::uint64_t different) {
    std::string text;
    while (count-- != 0) text += static_cast<char>('a' + chance_.below(different));
    return text;
  }
  std::string text_of(Shape shape) {
    switch (shape) {
      case Shape::word: return std::string("word ") + static_cast<char>('a' + chance_.below(5));
      case Shape::words: {
        std::string text;
        for (std::uint64_t n = chance_.below(8); n != 0; --n) text += "some words " + letters(2, 3);
        return text;
      }
      case Shape::digest: {
        std::string text;
        for (int i = 0; i < 64; ++i) text += "0123456789abcdef"[chance_.below(16)];
        return text;
      }
      case Shape::long_text: return chance_.below(25) != 0 ? "" : letters(4000 + chance_.below(200), 4);
      default: return letters(chance_.below(14), 26);
    }
  }
  std::int64_t number_of(Shape shape, std::uint32_t row) {
    switch (shape) {
      case Shape::constant: return 42;
      case Shape::serial: return 1000 + row;
      case Shape::few: return static_cast<std::int64_t>(chance_.below(2));
      case Shape::small: return static_cast<std::int64_t>(chance_.below(100)) - 50;
      default: return static_cast<std::int64_t>(chance_.next());
    }
  }
  bool is_null(Shape shape) { return shape == Shape::all_null || (shape == Shape::sparse && chance_.below(3) != 0); }

  /// The value's bytes; strings refer to `texts_`.
  void value_of(const Column& column, std::uint32_t row, std::byte* to) {
    if (column.physical == type::Physical::string) {
      const type::StringRef ref(texts_.emplace_back(text_of(column.shape)));
      std::memcpy(to, &ref, sizeof ref);
      return;
    }
    const std::int64_t low = number_of(column.shape, row), high = column.shape == Shape::any ? number_of(column.shape, row) : 0;
    std::memcpy(to, &low, 8);
    std::memcpy(to + 8, &high, 8);
    if (column.shape != Shape::decimal) return;
    const double decimal = static_cast<double>(chance_.below(100000)) / 100.0;
    const auto narrow = static_cast<float>(decimal);
    column.physical == type::Physical::float8 ? std::memcpy(to, &decimal, 8) : std::memcpy(to, &narrow, 4);
  }

  void append(Scope& scope, std::uint32_t rows) {
    store::Image* image = Objects::image_of(table);
    const table::LayoutView layout(Objects::image_of(image->child_array()[table::layout_child]));
    for (std::uint32_t done = 0; done < rows;) {
      const std::uint32_t count = std::min<std::uint32_t>(rows - done, table::block_rows);
      std::vector<std::vector<std::byte>> values;
      std::vector<std::vector<std::uint64_t>> valid;
      std::vector<table::ColumnInput> inputs;
      texts_.clear();
      texts_.reserve(count * std::size(columns));  // references stay where they are
      for (std::uint16_t i = 0; i < std::size(columns); ++i) {
        const std::size_t width = type::physical_bytes(columns[i].physical);
        values.emplace_back(count * 16 + 16);
        valid.emplace_back(count / 64 + 1);
        for (std::uint32_t row = 0; row < count; ++row) {
          if (is_null(columns[i].shape)) continue;
          valid.back()[row / 64] |= std::uint64_t{1} << row % 64;
          std::byte value[16];
          value_of(columns[i], done + row, value);
          std::memcpy(values.back().data() + row * width, value, width);
        }
        inputs.push_back({static_cast<std::uint16_t>(i + 1), {columns[i].physical, type::Vector::Form::flat, values.back().data(), valid.back().data(), nullptr}});
      }
      if (table::append_rows_at(scope, image, layout, done, inputs, {nullptr, count}, store::Access::wait)) std::abort();
      done += count;
    }
  }

  void add_keys(Scope& scope, std::uint32_t row) {
    store::Image* image = Objects::image_of(table);
    const auto states = table::table_state(image).indexes();
    const auto root = [&](std::size_t i) { return index::Root{image->child_array()[table::index_children + i], states[i].height, states[i].entries}; };
    const index::IntKey key{chance_.below(3) == 0 ? UINT64_MAX : (std::uint64_t{1} << 63) + chance_.below(5000), row};
    if (!index::Tree<index::IntNodes>::insert(scope, root(0), key, 64, 1, store::Access::wait)) std::abort();
    const std::string text = (row % 2 == 0 ? "a common beginning " : "another one ") + letters(chance_.below(9), 4);
    if (!index::Tree<index::BytesNodes>::insert(scope, root(1), {text, row}, 64, 2, store::Access::wait)) std::abort();
  }

  template <class Visit>
  void each_below(store::Cell* cell, Visit visit) {
    auto image = objects.read(cell, store::Access::wait);
    if (!image) std::abort();
    visit(cell, *image);
    for (std::uint16_t i = 0; i < (*image)->children; ++i)
      if (store::Cell* child = (*image)->child_array()[i]) each_below(child, visit);
  }

  os::SimChance chance_;
  MemoryBudget budget_;
  Arena arena_{budget_};
  std::vector<std::string> texts_;
};

}  // namespace spg::test
