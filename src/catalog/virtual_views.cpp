// The views of pg_catalog that have rows in SPG.
#include "row_maker.hpp"
#include "spg/catalog/functions.hpp"
#include "spg/type/array.hpp"
#include "spg/type/io.hpp"

namespace spg::catalog {

namespace {

using type::Value;

/// Every role: those in the store, then PostgreSQL's predefined ones.
struct RoleEntry {
  Oid oid{};
  std::string_view name;
  bool superuser = false, inherit = true, create_role = false, create_db = false, login = false, replication = false,
       bypass = false;
  std::int32_t limit = -1;
  Value valid_until = Value::null_of(type::Physical::int8);
};
Result<Vec<RoleEntry>> all_roles(Production& p) {
  Vec<RoleEntry> list(p.arena);
  if (p.store.shared_view() != nullptr) {
    SPG_ASSIGN(const Vec<Row*> rows, p.store.all(Stored::authid));
    for (const Row* row : rows)
      list.push_back({row->oid(pg_authid::oid), row->text(pg_authid::rolname), row->boolean(pg_authid::rolsuper),
                      row->boolean(pg_authid::rolinherit), row->boolean(pg_authid::rolcreaterole),
                      row->boolean(pg_authid::rolcreatedb), row->boolean(pg_authid::rolcanlogin),
                      row->boolean(pg_authid::rolreplication), row->boolean(pg_authid::rolbypassrls),
                      row->int4(pg_authid::rolconnlimit), row->at(pg_authid::rolvaliduntil)});
  }
  builtin::RowReader reader(*builtin::find_rows(pg_authid::relation));
  for (std::string_view fields[12]; reader.next(fields);) {
    std::uint32_t oid = 0;
    for (const char c : fields[0]) oid = oid * 10 + static_cast<std::uint32_t>(c - '0');
    RoleEntry entry;
    entry.oid = Oid{oid};
    entry.name = fields[1];
    list.push_back(entry);
  }
  return list;
}

Status roles(Production& p) {
  SPG_ASSIGN(const Vec<RoleEntry> list, all_roles(p));
  for (const RoleEntry& role : list) {
    p.rows.start();
    p.rows.set("rolname", role.name)
        .set("rolsuper", bool_value(role.superuser))
        .set("rolinherit", bool_value(role.inherit))
        .set("rolcreaterole", bool_value(role.create_role))
        .set("rolcreatedb", bool_value(role.create_db))
        .set("rolcanlogin", bool_value(role.login))
        .set("rolreplication", bool_value(role.replication))
        .set("rolconnlimit", int4_value(role.limit))
        .set("rolpassword", "********")
        .set("rolvaliduntil", role.valid_until)
        .set("rolbypassrls", bool_value(role.bypass))
        .set("oid", oid_value(role.oid));
  }
  return ok();
}

Status users(Production& p) {
  SPG_ASSIGN(const Vec<RoleEntry> list, all_roles(p));
  for (const RoleEntry& role : list) {
    if (!role.login) continue;
    p.rows.start();
    p.rows.set("usename", role.name)
        .set("usesysid", oid_value(role.oid))
        .set("usecreatedb", bool_value(role.create_db))
        .set("usesuper", bool_value(role.superuser))
        .set("userepl", bool_value(role.replication))
        .set("usebypassrls", bool_value(role.bypass))
        .set("passwd", "********")
        .set("valuntil", role.valid_until);
  }
  return ok();
}

Status groups(Production& p) {
  SPG_ASSIGN(const Vec<RoleEntry> list, all_roles(p));
  for (const RoleEntry& role : list) {
    if (role.login) continue;
    p.rows.start();
    p.rows.set("groname", role.name).set("grosysid", oid_value(role.oid));
  }
  return ok();
}

Status tables(Production& p) {
  SPG_ASSIGN(const Vec<ClassEntry> list, p.classes());
  for (const ClassEntry& entry : list) {
    if (entry.kind != 'r' && entry.kind != 'p') continue;
    SPG_ASSIGN(const std::string_view owner, p.role_name(entry.owner));
    p.rows.start();
    p.rows.set("schemaname", entry.schema_name)
        .set("tablename", entry.name)
        .set("tableowner", owner)
        .set("hasindexes", bool_value(entry.has_index))
        .set("hasrules", bool_value(false))
        .set("hastriggers", bool_value(false))
        .set("rowsecurity", bool_value(false));
  }
  return ok();
}

Status views(Production& p) {
  SPG_ASSIGN(const Vec<ClassEntry> list, p.classes());
  for (const ClassEntry& entry : list) {
    if (entry.kind != 'v') continue;
    SPG_ASSIGN(const std::string_view owner, p.role_name(entry.owner));
    p.rows.start();
    p.rows.set("schemaname", entry.schema_name).set("viewname", entry.name).set("viewowner", owner);
    if (!p.rows.wants("definition")) continue;
    SPG_ASSIGN(const Relation* view, p.catalog.relation(entry.oid));
    if (view == nullptr || view->view == nullptr) continue;
    SPG_ASSIGN(const std::string_view text, p.facts.view_definition(*view, p.arena));
    p.rows.set("definition", text);
  }
  return ok();
}

Status indexes(Production& p) {
  SPG_ASSIGN(const Vec<ClassEntry> list, p.classes());
  for (const ClassEntry& entry : list) {
    if (entry.kind != 'i' || entry.schema == ns::pg_toast) continue;
    SPG_ASSIGN(const IndexFacts index, index_facts(p.catalog, entry.oid, p.arena));
    if (!index.found) continue;
    SPG_ASSIGN(const Text definition, pg_get_indexdef(p.catalog, entry.oid, 0, false, p.arena));
    p.rows.start();
    p.rows.set("schemaname", entry.schema_name).set("tablename", index.table_name).set("indexname", entry.name);
    if (!definition.is_null) p.rows.set("indexdef", definition.text);
  }
  return ok();
}

Status cursors(Production& p) {
  CursorRow row;
  for (std::size_t i = 0; p.facts.cursor(i, row); ++i) {
    p.rows.start();
    p.rows.set("name", p.arena.copy(row.name)).set("statement", p.arena.copy(row.statement));
    p.rows.set("is_holdable", Value::of(type::Physical::boolean, row.is_holdable));
    p.rows.set("is_binary", Value::of(type::Physical::boolean, row.is_binary));
    p.rows.set("is_scrollable", Value::of(type::Physical::boolean, row.is_scrollable));
    p.rows.set("creation_time", Value::of(type::Physical::int8, row.creation_time));
  }
  return ok();
}

Status settings(Production& p) {
  SettingRow row;
  for (std::size_t i = 0; p.facts.setting(i, row); ++i) {
    p.rows.start();
    const auto copied = [&](std::string_view column, std::string_view text, bool empty_is_null) {
      if (!text.empty() || !empty_is_null) p.rows.set(column, p.arena.copy(text));
    };
    copied("name", row.name, false);
    copied("setting", row.setting, false);
    copied("unit", row.unit, true);
    copied("category", row.category, false);
    copied("short_desc", row.description, false);
    copied("context", row.context, false);
    copied("vartype", row.kind, false);
    copied("source", row.source, false);
    copied("min_val", row.minimum, true);
    copied("max_val", row.maximum, true);
    copied("boot_val", row.boot_value, false);
    copied("reset_val", row.reset_value, false);
    if (!row.values.empty()) {
      Vec<Value> items(p.arena);
      for (const std::string_view value : row.values) items.push_back(text_value(p.arena.copy(value)));
      const type::ArrayDimension dimension{static_cast<std::int32_t>(items.size()), 1};
      SPG_ASSIGN(const type::StringRef body, type::make_array(Oid{25}, {&dimension, 1}, items.span(), p.arena));
      p.rows.set("enumvals", Value::of(type::Physical::string, body));
    }
    p.rows.set("pending_restart", bool_value(false));
  }
  return ok();
}

/// The rows of pg_locks.
class LockRows {
 public:
  LockRows(Production& p, const Vec<ClassEntry>& classes) : p_(p), classes_(classes), virtual_(p.arena), numbered_(p.arena) {}

