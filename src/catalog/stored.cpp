#include "spg/catalog/stored.hpp"

#include <algorithm>
#include <memory>

#include "spg/catalog/builtin.hpp"
#include "spg/type/io.hpp"

namespace spg::catalog {

using type::Value;

namespace {

constexpr std::size_t stored_count = static_cast<std::size_t>(Stored::count_);
constexpr std::size_t key_count = static_cast<std::size_t>(StoredKey::count_);
constexpr std::size_t stored_columns_max = 40;

constexpr StoredTable stored_tables[stored_count] = {
    {pg_class::relation, TableId{1}},    {pg_attribute::relation, TableId{2}},  {pg_attrdef::relation, TableId{3}},
    {pg_index::relation, TableId{4}},    {pg_constraint::relation, TableId{5}}, {pg_namespace::relation, TableId{6}},
    {pg_type::relation, TableId{7}},     {pg_depend::relation, TableId{8}},     {pg_description::relation, TableId{9}},
    {pg_rewrite::relation, TableId{10}},
    {pg_database::relation, TableId{1}}, {pg_authid::relation, TableId{2}},     {pg_auth_members::relation, TableId{3}},
};

struct KeyInfo {
  StoredKey key;
  Stored table;
  bool unique;
  std::uint16_t columns[3];
  std::string_view name;
  std::size_t count() const { return columns[1] == 0 ? 1u : columns[2] == 0 ? 2u : 3u; }
};
constexpr KeyInfo key_infos[key_count] = {
    {StoredKey::class_oid, Stored::class_, true, {pg_class::oid}, "pg_class_oid_index"},
    {StoredKey::class_name,
     Stored::class_,
     true,
     {pg_class::relname, pg_class::relnamespace},
     "pg_class_relname_nsp_index"},
    {StoredKey::attribute_number,
     Stored::attribute,
     true,
     {pg_attribute::attrelid, pg_attribute::attnum},
     "pg_attribute_relid_attnum_index"},
    {StoredKey::attribute_name,
     Stored::attribute,
     true,
     {pg_attribute::attrelid, pg_attribute::attname},
     "pg_attribute_relid_attnam_index"},
    {StoredKey::attrdef_oid, Stored::attrdef, true, {pg_attrdef::oid}, "pg_attrdef_oid_index"},
    {StoredKey::attrdef_column,
     Stored::attrdef,
     true,
     {pg_attrdef::adrelid, pg_attrdef::adnum},
     "pg_attrdef_adrelid_adnum_index"},
    {StoredKey::index_oid, Stored::index, true, {pg_index::indexrelid}, "pg_index_indexrelid_index"},
    {StoredKey::index_relation, Stored::index, false, {pg_index::indrelid}, "pg_index_indrelid_index"},
    {StoredKey::constraint_oid, Stored::constraint, true, {pg_constraint::oid}, "pg_constraint_oid_index"},
    {StoredKey::constraint_relation,
     Stored::constraint,
     false,
     {pg_constraint::conrelid},
     "pg_constraint_conrelid_contypid_conname_index"},
    {StoredKey::constraint_name,
     Stored::constraint,
     false,
     {pg_constraint::conname, pg_constraint::connamespace},
     "pg_constraint_conname_nsp_index"},
    {StoredKey::namespace_oid, Stored::namespace_, true, {pg_namespace::oid}, "pg_namespace_oid_index"},
    {StoredKey::namespace_name, Stored::namespace_, true, {pg_namespace::nspname}, "pg_namespace_nspname_index"},
    {StoredKey::type_oid, Stored::type, true, {pg_type::oid}, "pg_type_oid_index"},
    {StoredKey::type_name, Stored::type, true, {pg_type::typname, pg_type::typnamespace}, "pg_type_typname_nsp_index"},
    {StoredKey::depend_object,
     Stored::depend,
     false,
     {pg_depend::classid, pg_depend::objid, pg_depend::objsubid},
     "pg_depend_depender_index"},
    {StoredKey::depend_reference,
     Stored::depend,
     false,
     {pg_depend::refclassid, pg_depend::refobjid, pg_depend::refobjsubid},
     "pg_depend_reference_index"},
    {StoredKey::description_object,
     Stored::description,
     true,
     {pg_description::objoid, pg_description::classoid, pg_description::objsubid},
     "pg_description_o_c_o_index"},
    {StoredKey::rewrite_oid, Stored::rewrite, true, {pg_rewrite::oid}, "pg_rewrite_oid_index"},
    {StoredKey::rewrite_relation,
     Stored::rewrite,
     true,
     {pg_rewrite::ev_class, pg_rewrite::rulename},
     "pg_rewrite_rel_rulename_index"},
    {StoredKey::database_oid, Stored::database, true, {pg_database::oid}, "pg_database_oid_index"},
    {StoredKey::database_name, Stored::database, true, {pg_database::datname}, "pg_database_datname_index"},
    {StoredKey::authid_oid, Stored::authid, true, {pg_authid::oid}, "pg_authid_oid_index"},
    {StoredKey::authid_name, Stored::authid, true, {pg_authid::rolname}, "pg_authid_rolname_index"},
    {StoredKey::auth_members_role,
     Stored::auth_members,
     true,
     {pg_auth_members::roleid, pg_auth_members::member},
     "pg_auth_members_role_member_index"},
    {StoredKey::auth_members_member,
     Stored::auth_members,
     true,
     {pg_auth_members::member, pg_auth_members::roleid},
     "pg_auth_members_member_role_index"},
};
constexpr std::size_t first_shared_key = static_cast<std::size_t>(StoredKey::database_oid);

const KeyInfo& info(StoredKey key) { return key_infos[static_cast<std::size_t>(key)]; }
IndexId index_id(StoredKey key) {
  const auto at = static_cast<std::size_t>(key);
  return IndexId{static_cast<std::uint32_t>(at < first_shared_key ? at + 1 : at - first_shared_key + 1)};
}
std::span<const ColumnInfo> columns_of(Stored stored) {
  return builtin::find_relation(stored_table(stored).relation)->columns;
}

bool same(const Value& a, const Value& b) {
  if (a.is_null || b.is_null) return a.is_null && b.is_null;
  if (a.physical == type::Physical::string) return a.as<type::StringRef>() == b.as<type::StringRef>();
  return std::memcmp(a.bytes, b.bytes, type::physical_bytes(a.physical)) == 0;
}

Value copied(const Value& value, Arena& arena) {
  if (value.is_null || value.physical != type::Physical::string) return value;
  const type::StringRef text = value.as<type::StringRef>();
  return text.is_inline() ? value : text_value(arena.copy(text.view()));
}

}  // namespace

const StoredTable& stored_table(Stored stored) { return stored_tables[static_cast<std::size_t>(stored)]; }
const Stored* find_stored(Oid relation) {
  static constexpr Stored all[stored_count] = {Stored::class_,   Stored::attribute,  Stored::attrdef,
                                               Stored::index,    Stored::constraint, Stored::namespace_,
                                               Stored::type,     Stored::depend,     Stored::description,
                                               Stored::rewrite,  Stored::database,   Stored::authid,
                                               Stored::auth_members};
  for (const Stored& stored : all)
    if (stored_table(stored).relation == relation) return &stored;
  return nullptr;
}

Store::Store(txn::View* view, txn::View* shared, Arena& arena)
    : view_(view),
      shared_(shared),
      arena_(&arena),
      buckets_(arena.array<Slot*>(bucket_count)),
      fresh_(arena),
      read_(arena) {
  std::fill(buckets_, buckets_ + bucket_count, nullptr);
}

Row*& Store::known(Stored stored, std::uint64_t rowid) {
  Slot*& bucket = buckets_[(rowid * 31 + static_cast<std::size_t>(stored)) % bucket_count];
  for (Slot* slot = bucket; slot != nullptr; slot = slot->next)
    if (slot->row->rowid == rowid && slot->row->table == stored) return slot->row;
  bucket = arena_->make<Slot>(nullptr, bucket);
  return bucket->row;
}

Result<Row*> Store::load(Stored stored, std::uint64_t rowid, std::span<const type::Vector> columns, std::size_t at) {
  Row*& row = known(stored, rowid);
  if (row != nullptr) return row;
  const auto expected = columns_of(stored);
  for (std::size_t c = 0; c < columns.size(); ++c)
    if (columns[c].physical != expected[c].physical)
      return Error::make(sqlstate::data_corrupted, "column ", c + 1, " of a catalog table is of another type than it must be");
  Value* values = arena_->array<Value>(columns.size());
  for (std::size_t c = 0; c < columns.size(); ++c) values[c] = copied(type::value_of(columns[c], at), *arena_);
  row = arena_->make<Row>();
  row->table = stored;
  row->rowid = rowid;
  row->values = {values, columns.size()};
  read_.push_back(row);
  return row;
}

Status Store::take(Stored stored, std::span<const std::uint64_t> rowids, Vec<Row*>& found) {
  const auto columns = columns_of(stored);
  std::uint16_t numbers[stored_columns_max];
  type::Vector vectors[stored_columns_max];
  SPG_ASSERT(columns.size() <= stored_columns_max);
  for (std::size_t c = 0; c < columns.size(); ++c) numbers[c] = static_cast<std::uint16_t>(c + 1);
  SPG_TRY(view_of(stored).fetch(stored_table(stored).table, rowids, {numbers, columns.size()}, *arena_, vectors));
  for (std::size_t i = 0; i < rowids.size(); ++i) {
    SPG_ASSIGN(Row * row, load(stored, rowids[i], {vectors, columns.size()}, i));
    found.push_back(row);
  }
  return arena_->check();
}

Result<Vec<Row*>> Store::find(StoredKey key, std::span<const Value> keys) {
  const KeyInfo& index = info(key);
  Vec<Row*> found(*arena_);
  txn::KeyRange range;
  range.prefix = keys;
  range.with_nulls = true;
  SPG_ASSIGN(txn::IndexScan * scan,
             view_of(index.table).open_index(stored_table(index.table).table, index_id(key), range, false, *arena_));
  const std::unique_ptr<txn::IndexScan> guard(scan);
  for (;;) {
    std::uint64_t rowids[256];
    SPG_ASSIGN(const std::size_t count, scan->next(rowids));
    SPG_TRY(take(index.table, {rowids, count}, found));
    if (count < std::size(rowids)) break;
  }
  const auto matches = [&](const Row* row) {
    if (row->removed || row->table != index.table) return false;
    for (std::size_t i = 0; i < keys.size(); ++i)
      if (!same(row->at(index.columns[i]), keys[i])) return false;
    return true;
  };
  std::size_t kept = 0;
  for (Row* row : found)
    if (matches(row)) found[kept++] = row;
  found.resize(kept);
  // Rows that got the key only by a change of this unit.
  for (Row* row : read_)
    if (row->dirty && matches(row) && std::find(found.begin(), found.end(), row) == found.end()) found.push_back(row);
  for (Row* row : fresh_)
    if (matches(row)) found.push_back(row);
  return found;
}

Result<Row*> Store::find_one(StoredKey key, std::initializer_list<Value> keys) {
  SPG_ASSIGN(const Vec<Row*> found, find(key, keys));
  return found.empty() ? nullptr : found[0];
}

Result<Vec<Row*>> Store::all(Stored stored) {
  const auto columns = columns_of(stored);
  std::uint16_t numbers[stored_columns_max];
  for (std::size_t c = 0; c < columns.size(); ++c) numbers[c] = static_cast<std::uint16_t>(c + 1);
  txn::ScanRequest request;
  request.table = stored_table(stored).table;
  request.columns = {numbers, columns.size()};
  SPG_ASSIGN(txn::Scan * scan, view_of(stored).open_scan(request, *arena_));
  const std::unique_ptr<txn::Scan> guard(scan);
  Vec<Row*> found(*arena_);
  for (;;) {
    txn::RowBatch batch;
    SPG_ASSIGN(const bool more, scan->next(batch));
    if (!more) break;
    for (std::uint32_t i = 0; i < batch.batch.selected.count; ++i) {
      const std::uint32_t at = batch.batch.selected[i];
      SPG_ASSIGN(Row * row, load(stored, batch.first_rowid + at, batch.batch.columns, at));
      if (!row->removed) found.push_back(row);
    }
    SPG_TRY(arena_->check());
  }
  for (Row* row : fresh_)
    if (row->table == stored && !row->removed) found.push_back(row);
  return found;
}

Row* Store::add(Stored stored) {
  const auto columns = columns_of(stored);
  Value* values = arena_->array<Value>(columns.size());
  for (std::size_t c = 0; c < columns.size(); ++c) {
    values[c] = Value::null_of(columns[c].physical);
    values[c].is_null = !columns[c].not_null;
  }
  Row* row = arena_->make<Row>();
  row->table = stored;
  row->fresh = true;
  row->values = {values, columns.size()};
  fresh_.push_back(row);
  return row;
}

namespace {
Error conflict_error(Stored stored, const txn::Conflict& conflict) {
  for (const KeyInfo& index : key_infos)
    if (index.table == stored && index_id(index.key) == conflict.index)
      return Error::make(sqlstate::unique_violation, "duplicate key value violates unique constraint \"", index.name,
                         "\"");
  return Error::make(sqlstate::unique_violation, "duplicate key value in the catalog");
}
}  // namespace

/// Up to 1024 rows, column by column.
Status Store::insert(Stored stored, std::span<Row* const> rows) {
  const auto columns = columns_of(stored);
  table::ColumnInput inputs[stored_columns_max];
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const std::size_t width = type::physical_bytes(columns[c].physical);
    auto* values = static_cast<std::byte*>(arena_->allocate(width * rows.size()));
    std::uint64_t* validity = arena_->array<std::uint64_t>(type::batch_words);
    std::memset(validity, 0xff, type::batch_words * 8);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const Value& value = rows[i]->values[c];
      if (value.is_null) validity[i / 64] &= ~(std::uint64_t{1} << (i % 64));
      std::memcpy(values + i * width, Value().bytes, width);
      if (!value.is_null) std::memcpy(values + i * width, value.bytes, width);
    }
    inputs[c] = {static_cast<std::uint16_t>(c + 1),
                 {columns[c].physical, type::Vector::Form::flat, values, validity, nullptr}};
  }
  txn::Conflict conflict;
  SPG_TRY(view_of(stored)
              .insert(stored_table(stored).table, {inputs, columns.size()},
                      {nullptr, static_cast<std::uint32_t>(rows.size())}, conflict)
              .status());
  return conflict.found() ? conflict_error(stored, conflict) : ok();
}

