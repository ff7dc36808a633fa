#include "system_tables.hpp"

#include "spg/db/activity.hpp"

namespace spg::db {

namespace {

struct WaitName { std::string_view type, event; };
WaitName name_of(Activity::Wait wait) {
  using Wait = Activity::Wait;
  switch (wait) {
    case Wait::nothing: return {};
    case Wait::client_read: return {"Client", "ClientRead"};
    case Wait::client_write: return {"Client", "ClientWrite"};
    case Wait::wal_sync: return {"IO", "WALSync"};
    case Wait::turn: return {"LWLock", "Turn"};
    case Wait::relation: return {"Lock", "relation"};
    case Wait::transaction: return {"Lock", "transactionid"};
    case Wait::advisory: return {"Lock", "advisory"};
    case Wait::object: return {"Lock", "object"};
  }
  return {};
}

std::string_view name_of(Activity::State state) {
  using State = Activity::State;
  switch (state) {
    case State::none: return {};
    case State::idle: return "idle";
    case State::active: return "active";
    case State::idle_in_transaction: return "idle in transaction";
    case State::idle_in_transaction_aborted: return "idle in transaction (aborted)";
  }
  return {};
}

struct Metric {
  std::string_view name, unit, description;
  double (*value)(const txn::MachineFacts& facts);
};
template <auto member>
double of(const txn::MachineFacts& facts) { return static_cast<double>(facts.*member); }
using Facts = txn::MachineFacts;
constexpr Metric machine_metrics[] = {
    {"spg_memory_used_bytes", "bytes", "Memory of objects that is in use.", of<&Facts::memory_used_bytes>},
    {"spg_memory_held_bytes", "bytes", "Memory that the process holds for objects.", of<&Facts::memory_held_bytes>},
    {"spg_objects", "", "Objects that have a control cell, in memory or on disk.", of<&Facts::objects>},
    {"spg_segments", "", "Segment files.", of<&Facts::segments>},
    {"spg_segment_bytes", "bytes", "Size of the segment files.", of<&Facts::segment_bytes>},
    {"spg_segment_live_bytes", "bytes", "Bytes of segment files that are in use.", of<&Facts::segment_live_bytes>},
    {"spg_log_position_bytes", "bytes", "Where the write-ahead log ends.", of<&Facts::log_position>},
    {"spg_log_durable_bytes", "bytes", "Up to where the write-ahead log is durable.", of<&Facts::log_durable>},
    {"spg_log_checkpoint_bytes", "bytes", "From where on the newest checkpoint needs the write-ahead log.", of<&Facts::log_checkpoint>},
    {"spg_checkpoints_total", "", "Checkpoints that have been made.", of<&Facts::checkpoints>},
    {"spg_compacted_segments_total", "", "Segment files that compactions have emptied.", of<&Facts::compacted_segments>},
    {"spg_commits_total", "", "Commits that have written anything.", of<&Facts::commits>},
    {"spg_evictions_total", "", "Objects that were dropped from memory.", of<&Facts::evictions>},
    {"spg_cold_loads_total", "", "Objects that were read from disk.", of<&Facts::cold_loads>},
};

/// False when the session does nothing that tells how far it is.
bool fill_progress(const Activity& activity, catalog::ProgressRow& row) {
  using Phase = txn::BuildProgress::Phase;
  using Direction = Activity::Copying::Direction;
  const auto load = [](const std::atomic<std::uint64_t>& figure) { return figure.load(std::memory_order_relaxed); };
  const txn::BuildProgress& build = activity.build();
  if (const Phase phase = build.phase.load(std::memory_order_relaxed); phase != Phase::none) {
    row.is_index = true;
    row.command = "CREATE INDEX";
    row.phase = phase == Phase::scanning  ? "building index: scanning table"
                : phase == Phase::sorting ? "building index: sorting live tuples"
                                          : "building index: loading tuples in tree";
    row.table = TableId{build.table.load(std::memory_order_relaxed)};
    row.rows = load(build.rows_done);
    row.rows_total = load(build.rows_total);
    row.blocks = load(build.blocks_done);
    row.blocks_total = load(build.blocks_total);
    return true;
  }
  const Activity::Copying& copying = activity.copying();
  const Direction direction = copying.direction.load(std::memory_order_relaxed);
  if (direction == Direction::none) return false;
  row.command = direction == Direction::from ? "COPY FROM" : "COPY TO";
  row.relation = Oid{copying.relation.load(std::memory_order_relaxed)};
  row.bytes = load(copying.bytes);
  row.rows = load(copying.rows);
  return true;
}

}  // namespace

void SystemTables::activities(spg::FunctionRef<void(const catalog::ActivityRow&)> visit) const {
  instance_.each_activity([&](std::uint32_t process_id, const Activity& activity) {
    Activity::Seen seen;
    activity.read(seen);
    catalog::ActivityRow row;
    row.pid = static_cast<std::int32_t>(process_id);
    row.database = activity.who.database;
    row.role = activity.who.role;
    row.database_name = activity.who.database_name;
    row.role_name = activity.who.role_name;
    row.is_shown = role_.is_superuser || row.role == role_.oid;
    row.application = seen.application;
    row.state = name_of(seen.state);
    row.query = seen.query;
    row.backend_start = activity.who.started;
    row.transaction_start = seen.transaction_start;
    row.query_start = seen.query_start;
    row.state_change = seen.state_change;
    const WaitName wait = name_of(activity.wait());
    row.wait_event_type = wait.type;
    row.wait_event = wait.event;
    row.rows_done = activity.rows().done.load(std::memory_order_relaxed);
    row.rows_expected = activity.rows().expected.load(std::memory_order_relaxed);
    if (catalog::ProgressRow progress; fill_progress(activity, progress)) {
      row.command = progress.command;
      row.phase = progress.phase;
      row.rows_done = progress.rows;
      row.rows_expected = progress.rows_total;
    }
    row.memory_bytes = activity.who.memory->used_bytes();
    row.spilled_bytes = activity.who.transaction->spilled_bytes();
    row.statements = activity.statements();
    visit(row);
  });
}

void SystemTables::progress(spg::FunctionRef<void(const catalog::ProgressRow&)> visit) const {
  instance_.each_activity([&](std::uint32_t process_id, const Activity& activity) {
    catalog::ProgressRow row;
    if (!fill_progress(activity, row)) return;
    row.pid = static_cast<std::int32_t>(process_id);
    row.database = activity.who.database;
    row.database_name = activity.who.database_name;
    visit(row);
  });
}

void SystemTables::metrics(spg::FunctionRef<void(const catalog::MetricRow&)> visit) const {
  const txn::MachineFacts facts = instance_.machine().facts();
  for (const Metric& metric : machine_metrics) visit({metric.name, metric.value(facts), metric.unit, metric.description});
  if (facts.memory_budget_bytes != Facts::no_budget)
    visit({"spg_memory_budget_bytes", static_cast<double>(facts.memory_budget_bytes), "bytes", "Memory that objects may take before they are dropped."});
  std::uint64_t sessions = 0, active = 0;
  instance_.each_activity([&](std::uint32_t, const Activity& activity) {
    ++sessions;
    active += activity.is_active();
  });
  visit({"spg_sessions", static_cast<double>(sessions), "", "Sessions that are connected."});
  visit({"spg_sessions_active", static_cast<double>(active), "", "Sessions that run a statement, or wait within one."});
  visit({"spg_statements_total", static_cast<double>(instance_.statements()), "", "Statements that have ended without an error."});
  visit({"spg_statement_memory_bytes", static_cast<double>(instance_.memory().used_bytes()), "bytes", "Memory of all statements, portals and caches."});
}

}  // namespace spg::db