  /// Row and key locks show as PostgreSQL shows them: whoever has some holds its transaction's number, and whoever waits for
  /// one waits for such a number.
  void add(const txn::LockFact& fact) {
    add_transaction(fact);
    const bool is_of_row = fact.tag.space == txn::LockSpace::row || fact.tag.space == txn::LockSpace::key;
    if (!is_of_row) {
      start(fact, txn::lock_mode_name(fact.tag.space, fact.mode), fact.granted);
      add_object(fact.tag);
    } else if (!fact.granted) {
      start(fact, "ShareLock", false);
      p_.rows.set("locktype", "transactionid").set("transactionid", xid(fact.blocker));
    }
  }

 private:
  void start(const txn::LockFact& fact, std::string_view mode, bool granted) {
    p_.rows.start();
    p_.rows.set("pid", int4_value(static_cast<std::int32_t>(fact.process_id)))
        .set("mode", mode)
        .set("granted", bool_value(granted))
        .set("fastpath", bool_value(false))
        .set("virtualtransaction", virtual_number(fact));
  }

  /// What a transaction holds of itself, once for each.
  void add_transaction(const txn::LockFact& fact) {
    if (fact.local_transaction != 0 && is_first(virtual_, fact.process_id)) {
      start(fact, "ExclusiveLock", true);
      p_.rows.set("locktype", "virtualxid").set("virtualxid", virtual_number(fact));
    }
    if (fact.transaction != 0 && is_first(numbered_, fact.process_id)) {
      start(fact, "ExclusiveLock", true);
      p_.rows.set("locktype", "transactionid").set("transactionid", xid(fact.transaction));
    }
  }

