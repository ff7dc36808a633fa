// Runs tests/sql/*.slt on a session over one of the environments: run_sql ENV FILE ...
//   memory   files in RAM        posix   real files in a temporary folder
//   sim      the simulator: objects are "not resident" at random, so that every read path meets "would block"
// (firmware: run_firmware.cpp)
#include <cstdlib>

#include "spg/os/sim/sim.hpp"
#include "spg/profile/daemon.hpp"
#include "spg/profile/memory.hpp"
#include "suite.hpp"

#include "spg/txn/bodies.inl.hpp"

using namespace spg;

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string environment = argv[1];
  for (int i = 2; i < argc; ++i) {
    if (environment == "memory") {
      os::MemoryStorage storage;
      test::Surroundings<os::MemoryEnv> around{storage};
      test::run_file(argv[i], around, "d");
    } else if (environment == "posix") {
      char folder[] = "/tmp/spg-sql-XXXXXX";
      if (::mkdtemp(folder) == nullptr) return 1;
      os::PosixStorage storage;
      test::Surroundings<os::PosixEnv> around{storage};
      test::run_file(argv[i], around, folder);
      if (std::system(("rm -rf " + std::string(folder)).c_str()) != 0) return 1;
    } else {
      os::SimStorage storage;
      test::Surroundings<os::SimEnv> around{storage};
      around.random.set_cold_one_in(50);
      test::run_file(argv[i], around, "d");
    }
  }
  return test::verdict(environment.c_str());
}
