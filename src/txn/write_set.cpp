#include "spg/txn/write_set.hpp"

namespace spg::txn {
namespace {

using table::ColumnInput;
using type::Physical;
using type::StringRef;

bool add_columns(RecordBuffer& out, std::span<const ColumnInput> columns, type::Selection rows) {
  bool fits = out.add_varint(columns.size());
  for (const ColumnInput& column : columns) {
    const type::Vector& values = column.values;
    std::uint64_t validity[type::batch_words] = {};
    bool has_nulls = false;
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      if (values.is_null(rows[i])) has_nulls = true;
      else validity[i / 64] |= std::uint64_t{1} << (i % 64);
    }
    fits = fits && out.add_varint(column.number) && out.add_le(static_cast<std::uint8_t>(values.physical)) && out.add_le(static_cast<std::uint8_t>(has_nulls));
    if (has_nulls) fits = fits && out.add(std::as_bytes(std::span(validity, (rows.count + 63) / 64)));
    const std::size_t width = type::physical_bytes(values.physical);
    if (values.physical == Physical::string) {
      for (std::uint32_t i = 0; i < rows.count && fits; ++i) {
        if (values.is_null(rows[i])) continue;
        const std::string_view text = values.value<StringRef>(rows[i]).view();
        fits = out.add_varint(text.size()) && out.add(as_bytes(text));
      }
    } else {
      std::byte* to = fits ? out.extend(width * rows.count) : nullptr;
      if (to == nullptr) return false;
      const auto* from = static_cast<const std::byte*>(values.values);
      for (std::uint32_t i = 0; i < rows.count; ++i) std::memcpy(to + i * width, from + values.slot(rows[i]) * width, width);
    }
  }
  return fits;
}

bool add_rowids(RecordBuffer& out, std::span<const std::uint64_t> rowids) {
  bool fits = out.add_varint(rowids.size());
  std::uint64_t before = 0;
  for (std::uint64_t rowid : rowids) {
    fits = fits && out.add_varint(rowid - before);
    before = rowid;
  }
  return fits;
}

bool add_head(RecordBuffer& out, ChangeKind kind, TableId table) { return out.add_le(static_cast<std::uint8_t>(kind)) && out.add_varint(raw(table)); }
Status result(bool fits) { return fits ? ok() : Error::out_of_memory(); }
Error damaged() { return Error::make(sqlstate::data_corrupted, "write-ahead log record is malformed"); }

bool add_value(RecordBuffer& out, const type::Value& value) {
  if (!out.add_le(static_cast<std::uint8_t>(value.is_null))) return false;
  if (value.is_null) return true;
  if (value.physical == Physical::string) {
    const std::string_view text = value.as<StringRef>().view();
    return out.add_varint(text.size()) && out.add(as_bytes(text));
  }
  return out.add({value.bytes, type::physical_bytes(value.physical)});
}
type::Value read_value(ByteReader& reader, Arena& arena, Physical physical) {
  type::Value value = type::Value::null_of(physical);
  if (reader.le<std::uint8_t>() != 0) return value;
  value.is_null = false;
  if (physical == Physical::string) {
    const Bytes text = reader.bytes(static_cast<std::size_t>(reader.varint()));
    new (value.bytes) StringRef(arena.copy(as_text(text)));
  } else {
    const Bytes bytes = reader.bytes(type::physical_bytes(physical));
    if (!bytes.empty()) std::memcpy(value.bytes, bytes.data(), bytes.size());
  }
  return value;
}

Status read_rowids(ByteReader& reader, Arena& arena, Change& change) {
  const std::uint64_t count = reader.varint();
  if (count > type::batch_rows_max) return damaged();
  change.rows = static_cast<std::uint32_t>(count);
  change.rowids = {arena.array<std::uint64_t>(change.rows), change.rows};
  std::uint64_t rowid = 0;
  for (std::uint64_t& one : change.rowids) one = rowid += reader.varint();
  return ok();
}

Status read_columns(ByteReader& reader, Arena& arena, Change& change) {
  const std::uint64_t count = reader.varint();
  if (count > 4096 || count > reader.left()) return damaged();
  change.columns = {arena.array<ColumnInput>(count), count};
  for (ColumnInput& column : change.columns) {
    column = ColumnInput{};
    column.number = static_cast<std::uint16_t>(reader.varint());
    const auto physical = reader.le<std::uint8_t>();
    if (physical == 0 || physical > static_cast<std::uint8_t>(Physical::string)) return damaged();
    column.values.physical = static_cast<Physical>(physical);
    const bool has_nulls = reader.le<std::uint8_t>() != 0;
    const std::size_t words = (change.rows + 63) / 64;
    std::uint64_t* validity = nullptr;
    if (has_nulls) {
      const Bytes bits = reader.bytes(words * 8);
      if (!reader.ok()) return damaged();
      validity = arena.array<std::uint64_t>(words);
      std::memcpy(validity, bits.data(), words * 8);
      column.values.validity = validity;
    }
    const std::size_t width = type::physical_bytes(column.values.physical);
    auto* values = static_cast<std::byte*>(arena.allocate(width * change.rows));
    if (column.values.physical == Physical::string) {
      auto* texts = reinterpret_cast<StringRef*>(values);
      for (std::uint32_t i = 0; i < change.rows; ++i) {
        texts[i] = StringRef{};
        if (has_nulls && (validity[i / 64] >> (i % 64) & 1) == 0) continue;
        texts[i] = StringRef(as_text(reader.bytes(static_cast<std::size_t>(reader.varint()))));
      }
    } else {
      const Bytes raw_values = reader.bytes(width * change.rows);
      if (!reader.ok()) return damaged();
      std::memcpy(values, raw_values.data(), raw_values.size());
    }
    column.values.values = values;
  }
  return ok();
}

Status read_layout(ByteReader& reader, Arena& arena, table::LayoutBuilder& layout) {
  const std::uint64_t columns = reader.varint();
  if (columns > reader.left()) return damaged();
  for (std::uint64_t i = 0; i < columns && reader.ok(); ++i) {
    table::ColumnLayout column;
    column.number = static_cast<std::uint16_t>(reader.varint());
    const auto physical = reader.le<std::uint8_t>();
    if (physical > static_cast<std::uint8_t>(Physical::string)) return damaged();
    column.physical = static_cast<Physical>(physical);
    column.dropped = reader.le<std::uint8_t>();
    column.missing = read_value(reader, arena, column.physical);
    layout.columns.push_back(column);
  }
  const std::uint64_t indexes = reader.varint();
  if (indexes > reader.left()) return damaged();
  for (std::uint64_t i = 0; i < indexes && reader.ok(); ++i) {
    table::IndexLayout index;
    index.id = IndexId{static_cast<std::uint32_t>(reader.varint())};
    index.kind = static_cast<table::KeyKind>(reader.le<std::uint8_t>());
    const auto unique = reader.le<std::uint8_t>();
    if (unique > static_cast<std::uint8_t>(table::Uniqueness::deferred)) return damaged();
    index.unique = static_cast<table::Uniqueness>(unique);
    index.nulls_distinct = reader.le<std::uint8_t>();
    const std::uint64_t count = reader.varint();
    if (count > 64 || count > reader.left()) return damaged();
    table::KeyPart parts[64];
    for (std::uint64_t k = 0; k < count; ++k) {
      parts[k].type = static_cast<std::uint32_t>(reader.varint());
      parts[k].column = static_cast<std::uint16_t>(reader.varint());
      parts[k].descending = reader.le<std::uint8_t>();
      parts[k].nulls_first = reader.le<std::uint8_t>();
    }
    layout.add_index(index, {parts, static_cast<std::size_t>(count)});
  }
  return ok();
}

}  // namespace

