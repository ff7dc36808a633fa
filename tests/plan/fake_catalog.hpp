// A catalog for tests: PostgreSQL's built-ins and a few tables, the same as tools/generate_plan_vectors.py makes in the
// reference server.
#pragma once
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "spg/catalog/builtin.hpp"
#include "spg/plan/planner.hpp"
#include "spg/type/io.hpp"
#include "spg/type/oids.hpp"

namespace spg::test {

namespace oid = type::oid;
namespace builtin = catalog::builtin;

struct FakeCatalog final : catalog::Catalog {
  struct Table {
    catalog::Relation relation;
    std::vector<catalog::ColumnInfo> columns;
    std::deque<std::vector<std::int16_t>> keys;
    std::deque<std::vector<std::uint8_t>> flags;
    std::vector<catalog::IndexInfo> indexes;
  };
  std::deque<Table> tables;
  std::uint32_t next_oid = 16384;

  FakeCatalog() {
    Table& t = add("t", 10000);
    column(t, "a", oid::int4, -1, true);
    column(t, "b", oid::text);
    column(t, "c", oid::numeric, ((10 << 16) | 2) + 4);
    column(t, "d", oid::timestamp);
    column(t, "e", oid::varchar, 14);
    column(t, "f", oid::boolean);
    column(t, "g", oid::float8);
    column(t, "h", oid::int8, -1, false, "7");
    index(t, "t_pkey", {1}, true, true);
    index(t, "t_b_idx", {2}, false, false);
    index(t, "t_h_a_idx", {8, 1}, false, false);
    Table& u = add("u", 1000);
    column(u, "id", oid::int8, -1, true);
    column(u, "a", oid::int4);
    column(u, "name", oid::text, -1, true);
    column(u, "tags", oid::text_array);
    column(u, "day", oid::date, -1, false, "now()");
    index(u, "u_pkey", {1}, true, true);
    index(u, "u_a_idx", {2}, false, false);
    Table& v = add("v", 100);
    column(v, "x", oid::int4);
    column(v, "y", oid::int4);
    column(v, "z", oid::interval);
    for (Table& table : tables) {
      table.relation.columns = table.columns;
      table.relation.indexes = table.indexes;
    }
  }
  Table& add(const char* name, double rows) {
    Table& table = tables.emplace_back();
    table.relation.oid = Oid{next_oid++};
    table.relation.name = name;
    table.relation.schema = catalog::ns::public_schema;
    table.relation.table = TableId{static_cast<std::uint32_t>(tables.size())};
    table.relation.row_estimate = rows;
    return table;
  }
  static void column(Table& table, const char* name, Oid type, std::int32_t typmod = -1, bool not_null = false,
                     const char* value = nullptr) {
    catalog::ColumnInfo info;
    info.number = static_cast<std::int16_t>(table.columns.size() + 1);
    info.name = name;
    info.type = type;
    info.typmod = typmod;
    info.physical = type::physical_of(type);
    info.not_null = not_null;
    info.has_default = value != nullptr;
    if (value != nullptr) info.default_text = value;
    table.columns.push_back(info);
  }
  void index(Table& table, const char* name, std::vector<std::int16_t> columns, bool unique, bool primary) {
    const std::size_t count = columns.size();
    table.keys.push_back(std::move(columns));
    table.flags.emplace_back(count, std::uint8_t{0});
    catalog::IndexInfo info;
    info.oid = Oid{next_oid++};
    info.id = IndexId{raw(info.oid)};
    info.name = name;
    info.columns = table.keys.back();
    info.descending = table.flags.back();
    info.nulls_first = table.flags.back();
    info.unique = unique;
    info.primary = primary;
    table.indexes.push_back(info);
  }

  const catalog::Type* type(Oid id) override { return builtin::find_type(id); }
  const catalog::Type* type(std::string_view schema, std::string_view name) override {
    if (!schema.empty() && schema != "pg_catalog") return nullptr;
    return builtin::find_type(catalog::ns::pg_catalog, name);
  }
  const catalog::Function* function(Oid id) override { return builtin::find_function(id); }
  std::span<const catalog::Function* const> functions(std::string_view, std::string_view name) override {
    return builtin::find_functions(name);
  }
  const catalog::Operator* operator_(Oid id) override { return builtin::find_operator(id); }
  std::span<const catalog::Operator* const> operators(std::string_view, std::string_view name) override {
    return builtin::find_operators(name);
  }
  const catalog::Cast* cast(Oid source, Oid target) override { return builtin::find_cast(source, target); }
  catalog::Comparison comparison_of(Oid id) override { return builtin::comparison_of(id); }
  const catalog::Operator* comparison(Oid left, Oid right, catalog::Comparison which) override {
    return builtin::comparison(left, right, which);
  }
  Result<const catalog::Relation*> relation(std::string_view schema, std::string_view name) override {
    if (schema.empty() || schema == "public")
      for (const Table& table : tables)
        if (table.relation.name == name) return &table.relation;
    if (schema.empty() || schema == "pg_catalog") return builtin::find_relation(catalog::ns::pg_catalog, name);
    return static_cast<const catalog::Relation*>(nullptr);
  }
  Result<const catalog::Relation*> relation(Oid id) override {
    for (const Table& table : tables)
      if (table.relation.oid == id) return &table.relation;
    return builtin::find_relation(id);
  }
  Result<Oid> schema_oid(std::string_view name) override {
    return name == "public" ? catalog::ns::public_schema : name == "pg_catalog" ? catalog::ns::pg_catalog : Oid::none;
  }
  Result<std::string_view> schema_name(Oid id) override {
    return id == catalog::ns::public_schema ? std::string_view("public") : std::string_view("pg_catalog");
  }
  Result<Oid> reg_in(Oid, std::string_view text, Arena&) override {
    const auto* relation = catalog::builtin::find_relation(catalog::ns::pg_catalog, text);
    return relation != nullptr ? relation->oid : type::oid::int4;
  }
  Result<std::string_view> reg_out(Oid, Oid, Arena&) override { return std::string_view("name"); }
};

}  // namespace spg::test
