// Layout: the physical descriptor of a table: column widths and key rules, so that replay needs no catalog (DESIGN 1.3).
//
// One immutable object per table (Kind::layout), replaced as a whole by DDL. Image: header, LayoutState, ColumnLayout[],
// IndexLayout[], KeyPart[], then the bytes of missing-values. A LayoutView reads it; a LayoutBuilder (statement memory)
// makes a new one.
#pragma once
#include <cstdint>
#include <span>
#include <type_traits>

#include "spg/base/arena.hpp"
#include "spg/store/objects.hpp"
#include "spg/type/vector.hpp"

namespace spg::table {

/// A stored column. Numbers (PostgreSQL's attnum) are never reused.
struct ColumnLayout {
  std::uint16_t number = 0;
  type::Physical physical = type::Physical::none;
  std::uint8_t dropped = 0;
  std::uint32_t reserved[3] = {};
  type::Value missing;  ///< the value in rows older than the column; strings refer into the layout's image or arena
};

/// One part of an index key.
struct KeyPart {
  std::uint32_t type = 0;      ///< OID that decides the order (type/order.hpp)
  std::uint16_t column = 0;    ///< number; 0 = a computed entry, which the log carries
  std::uint8_t descending = 0;
  std::uint8_t nulls_first = 0;
};

enum class KeyKind : std::uint8_t {
  integer,  ///< one integer-like column, ascending, NULLs last: compared as (uint64, rowid)
  bytes,    ///< memcmp-comparable bytes
};

/// Whether two rows may have the same key, and when that is looked at. Deferrable ones can be put off to COMMIT.
enum class Uniqueness : std::uint8_t {
  none,
  immediate,   ///< by the write
  deferrable,  ///< at the end of the statement, unless it is put off
  deferred     ///< at COMMIT, unless it is asked for earlier
};

struct IndexLayout {
  IndexId id{};
  KeyKind kind = KeyKind::bytes;
  Uniqueness unique = Uniqueness::none;
  std::uint8_t nulls_distinct = 1;
  std::uint8_t reserved = 0;
  std::uint16_t first_part = 0, part_count = 0;  ///< in the layout's key parts
  bool is_unique() const { return unique != Uniqueness::none; }
  bool is_immediate() const { return unique == Uniqueness::immediate; }
  bool is_deferrable() const { return unique > Uniqueness::immediate; }
};

struct LayoutState {
  std::uint32_t table, column_count, index_count, part_count;
};
static_assert(std::has_unique_object_representations_v<ColumnLayout> && std::has_unique_object_representations_v<IndexLayout> &&
              std::has_unique_object_representations_v<KeyPart>, "padding would reach the disk");

class LayoutView {
 public:
  LayoutView() = default;
  explicit LayoutView(const store::Image* image) : image_(image) {}
  const LayoutState& state() const { return *image_->payload<LayoutState>(); }
  std::span<const ColumnLayout> columns() const { return {reinterpret_cast<const ColumnLayout*>(&state() + 1), state().column_count}; }
  std::span<const IndexLayout> indexes() const {
    return {reinterpret_cast<const IndexLayout*>(columns().data() + state().column_count), state().index_count};
  }
  std::span<const KeyPart> parts() const {
    return {reinterpret_cast<const KeyPart*>(indexes().data() + state().index_count), state().part_count};
  }
  std::span<const KeyPart> parts(const IndexLayout& index) const { return parts().subspan(index.first_part, index.part_count); }
  /// Null when there is no such column (or it is dropped).
  const ColumnLayout* column(std::uint16_t number) const {
    for (const ColumnLayout& column : columns())
      if (column.number == number && column.dropped == 0) return &column;
    return nullptr;
  }
  /// Position of an index in the table's list, or -1.
  int index_position(IndexId id) const {
    const auto all = indexes();
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].id == id) return static_cast<int>(i);
    return -1;
  }
  /// The missing-value with its string, if long, pointing into this image.
  type::Value missing(const ColumnLayout& column) const {
    type::Value value = column.missing;
    if (!value.is_null && value.physical == type::Physical::string) {
      auto& text = *reinterpret_cast<type::StringRef*>(value.bytes);
      if (!text.is_inline()) text.pointer = reinterpret_cast<const char*>(image_) + text.place.offset;
    }
    return value;
  }

 private:
  const store::Image* image_ = nullptr;
};

