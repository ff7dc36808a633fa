// Stored: the catalogs whose rows are kept as tables in the database's own store, and a unit of work on them.
//
// Each stored catalog has the columns of PostgreSQL's relation, a fixed TableId (bootstrap makes them in the order
// below, in a fresh lineage) and indexes with fixed IndexIds. A Store reads rows by index probes and collects changes;
// it shows its own changes to its own reads (the view shows a statement none of its own writes) and writes all at
// flush(). A Store lives within one statement; its rows live in its arena. Threads: one at a time.
#pragma once
#include "spg/catalog/catalog.hpp"
#include "spg/catalog/columns.hpp"

namespace spg::catalog {

/// The first ten belong to every database, the others to the shared lineage.
enum class Stored : std::uint8_t {
  class_,
  attribute,
  attrdef,
  index,
  constraint,
  namespace_,
  type,
  depend,
  description,
  rewrite,
  database,
  authid,
  auth_members,
  count_
};
inline constexpr bool is_shared(Stored stored) { return stored >= Stored::database; }

/// Indexes of the stored catalogs, in the order of their IndexIds within the lineage.
enum class StoredKey : std::uint8_t {
  class_oid,
  class_name,  // (relname, relnamespace)
  attribute_number,
  attribute_name,  // (attrelid, attnum), (attrelid, attname)
  attrdef_oid,
  attrdef_column,  // (adrelid, adnum)
  index_oid,
  index_relation,
  constraint_oid,
  constraint_relation,
  constraint_name,  // (conname, connamespace)
  namespace_oid,
  namespace_name,
  type_oid,
  type_name,  // (typname, typnamespace)
  depend_object,
  depend_reference,    // (classid, objid, objsubid), (refclassid, refobjid, refobjsubid)
  description_object,  // (objoid, classoid, objsubid)
  rewrite_oid,
  rewrite_relation,  // (ev_class, rulename)
  database_oid,
  database_name,
  authid_oid,
  authid_name,
  auth_members_role,
  auth_members_member,  // (roleid, member), (member, roleid)
  count_
};

struct StoredTable {
  Oid relation;
  TableId table;
};
const StoredTable& stored_table(Stored stored);
/// Null when the relation is not a stored one.
const Stored* find_stored(Oid relation);

inline type::Value oid_value(Oid oid) { return type::Value::of(type::Physical::int4, raw(oid)); }
inline type::Value int2_value(int value) {
  return type::Value::of(type::Physical::int2, static_cast<std::int16_t>(value));
}
inline type::Value int4_value(std::int32_t value) { return type::Value::of(type::Physical::int4, value); }
inline type::Value bool_value(bool value) {
  return type::Value::of(type::Physical::boolean, static_cast<std::uint8_t>(value));
}
inline type::Value char_value(char value) { return int2_value(static_cast<unsigned char>(value)); }
inline type::Value text_value(std::string_view text) {
  return type::Value::of(type::Physical::string, type::StringRef(text));
}

/// One row, by column number. Change it through set(), so that the Store knows.
struct Row {
  Stored table{};
  bool fresh = false, dirty = false, removed = false;
  std::uint64_t rowid = 0;
  std::span<type::Value> values;

  const type::Value& at(std::uint16_t column) const { return values[column - 1u]; }
  bool is_null(std::uint16_t column) const { return at(column).is_null; }
  Oid oid(std::uint16_t column) const { return Oid{at(column).as<std::uint32_t>()}; }
  std::int16_t int2(std::uint16_t column) const { return at(column).as<std::int16_t>(); }
  std::int32_t int4(std::uint16_t column) const { return at(column).as<std::int32_t>(); }
  bool boolean(std::uint16_t column) const { return at(column).as<std::uint8_t>() != 0; }
  char character(std::uint16_t column) const { return static_cast<char>(int2(column)); }
  /// Valid while the row is.
  std::string_view text(std::uint16_t column) const {
    return at(column).is_null ? std::string_view() : at(column).as<type::StringRef>().view();
  }
  void set(std::uint16_t column, const type::Value& value) {
    values[column - 1u] = value;
    dirty = true;
  }
};

class Store {
 public:
  /// `view` or `shared` may be null when the rows of its lineage are not touched.
  Store(txn::View* view, txn::View* shared, Arena& arena);

  /// Rows whose first key columns equal `keys`, in no particular order.
  Result<Vec<Row*>> find(StoredKey key, std::span<const type::Value> keys);
  Result<Vec<Row*>> find(StoredKey key, std::initializer_list<type::Value> keys) {
    return find(key, std::span(keys.begin(), keys.size()));
  }
  /// Null when there is none.
  Result<Row*> find_one(StoredKey key, std::initializer_list<type::Value> keys);
  /// Every row of a catalog.
  Result<Vec<Row*>> all(Stored stored);
  /// A new row: zero (or empty) where NULL is not allowed, NULL elsewhere.
  Row* add(Stored stored);
  void remove(Row* row) { row->removed = true; }
  /// Writes what has changed. Afterwards the Store may only be destroyed.
  Status flush();

  Arena& arena() { return *arena_; }
  txn::View& view() { return *view_; }
  txn::View* shared_view() { return shared_; }

 private:
  struct Slot {
    Row* row;
    Slot* next;
  };
  txn::View& view_of(Stored stored) { return is_shared(stored) ? *shared_ : *view_; }
  Row*& known(Stored stored, std::uint64_t rowid);
  Result<Row*> load(Stored stored, std::uint64_t rowid, std::span<const type::Vector> columns, std::size_t at);
  Status take(Stored stored, std::span<const std::uint64_t> rowids, Vec<Row*>& found);
  Status insert(Stored stored, std::span<Row* const> rows);

  txn::View* view_;
  txn::View* shared_;
  Arena* arena_;
  static constexpr std::size_t bucket_count = 256;
  Slot** buckets_;  ///< rows read, by table and rowid
  Vec<Row*> fresh_, read_;
};

/// Makes the stored catalogs of a fresh database (with schema public) or of the fresh shared lineage. Requires: a
/// writing statement on a lineage without tables.
Status bootstrap_database(txn::View& view, Arena& arena);

struct SharedBootstrap {
  std::string_view superuser = "postgres";
  std::string_view password_verifier;  ///< SCRAM text; empty = no password
  std::string_view database = "postgres";
  Oid database_oid{5};
};
Status bootstrap_shared(txn::View& shared, const SharedBootstrap& options, Arena& arena);

inline constexpr Oid bootstrap_superuser{10};

}  // namespace spg::catalog
