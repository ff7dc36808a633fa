// VirtualRelation: the system relations as rows: built-in rows, stored rows and what views compute from both.
//
// open_virtual() reads in the statement's view and makes the rows in the arena; next() hands them out in batches, which
// stay valid as long as the arena. A system relation that has no rows in SPG yields none. Threads: one at a time.
#pragma once
#include "spg/catalog/session.hpp"

namespace spg::catalog {

/// One row of pg_settings. Texts are valid until the next call; empty unit, minimum, maximum and values are NULL.
struct SettingRow {
  std::string_view name, setting, unit, category, description, context, kind /* vartype */, source, minimum, maximum,
      boot_value, reset_value;
  std::span<const std::string_view> values;  ///< of an enum
};

/// One row of pg_stat_activity and spg_stat_activity. Times are microseconds since 2000-01-01 UTC, 0 = NULL; so are empty texts.
struct ActivityRow {
  std::int32_t pid = 0;
  Oid database{}, role{};
  std::string_view database_name, role_name, application, state, query, backend_kind = "client backend", client_address;
  std::int32_t client_port = -1;
  std::int64_t backend_start = 0, transaction_start = 0, query_start = 0, state_change = 0;
  std::string_view wait_event_type, wait_event;
  bool is_shown = true;  ///< false: to this user, no more than that the session is there
  std::string_view command, phase;                 ///< of a statement that tells how far it is
  std::uint64_t rows_done = 0, rows_expected = 0;  ///< expected 0: not known
  std::uint64_t memory_bytes = 0, spilled_bytes = 0, statements = 0;
};

/// How far a session's COPY, or its building of an index, has come.
struct ProgressRow {
  std::int32_t pid = 0;
  Oid database{};
  std::string_view database_name, command, phase;
  bool is_index = false;
  Oid relation{};          ///< of COPY; 0: of a query
  TableId table{};         ///< of an index, in its database
  std::uint64_t bytes = 0, rows = 0, rows_total = 0, blocks = 0, blocks_total = 0;
};

/// One row of spg_metrics.
struct MetricRow {
  std::string_view name;
  double value = 0;
  std::string_view unit, description;
};

struct CursorRow {
  std::string_view name, statement;
  bool is_holdable = false, is_binary = false, is_scrollable = false;
  std::int64_t creation_time = 0;
};

/// What only the server knows. The default knows nothing.
class ServerFacts {
 public:
  virtual ~ServerFacts() = default;
  /// False past the end.
  virtual bool setting(std::size_t index, SettingRow& row) const {
    (void)index;
    (void)row;
    return false;
  }
  virtual bool cursor(std::size_t index, CursorRow& row) const {
    (void)index;
    (void)row;
    return false;
  }
  /// Every session. Texts are valid during the call.
  virtual void activities(spg::FunctionRef<void(const ActivityRow&)> visit) const { (void)visit; }
  virtual void progress(spg::FunctionRef<void(const ProgressRow&)> visit) const { (void)visit; }
  virtual void metrics(spg::FunctionRef<void(const MetricRow&)> visit) const { (void)visit; }
  /// pg_get_viewdef() of a user's view; what can be changed through it (bits as pg_relation_is_updatable), `column` 0: any.
  virtual Result<std::string_view> view_definition(const Relation& view, Arena& arena) const {
    (void)view;
    (void)arena;
    return std::string_view();
  }
  virtual Result<int> updatable_events(const Relation& view, std::int16_t column, Arena& arena) const {
    (void)view;
    (void)column;
    (void)arena;
    return 0;
  }
  /// Every lock and request.
  virtual void locks(spg::FunctionRef<void(const txn::LockFact&)> visit) const { (void)visit; }
};

class VirtualRelation {
 public:
  /// False at the end. At most type::batch_rows_max rows, all selected, columns in the order asked for.
  bool next(type::Batch& batch);

 private:
  friend class RowMaker;
  Vec<type::Batch> batches_;
  std::size_t next_ = 0;
};

/// `columns` are numbers of the relation's columns. 42P01 when there is no such system relation.
Result<VirtualRelation> open_virtual(SessionCatalog& catalog, Oid relation, std::span<const std::uint16_t> columns,
                                     const ServerFacts& facts, Arena& arena);

}  // namespace spg::catalog