Status Store::flush() {
  SPG_TRY(arena_->check());
  Vec<std::uint64_t> rowids(*arena_);
  Vec<Row*> rows(*arena_);
  for (std::size_t t = 0; t < stored_count; ++t) {
    const auto stored = static_cast<Stored>(t);
    const TableId table = stored_table(stored).table;
    rowids.clear();
    for (const Row* row : read_)
      if (row->table == stored && row->removed) rowids.push_back(row->rowid);
    std::sort(rowids.begin(), rowids.end());
    for (std::size_t at = 0; at < rowids.size(); at += type::batch_rows_max)
      SPG_TRY(
          view_of(stored).remove(table, rowids.span().subspan(at, std::min(type::batch_rows_max, rowids.size() - at))));
    for (const Row* row : read_) {
      if (row->table != stored || row->removed || !row->dirty) continue;
      table::ColumnInput inputs[stored_columns_max];
      for (std::size_t c = 0; c < row->values.size(); ++c)
        inputs[c] = {static_cast<std::uint16_t>(c + 1), row->values[c].vector()};
      txn::Conflict conflict;
      SPG_TRY(view_of(stored).update(table, {&row->rowid, 1}, {inputs, row->values.size()}, {nullptr, 1}, conflict));
      if (conflict.found()) return conflict_error(stored, conflict);
    }
    rows.clear();
    for (Row* row : fresh_)
      if (row->table == stored && !row->removed) rows.push_back(row);
    for (std::size_t at = 0; at < rows.size(); at += type::batch_rows_max)
      SPG_TRY(insert(stored, rows.span().subspan(at, std::min(type::batch_rows_max, rows.size() - at))));
  }
  return arena_->check();
}

