// A database in two blocks of memory, without threads, files, exceptions or an operating system's clock: what a device does.
#include <cstddef>
#include <cstdio>
#include <spg/profile/firmware.hpp>
#include <spg/spg.hpp>

namespace {

// The disk keeps its bytes over a restart (battery-backed RAM, or memory-mapped flash); the memory does not have to.
alignas(16) std::byte disk[16 << 20], memory[16 << 20];

/// One life of the device: opens what is there, adds a measurement, returns how many there are; -1 on an error.
int live(const char* serial, double degrees) {
  spg::os::RamStorage storage(disk);
  spg::os::FixedAlloc alloc(memory);
  spg::os::TickClock clock(1'767'225'600'000'000);
  spg::os::SeededRandom random(spg::as_bytes(serial));
  spg::FirmwareMachine machine(storage, clock, alloc, random, {});
  if (machine.open().failed()) return -1;
  auto database = spg::Database::over(machine, {});
  if (!database) return -1;
  auto connection = database->connect();
  if (!connection) return -1;
  if (!connection->execute("CREATE TABLE IF NOT EXISTS measured (at timestamptz DEFAULT now(), degrees float8)")) return -1;
  if (!connection->execute("INSERT INTO measured (degrees) VALUES ($1)", degrees)) return -1;
  clock.advance_ns(1'000'000'000);
  if (machine.tick().failed()) return -1;  // once per turn of the main loop: checkpoints and such, in bounded steps
  auto rows = connection->execute("SELECT count(*), avg(degrees) FROM measured");
  if (!rows) return -1;
  std::printf("%s measurements, %s degrees on average\n", (*rows)[0][0].text().c_str(), (*rows)[0][1].text().c_str());
  auto count = (*rows)[0][0].as<int>();
  return count ? *count : -1;
}

}  // namespace

int main() { return live("one", 20.5) == 1 && live("two", 21.5) == 2 && live("three", 22.5) == 3 ? 0 : 1; }
