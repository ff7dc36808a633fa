// The transaction module: xid, xid8, pg_lsn and pg_snapshot: their operators, and what is known of transactions and the log.
//
// PostgreSQL has one C function behind each pair of txid_*(bigint) and pg_*(xid8); so has this, by the type of the call.
#include "kernels.hpp"
#include "spg/type/transaction.hpp"

namespace spg::exec {
namespace {

using Context = FunctionContext;
using i4 = std::int32_t;
using i8 = std::int64_t;
using u4 = std::uint32_t;
using u8 = std::uint64_t;
using type::SnapshotReader;

/// An xid8 or a pg_lsn as vectors have it (type/transaction.hpp): in the order of its numbers.
struct Unsigned {
  i8 packed = 0;
  Unsigned() = default;
  explicit Unsigned(u8 number) : packed(type::pack_unsigned(number)) {}
  u8 number() const { return type::unpack_unsigned(packed); }
};

// --- operators ------------------------------------------------------------------------------------------------------

template <Compare c>
struct Packed {
  using A = i8;
  using B = i8;
  using R = std::uint8_t;
  static constexpr bool is_equality = c == Compare::eq;
  static unsigned run(A a, B b, R* out) {
    *out = holds<c>(a < b ? -1 : b < a);
    return no_fault;
  }
};
struct PackedOrder {
  using A = i8;
  using B = i8;
  using R = i4;
  static unsigned run(A a, B b, R* out) {
    *out = a < b ? -1 : b < a;
    return no_fault;
  }
};
template <bool larger>
struct PackedExtreme {
  using A = i8;
  using B = i8;
  using R = i8;
  static unsigned run(A a, B b, R* out) {
    *out = (a < b) == larger ? b : a;
    return no_fault;
  }
};

Numeric numeric_of(Context& c, u8 number) { return type::numeric_from_scaled(static_cast<type::Int128>(number), 0, c.arena); }

Result<Unsigned> numeric_to_lsn(Context& c, Numeric number) {
  if (number.is_nan()) return Error::make(sqlstate::feature_not_supported, "cannot convert NaN to pg_lsn");
  if (number.is_infinite()) return Error::make(sqlstate::feature_not_supported, "cannot convert infinity to pg_lsn");
  SPG_ASSIGN(const Numeric whole, type::numeric_round(number, 0, c.arena));
  type::Int128 value = 0;
  if (!type::numeric_to_scaled(whole, 0, &value) || value < 0 || value > static_cast<type::Int128>(UINT64_MAX))
    return Error::make(sqlstate::invalid_parameter_value, "pg_lsn out of range");
  return Unsigned(static_cast<u8>(value));
}
Result<Unsigned> lsn_plus(Context& c, Unsigned lsn, Numeric bytes) {
  if (bytes.is_nan()) return Error::make(sqlstate::feature_not_supported, "cannot add NaN to pg_lsn");
  SPG_ASSIGN(const Numeric sum, type::numeric_add(numeric_of(c, lsn.number()), bytes, c.arena));
  return numeric_to_lsn(c, sum);
}
Result<Unsigned> lsn_after_bytes(Context& c, Numeric bytes, Unsigned lsn) { return lsn_plus(c, lsn, bytes); }
Result<Unsigned> lsn_minus(Context& c, Unsigned lsn, Numeric bytes) {
  if (bytes.is_nan()) return Error::make(sqlstate::feature_not_supported, "cannot subtract NaN from pg_lsn");
  SPG_ASSIGN(const Numeric difference, type::numeric_sub(numeric_of(c, lsn.number()), bytes, c.arena));
  return numeric_to_lsn(c, difference);
}
Result<Numeric> lsn_difference(Context& c, Unsigned a, Unsigned b) {
  return type::numeric_sub(numeric_of(c, a.number()), numeric_of(c, b.number()), c.arena);
}

template <bool equal>
bool xid_is(u4 a, u4 b) { return (a == b) == equal; }
u4 xid8_to_xid(Unsigned number) { return static_cast<u4>(number.number()); }

// --- numbers and snapshots ------------------------------------------------------------------------------------------

Result<TransactionFacts*> facts(Context& c) {
  if (c.exec.transactions != nullptr) return c.exec.transactions;
  return Error::make(sqlstate::object_not_in_prerequisite_state, "there are no transactions here");
}
/// A number as the type has it: bigint or xid8.
i8 number_as(Oid type, u8 number) { return type == type::oid::xid8 ? type::pack_unsigned(number) : static_cast<i8>(number); }
u8 number_from(Oid type, i8 value) { return type == type::oid::xid8 ? type::unpack_unsigned(value) : static_cast<u8>(value); }

Result<i8> transaction_id(Context& c) {
  SPG_ASSIGN(TransactionFacts * f, facts(c));
  SPG_ASSIGN(const u8 number, f->transaction_id(true));
  return number_as(c.expr->type, number);
}
Result<std::optional<i8>> transaction_id_if_assigned(Context& c) {
  SPG_ASSIGN(TransactionFacts * f, facts(c));
  SPG_ASSIGN(const u8 number, f->transaction_id(false));
  return number == 0 ? std::optional<i8>() : std::optional<i8>(number_as(c.expr->type, number));
}
Result<Text> current_snapshot(Context& c) {
  SPG_ASSIGN(TransactionFacts * f, facts(c));
  return f->current_snapshot(c.arena);
}
i8 snapshot_xmin(Context& c, Text snapshot) { return number_as(c.expr->type, SnapshotReader(snapshot).xmin()); }
i8 snapshot_xmax(Context& c, Text snapshot) { return number_as(c.expr->type, SnapshotReader(snapshot).xmax()); }
bool visible_in_snapshot(Context& c, i8 number, Text snapshot) {
  return SnapshotReader(snapshot).sees(number_from(c.argument_type(0), number));
}

struct RunningNumbers {
  Text snapshot;
  std::size_t next = 0;
};
Result<void*> open_running(Context& c, std::span<const Value> arguments) {
  auto* running = c.arena.make<RunningNumbers>();
  if (!arguments[0].is_null) running->snapshot = c.arena.copy(arguments[0].as<StringRef>().view());
  return static_cast<void*>(running);
}
Result<bool> next_running(Context& c, void* state, std::span<Value> out) {
  auto& running = *static_cast<RunningNumbers*>(state);
  const SnapshotReader snapshot(running.snapshot);
  if (running.next >= snapshot.count()) return false;
  out[0] = Value::of(Physical::int8, number_as(c.expr->type, snapshot.xip(running.next++)));
  return true;
}

Result<std::optional<Text>> transaction_status(Context& c, i8 number) {
  SPG_ASSIGN(TransactionFacts * f, facts(c));
  SPG_ASSIGN(const TransactionFacts::Fate fate, f->transaction_fate(number_from(c.argument_type(0), number)));
  switch (fate) {
    case TransactionFacts::Fate::in_progress: return std::optional<Text>("in progress");
    case TransactionFacts::Fate::committed: return std::optional<Text>("committed");
    case TransactionFacts::Fate::aborted: return std::optional<Text>("aborted");
    case TransactionFacts::Fate::unknown: break;
  }
  return std::optional<Text>();
}

// --- the log, commit times ------------------------------------------------------------------------------------------

template <TransactionFacts::LogEnd end>
Result<Unsigned> log_position(Context& c) {
  SPG_ASSIGN(TransactionFacts * f, facts(c));
  return Unsigned(f->log_position(end));
}

Result<std::optional<i8>> commit_timestamp(Context& c, u4 xid) {
  SPG_ASSIGN(TransactionFacts * f, facts(c));
  SPG_ASSIGN(const std::optional<TransactionFacts::CommitTime> found, f->commit_time(xid));
  return found.has_value() ? std::optional<i8>(found->time_us) : std::optional<i8>();
}

/// The one row of a function with OUT parameters.
struct CommitRow {
  std::optional<TransactionFacts::CommitTime> found;
  bool is_done = false;
};
Result<void*> open_commit_origin(Context& c, std::span<const Value> arguments) {
  auto* row = c.arena.make<CommitRow>();
  if (arguments[0].is_null) return static_cast<void*>(row);
  SPG_ASSIGN(TransactionFacts * f, facts(c));
  SPG_ASSIGN(row->found, f->commit_time(arguments[0].as<u4>()));
  return static_cast<void*>(row);
}
Result<void*> open_last_commit(Context& c, std::span<const Value>) {
  auto* row = c.arena.make<CommitRow>();
  SPG_ASSIGN(TransactionFacts * f, facts(c));
  SPG_ASSIGN(row->found, f->last_commit());
  return static_cast<void*>(row);
}
/// Nothing is replicated here: the origin of what is known is 0.
template <bool with_number>
Result<bool> next_commit(Context&, void* state, std::span<Value> out) {
  auto& row = *static_cast<CommitRow*>(state);
  if (std::exchange(row.is_done, true)) return false;
  std::size_t at = 0;
  const bool known = row.found.has_value();
  if (with_number) out[at++] = known ? Value::of(Physical::int4, static_cast<u4>(row.found->number)) : Value::null_of(Physical::int4);
  out[at++] = known ? Value::of(Physical::int8, row.found->time_us) : Value::null_of(Physical::int8);
  out[at] = known ? Value::of(Physical::int4, u4{0}) : Value::null_of(Physical::int4);
  return true;
}

constexpr FunctionEntry transaction_functions[] = {
    {proc::xid8eq, dense<Packed<Compare::eq>>()},
    {proc::xid8ne, dense<Packed<Compare::ne>>()},
    {proc::xid8lt, dense<Packed<Compare::lt>>()},
    {proc::xid8le, dense<Packed<Compare::le>>()},
    {proc::xid8gt, dense<Packed<Compare::gt>>()},
    {proc::xid8ge, dense<Packed<Compare::ge>>()},
    {proc::xid8cmp, dense<PackedOrder>()},
    {proc::xid8_larger, dense<PackedExtreme<true>>()},
    {proc::xid8_smaller, dense<PackedExtreme<false>>()},
    {proc::xid8toxid, call<xid8_to_xid>()},
    {proc::xideq, call<xid_is<true>>()},
    {proc::xidneq, call<xid_is<false>>()},
    {proc::pg_lsn_eq, dense<Packed<Compare::eq>>()},
    {proc::pg_lsn_ne, dense<Packed<Compare::ne>>()},
    {proc::pg_lsn_lt, dense<Packed<Compare::lt>>()},
    {proc::pg_lsn_le, dense<Packed<Compare::le>>()},
    {proc::pg_lsn_gt, dense<Packed<Compare::gt>>()},
    {proc::pg_lsn_ge, dense<Packed<Compare::ge>>()},
    {proc::pg_lsn_cmp, dense<PackedOrder>()},
    {proc::pg_lsn_larger, dense<PackedExtreme<true>>()},
    {proc::pg_lsn_smaller, dense<PackedExtreme<false>>()},
    {proc::pg_lsn_pli, call<lsn_plus>()},
    {proc::numeric_pl_pg_lsn_5023, call<lsn_after_bytes>()},
    {proc::pg_lsn_mii, call<lsn_minus>()},
    {proc::pg_lsn_mi, call<lsn_difference>()},
    {proc::pg_wal_lsn_diff, call<lsn_difference>()},
    {proc::numeric_pg_lsn, call<numeric_to_lsn>()},
    {proc::pg_current_xact_id, call_volatile<transaction_id>()},
    {proc::pg_current_xact_id_if_assigned, call_volatile<transaction_id_if_assigned>()},
    {proc::pg_current_snapshot, call<current_snapshot>()},
    {proc::pg_snapshot_xmin, call<snapshot_xmin>()},
    {proc::pg_snapshot_xmax, call<snapshot_xmax>()},
    {proc::pg_snapshot_xip, set({&open_running, &next_running})},
    {proc::pg_visible_in_snapshot, call<visible_in_snapshot>()},
    {proc::pg_xact_status, call_volatile<transaction_status>()},
    {proc::pg_current_wal_lsn, call_volatile<log_position<TransactionFacts::LogEnd::durable>>()},
    {proc::pg_current_wal_flush_lsn, call_volatile<log_position<TransactionFacts::LogEnd::durable>>()},
    {proc::pg_current_wal_insert_lsn, call_volatile<log_position<TransactionFacts::LogEnd::appended>>()},
    {proc::pg_xact_commit_timestamp, call_volatile<commit_timestamp>()},
    {proc::pg_xact_commit_timestamp_origin, set({&open_commit_origin, &next_commit<false>})},
    {proc::pg_last_committed_xact, set({&open_last_commit, &next_commit<true>})},
};

}  // namespace

namespace module {
const Module transaction{transaction_functions, {}};
}

}  // namespace spg::exec
