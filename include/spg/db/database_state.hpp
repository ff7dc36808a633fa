// DatabaseState: what a Database handle keeps alive. Composition roots derive from it and own their world.
#pragma once
#include <memory>
#include <string>

#include "spg/db/database.hpp"
#include "spg/db/instance.hpp"

namespace spg::db {

struct DatabaseState {
  virtual ~DatabaseState() = default;
  /// Before the machine goes.
  void close() { instance.reset(); }

  txn::MachineControl* machine = nullptr;
  std::unique_ptr<Instance> instance;
  std::string user;
};

/// Opens the catalogs on an opened machine.
Result<Database> open_database(std::shared_ptr<DatabaseState> state, txn::MachineControl& machine, const DatabaseOptions& options, const ZoneFiles* zone_files);

}  // namespace spg::db
