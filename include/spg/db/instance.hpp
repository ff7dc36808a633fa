// Instance: an open set of databases: the machine, its shared catalogs (databases, roles), the list of sessions.
//
// Place: what spg-server and the embedded Database have in common. Thread-safe; owns nothing of the machine.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "spg/base/function_ref.hpp"
#include "spg/base/result.hpp"
#include "spg/crypto/scram.hpp"
#include "spg/db/zone_files.hpp"
#include "spg/txn/control.hpp"

namespace spg::db {

/// Where a server's messages go. Called from any thread.
class ServerLog {
 public:
  /// A message, of several lines perhaps.
  virtual void say(std::string_view text) = 0;

 protected:
  ~ServerLog() = default;
};

struct InstanceOptions {
  std::string_view superuser = "bench";
  std::string_view superuser_password = "bench";
  /// Of all statements together, and of one (where a session starts: spg.statement_memory).
  std::size_t memory_limit_bytes = SIZE_MAX;
  std::size_t statement_memory_bytes = SIZE_MAX;
  /// The setting track_commit_timestamp, which cannot change later.
  bool track_commit_timestamp = false;
  /// Null: nothing is logged. Must outlive the instance.
  ServerLog* log = nullptr;
  /// Where sessions start: the setting log_min_duration_statement. -1: off.
  std::int64_t log_min_duration_ms = -1;
  /// Null: UTC only. Must outlive the instance.
  const ZoneFiles* zone_files = nullptr;
};

/// What authentication needs to know of a role.
struct LoginRole {
  Oid oid{};
  bool can_login = false;
  bool is_superuser = false;
  std::optional<crypto::ScramVerifier> verifier;
};

class Activity;
class Ledger;
class Session;

class Instance {
 public:
  static Result<std::unique_ptr<Instance>> open(txn::MachineControl& machine, const InstanceOptions& options);
  virtual ~Instance() = default;

  virtual txn::MachineControl& machine() = 0;
  /// Null value: no such role.
  virtual Result<std::optional<LoginRole>> find_role(std::string_view name) = 0;
  /// Whether the role is a superuser with the well-known password, who may log in from loopback only. Takes a PBKDF2, that
  /// is, milliseconds.
  static bool has_default_password(const LoginRole& role);
  /// The database's number; 3D000 when there is none.
  virtual Result<DatabaseId> find_database(std::string_view name) = 0;
  /// CancelRequest.
  virtual void cancel(std::uint32_t process_id, std::uint32_t secret_key) = 0;

  // --- for sessions
  virtual std::uint32_t register_session(Session& session, std::uint32_t secret_key, const Activity& activity) = 0;
  virtual void unregister_session(std::uint32_t process_id) = 0;
  /// Those of all sessions. None begins or ends meanwhile: it must be short.
  virtual void each_activity(FunctionRef<void(std::uint32_t process_id, const Activity& activity)> visit) = 0;
  /// Of all sessions that there were.
  virtual std::uint64_t statements() = 0;
  virtual MemoryBudget& memory() = 0;
  virtual std::size_t statement_memory_bytes() const = 0;
  virtual const ZoneFiles* zone_files() const = 0;
  virtual Ledger& ledger() = 0;
  virtual ServerLog* server_log() = 0;
  virtual std::int64_t log_min_duration_ms() const = 0;
};

}  // namespace spg::db