// --- bootstrap
// --------------------------------------------------------------------------------------------------------

namespace {

Status create_tables(txn::View& view, bool shared) {
  for (std::size_t t = 0; t < stored_count; ++t) {
    const auto stored = static_cast<Stored>(t);
    if (is_shared(stored) != shared) continue;
    table::ColumnLayout layouts[stored_columns_max];
    const auto columns = columns_of(stored);
    for (std::size_t c = 0; c < columns.size(); ++c) {
      layouts[c].number = static_cast<std::uint16_t>(c + 1);
      layouts[c].physical = columns[c].physical;
      layouts[c].missing = Value::null_of(columns[c].physical);
    }
    SPG_ASSIGN(const TableId made, view.create_table(txn::TableUse::catalog, {layouts, columns.size()}));
    if (made != stored_table(stored).table) return Error::make(sqlstate::internal_error, "the lineage is not fresh");
  }
  for (const KeyInfo& index : key_infos) {
    if (is_shared(index.table) != shared) continue;
    const auto columns = columns_of(index.table);
    table::KeyPart parts[3];
    for (std::size_t i = 0; i < index.count(); ++i)
      parts[i] = {raw(columns[index.columns[i] - 1u].type), index.columns[i], 0, 0};
    txn::Conflict conflict;
    SPG_ASSIGN(const IndexId made, view.create_index(stored_table(index.table).table,
                                                     {{parts, index.count()}, index.unique ? table::Uniqueness::immediate : table::Uniqueness::none, true}, conflict));
    if (made != index_id(index.key)) return Error::make(sqlstate::internal_error, "the lineage is not fresh");
  }
  return ok();
}

}  // namespace