/// A layout under construction.
struct LayoutBuilder {
  explicit LayoutBuilder(Arena& arena) : columns(arena), indexes(arena), parts(arena) {}
  void start_from(const LayoutView& old);
  void add_index(IndexLayout index, std::span<const KeyPart> key);
  void drop_index(IndexId id);
  /// Writes the layout as a new object. 54000 when it would not fit in one.
  template <class Scope>
  Result<store::Cell*> write(Scope& scope, TableId table) const;

  Vec<ColumnLayout> columns;
  Vec<IndexLayout> indexes;
  Vec<KeyPart> parts;
};

inline void LayoutBuilder::start_from(const LayoutView& old) {
  for (const ColumnLayout& column : old.columns()) {
    ColumnLayout copy = column;
    copy.missing = old.missing(column);
    columns.push_back(copy);
  }
  for (const IndexLayout& index : old.indexes()) add_index(index, old.parts(index));
}

inline void LayoutBuilder::add_index(IndexLayout index, std::span<const KeyPart> key) {
  index.first_part = static_cast<std::uint16_t>(parts.size());
  index.part_count = static_cast<std::uint16_t>(key.size());
  parts.append(key);
  indexes.push_back(index);
}

inline void LayoutBuilder::drop_index(IndexId id) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < indexes.size(); ++i)
    if (indexes[i].id != id) indexes[kept++] = indexes[i];
  indexes.resize(kept);  // its key parts stay behind, unreferenced
}

template <class Scope>
Result<store::Cell*> LayoutBuilder::write(Scope& scope, TableId table) const {
  std::size_t bytes = sizeof(store::Image) + sizeof(LayoutState) + columns.size() * sizeof(ColumnLayout) +
                      indexes.size() * sizeof(IndexLayout) + parts.size() * sizeof(KeyPart);
  std::size_t at = bytes;
  for (const ColumnLayout& column : columns)
    if (!column.missing.is_null && column.physical == type::Physical::string) bytes += column.missing.as<type::StringRef>().size;
  bytes = (bytes + 7) & ~std::size_t{7};
  if (bytes > store::object_bytes_max) return Error::make(sqlstate::too_many_columns, "table layout is too large");
  SPG_ASSIGN(store::Cell * cell, scope.make(store::Kind::layout, static_cast<std::uint32_t>(bytes), 0, static_cast<std::uint32_t>(bytes)));
  store::Image* image = Scope::ObjectsOf::image_of(cell);
  image->table = raw(table);
  auto* to = reinterpret_cast<std::byte*>(image->payload<LayoutState>());
  const LayoutState state{raw(table), static_cast<std::uint32_t>(columns.size()), static_cast<std::uint32_t>(indexes.size()), static_cast<std::uint32_t>(parts.size())};
  auto append = [&](const void* from, std::size_t count) { if (count != 0) std::memcpy(to, from, count); to += count; };
  append(&state, sizeof state);
  auto* out = reinterpret_cast<ColumnLayout*>(to);
  append(columns.data(), columns.size() * sizeof(ColumnLayout));
  append(indexes.data(), indexes.size() * sizeof(IndexLayout));
  append(parts.data(), parts.size() * sizeof(KeyPart));
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].missing.is_null || columns[i].physical != type::Physical::string) continue;
    auto& text = *reinterpret_cast<type::StringRef*>(out[i].missing.bytes);
    if (text.is_inline()) continue;
    std::memcpy(reinterpret_cast<std::byte*>(image) + at, text.pointer, text.size);
    text.place = {0, static_cast<std::uint32_t>(at)};
    at += text.size;
  }
  return cell;
}

}  // namespace spg::table
