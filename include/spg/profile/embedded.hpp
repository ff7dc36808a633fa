// Embedded: the library's composition roots, on files and in memory. Database::open() and Database::in_memory() are these;
// the headers of the machine stay out of programs that only use a Database.
#pragma once
#include "spg/db/database_state.hpp"
#include "spg/profile/daemon.hpp"
#include "spg/profile/memory.hpp"

namespace spg {

/// A machine with all that it stands on.
template <class Env>
struct EmbeddedState final : db::DatabaseState {
  explicit EmbeddedState(const txn::MachineOptions& options) : world(storage, clock, alloc, random, options) { machine = &world; }
  ~EmbeddedState() override {
    close();
    (void)world.wait_durable(world.log().position());
    world.stop_background();
  }

  typename Env::Storage storage;
  typename Env::Clock clock;
  typename Env::Alloc alloc;
  typename Env::Random random;
  txn::Machine<Env> world;
  os::PosixStorage system_files;
  db::StoredZoneFiles<os::PosixStorage> zone_files{system_files};
};

}  // namespace spg
