// Write sets: a transaction's row records, as the log carries them (DESIGN 1.6, 1.8). Encoded as they are made, so that
// COMMIT only appends; decoded by recovery (and, later, rebase and followers). Columnar: a record holds up to 1024 rows.
//
//   payload of a commit frame:        varint next generation, varint next OID, int64 commit time (us since 1970), changes
//   payload of a joint_commit frame:  the same, but for the changes: {varint database, varint bytes, changes} ...
//
//   varint fields unless noted
//   1 insert  table, first rowid, rows, columns     2 update  table, rows, rowid distances, columns
//   3 delete  table, rows, rowid distances          4 create  table, layout        5 drop  table
//   6 truncate  table                               7 layout  table, layout (indexes that are new are built from the rows)
//   columns: count, each {number, physical (1 byte), has-nulls (1 byte), [validity words], values}; fixed-width values raw,
//   strings as {length, bytes}.   layout: see encode_layout().
#pragma once
#include "spg/base/arena.hpp"
#include "spg/base/record_buffer.hpp"
#include "spg/table/table.hpp"

namespace spg::txn {

enum class ChangeKind : std::uint8_t { insert = 1, update = 2, remove = 3, create_table = 4, drop_table = 5, truncate = 6, set_layout = 7 };

Status encode_insert(RecordBuffer& out, TableId table, std::uint64_t first_rowid, std::span<const table::ColumnInput> columns, type::Selection rows);
Status encode_update(RecordBuffer& out, TableId table, std::span<const std::uint64_t> rowids, std::span<const table::ColumnInput> columns, type::Selection rows);
Status encode_remove(RecordBuffer& out, TableId table, std::span<const std::uint64_t> rowids);
/// create_table, set_layout
Status encode_layout(RecordBuffer& out, ChangeKind kind, TableId table, const table::LayoutBuilder& layout);
/// drop_table, truncate
Status encode_plain(RecordBuffer& out, ChangeKind kind, TableId table);

/// One decoded record. Everything lives in the arena or in the input.
struct Change {
  explicit Change(Arena& arena) : layout(arena) {}
  ChangeKind kind{};
  TableId table{};
  std::uint64_t first_rowid = 0;
  std::uint32_t rows = 0;
  std::span<std::uint64_t> rowids;
  std::span<table::ColumnInput> columns;
  table::LayoutBuilder layout;
};
/// Decodes the record at the reader's place. XX001 when the bytes are not one.
Status decode_change(ByteReader& reader, Arena& arena, Change& change);

}  // namespace spg::txn
