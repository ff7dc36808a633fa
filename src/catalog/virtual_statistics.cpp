// The views of statistics: what sessions do, what tables hold, how far long statements have come.
#include "row_maker.hpp"

namespace spg::catalog {

namespace {

using type::Value;

Value int8_value(std::int64_t value) { return Value::of(type::Physical::int8, value); }
Value int8_value(std::uint64_t value) { return int8_value(static_cast<std::int64_t>(value)); }

// --- sessions

/// Sets columns from what may be there no longer after the call.
class ActivityMaker {
 public:
  ActivityMaker(Production& p, const ActivityRow& row) : p_(p), row_(row) { p.rows.start(); }
  void text(std::string_view column, std::string_view value) {
    if (!value.empty()) p_.rows.set(column, p_.arena.copy(value));
  }
  void time(std::string_view column, std::int64_t at) {
    if (at != 0) p_.rows.set(column, int8_value(at));
  }
  void who() {
    p_.rows.set("pid", int4_value(row_.pid)).set("datid", oid_value(row_.database));
    text("datname", row_.database_name);
    text("usename", row_.role_name);
  }
  void state() {
    text("state", row_.state);
    text("wait_event_type", row_.wait_event_type);
    text("wait_event", row_.wait_event);
    time("query_start", row_.query_start);
  }