Status encode_insert(RecordBuffer& out, TableId table, std::uint64_t first_rowid, std::span<const ColumnInput> columns, type::Selection rows) {
  return result(add_head(out, ChangeKind::insert, table) && out.add_varint(first_rowid) && out.add_varint(rows.count) && add_columns(out, columns, rows));
}
Status encode_update(RecordBuffer& out, TableId table, std::span<const std::uint64_t> rowids, std::span<const ColumnInput> columns, type::Selection rows) {
  return result(add_head(out, ChangeKind::update, table) && add_rowids(out, rowids) && add_columns(out, columns, rows));
}
Status encode_remove(RecordBuffer& out, TableId table, std::span<const std::uint64_t> rowids) {
  return result(add_head(out, ChangeKind::remove, table) && add_rowids(out, rowids));
}
Status encode_plain(RecordBuffer& out, ChangeKind kind, TableId table) { return result(add_head(out, kind, table)); }

Status encode_layout(RecordBuffer& out, ChangeKind kind, TableId table, const table::LayoutBuilder& layout) {
  bool fits = add_head(out, kind, table) && out.add_varint(layout.columns.size());
  for (const table::ColumnLayout& column : layout.columns)
    fits = fits && out.add_varint(column.number) && out.add_le(static_cast<std::uint8_t>(column.physical)) && out.add_le(column.dropped) && add_value(out, column.missing);
  fits = fits && out.add_varint(layout.indexes.size());
  for (const table::IndexLayout& index : layout.indexes) {
    fits = fits && out.add_varint(raw(index.id)) && out.add_le(static_cast<std::uint8_t>(index.kind)) && out.add_le(static_cast<std::uint8_t>(index.unique)) &&
           out.add_le(index.nulls_distinct) && out.add_varint(index.part_count);
    for (std::size_t k = 0; k < index.part_count; ++k) {
      const table::KeyPart& part = layout.parts[index.first_part + k];
      fits = fits && out.add_varint(part.type) && out.add_varint(part.column) && out.add_le(part.descending) && out.add_le(part.nulls_first);
    }
  }
  return result(fits);
}

Status decode_change(ByteReader& reader, Arena& arena, Change& change) {
  const auto kind = reader.le<std::uint8_t>();
  if (kind < 1 || kind > 7) return damaged();
  change.kind = static_cast<ChangeKind>(kind);
  change.table = TableId{static_cast<std::uint32_t>(reader.varint())};
  switch (change.kind) {
    case ChangeKind::insert: {
      change.first_rowid = reader.varint();
      const std::uint64_t rows = reader.varint();
      if (rows > type::batch_rows_max) return damaged();
      change.rows = static_cast<std::uint32_t>(rows);
      SPG_TRY(read_columns(reader, arena, change));
      break;
    }
    case ChangeKind::update:
      SPG_TRY(read_rowids(reader, arena, change));
      SPG_TRY(read_columns(reader, arena, change));
      break;
    case ChangeKind::remove: SPG_TRY(read_rowids(reader, arena, change)); break;
    case ChangeKind::create_table: case ChangeKind::set_layout: SPG_TRY(read_layout(reader, arena, change.layout)); break;
    case ChangeKind::drop_table: case ChangeKind::truncate: break;
  }
  return reader.ok() ? ok() : damaged();
}

}  // namespace spg::txn
