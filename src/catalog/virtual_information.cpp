// The views of information_schema that have rows in SPG.
#include <algorithm>

#include "row_maker.hpp"
#include "spg/catalog/functions.hpp"
#include "spg/type/numeric.hpp"

namespace spg::catalog {

namespace {

using type::Value;

Status catalog_name(Production& p) {
  p.rows.start();
  p.rows.set("catalog_name", p.catalog.database_name());
  return ok();
}

Status schemata(Production& p) {
  const auto add = [&](std::string_view name, Oid owner) -> Status {
    SPG_ASSIGN(const std::string_view role, p.role_name(owner));
    p.rows.start();
    p.rows.set("catalog_name", p.catalog.database_name())
        .set("schema_name", p.arena.copy(name))
        .set("schema_owner", role);
    return ok();
  };
  for (const std::string_view name : {"pg_catalog", "pg_toast", "information_schema"})
    SPG_TRY(add(name, bootstrap_superuser));
  SPG_ASSIGN(const Vec<Row*> rows, p.store.all(Stored::namespace_));
  for (const Row* row : rows) SPG_TRY(add(row->text(pg_namespace::nspname), row->oid(pg_namespace::nspowner)));
  return ok();
}

bool is_shown(const ClassEntry& entry) {
  return (entry.kind == 'r' || entry.kind == 'v') && entry.schema != ns::pg_toast;
}

constexpr int update_event = 1 << 2, insert_event = 1 << 3, delete_event = 1 << 4;

/// pg_relation_is_updatable() of a view.
Result<int> events_of(Production& p, const ClassEntry& view, std::int16_t column) {
  SPG_ASSIGN(const Relation* relation, p.catalog.relation(view.oid));
  if (relation == nullptr || relation->view == nullptr) return 0;
  return p.facts.updatable_events(*relation, column, p.arena);
}

Status information_tables(Production& p) {
  SPG_ASSIGN(const Vec<ClassEntry> list, p.classes());
  for (const ClassEntry& entry : list) {
    if (!is_shown(entry)) continue;
    int events = entry.kind == 'v' ? 0 : insert_event;
    if (entry.kind == 'v' && p.rows.wants("is_insertable_into")) { SPG_ASSIGN(events, events_of(p, entry, 0)); }
    p.rows.start();
    p.rows.set("table_catalog", p.catalog.database_name())
        .set("table_schema", entry.schema_name)
        .set("table_name", entry.name)
        .set("table_type", entry.kind == 'v' ? "VIEW" : "BASE TABLE")
        .set("is_insertable_into", (events & insert_event) != 0 ? "YES" : "NO")
        .set("is_typed", "NO");
  }
  return ok();
}

Status information_views(Production& p) {
  SPG_ASSIGN(const Vec<ClassEntry> list, p.classes());
  for (const ClassEntry& entry : list) {
    if (entry.kind != 'v') continue;
    SPG_ASSIGN(const int events, events_of(p, entry, 0));
    SPG_ASSIGN(const Relation* relation, p.catalog.relation(entry.oid));
    const ViewInfo* view = relation == nullptr ? nullptr : relation->view;
    const CheckOption check = view == nullptr ? CheckOption::none : view->check;
    p.rows.start();
    p.rows.set("table_catalog", p.catalog.database_name())
        .set("table_schema", entry.schema_name)
        .set("table_name", entry.name)
        .set("check_option", check == CheckOption::none ? "NONE" : check == CheckOption::local ? "LOCAL" : "CASCADED")
        .set("is_updatable", (~events & (update_event | delete_event)) == 0 ? "YES" : "NO")
        .set("is_insertable_into", (events & insert_event) != 0 ? "YES" : "NO")
        .set("is_trigger_updatable", "NO")
        .set("is_trigger_deletable", "NO")
        .set("is_trigger_insertable_into", "NO");
    if (view == nullptr || !p.rows.wants("view_definition")) continue;
    SPG_ASSIGN(const bool owns, pg_has_role(p.catalog, p.catalog.role(), entry.owner, p.arena));
    if (!owns) continue;
    SPG_ASSIGN(const std::string_view text, p.facts.view_definition(*relation, p.arena));
    p.rows.set("view_definition", text);
  }
  return ok();
}

/// The tables (or their columns) that the queries of views read.
Status view_usage(Production& p, bool with_columns) {
  SPG_ASSIGN(const Vec<ClassEntry> list, p.classes());
  for (const ClassEntry& entry : list) {
    if (entry.kind != 'v') continue;
    SPG_ASSIGN(const Relation* view, p.catalog.relation(entry.oid));
    if (view == nullptr || view->view == nullptr) continue;
    SPG_ASSIGN(Vec<Row*> depends, p.store.find(StoredKey::depend_object, {oid_value(pg_rewrite::relation),
                                                                          oid_value(view->view->rule)}));
    std::sort(depends.begin(), depends.end(), [](const Row* a, const Row* b) {
      const auto key = [](const Row* row) {
        return std::pair(raw(row->oid(pg_depend::refobjid)), row->int4(pg_depend::refobjsubid));
      };
      return key(a) < key(b);
    });
    Oid last{};
    for (const Row* row : depends) {
      const Oid used = row->oid(pg_depend::refobjid);
      const std::int32_t number = row->int4(pg_depend::refobjsubid);
      if (row->oid(pg_depend::refclassid) != pg_class::relation || used == entry.oid) continue;
      if (with_columns ? number == 0 : used == last) continue;
      last = used;
      SPG_ASSIGN(const Relation* relation, p.catalog.relation(used));
      if (relation == nullptr) continue;
      SPG_ASSIGN(const bool owns, pg_has_role(p.catalog, p.catalog.role(), relation->owner, p.arena));
      if (!owns) continue;
      SPG_ASSIGN(const std::string_view schema, p.catalog.schema_name(relation->schema));
      p.rows.start();
      p.rows.set("view_catalog", p.catalog.database_name())
          .set("view_schema", entry.schema_name)
          .set("view_name", entry.name)
          .set("table_catalog", p.catalog.database_name())
          .set("table_schema", p.arena.copy(schema))
          .set("table_name", p.arena.copy(relation->name));
      if (with_columns)
        p.rows.set("column_name", p.arena.copy(relation->columns[static_cast<std::size_t>(number - 1)].name));
    }
  }
  return ok();
}
Status view_table_usage(Production& p) { return view_usage(p, false); }
Status view_column_usage(Production& p) { return view_usage(p, true); }

/// Precision, scale and lengths of a column's type.
void set_sizes(RowMaker& rows, Oid type, std::int32_t typmod) {
  const auto numeric = [&](std::int32_t precision, std::int32_t radix) {
    rows.set("numeric_precision", int4_value(precision)).set("numeric_precision_radix", int4_value(radix));
  };
  switch (raw(type)) {
    case 21:
      numeric(16, 2);
      rows.set("numeric_scale", int4_value(0));
      break;
    case 23:
      numeric(32, 2);
      rows.set("numeric_scale", int4_value(0));
      break;
    case 20:
      numeric(64, 2);
      rows.set("numeric_scale", int4_value(0));
      break;
    case 700: numeric(24, 2); break;
    case 701: numeric(53, 2); break;
    case 1700:
      rows.set("numeric_precision_radix", int4_value(10));
      if (typmod >= 0) {
        const auto [precision, scale] = type::NumericTypmod::of(typmod);
        rows.set("numeric_precision", int4_value(precision)).set("numeric_scale", int4_value(scale));
      }
      break;
    case 1042:
    case 1043:
      if (typmod >= 0)
        rows.set("character_maximum_length", int4_value(typmod - 4))
            .set("character_octet_length", int4_value((typmod - 4) * 4));
      else if (raw(type) == 1043) rows.set("character_octet_length", int4_value(1073741824));
      break;
    case 25: rows.set("character_octet_length", int4_value(1073741824)); break;
    case 1560:
    case 1562:
      if (typmod >= 0) rows.set("character_maximum_length", int4_value(typmod));
      break;
    case 1082: rows.set("datetime_precision", int4_value(0)); break;
    case 1083:
    case 1114:
    case 1184:
    case 1266: rows.set("datetime_precision", int4_value(typmod < 0 ? 6 : typmod)); break;
    case 1186:
      rows.set("datetime_precision", int4_value(typmod < 0 || (typmod & 0xffff) == 0xffff ? 6 : typmod & 0xffff));
      break;
    default: break;
  }
}

Status columns(Production& p) {
  SPG_ASSIGN(const Vec<ClassEntry> list, p.classes());
  for (const ClassEntry& entry : list) {
    if (!is_shown(entry)) continue;
    SPG_ASSIGN(const Relation* relation, p.catalog.relation(entry.oid));
    if (relation == nullptr) continue;
    for (const ColumnInfo& column : relation->columns) {
      if (column.dropped) continue;
      const Type* type = p.catalog.type(column.type);
      SPG_TRY(p.catalog.take_error());
      if (type == nullptr) continue;
      bool is_updatable = relation->kind == 'r';
      if (relation->view != nullptr && p.rows.wants("is_updatable")) {
        SPG_ASSIGN(const int events, p.facts.updatable_events(*relation, column.number, p.arena));
        is_updatable = (~events & (update_event | delete_event)) == 0;
      }
      SPG_ASSIGN(const std::string_view type_schema, p.catalog.schema_name(type->schema));
      const bool is_array = type->category == 'A' && type->length == -1 && type->element != Oid::none;
      p.rows.start();
      p.rows.set("table_catalog", p.catalog.database_name())
          .set("table_schema", entry.schema_name)
          .set("table_name", entry.name)
          .set("column_name", p.arena.copy(column.name))
          .set("ordinal_position", int4_value(column.number))
          .set("is_nullable", column.not_null ? "NO" : "YES")
          .set("data_type", is_array                         ? "ARRAY"
                            : type->schema == ns::pg_catalog ? format_type(p.catalog, type->oid, {}, p.arena)
                                                             : "USER-DEFINED")
          .set("udt_catalog", p.catalog.database_name())
          .set("udt_schema", p.arena.copy(type_schema))
          .set("udt_name", p.arena.copy(type->name))
          .set("dtd_identifier", p.arena.concat(column.number))
          .set("is_self_referencing", "NO")
          .set("is_identity", "NO")
          .set("identity_cycle", "NO")
          .set("is_generated", "NEVER")
          .set("is_updatable", is_updatable ? "YES" : "NO");
      if (column.has_default) p.rows.set("column_default", p.arena.copy(column.default_text));
      set_sizes(p.rows, column.type, column.typmod);
    }
    SPG_TRY(p.arena.check());
  }
  return ok();
}

/// A key of a user's table.
struct Key {
  std::string_view schema, table, name;
  char kind = 'u';
  Oid relation{};
  bool deferrable = false, initially_deferred = false;
  IndexFacts index;
};
Result<Vec<Key>> keys(Production& p) {
  Vec<Key> list(p.arena);
  SPG_ASSIGN(const Vec<Row*> rows, p.store.all(Stored::constraint));
  for (const Row* row : rows) {
    const char kind = row->character(pg_constraint::contype);
    if (kind != 'p' && kind != 'u') continue;
    SPG_ASSIGN(const IndexFacts index, index_facts(p.catalog, row->oid(pg_constraint::conindid), p.arena));
    SPG_ASSIGN(const std::string_view schema, p.catalog.schema_name(row->oid(pg_constraint::connamespace)));
    list.push_back({p.arena.copy(schema), index.table_name, row->text(pg_constraint::conname), kind,
                    row->oid(pg_constraint::conrelid), row->boolean(pg_constraint::condeferrable),
                    row->boolean(pg_constraint::condeferred), index});
  }
  return list;
}

Status table_constraints(Production& p) {
  const auto add = [&](std::string_view schema, std::string_view table, std::string_view name, std::string_view kind,
                       std::string_view nulls, bool deferrable, bool initially_deferred) {
    p.rows.start();
    p.rows.set("constraint_catalog", p.catalog.database_name())
        .set("constraint_schema", schema)
        .set("constraint_name", name)
        .set("table_catalog", p.catalog.database_name())
        .set("table_schema", schema)
        .set("table_name", table)
        .set("constraint_type", kind)
        .set("is_deferrable", deferrable ? "YES" : "NO")
        .set("initially_deferred", initially_deferred ? "YES" : "NO")
        .set("enforced", "YES");
    if (!nulls.empty()) p.rows.set("nulls_distinct", nulls);
  };
  SPG_ASSIGN(const Vec<Key> list, keys(p));
  for (const Key& key : list)
    add(key.schema, key.table, key.name, key.kind == 'p' ? "PRIMARY KEY" : "UNIQUE",
        key.kind == 'p'                ? std::string_view()
        : key.index.nulls_not_distinct ? "NO"
                                       : "YES",
        key.deferrable, key.initially_deferred);
  // NOT NULL counts as a check, under a name made of numbers.
  SPG_ASSIGN(const Vec<ClassEntry> classes, p.classes());
  for (const ClassEntry& entry : classes) {
    if (entry.kind != 'r' || entry.schema == ns::pg_toast) continue;
    SPG_ASSIGN(const Relation* relation, p.catalog.relation(entry.oid));
    if (relation == nullptr) continue;
    for (const ColumnInfo& column : relation->columns)
      if (column.not_null && !column.dropped)
        add(entry.schema_name, entry.name,
            p.arena.concat(raw(entry.schema), "_", raw(entry.oid), "_", column.number, "_not_null"), "CHECK", {}, false, false);
  }
  return ok();
}

Status key_columns(Production& p, bool with_positions) {
  SPG_ASSIGN(const Vec<Key> list, keys(p));
  for (const Key& key : list) {
    SPG_ASSIGN(const Relation* relation, p.catalog.relation(key.relation));
    if (relation == nullptr) continue;
    for (std::size_t i = 0; i < key.index.key_count; ++i) {
      p.rows.start();
      p.rows.set("constraint_catalog", p.catalog.database_name())
          .set("constraint_schema", key.schema)
          .set("constraint_name", key.name)
          .set("table_catalog", p.catalog.database_name())
          .set("table_schema", key.schema)
          .set("table_name", key.table)
          .set("column_name", p.arena.copy(relation->columns[static_cast<std::size_t>(key.index.columns[i]) - 1].name));
      if (with_positions) p.rows.set("ordinal_position", int4_value(static_cast<std::int32_t>(i + 1)));
    }
  }
  return ok();
}
Status key_column_usage(Production& p) { return key_columns(p, true); }
Status constraint_column_usage(Production& p) { return key_columns(p, false); }

Status constraint_table_usage(Production& p) {
  SPG_ASSIGN(const Vec<Key> list, keys(p));
  for (const Key& key : list) {
    p.rows.start();
    p.rows.set("constraint_catalog", p.catalog.database_name())
        .set("constraint_schema", key.schema)
        .set("constraint_name", key.name)
        .set("table_catalog", p.catalog.database_name())
        .set("table_schema", key.schema)
        .set("table_name", key.table);
  }
  return ok();
}

Status enabled_roles(Production& p) {
  SPG_ASSIGN(const Vec<Row*> rows,
             p.store.shared_view() == nullptr ? Result<Vec<Row*>>(Vec<Row*>(p.arena)) : p.store.all(Stored::authid));
  for (const Row* row : rows) {
    SPG_ASSIGN(const bool has, pg_has_role(p.catalog, p.catalog.role(), row->oid(pg_authid::oid), p.arena));
    if (!has) continue;
    p.rows.start();
    p.rows.set("role_name", row->text(pg_authid::rolname));
  }
  return ok();
}

Status table_privileges(Production& p) {
  SPG_ASSIGN(const Vec<ClassEntry> list, p.classes());
  for (const ClassEntry& entry : list) {
    if (!is_shown(entry)) continue;
    SPG_ASSIGN(const std::string_view owner, p.role_name(entry.owner));
    for (const std::string_view privilege :
         {"INSERT", "SELECT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"}) {
      p.rows.start();
      p.rows.set("grantor", owner)
          .set("grantee", owner)
          .set("table_catalog", p.catalog.database_name())
          .set("table_schema", entry.schema_name)
          .set("table_name", entry.name)
          .set("privilege_type", privilege)
          .set("is_grantable", "YES")
          .set("with_hierarchy", privilege == "SELECT" ? "YES" : "NO");
    }
  }
  return ok();
}

constexpr NamedProducer information_producers[] = {
    {"information_schema_catalog_name", catalog_name},
    {"schemata", schemata},
    {"tables", information_tables},
    {"views", information_views},
    {"view_table_usage", view_table_usage},
    {"view_column_usage", view_column_usage},
    {"columns", columns},
    {"table_constraints", table_constraints},
    {"key_column_usage", key_column_usage},
    {"constraint_column_usage", constraint_column_usage},
    {"constraint_table_usage", constraint_table_usage},
    {"enabled_roles", enabled_roles},
    {"table_privileges", table_privileges},
    {"role_table_grants", table_privileges},
};

}  // namespace

Producer find_information_producer(std::string_view name) {
  return find_producer(information_producers, name);
}

}  // namespace spg::catalog