 private:
  Production& p_;
  const ActivityRow& row_;
};

constexpr std::string_view hidden = "<insufficient privilege>";

Status activity(Production& p) {
  p.facts.activities([&](const ActivityRow& row) {
    ActivityMaker made(p, row);
    made.who();
    p.rows.set("usesysid", oid_value(row.role)).set("query", row.is_shown ? p.arena.copy(row.query) : hidden);
    if (!row.is_shown) return;
    made.state();
    p.rows.set("application_name", p.arena.copy(row.application)).set("client_port", int4_value(row.client_port));
    made.text("backend_type", row.backend_kind);
    made.time("backend_start", row.backend_start);
    made.time("xact_start", row.transaction_start);
    made.time("state_change", row.state_change);
  });
  return ok();
}

Status own_activity(Production& p) {
  p.facts.activities([&](const ActivityRow& row) {
    ActivityMaker made(p, row);
    made.who();
    p.rows.set("query", row.is_shown ? p.arena.copy(row.query) : hidden);
    if (!row.is_shown) return;
    made.state();
    made.text("command", row.command);
    made.text("phase", row.phase);
    p.rows.set("rows_done", int8_value(row.rows_done));
    if (row.rows_expected != 0) p.rows.set("rows_expected", int8_value(row.rows_expected));
    p.rows.set("memory_bytes", int8_value(row.memory_bytes))
        .set("spilled_bytes", int8_value(row.spilled_bytes))
        .set("statements", int8_value(row.statements));
  });
  return ok();
}

// --- long statements

Status copy_progress(Production& p) {
  p.facts.progress([&](const ProgressRow& row) {
    if (row.is_index) return;
    p.rows.start();
    p.rows.set("pid", int4_value(row.pid))
        .set("datid", oid_value(row.database))
        .set("datname", p.arena.copy(row.database_name))
        .set("relid", oid_value(row.relation))
        .set("command", row.command)
        .set("type", "PIPE")
        .set("bytes_processed", int8_value(row.bytes))
        .set("bytes_total", int8_value(std::int64_t{0}))
        .set("tuples_processed", int8_value(row.rows))
        .set("tuples_excluded", int8_value(std::int64_t{0}));
  });
  return ok();
}

Status index_progress(Production& p) {
  SPG_ASSIGN(const Vec<ClassEntry> list, p.classes());
  p.facts.progress([&](const ProgressRow& row) {
    if (!row.is_index) return;
    Oid relation{};
    for (const ClassEntry& entry : list)
      if (raw(row.database) == raw(p.store.view().database()) && entry.table != TableId::none && entry.table == row.table) relation = entry.oid;
    p.rows.start();
    p.rows.set("pid", int4_value(row.pid))
        .set("datid", oid_value(row.database))
        .set("datname", p.arena.copy(row.database_name))
        .set("relid", oid_value(relation))
        .set("index_relid", oid_value(Oid::none))
        .set("command", row.command)
        .set("phase", row.phase)
        .set("blocks_total", int8_value(row.blocks_total))
        .set("blocks_done", int8_value(row.blocks))
        .set("tuples_total", int8_value(row.rows_total))
        .set("tuples_done", int8_value(row.rows));
    for (const std::string_view none : {"lockers_total", "lockers_done", "current_locker_pid", "partitions_total", "partitions_done"})
      p.rows.set(none, int8_value(std::int64_t{0}));
  });
  return ok();
}

// --- the server

Status metrics(Production& p) {
  p.facts.metrics([&](const MetricRow& row) {
    p.rows.start();
    p.rows.set("name", row.name).set("value", Value::of(type::Physical::float8, row.value)).set("description", row.description);
    if (!row.unit.empty()) p.rows.set("unit", row.unit);
  });
  return ok();
}

// --- tables

Status own_tables(Production& p) {
  SPG_ASSIGN(const Vec<ClassEntry> list, p.classes());
  for (const ClassEntry& entry : list) {
    if (entry.kind != 'r' || entry.table == TableId::none) continue;
    SPG_ASSIGN(const txn::TableStorage storage, p.store.view().table_storage(entry.table, p.arena));
    txn::StorageBytes indexes;
    for (const txn::IndexStorage& index : storage.indexes) indexes += index.bytes;
    p.rows.start();
    p.rows.set("relid", oid_value(entry.oid))
        .set("schemaname", entry.schema_name)
        .set("relname", entry.name)
        .set("rows", int8_value(storage.rows))
        .set("rows_hot", int8_value(storage.hot_rows))
        .set("rows_clean", int8_value(storage.clean_rows))
        .set("rows_cold", int8_value(storage.cold_rows))
        .set("bytes_hot", int8_value(storage.bytes.hot))
        .set("bytes_clean", int8_value(storage.bytes.clean))
        .set("bytes_cold", int8_value(storage.bytes.cold))
        .set("index_bytes_hot", int8_value(indexes.hot))
        .set("index_bytes_clean", int8_value(indexes.clean))
        .set("index_bytes_cold", int8_value(indexes.cold));
  }
  return ok();
}

enum class Which : std::uint8_t { user, system, all };
Status table_statistics(Production& p, Which which) {
  SPG_ASSIGN(const Vec<ClassEntry> list, p.classes());
  for (const ClassEntry& entry : list) {
    const bool system =
        entry.schema == ns::pg_catalog || entry.schema == ns::information_schema || entry.schema == ns::pg_toast;
    if ((entry.kind != 'r' && entry.kind != 't') || (which == Which::user && system) ||
        (which == Which::system && !system))
      continue;
    std::uint64_t rows = 0;
    if (entry.table != TableId::none) { SPG_ASSIGN(rows, p.store.view().row_count(entry.table)); }
    p.rows.start();
    for (const ColumnInfo& column : p.rows.relation().columns)  // counters that are not kept are zero
      if (column.physical == type::Physical::int8 && column.type == Oid{20})
        p.rows.set(static_cast<std::uint16_t>(column.number), int8_value(std::int64_t{0}));
    p.rows.set("relid", oid_value(entry.oid))
        .set("schemaname", entry.schema_name)
        .set("relname", entry.name)
        .set("n_live_tup", int8_value(rows));
  }
  return ok();
}
Status user_table_statistics(Production& p) { return table_statistics(p, Which::user); }
Status system_table_statistics(Production& p) { return table_statistics(p, Which::system); }
Status all_table_statistics(Production& p) { return table_statistics(p, Which::all); }

constexpr NamedProducer statistics_producers[] = {
    {"pg_stat_activity", activity},
    {"pg_stat_progress_copy", copy_progress},
    {"pg_stat_progress_create_index", index_progress},
    {"spg_stat_activity", own_activity},
    {"spg_metrics", metrics},
    {"spg_stat_tables", own_tables},
    {"pg_stat_user_tables", user_table_statistics},
    {"pg_stat_sys_tables", system_table_statistics},
    {"pg_stat_all_tables", all_table_statistics},
    {"pg_statio_user_tables", user_table_statistics},
    {"pg_statio_sys_tables", system_table_statistics},
    {"pg_statio_all_tables", all_table_statistics},
};

}  // namespace

Producer find_statistics_producer(std::string_view name) {
  return find_producer(statistics_producers, name);
}

}  // namespace spg::catalog
