// SPG_HEADER_ONLY: the machine's templates are instantiated by whoever uses them, and not taken from src/inst.
#define SPG_HEADER_ONLY 1
#include <memory>

#include "spg/profile/daemon.hpp"
#include "spg/profile/firmware.hpp"
#include "spg/profile/memory.hpp"

using namespace spg;

template <class Env>
static bool works(typename Env::Storage& storage, typename Env::Alloc& alloc, typename Env::Clock& clock, typename Env::Random& random, bool ephemeral) {
  txn::MachineOptions options;
  options.ephemeral = ephemeral;
  txn::Machine<Env> machine(storage, clock, alloc, random, options);
  if (machine.open().failed() || machine.create_database(DatabaseId{7}).failed()) return false;
  const std::unique_ptr<txn::TransactionControl> transaction(machine.open_transaction(DatabaseId{7}));
  return transaction != nullptr && !transaction->begin({}).failed() && !transaction->commit().failed() && !machine.checkpoint().failed();
}

int main() {
  os::PosixStorage files;
  os::MemoryStorage memory_files;
  os::ExtentAlloc alloc;
  os::SystemClock clock;
  os::SystemRandom random;
  static std::byte disk[4 << 20], memory[4 << 20];
  os::RamStorage ram(disk);
  os::FixedAlloc fixed(memory);
  os::TickClock ticks;
  os::SeededRandom seeded(as_bytes("seed"));
  return works<os::PosixEnv>(files, alloc, clock, random, true) && works<os::MemoryEnv>(memory_files, alloc, clock, random, false) &&
                 works<os::FirmwareEnv>(ram, fixed, ticks, seeded, false)
             ? 0
             : 1;
}
