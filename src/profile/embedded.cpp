#include "spg/profile/embedded.hpp"

#include "spg/db/database.hpp"

namespace spg {
namespace {

template <class Env>
Result<Database> open_on(const txn::MachineOptions& machine_options, const DatabaseOptions& options) {
  auto state = std::make_shared<EmbeddedState<Env>>(machine_options);
  SPG_TRY(state->world.open());
  SPG_TRY(state->world.start_background(nullptr));
  auto& world = state->world;
  const db::ZoneFiles* zone_files = &state->zone_files;
  return db::open_database(std::move(state), world, options, zone_files);
}

}  // namespace

Result<Database> Database::open(std::string_view path, const DatabaseOptions& options) {
  const std::string log_path = options.log_path.empty() ? std::string(path) + ".wal" : std::string(options.log_path);
  txn::MachineOptions machine;
  machine.database_path = path;
  machine.log_path = log_path;
  machine.checkpoint_log_bytes = options.checkpoint_log_bytes;
  machine.read_only = options.read_only;
  machine.audit.path = options.audit_path;
  machine.audit.begins = options.audit_begins;
  return open_on<os::PosixEnv>(machine, options);
}

Result<Database> Database::in_memory(const DatabaseOptions& options) {
  txn::MachineOptions machine;
  machine.ephemeral = true;
  return open_on<os::MemoryEnv>(machine, options);
}

}  // namespace spg
