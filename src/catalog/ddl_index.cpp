#include <algorithm>

#include "spg/catalog/builtin.hpp"
#include "spg/catalog/operator_class.hpp"
#include "spg/type/io.hpp"
#include "spg/type/numeric.hpp"
#include "spg/type/oids.hpp"
#include "table_constraints.hpp"

namespace spg::catalog {

using type::Value;

namespace {

constexpr std::size_t index_columns_max = 32;

struct AccessMethod {
  std::string_view name;
  Oid oid;
  bool supported;
};
constexpr AccessMethod access_methods[] = {{"btree", Oid{403}, true},    {"hash", Oid{405}, true},
                                           {"gist", Oid{783}, false},    {"gin", Oid{2742}, false},
                                           {"spgist", Oid{4000}, false}, {"brin", Oid{3580}, false}};

}  // namespace

OperatorClass find_operator_class(FunctionRef<bool(const OperatorClass&)> wanted) {
  builtin::RowReader reader(*builtin::find_rows(Oid{2616}));
  // oid, opcmethod, opcname, opcnamespace, opcowner, opcfamily, opcintype, opcdefault, opckeytype
  std::string_view fields[9];
  const auto oid = [&](std::size_t field) { return Oid{builtin::number_of(fields[field])}; };
  while (reader.next(fields)) {
    const OperatorClass found{oid(0), oid(1), oid(5), oid(6), fields[2], fields[7] == "t"};
    if (wanted(found)) return found;
  }
  return {};
}

Result<Oid> Unit::default_class(Oid type, Oid access_method, std::string_view method_name) {
  const auto find = [&](Oid input) {
    return find_operator_class([&](const OperatorClass& one) {
      return one.method == access_method && one.input == input && one.is_default;
    });
  };
  OperatorClass found = find(type);
  if (found.oid == Oid::none) found = find(builtin::comparable(type));
  // Only types that the type room can order have keys.
  const Type* info = catalog.type(type);
  const bool has_order = info != nullptr && type::find_type(type) != nullptr;
  if (found.oid == Oid::none || !has_order)
    return Error::make(sqlstate::undefined_object, "data type ", format_type(catalog, type, {}, arena),
                       " has no default operator class for access method \"", method_name, "\"")
        .hint("You must specify an operator class for the index or define a default operator class for the data type.");
  return found.oid;
}

namespace {

/// "Key (a, b)=(1, x) is duplicated."
Result<std::string_view> duplicate_detail(Unit& unit, TableId table, std::uint64_t rowid,
                                          std::span<Row* const> columns) {
  std::uint16_t numbers[index_columns_max];
  type::Vector values[index_columns_max];
  for (std::size_t i = 0; i < columns.size(); ++i)
    numbers[i] = static_cast<std::uint16_t>(columns[i]->int2(pg_attribute::attnum));
  SPG_TRY(unit.view().fetch(table, {&rowid, 1}, {numbers, columns.size()}, unit.arena, values));
  TextBuilder text(unit.arena);
  text.add("Key (");
  for (std::size_t i = 0; i < columns.size(); ++i)
    text.add(i == 0 ? "" : ", ", quote_name(columns[i]->text(pg_attribute::attname), unit.arena));
  text.add(")=(");
  for (std::size_t i = 0; i < columns.size(); ++i) {
    text.add(i == 0 ? "" : ", ");
    const Value value =
        type::expression_value(columns[i]->oid(pg_attribute::atttypid), columns[i]->int4(pg_attribute::atttypmod),
                               type::value_of(values[i], 0), unit.arena);
    if (value.is_null) text.add("null");
    else type::output(columns[i]->oid(pg_attribute::atttypid), value, text, {});
  }
  text.add(") is duplicated.");
  return text.view();
}

Result<Value> number_vector(Oid type, std::span<const std::int64_t> numbers, Arena& arena) {
  TextBuilder text(arena);
  for (std::size_t i = 0; i < numbers.size(); ++i) text.add(i == 0 ? "" : " ", numbers[i]);
  return type::input(type, text.view(), -1, {}, arena);
}

}  // namespace

Status Unit::define_index(Row& relation, const IndexDefinition& index) {
  const Oid table = relation.oid(pg_class::oid), schema = relation.oid(pg_class::relnamespace);
  const TableId storage{raw(relation.oid(pg_class::relfilenode))};
  const std::size_t all = index.columns.size() + index.include.size();
  if (all > index_columns_max)
    return Error::make(sqlstate::too_many_columns, "cannot use more than ", index_columns_max, " columns in an index");
  Row* columns[index_columns_max];
  for (std::size_t i = 0; i < all; ++i) {
    const std::int16_t number = i < index.columns.size() ? index.columns[i] : index.include[i - index.columns.size()];
    SPG_ASSIGN(columns[i], store.find_one(StoredKey::attribute_number, {oid_value(table), int2_value(number)}));
    if (columns[i] == nullptr)
      return Error::make(sqlstate::internal_error, "cache lookup failed for attribute ", number, " of relation ",
                         raw(table));
  }
  std::string_view name = index.name;
  if (name.empty()) {
    TextBuilder joined(arena);
    for (std::size_t i = 0; i < all && joined.size() < type::name_bytes_max; ++i)
      joined.add(i == 0 ? "" : "_", columns[i]->text(pg_attribute::attname));
    const std::string_view middle = type::truncate_name(joined.view());
    SPG_ASSIGN(name, choose_name(relation.text(pg_class::relname), index.primary ? std::string_view() : middle,
                                 index.primary         ? "pkey"
                                 : index.is_constraint ? "key"
                                                       : "idx",
                                 schema, index.is_constraint));
  } else {
    SPG_ASSIGN(const Row* taken, store.find_one(StoredKey::class_name, {text_value(name), oid_value(schema)}));
    if (taken != nullptr) {
      if (!index.if_not_exists) return Error::make(sqlstate::duplicate_table, "relation \"", name, "\" already exists");
      notify(Severity::notice, sqlstate::duplicate_table,
             arena.concat("relation \"", name, "\" already exists, skipping"));
      return ok();
    }
    if (index.is_constraint) {
      SPG_ASSIGN(const Vec<Row*> constraints, store.find(StoredKey::constraint_relation, {oid_value(table)}));
      for (const Row* row : constraints)
        if (row->text(pg_constraint::conname) == name)
          return Error::make(sqlstate::duplicate_object, "constraint \"", name, "\" for relation \"",
                             relation.text(pg_class::relname), "\" already exists");
    }
  }

  // The tree. Keys are (type that decides the order, column).
  table::KeyPart parts[index_columns_max];
  std::int64_t numbers[index_columns_max], collations[index_columns_max], classes[index_columns_max],
      options[index_columns_max];
  for (std::size_t i = 0; i < all; ++i) {
    numbers[i] = columns[i]->int2(pg_attribute::attnum);
    if (i >= index.columns.size()) continue;
    const std::int16_t option = i < index.options.size() ? index.options[i] : std::int16_t{0};
    // Scaled numerics of 64 bits are keys as integers are.
    Oid key_type = columns[i]->oid(pg_attribute::atttypid);
    if (type::column_physical_of(key_type, columns[i]->int4(pg_attribute::atttypmod)) == type::Physical::int8 &&
        key_type == type::oid::numeric)
      key_type = type::oid::int8;
    parts[i] = {raw(key_type), static_cast<std::uint16_t>(numbers[i]),
                static_cast<std::uint8_t>(option & 1), static_cast<std::uint8_t>(option >> 1 & 1)};
    collations[i] = raw(columns[i]->oid(pg_attribute::attcollation));
    options[i] = option;
    Oid op_class = i < index.classes.size() ? index.classes[i] : Oid::none;
    if (op_class == Oid::none) {
      SPG_ASSIGN(op_class, default_class(columns[i]->oid(pg_attribute::atttypid), index.access_method, "btree"));
    }
    classes[i] = raw(op_class);
  }
  txn::Conflict conflict;
  const table::Uniqueness unique = !index.unique              ? table::Uniqueness::none
                                   : !index.deferrable         ? table::Uniqueness::immediate
                                   : !index.initially_deferred ? table::Uniqueness::deferrable
                                                               : table::Uniqueness::deferred;
  SPG_ASSIGN(const IndexId id,
             view().create_index(storage, {{parts, index.columns.size()}, unique, !index.nulls_not_distinct}, conflict));
  if (conflict.found()) {
    SPG_ASSIGN(const std::string_view detail,
               duplicate_detail(*this, storage, conflict.existing, {columns, index.columns.size()}));
    SPG_ASSIGN(const std::string_view schema_text, catalog.schema_name(schema));
    return with_names(
        Error::make(sqlstate::unique_violation, "could not create unique index \"", name, "\"").detail(detail),
        schema_text, relation.text(pg_class::relname), {}, name);
  }

  // Its rows.
  const Oid oid = view().new_oid();
  Row* of_class = add_class(oid, name, schema, 'i', index.access_method, raw(id), static_cast<int>(all));
  of_class->set(pg_class::relowner, relation.at(pg_class::relowner));
  of_class->set(pg_class::relpersistence, relation.at(pg_class::relpersistence));
  if (index.with != nullptr && !index.with->empty()) SPG_TRY(set_options(*of_class, *index.with, false));
  for (std::size_t i = 0; i < all; ++i) {
    ColumnDefinition column{columns[i]->text(pg_attribute::attname), columns[i]->oid(pg_attribute::atttypid),
                            columns[i]->int4(pg_attribute::atttypmod), columns[i]->oid(pg_attribute::attcollation)};
    for (int pass = 1;; ++pass) {  // a column may be there twice
      SPG_ASSIGN(const Row* taken, find_column(oid, column.name));
      if (taken == nullptr) break;
      column.name = arena.concat(columns[i]->text(pg_attribute::attname), pass);
    }
    SPG_TRY(add_attribute(oid, static_cast<std::int16_t>(i + 1), column, false));
  }
  Row* row = store.add(Stored::index);
  row->set(pg_index::indexrelid, oid_value(oid));
  row->set(pg_index::indrelid, oid_value(table));
  row->set(pg_index::indnatts, int2_value(static_cast<int>(all)));
  row->set(pg_index::indnkeyatts, int2_value(static_cast<int>(index.columns.size())));
  row->set(pg_index::indisunique, bool_value(index.unique));
  row->set(pg_index::indnullsnotdistinct, bool_value(index.nulls_not_distinct));
  row->set(pg_index::indisprimary, bool_value(index.primary));
  row->set(pg_index::indimmediate, bool_value(!index.deferrable));
  for (const std::uint16_t flag : {pg_index::indisvalid, pg_index::indisready, pg_index::indislive})
    row->set(flag, bool_value(true));
  const auto set_vector = [&](std::uint16_t column, Oid type, std::span<const std::int64_t> values) -> Status {
    SPG_ASSIGN(const Value value, number_vector(type, values, arena));
    row->set(column, value);
    return ok();
  };
  SPG_TRY(set_vector(pg_index::indkey, Oid{22}, {numbers, all}));
  SPG_TRY(set_vector(pg_index::indcollation, Oid{30}, {collations, index.columns.size()}));
  SPG_TRY(set_vector(pg_index::indclass, Oid{30}, {classes, index.columns.size()}));
  SPG_TRY(set_vector(pg_index::indoption, Oid{22}, {options, index.columns.size()}));
  if (!relation.boolean(pg_class::relhasindex)) relation.set(pg_class::relhasindex, bool_value(true));

  Object owner{pg_class::relation, oid, 0};
  if (index.is_constraint) {
    const Oid constraint = view().new_oid();
    Row* made = store.add(Stored::constraint);
    made->set(pg_constraint::oid, oid_value(constraint));
    made->set(pg_constraint::conname, text_value(name));
    made->set(pg_constraint::connamespace, oid_value(schema));
    made->set(pg_constraint::contype, char_value(index.primary ? 'p' : 'u'));
    made->set(pg_constraint::condeferrable, bool_value(index.deferrable));
    made->set(pg_constraint::condeferred, bool_value(index.initially_deferred));
    made->set(pg_constraint::convalidated, bool_value(true));
    made->set(pg_constraint::conrelid, oid_value(table));
    made->set(pg_constraint::conindid, oid_value(oid));
    for (const std::uint16_t letter :
         {pg_constraint::confupdtype, pg_constraint::confdeltype, pg_constraint::confmatchtype})
      made->set(letter, char_value(' '));
    made->set(pg_constraint::conislocal, bool_value(true));
    made->set(pg_constraint::connoinherit, bool_value(true));
    TextBuilder key(arena);
    for (std::size_t i = 0; i < index.columns.size(); ++i) key.add(i == 0 ? "{" : ",", numbers[i]);
    key.add("}");
    SPG_ASSIGN(const Value conkey, type::input(Oid{1005}, key.view(), -1, {}, arena));
    made->set(pg_constraint::conkey, conkey);
    depend(owner, {pg_constraint::relation, constraint, 0}, Dependency::internal);
    owner = {pg_constraint::relation, constraint, 0};
  }
  for (std::size_t i = 0; i < all; ++i)
    depend(owner, {pg_class::relation, table, static_cast<std::int32_t>(numbers[i])}, Dependency::automatic);
  return ok();
}

namespace {

/// An element's operator class by name.
Result<Oid> named_class(Unit& unit, const sql::QualifiedName& name, Oid type, Oid method,
                        std::string_view method_name) {
  const std::string_view wanted = name.back();
  const OperatorClass found =
      find_operator_class([&](const OperatorClass& one) { return one.method == method && one.name == wanted; });
  if (found.oid == Oid::none)
    return Error::make(sqlstate::undefined_object, "operator class \"", wanted,
                       "\" does not exist for access method \"", method_name, "\"");
  const Oid input = found.input;
  const Type* wanted_type = unit.catalog.type(input);
  const Cast* cast = unit.catalog.cast(type, input);
  const bool fits = input == type || (cast != nullptr && cast->method == 'b') ||
                    (wanted_type != nullptr && wanted_type->kind == 'p');
  if (!fits)
    return Error::make(sqlstate::datatype_mismatch, "operator class \"", wanted, "\" does not accept data type ",
                       format_type(unit.catalog, type, {}, unit.arena));
  return found.oid;
}

Result<std::int16_t> index_column(Unit& unit, const Row& relation, std::string_view name) {
  SPG_ASSIGN(const Row* column, unit.find_column(relation.oid(pg_class::oid), name));
  if (column != nullptr) return column->int2(pg_attribute::attnum);
  if (is_system_column(name))
    return Error::make(sqlstate::feature_not_supported, "index creation on system columns is not supported");
  return Error::make(sqlstate::undefined_column, "column \"", name, "\" does not exist");
}

}  // namespace

Status create_index(DdlContext& context, const sql::CreateIndex& statement) {
  Unit unit(context);
  Arena& arena = unit.arena;
  SPG_ASSIGN(Row * relation, unit.require_relation(*statement.table));
  if (relation->character(pg_class::relkind) != 'r')
    return Error::make(sqlstate::wrong_object_type, "cannot create index on relation \"", statement.table->name, "\"")
        .detail("This operation is not supported for ", relation->character(pg_class::relkind) == 'v'   ? "views."
                                                        : relation->character(pg_class::relkind) == 'S' ? "sequences."
                                                                                                        : "indexes.");
  SPG_TRY(unit.require_owner(*relation));
  const std::string_view method_name =
      statement.access_method.empty() ? std::string_view("btree") : statement.access_method;
  const AccessMethod* method = nullptr;
  for (const AccessMethod& one : access_methods)
    if (one.name == method_name) method = &one;
  if (method == nullptr)
    return Error::make(sqlstate::undefined_object, "access method \"", method_name, "\" does not exist");
  if (!method->supported)
    return Error::make(sqlstate::feature_not_supported, "access method \"", method_name, "\" is not supported");
  if (method->oid == Oid{405} && statement.unique)
    return Error::make(sqlstate::feature_not_supported, "access method \"hash\" does not support unique indexes");
  if (method->oid == Oid{405} && statement.elements.size() > 1)
    return Error::make(sqlstate::feature_not_supported, "access method \"hash\" does not support multicolumn indexes");
  if (statement.where != nullptr)
    return unit.at(Error::make(sqlstate::feature_not_supported, "partial indexes are not supported"),
                   statement.where->at);

  Vec<std::int16_t> columns(arena), include(arena), options(arena);
  Vec<Oid> classes(arena);
  for (const sql::IndexElement* element : statement.elements) {
    if (element->expr != nullptr)
      return unit.at(Error::make(sqlstate::feature_not_supported, "indexes on expressions are not supported"),
                     element->expr->at);
    SPG_ASSIGN(const std::int16_t column, index_column(unit, *relation, element->column));
    columns.push_back(column);
    const bool descending = element->direction == sql::SortDirection::descending;
    const bool nulls_first =
        element->nulls == sql::NullsOrder::unspecified ? descending : element->nulls == sql::NullsOrder::first;
    options.push_back(static_cast<std::int16_t>((descending ? 1 : 0) | (nulls_first ? 2 : 0)));
    SPG_ASSIGN(const Row* attribute,
               unit.store.find_one(StoredKey::attribute_number, {relation->at(pg_class::oid), int2_value(column)}));
    Oid op_class;
    if (element->op_class.empty()) {
      SPG_ASSIGN(op_class, unit.default_class(attribute->oid(pg_attribute::atttypid), method->oid, method_name));
    } else {
      SPG_ASSIGN(op_class, named_class(unit, element->op_class, attribute->oid(pg_attribute::atttypid), method->oid, method_name));
    }
    classes.push_back(op_class);
  }
  for (const sql::IndexElement* element : statement.include) {
    if (element->expr != nullptr)
      return Error::make(sqlstate::feature_not_supported, "expressions are not supported in included columns");
    SPG_ASSIGN(const std::int16_t column, index_column(unit, *relation, element->column));
    include.push_back(column);
  }
  IndexDefinition index;
  index.name = statement.name;
  index.columns = columns.span();
  index.include = include.span();
  index.classes = classes.span();
  index.options = options.span();
  index.access_method = method->oid;
  index.unique = statement.unique;
  index.if_not_exists = statement.if_not_exists;
  index.nulls_not_distinct = statement.nulls_not_distinct;
  index.with = &statement.with;
  SPG_TRY(unit.define_index(*relation, index));
  return unit.finish();
}

}  // namespace spg::catalog
