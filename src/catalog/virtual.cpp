#include "spg/catalog/virtual.hpp"

#include "row_maker.hpp"
#include "spg/type/io.hpp"

namespace spg::catalog {

using type::Value;

bool VirtualRelation::next(type::Batch& batch) {
  if (next_ == batches_.size()) return false;
  batch = batches_[next_++];
  return true;
}

RowMaker::RowMaker(const Relation& relation, std::span<const std::uint16_t> wanted, Arena& arena)
    : relation_(relation), wanted_(wanted), arena_(arena) {
  const std::size_t count = relation.columns.size() + 1;
  slots_ = {arena.array<std::int16_t>(count), count};
  for (std::int16_t& slot : slots_) slot = -1;
  for (std::size_t i = 0; i < wanted.size(); ++i) slots_[wanted[i]] = static_cast<std::int16_t>(i);
  columns_ = {arena.array<Column>(wanted.size()), wanted.size()};
  result_.batches_ = Vec<type::Batch>(arena);
}

void RowMaker::new_batch() {
  type::Vector* vectors = arena_.array<type::Vector>(wanted_.size());
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    const type::Physical physical = relation_.columns[wanted_[i] - 1u].physical;
    const std::size_t bytes = type::physical_bytes(physical) * type::batch_rows_max;
    auto* values = static_cast<std::byte*>(arena_.allocate(bytes));
    std::memset(values, 0, bytes);
    auto* validity = arena_.array<std::uint64_t>(type::batch_words);
    std::memset(validity, 0, type::batch_words * 8);
    columns_[i] = {physical, values, validity};
    vectors[i] = {physical, type::Vector::Form::flat, values, validity, nullptr};
  }
  type::Batch batch;
  batch.columns = {vectors, wanted_.size()};
  result_.batches_.push_back(batch);
  rows_ = 0;
}

void RowMaker::start() {
  if (result_.batches_.empty() || rows_ == type::batch_rows_max) new_batch();
  ++rows_;
  type::Batch& batch = result_.batches_.back();
  batch.rows = rows_;
  batch.selected = {nullptr, rows_};
}

void RowMaker::set(std::uint16_t number, const Value& value) {
  if (slots_[number] < 0 || value.is_null) return;
  Column& column = columns_[static_cast<std::size_t>(slots_[number])];
  SPG_DCHECK(value.physical == column.physical);
  const std::size_t row = rows_ - 1, width = type::physical_bytes(column.physical);
  column.validity[row / 64] |= std::uint64_t{1} << (row % 64);
  std::memcpy(column.values + row * width, value.bytes, width);
  // The same column asked for twice.
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    if (wanted_[i] != number || static_cast<std::int16_t>(i) == slots_[number]) continue;
    columns_[i].validity[row / 64] |= std::uint64_t{1} << (row % 64);
    std::memcpy(columns_[i].values + row * width, value.bytes, width);
  }
}

bool RowMaker::wants(std::string_view name) const {
  for (const ColumnInfo& column : relation_.columns)
    if (column.name == name) return wants(static_cast<std::uint16_t>(column.number));
  return false;
}

RowMaker& RowMaker::set(std::string_view name, const Value& value) {
  for (const ColumnInfo& column : relation_.columns)
    if (column.name == name) {
      set(static_cast<std::uint16_t>(column.number), value);
      break;
    }
  return *this;
}

VirtualRelation RowMaker::finish() { return result_; }

// --- what producers share
// -----------------------------------------------------------------------------------------------

Result<Vec<ClassEntry>> Production::classes() {
  Vec<ClassEntry> list(arena);
  for (std::size_t i = 0; i < builtin::relation_count; ++i) {
    const Relation& relation = builtin::relations[i];
    SPG_ASSIGN(const std::string_view schema, catalog.schema_name(relation.schema));
    list.push_back({relation.oid, relation.name, relation.schema, schema, relation.kind, relation.owner,
                    relation.kind == 'r', TableId::none});
  }
  SPG_ASSIGN(const Vec<Row*> stored, store.all(Stored::class_));
  for (const Row* row : stored) {
    ClassEntry entry;
    entry.oid = row->oid(pg_class::oid);
    entry.name = row->text(pg_class::relname);
    entry.schema = row->oid(pg_class::relnamespace);
    SPG_ASSIGN(const std::string_view schema, catalog.schema_name(entry.schema));
    entry.schema_name = arena.copy(schema);
    entry.kind = row->character(pg_class::relkind);
    entry.owner = row->oid(pg_class::relowner);
    entry.has_index = row->boolean(pg_class::relhasindex);
    entry.table = TableId{raw(row->oid(pg_class::relfilenode))};
    list.push_back(entry);
  }
  return list;
}

