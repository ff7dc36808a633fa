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

/// A database without its log would open as of its last checkpoint, and then forget the rest for good.
Status find_log(std::string_view path, std::string_view log_path) {
  os::PosixStorage storage;
  auto manifest = store::read_manifest(storage, path);
  if (!manifest || manifest->number == 1) return ok();  // new, or its first start did not end
  const auto slash = log_path.rfind('/');
  const std::string_view folder = slash == std::string_view::npos ? std::string_view(".") : slash == 0 ? std::string_view("/") : log_path.substr(0, slash);
  const std::string_view base = slash == std::string_view::npos ? log_path : log_path.substr(slash + 1);
  bool found = false;
  SPG_TRY(storage.list(folder, [&](std::string_view name) { found |= name.size() > base.size() && name.starts_with(base) && name[base.size()] == '.'; }));
  if (found) return ok();
  return Error::make(sqlstate::undefined_file, "the write-ahead log \"", log_path, "\" of database \"", path, "\" is not there")
      .hint("Say where it is: without it, what was committed since the last checkpoint would be lost.");
}

}  // namespace

Result<Database> Database::open(std::string_view path, const DatabaseOptions& options) {
  const std::string log_path = options.log_path.empty() ? std::string(path) + ".wal" : std::string(options.log_path);
  SPG_TRY(find_log(path, log_path));
  txn::MachineOptions machine;
  machine.database_path = path;
  machine.log_path = log_path;
  machine.checkpoint_log_bytes = options.checkpoint_log_bytes;
  return open_on<os::PosixEnv>(machine, options);
}

Result<Database> Database::in_memory(const DatabaseOptions& options) {
  txn::MachineOptions machine;
  machine.ephemeral = true;
  return open_on<os::MemoryEnv>(machine, options);
}

}  // namespace spg
