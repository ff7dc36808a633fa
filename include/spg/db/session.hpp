// Session: one client's conversation with one database: statements, prepared statements, portals, the transaction block,
// settings. It knows no socket and no protocol: what it answers goes to a ResultSink, and where it would have to wait it
// returns and is called again (DESIGN 4).
//
// Use: start one activity (start_query, start_execute, start_sync), then call run() until it says done. Everything else
// (prepare, bind, describe, close) answers at once. An error ends the activity; the session has then undone what had to
// be undone and the caller reports the error.
// Threads: one at a time; cancel() from any.
#pragma once
#include <atomic>
#include <memory>
#include <string_view>

#include "spg/base/result.hpp"
#include "spg/db/sink.hpp"
#include "spg/txn/control.hpp"

namespace spg::db {

class Instance;

enum class Progress : std::uint8_t {
  done,
  waits_turn,       ///< for a lock, or the turn to commit: wake is called when it may have come
  waits_durable,    ///< until MachineControl::is_durable(floor())
  output_full,      ///< until the sink has room again
  wants_worker,     ///< long or cold work: call run(Where::worker) on a thread that may wait
  wants_copy_data,  ///< COPY FROM STDIN: copy_data / copy_done / copy_fail go on
};
/// On a reactor nothing may block; on a worker (or in an embedding program) cold objects are read at once.
enum class Where : std::uint8_t { reactor, worker };
/// Longer statements are parsed on a worker.
inline constexpr std::size_t text_bytes_on_reactor_max = 64 * 1024;

enum class BlockStatus : char { idle = 'I', block = 'T', failed = 'E' };

/// A parameter as it came: text or binary; absent = NULL.
struct ParameterInput {
  bool is_null = true;
  bool binary = false;
  Bytes bytes;
};

class Session {
 public:
  /// Called from any thread when a wait may be over, or should look at a cancellation: call run() again.
  using Wake = void (*)(void* context);

  /// 3D000 when there is no such database.
  static Result<std::unique_ptr<Session>> open(Instance& instance, std::string_view user, std::string_view database, ResultSink& sink);
  virtual ~Session() = default;

  virtual void set_wake(Wake wake, void* context) = 0;
  /// A setting of the startup packet.
  virtual Status set_at_start(std::string_view name, std::string_view value) = 0;
  /// Tells the sink all settings that drivers want to know.
  virtual void report_settings() = 0;
  virtual std::uint32_t process_id() const = 0;
  virtual std::uint32_t secret_key() const = 0;
  virtual BlockStatus status() const = 0;
  /// Log position that must be durable before replies so far may leave, in an open block as well.
  virtual std::uint64_t floor() const = 0;
  /// The caller promises to keep back what the session has answered until reply_floor() is durable. Then run() does not wait
  /// for that, and what follows a commit is executed meanwhile (DESIGN 1.7: hold replies, not execution).
  virtual void let_caller_hold_replies() = 0;
  /// The position that the last reply that ended a transaction needs. An error of run() is such a reply, too: nobody waits
  /// for it within run(), so that every caller waits for this before telling of it.
  virtual std::uint64_t reply_floor() const = 0;

  // --- activities
  virtual void start_query(std::string_view text) = 0;
  virtual Status start_execute(std::string_view portal, std::int64_t max_rows) = 0;
  virtual void start_sync() = 0;
  virtual Result<Progress> run(Where where) = 0;
  virtual Status copy_data(Bytes bytes) = 0;
  virtual void copy_done() = 0;
  virtual Error copy_fail(std::string_view reason) = 0;

  // --- at once (may answer "would block" when where == reactor: call again on a worker)
  virtual Status parse(std::string_view name, std::string_view text, std::span<const std::uint32_t> parameter_types, Where where) = 0;
  virtual Status bind(std::string_view portal, std::string_view statement, std::span<const ParameterInput> parameters,
                      std::span<const std::int16_t> result_formats, Where where) = 0;
  virtual Status describe_statement(std::string_view name, Where where) = 0;
  virtual Status describe_portal(std::string_view name, Where where) = 0;
  virtual void close_statement(std::string_view name) = 0;
  virtual void close_portal(std::string_view name) = 0;
  /// An error that did not come from run(): the block fails as if a statement had.
  virtual void fail() = 0;

  /// Until a waiting session must look at its time-outs: whoever waits runs it again then. UINT64_MAX: never.
  virtual std::uint64_t time_left_ns() const = 0;
  /// For whoever tells the client that the session is ready (`begins`), and again each time that the time it gave is over:
  /// how long the client may keep it as it is, UINT64_MAX for ever; or the error that the connection ends with now.
  virtual Result<std::uint64_t> idle_time_left_ns(bool begins) = 0;
  /// Whether wake has been called since run() looked last: who has just been told to wait asks, and runs it again.
  virtual bool is_woken() const = 0;
  /// Whether rows of a COPY FROM wait for a lock: run() before more data.
  virtual bool copy_waits() const = 0;
  /// Ends the running statement with 57014 soon; wakes it where it waits.
  virtual void cancel() = 0;
  /// Gives up waiting (a cancelled or vanished client).
  virtual void stop_waiting() = 0;
};

}  // namespace spg::db