Result<std::string_view> Production::role_name(Oid oid) {
  if (store.shared_view() != nullptr) {
    SPG_ASSIGN(const Row* row, store.find_one(StoredKey::authid_oid, {oid_value(oid)}));
    if (row != nullptr) return row->text(pg_authid::rolname);
  }
  return oid == bootstrap_superuser ? std::string_view("postgres") : std::string_view();
}

// --- catalogs
// -----------------------------------------------------------------------------------------------------------

namespace {

/// A field of the built-in rows as a value of its column. Types that the type room does not read stay as their text.
Result<Value> field_value(const ColumnInfo& column, std::string_view field, Arena& arena) {
  const std::string_view text = builtin::unescape(field, arena);
  if (type::find_type(column.type) == nullptr) return text_value(text);
  return type::input(column.type, text, -1, {}, arena);
}

Status add_builtin(RowMaker& rows) {
  const builtin::Rows* source = builtin::find_rows(rows.relation().oid);
  if (source == nullptr) return ok();
  const auto columns = rows.relation().columns;
  std::string_view fields[64];
  SPG_ASSERT(columns.size() <= std::size(fields));
  builtin::RowReader reader(*source);
  while (reader.next({fields, columns.size()})) {
    rows.start();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto number = static_cast<std::uint16_t>(i + 1);
      if (!rows.wants(number) || builtin::is_null_field(fields[i])) continue;
      SPG_ASSIGN(const Value value, field_value(columns[i], fields[i], rows.arena()));
      rows.set(number, value);
    }
  }
  return rows.arena().check();
}

Status add_stored(Production& production, Stored stored) {
  if (is_shared(stored) && production.store.shared_view() == nullptr) return ok();
  RowMaker& rows = production.rows;
  SPG_ASSIGN(const Vec<Row*> list, production.store.all(stored));
  for (const Row* row : list) {
    rows.start();
    for (std::uint16_t number = 1; number <= row->values.size(); ++number) rows.set(number, row->at(number));
    if (stored != Stored::class_ || row->character(pg_class::relkind) != 'r' || !rows.wants(pg_class::reltuples))
      continue;
    SPG_ASSIGN(const std::uint64_t count,
               production.store.view().row_count(TableId{raw(row->oid(pg_class::relfilenode))}));
    rows.set(pg_class::reltuples, Value::of(type::Physical::float4, static_cast<float>(count)));
  }
  return rows.arena().check();
}

}  // namespace

Result<VirtualRelation> open_virtual(SessionCatalog& catalog, Oid oid, std::span<const std::uint16_t> columns,
                                     const ServerFacts& facts, Arena& arena) {
  const Relation* relation = builtin::find_relation(oid);
  if (relation == nullptr)
    return Error::make(sqlstate::undefined_table, "relation with OID ", raw(oid), " does not exist");
  RowMaker rows(*relation, columns, arena);
  Store store(&catalog.view(), catalog.shared_view(), arena);
  Production production{catalog, store, rows, facts, arena};
  const Producer producer = relation->schema == ns::information_schema ? find_information_producer(relation->name)
                            : relation->kind == 'v'                    ? find_view_producer(relation->name)
                                                                       : nullptr;
  if (producer != nullptr) {
    SPG_TRY(producer(production));
  } else {
    SPG_TRY(add_builtin(rows));
    if (const Stored* stored = find_stored(oid)) SPG_TRY(add_stored(production, *stored));
  }
  SPG_TRY(arena.check());
  return rows.finish();
}

}  // namespace spg::catalog
