// Runs tests/sql/*.slt on FirmwareEnv: run_sql_firmware FILE ...   Memory and storage are two blocks; at every reopening
// the memory is wiped, and a new RamStorage finds the files in the old bytes. Linked against the firmware library only.
#include <cstring>
#include <optional>
#include <vector>

#include "spg/profile/firmware.hpp"
#include "suite.hpp"

using namespace spg;

namespace {

constexpr std::size_t memory_bytes = 32u << 20, storage_bytes = 96u << 20;

/// A model that is made anew by restart(): the machine is handed the same place again.
template <class Model>
struct Restarted {
  std::optional<Model> model;
  operator Model&() { return *model; }  // NOLINT: stands for the model
};

}  // namespace

template <>
struct spg::test::Surroundings<os::FirmwareEnv> {
  std::vector<std::byte> memory = std::vector<std::byte>(memory_bytes), disk = std::vector<std::byte>(storage_bytes);
  Restarted<os::RamStorage> storage;
  Restarted<os::FixedAlloc> alloc;
  os::TickClock clock{1'700'000'000'000'000};
  os::SeededRandom random{as_bytes("sql suite")};
  void restart() {
    std::memset(memory.data(), 0xa5, memory.size());
    storage.model.emplace(disk);
    alloc.model.emplace(memory);
    clock.advance_ns(1'000'000);
  }
};

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  for (int i = 1; i < argc; ++i) {
    test::Surroundings<os::FirmwareEnv> around;
    // A checkpoint for every 64 KiB of log: tick() has something to do.
    test::run_file(argv[i], around, "d", 64 * 1024);
  }
  return test::verdict("firmware");
}