Status bootstrap_database(txn::View& view, Arena& arena) {
  SPG_TRY(create_tables(view, false));
  Store store(&view, nullptr, arena);
  Row* schema = store.add(Stored::namespace_);
  schema->set(pg_namespace::oid, oid_value(ns::public_schema));
  schema->set(pg_namespace::nspname, text_value("public"));
  schema->set(pg_namespace::nspowner, oid_value(bootstrap_superuser));
  Row* comment = store.add(Stored::description);
  comment->set(pg_description::objoid, oid_value(ns::public_schema));
  comment->set(pg_description::classoid, oid_value(pg_namespace::relation));
  comment->set(pg_description::description, text_value("standard public schema"));
  return store.flush();
}

Status bootstrap_shared(txn::View& shared, const SharedBootstrap& options, Arena& arena) {
  SPG_TRY(create_tables(shared, true));
  Store store(nullptr, &shared, arena);
  Row* role = store.add(Stored::authid);
  role->set(pg_authid::oid, oid_value(bootstrap_superuser));
  role->set(pg_authid::rolname, text_value(options.superuser));
  for (const std::uint16_t flag :
       {pg_authid::rolsuper, pg_authid::rolinherit, pg_authid::rolcreaterole, pg_authid::rolcreatedb,
        pg_authid::rolcanlogin, pg_authid::rolreplication, pg_authid::rolbypassrls})
    role->set(flag, bool_value(true));
  role->set(pg_authid::rolconnlimit, int4_value(-1));
  if (!options.password_verifier.empty()) role->set(pg_authid::rolpassword, text_value(options.password_verifier));
  Row* database = store.add(Stored::database);
  database->set(pg_database::oid, oid_value(options.database_oid));
  database->set(pg_database::datname, text_value(options.database));
  database->set(pg_database::datdba, oid_value(bootstrap_superuser));
  database->set(pg_database::encoding, int4_value(6));
  database->set(pg_database::datlocprovider, char_value('c'));
  database->set(pg_database::datallowconn, bool_value(true));
  database->set(pg_database::datconnlimit, int4_value(-1));
  database->set(pg_database::dattablespace, oid_value(Oid{1663}));
  database->set(pg_database::datcollate, text_value("C.UTF-8"));
  database->set(pg_database::datctype, text_value("C.UTF-8"));
  return store.flush();
}

}  // namespace spg::catalog
