// spg repair: writes the small file <db>, which names the database's manifest, anew when it is lost or damaged.
#include <cinttypes>
#include <cstdio>

#include "cli.hpp"
#include "spg/os/posix/posix.hpp"
#include "spg/store/manifest.hpp"

namespace spg::cli {

int repair(Arguments arguments) {
  const Options options(arguments);
  if (options.rest.size() != 1 || options.has_unknown()) return wrong_usage("repair: one database");
  const std::string_view database = options.rest[0];
  os::PosixStorage storage;
  const auto lock = store::lock_database(storage, database, policy::LockMode::exclusive);
  if (!lock) return report(lock.error());
  if (const auto manifest = store::read_manifest(storage, database)) {
    std::printf("nothing to repair: the file names manifest %" PRIu64 "\n", manifest->number);
    return 0;
  }
  const auto found = store::find_manifest(storage, database);
  if (!found) return report(found.error());
  if (const Status failed = store::write_pointer(storage, database, found->number)) return report(failed);
  std::printf("the file names manifest %" PRIu64 " again; \"spg verify\" says whether all is well\n", found->number);
  return 0;
}

}  // namespace spg::cli
