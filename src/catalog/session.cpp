#include "spg/catalog/session.hpp"

#include <algorithm>

#include "spg/catalog/builtin.hpp"
#include "spg/type/array.hpp"
#include "spg/type/io.hpp"
#include "spg/type/order.hpp"

namespace spg::catalog {

using type::Value;

SessionCatalog::SessionCatalog(txn::View& view, txn::View* shared, MemoryBudget& budget)
    : view_(&view), shared_(shared), settings_(budget), cache_(budget), scratch_(budget) {
  static constexpr std::string_view initial[] = {"$user", "public"};
  path_names_ = initial;
}

void SessionCatalog::set_search_path(std::span<const std::string_view> schemas) {
  Vec<std::string_view> copies(settings_);
  for (const std::string_view schema : schemas) copies.push_back(settings_.copy(schema));
  path_names_ = copies.span();
  path_loaded_ = is_loaded_ = false;
}

void SessionCatalog::set_role(Oid role, std::string_view name) {
  role_ = role;
  role_name_ = settings_.copy(name);
  path_loaded_ = is_loaded_ = false;
}

void SessionCatalog::refresh() {
  const std::uint64_t stamp = view_->catalog_stamp();
  if (is_loaded_ && stamp == stamp_) return;
  cache_.reset();
  relations_ = cache_.array<RelationEntry*>(bucket_count);
  names_ = cache_.array<NameEntry*>(bucket_count);
  types_ = cache_.array<TypeEntry*>(bucket_count);
  std::fill(relations_, relations_ + bucket_count, nullptr);
  std::fill(names_, names_ + bucket_count, nullptr);
  std::fill(types_, types_ + bucket_count, nullptr);
  schemas_ = nullptr;
  path_loaded_ = false;
  stamp_ = stamp;
  is_loaded_ = true;
}

// --- schemas
// ----------------------------------------------------------------------------------------------------------

namespace {
struct FixedSchema {
  Oid oid;
  std::string_view name;
};
constexpr FixedSchema fixed_schemas[] = {
    {ns::pg_catalog, "pg_catalog"}, {ns::pg_toast, "pg_toast"}, {ns::information_schema, "information_schema"}};
}  // namespace

Result<Oid> SessionCatalog::schema_oid(std::string_view name) {
  for (const FixedSchema& schema : fixed_schemas)
    if (schema.name == name) return schema.oid;
  refresh();
  for (const SchemaEntry* entry = schemas_; entry != nullptr; entry = entry->next)
    if (entry->name == name) return entry->oid;
  scratch_.reset();
  Store store(view_, shared_, scratch_);
  SPG_ASSIGN(const Row* row, store.find_one(StoredKey::namespace_name, {text_value(name)}));
  if (row == nullptr) return Oid::none;
  schemas_ = cache_.make<SchemaEntry>(row->oid(pg_namespace::oid), cache_.copy(name), schemas_);
  return schemas_->oid;
}

Result<std::string_view> SessionCatalog::schema_name(Oid oid) {
  for (const FixedSchema& schema : fixed_schemas)
    if (schema.oid == oid) return schema.name;
  refresh();
  for (const SchemaEntry* entry = schemas_; entry != nullptr; entry = entry->next)
    if (entry->oid == oid) return entry->name;
  scratch_.reset();
  Store store(view_, shared_, scratch_);
  SPG_ASSIGN(const Row* row, store.find_one(StoredKey::namespace_oid, {oid_value(oid)}));
  if (row == nullptr) return std::string_view();
  schemas_ = cache_.make<SchemaEntry>(oid, cache_.copy(row->text(pg_namespace::nspname)), schemas_);
  return schemas_->name;
}

Status SessionCatalog::load_path() {
  refresh();
  if (path_loaded_) return ok();
  Vec<Oid> path(cache_), written(cache_);
  Oid creation = Oid::none;
  for (const std::string_view name : path_names_) {
    SPG_ASSIGN(const Oid oid, schema_oid(name == "$user" ? role_name_ : name));
    if (oid == Oid::none || std::find(written.begin(), written.end(), oid) != written.end()) continue;
    if (creation == Oid::none) creation = oid;
    written.push_back(oid);
  }
  if (std::find(written.begin(), written.end(), ns::pg_catalog) == written.end()) path.push_back(ns::pg_catalog);
  written_path_ = written.span();
  path.append(written_path_);
  path_ = path.span();
  creation_schema_ = creation;
  path_loaded_ = true;
  return ok();
}

Result<std::span<const Oid>> SessionCatalog::search_path() {
  SPG_TRY(load_path());
  return path_;
}
Result<std::span<const Oid>> SessionCatalog::written_path() {
  SPG_TRY(load_path());
  return written_path_;
}
Result<Oid> SessionCatalog::creation_schema() {
  SPG_TRY(load_path());
  return creation_schema_;
}

// --- relations
// --------------------------------------------------------------------------------------------------------

namespace {

std::span<const std::int16_t> int2_list(const Row& row, std::uint16_t column, Arena& arena) {
  Vec<std::int16_t> list(arena);
  if (row.is_null(column)) return {};
  type::ArrayReader reader(row.at(column).as<type::StringRef>());
  for (Value value; reader.next(&value);) list.push_back(value.as<std::int16_t>());
  return list.span();
}

std::span<const Oid> oid_list(const Row& row, std::uint16_t column, Arena& arena) {
  Vec<Oid> list(arena);
  if (row.is_null(column)) return {};
  type::ArrayReader reader(row.at(column).as<type::StringRef>());
  for (Value value; reader.next(&value);) list.push_back(Oid{static_cast<std::uint32_t>(value.as<std::int32_t>())});
  return list.span();
}

struct ByNumber {
  bool operator()(const Row* a, const Row* b) const {
    return a->int2(pg_attribute::attnum) < b->int2(pg_attribute::attnum);
  }
};

}  // namespace

Result<const ViewInfo*> SessionCatalog::load_view(Store& store, const Row& row) {
  SPG_ASSIGN(const Row* rule, store.find_one(StoredKey::rewrite_relation, {row.at(pg_class::oid), text_value("_RETURN")}));
  if (rule == nullptr)
    return Error::make(sqlstate::data_corrupted, "view \"", row.text(pg_class::relname), "\" has no query");
  auto* view = cache_.make<ViewInfo>();
  view->rule = rule->oid(pg_rewrite::oid);
  view->text = cache_.copy(rule->text(pg_rewrite::ev_action));
  if (row.is_null(pg_class::reloptions)) return view;
  type::ArrayReader reader(row.at(pg_class::reloptions).as<type::StringRef>());
  for (type::Value item; reader.next(&item);) {
    const std::string_view text = item.as<type::StringRef>().view();
    const std::string_view name = text.substr(0, text.find('=')), value = text.substr(std::min(text.size(), name.size() + 1));
    const bool is_set = value == "true" || value == "on" || value == "yes" || value == "1";
    if (name == "security_barrier") view->security_barrier = is_set;
    if (name == "security_invoker") view->security_invoker = is_set;
    if (name == "check_option") view->check = value == "local" ? CheckOption::local : CheckOption::cascaded;
  }
  return view;
}

Result<const Relation*> SessionCatalog::load_relation(Store& store, const Row& row) {
  const Oid oid = row.oid(pg_class::oid);
  Relation* relation = cache_.make<Relation>();
  relation->oid = oid;
  relation->name = cache_.copy(row.text(pg_class::relname));
  relation->schema = row.oid(pg_class::relnamespace);
  relation->kind = row.character(pg_class::relkind);
  relation->owner = row.oid(pg_class::relowner);
  relation->persistence = row.character(pg_class::relpersistence);

  SPG_ASSIGN(Vec<Row*> attributes, store.find(StoredKey::attribute_number, {oid_value(oid)}));
  std::sort(attributes.begin(), attributes.end(), ByNumber{});
  SPG_ASSIGN(const Vec<Row*> defaults, store.find(StoredKey::attrdef_column, {oid_value(oid)}));
  Vec<ColumnInfo> columns(cache_, attributes.size());
  for (const Row* attribute : attributes) {
    ColumnInfo column;
    column.number = attribute->int2(pg_attribute::attnum);
    if (column.number <= 0) continue;
    column.name = cache_.copy(attribute->text(pg_attribute::attname));
    column.type = attribute->oid(pg_attribute::atttypid);
    column.typmod = attribute->int4(pg_attribute::atttypmod);
    column.collation = attribute->oid(pg_attribute::attcollation);
    column.not_null = attribute->boolean(pg_attribute::attnotnull);
    column.has_default = attribute->boolean(pg_attribute::atthasdef);
    column.dropped = attribute->boolean(pg_attribute::attisdropped);
    if (!column.dropped) column.physical = type::column_physical_of(column.type, column.typmod);
    for (const Row* one : defaults)
      if (one->int2(pg_attrdef::adnum) == column.number)
        column.default_text = cache_.copy(one->text(pg_attrdef::adbin));
    columns.push_back(column);
  }
  relation->columns = columns.span();
  if (relation->kind == 'v') { SPG_ASSIGN(relation->view, load_view(store, row)); }
  if (relation->kind != 'r') return relation;

  relation->table = TableId{raw(row.oid(pg_class::relfilenode))};
  SPG_ASSIGN(const std::uint64_t rows, view_->row_count(relation->table));
  relation->row_estimate = static_cast<double>(rows);
  SPG_ASSIGN(Vec<Row*> indexes, store.find(StoredKey::index_relation, {oid_value(oid)}));
  std::sort(indexes.begin(), indexes.end(), [](const Row* a, const Row* b) {
    return raw(a->oid(pg_index::indexrelid)) < raw(b->oid(pg_index::indexrelid));
  });
  SPG_ASSIGN(const Vec<Row*> constraints, store.find(StoredKey::constraint_relation, {oid_value(oid)}));
  Vec<IndexInfo> infos(cache_, indexes.size());
  for (const Row* index : indexes) {
    IndexInfo info;
    info.oid = index->oid(pg_index::indexrelid);
    SPG_ASSIGN(const Row* of_class, store.find_one(StoredKey::class_oid, {oid_value(info.oid)}));
    if (of_class == nullptr)
      return Error::make(sqlstate::data_corrupted, "could not open relation with OID ", raw(info.oid));
    info.id = IndexId{raw(of_class->oid(pg_class::relfilenode))};
    info.name = cache_.copy(of_class->text(pg_class::relname));
    const auto keys = static_cast<std::size_t>(index->int2(pg_index::indnkeyatts));
    info.columns = int2_list(*index, pg_index::indkey, cache_);
    if (info.columns.size() > keys) info.columns = info.columns.first(keys);
    const auto options = int2_list(*index, pg_index::indoption, cache_);
    Vec<std::uint8_t> descending(cache_, keys), nulls_first(cache_, keys);
    for (const std::int16_t option : options) {
      descending.push_back(option & 1);
      nulls_first.push_back(option >> 1 & 1);
    }
    info.descending = descending.span();
    info.nulls_first = nulls_first.span();
    info.classes = oid_list(*index, pg_index::indclass, cache_);
    info.unique = index->boolean(pg_index::indisunique);
    info.primary = index->boolean(pg_index::indisprimary);
    info.immediate = index->boolean(pg_index::indimmediate);
    for (const Row* constraint : constraints)
      if (constraint->oid(pg_constraint::conindid) == info.oid && constraint->character(pg_constraint::contype) != 'f')
        info.constraint = constraint->oid(pg_constraint::oid);
    infos.push_back(info);
  }
  relation->indexes = infos.span();
  return relation;
}

Result<const Relation*> SessionCatalog::relation(Oid oid) {
  if (raw(oid) < 16384) return builtin::find_relation(oid);
  refresh();
  RelationEntry*& bucket = relations_[raw(oid) % bucket_count];
  for (const RelationEntry* entry = bucket; entry != nullptr; entry = entry->next)
    if (entry->oid == oid) return entry->relation;
  scratch_.reset();
  Store store(view_, shared_, scratch_);
  SPG_ASSIGN(const Row* row, store.find_one(StoredKey::class_oid, {oid_value(oid)}));
  const Relation* relation = nullptr;
  if (row != nullptr) { SPG_ASSIGN(relation, load_relation(store, *row)); }
  bucket = cache_.make<RelationEntry>(oid, relation, bucket);
  return relation;
}

Result<const Relation*> SessionCatalog::relation_in(Oid schema, std::string_view name) {
  if (const Relation* found = builtin::find_relation(schema, name)) return found;
  refresh();
  NameEntry*& bucket = names_[(type::hash_bytes(name) + raw(schema)) % bucket_count];
  for (const NameEntry* entry = bucket; entry != nullptr; entry = entry->next)
    if (entry->schema == schema && entry->name == name)
      return entry->oid == Oid::none ? Result<const Relation*>(nullptr) : relation(entry->oid);
  scratch_.reset();
  Store store(view_, shared_, scratch_);
  SPG_ASSIGN(const Row* row, store.find_one(StoredKey::class_name, {text_value(name), oid_value(schema)}));
  const Oid oid = row == nullptr ? Oid::none : row->oid(pg_class::oid);
  bucket = cache_.make<NameEntry>(schema, cache_.copy(name), oid, bucket);
  if (row == nullptr) return nullptr;
  return relation(oid);
}

Result<const Relation*> SessionCatalog::relation(std::string_view schema, std::string_view name) {
  if (!schema.empty()) {
    SPG_ASSIGN(const Oid oid, schema_oid(schema));
    if (oid == Oid::none) return nullptr;
    return relation_in(oid, name);
  }
  SPG_TRY(load_path());
  for (const Oid oid : path_) {
    SPG_ASSIGN(const Relation* found, relation_in(oid, name));
    if (found != nullptr) return found;
  }
  return nullptr;
}

Result<const Relation*> SessionCatalog::relation_of_index(Oid index) {
  refresh();
  scratch_.reset();
  Store store(view_, shared_, scratch_);
  SPG_ASSIGN(const Row* row, store.find_one(StoredKey::index_oid, {oid_value(index)}));
  if (row == nullptr) return nullptr;
  return relation(row->oid(pg_index::indrelid));
}

Result<const Relation*> SessionCatalog::relation_of_rule(Oid rule) {
  refresh();
  scratch_.reset();
  Store store(view_, shared_, scratch_);
  SPG_ASSIGN(const Row* row, store.find_one(StoredKey::rewrite_oid, {oid_value(rule)}));
  if (row == nullptr) return nullptr;
  return relation(row->oid(pg_rewrite::ev_class));
}

// --- types
// ------------------------------------------------------------------------------------------------------------

Result<const Type*> SessionCatalog::load_type(const Row& row) {
  Type* type = cache_.make<Type>();
  type->oid = row.oid(pg_type::oid);
  type->name = cache_.copy(row.text(pg_type::typname));
  type->schema = row.oid(pg_type::typnamespace);
  type->length = row.int2(pg_type::typlen);
  type->by_value = row.boolean(pg_type::typbyval);
  type->kind = row.character(pg_type::typtype);
  type->category = row.character(pg_type::typcategory);
  type->preferred = row.boolean(pg_type::typispreferred);
  type->element = row.oid(pg_type::typelem);
  type->array = row.oid(pg_type::typarray);
  type->collation = row.oid(pg_type::typcollation);
  type->relation = row.oid(pg_type::typrelid);
  type->base = row.oid(pg_type::typbasetype);
  type->alignment = row.character(pg_type::typalign);
  type->storage = row.character(pg_type::typstorage);
  types_[raw(type->oid) % bucket_count] =
      cache_.make<TypeEntry>(type->oid, type, types_[raw(type->oid) % bucket_count]);
  return type;
}

Result<const Type*> SessionCatalog::find_type(Oid oid) {
  if (const Type* found = builtin::find_type(oid); found != nullptr || raw(oid) < 16384) return found;
  refresh();
  for (const TypeEntry* entry = types_[raw(oid) % bucket_count]; entry != nullptr; entry = entry->next)
    if (entry->oid == oid) return entry->type;
  scratch_.reset();
  Store store(view_, shared_, scratch_);
  SPG_ASSIGN(const Row* row, store.find_one(StoredKey::type_oid, {oid_value(oid)}));
  if (row == nullptr) return nullptr;
  return load_type(*row);
}

Result<const Type*> SessionCatalog::find_type(std::string_view schema, std::string_view name) {
  SPG_TRY(load_path());
  Oid only = Oid::none;
  std::span<const Oid> path = path_;
  if (!schema.empty()) {
    SPG_ASSIGN(only, schema_oid(schema));
    if (only == Oid::none) return nullptr;
    path = {&only, 1};
  }
  for (const Oid oid : path) {
    if (const Type* found = builtin::find_type(oid, name)) return found;
    if (oid == ns::pg_catalog || oid == ns::information_schema) continue;
    scratch_.reset();
    Store store(view_, shared_, scratch_);
    SPG_ASSIGN(const Row* row, store.find_one(StoredKey::type_name, {text_value(name), oid_value(oid)}));
    if (row != nullptr) return find_type(row->oid(pg_type::oid));
  }
  return nullptr;
}

const Type* SessionCatalog::type(Oid oid) {
  auto found = find_type(oid);
  if (found) return *found;
  error_ = found.take_error();
  return nullptr;
}
const Type* SessionCatalog::type(std::string_view schema, std::string_view name) {
  auto found = find_type(schema, name);
  if (found) return *found;
  error_ = found.take_error();
  return nullptr;
}

// --- functions, operators, casts: built-in ones
// -------------------------------------------------------------------------

namespace {
/// Whether objects of a built-in schema are meant by a (possibly empty) schema name.
bool names_schema(std::string_view schema, Oid oid) {
  if (schema.empty()) return oid == ns::pg_catalog;
  for (const FixedSchema& fixed : fixed_schemas)
    if (fixed.oid == oid) return fixed.name == schema;
  return false;
}
template <class T>
std::span<const T* const> in_schema(std::span<const T* const> all, std::string_view schema) {
  return !all.empty() && names_schema(schema, all[0]->schema) ? all : std::span<const T* const>();
}
}  // namespace

const Function* SessionCatalog::function(Oid oid) { return builtin::find_function(oid); }
std::span<const Function* const> SessionCatalog::functions(std::string_view schema, std::string_view name) {
  return in_schema(builtin::find_functions(name), schema);
}
const Operator* SessionCatalog::operator_(Oid oid) { return builtin::find_operator(oid); }
std::span<const Operator* const> SessionCatalog::operators(std::string_view schema, std::string_view name) {
  return in_schema(builtin::find_operators(name), schema);
}
const Cast* SessionCatalog::cast(Oid source, Oid target) { return builtin::find_cast(source, target); }
Comparison SessionCatalog::comparison_of(Oid operator_oid) { return builtin::comparison_of(operator_oid); }
const Operator* SessionCatalog::comparison(Oid left, Oid right, Comparison comparison) {
  const auto known = [&](Oid oid) {
    if (raw(oid) < 16384) return oid;
    const Type* found = type(oid);
    if (found == nullptr) return oid;
    return found->kind == 'c' ? Oid{2249} : found->category == 'A' ? Oid{2277} : oid;
  };
  return builtin::comparison(known(left), known(right), comparison);
}

}  // namespace spg::catalog