  void add_object(const txn::LockTag& tag) {
    switch (tag.space) {
      case txn::LockSpace::table:
        p_.rows.set("locktype", "relation").set("database", oid_value(Oid{raw(tag.database)}));
        for (const ClassEntry& entry : classes_)
          if (tag.database == p_.store.view().database() && raw(entry.table) == tag.object) p_.rows.set("relation", oid_value(entry.oid));
        break;
      case txn::LockSpace::advisory:
        p_.rows.set("locktype", "advisory")
            .set("database", oid_value(Oid{raw(tag.database)}))
            .set("classid", oid_value(Oid{static_cast<std::uint32_t>(tag.place >> 32)}))
            .set("objid", oid_value(Oid{static_cast<std::uint32_t>(tag.place)}))
            .set("objsubid", Value::of(type::Physical::int2, static_cast<std::int16_t>(tag.object)));
        break;
      case txn::LockSpace::database:
        p_.rows.set("locktype", "object").set("database", oid_value(Oid{raw(tag.database)}));
        break;
      case txn::LockSpace::row: case txn::LockSpace::key: break;
    }
  }

  static bool is_first(Vec<std::uint32_t>& told, std::uint32_t process_id) {
    for (const std::uint32_t one : told)
      if (one == process_id) return false;
    told.push_back(process_id);
    return true;
  }
  static Value xid(std::uint64_t number) { return int4_value(static_cast<std::int32_t>(static_cast<std::uint32_t>(number))); }
  std::string_view text(std::uint64_t value) {
    char number[24];
    char* at = number + sizeof number;
    do *--at = static_cast<char>('0' + value % 10); while ((value /= 10) != 0);
    return p_.arena.copy(std::string_view(at, static_cast<std::size_t>(number + sizeof number - at)));
  }
  std::string_view virtual_number(const txn::LockFact& fact) {
    TextBuilder out(p_.arena);
    out.add(text(fact.process_id), "/", text(fact.local_transaction));
    return out.view();
  }

  Production& p_;
  const Vec<ClassEntry>& classes_;
  Vec<std::uint32_t> virtual_, numbered_;  // processes whose transactions have been listed
};

Status locks(Production& p) {
  Vec<txn::LockFact> facts(p.arena);
  p.facts.locks([&](const txn::LockFact& fact) { facts.push_back(fact); });
  SPG_ASSIGN(const Vec<ClassEntry> classes, p.classes());
  LockRows rows(p, classes);
  for (const txn::LockFact& fact : facts) rows.add(fact);
  return ok();
}

constexpr NamedProducer producers[] = {
    {"pg_roles", roles},
    {"pg_user", users},
    {"pg_shadow", users},
    {"pg_group", groups},
    {"pg_tables", tables},
    {"pg_views", views},
    {"pg_indexes", indexes},
    {"pg_settings", settings},
    {"pg_cursors", cursors},
    {"pg_locks", locks},
};

}  // namespace

Producer find_view_producer(std::string_view name) {
  const Producer found = find_producer(producers, name);
  return found != nullptr ? found : find_statistics_producer(name);
}

}  // namespace spg::catalog
