// spg: queries, checks and prints databases that no server has open. It is the library behind a command line.
#include "cli.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

#include <unistd.h>

#include "spg/os/posix/posix.hpp"

namespace spg::cli {
namespace {

constexpr const char* usage =
    "usage: spg query <db> [--wal PATH] [--audit PATH [--audit-begin]] [--database NAME] [--read-only] [--csv | --tsv] ['SQL' ...]   (no SQL: standard input)\n"
    "       spg wal-lint <wal-path> [--quiet]     prints the log's frames, and where and why it ends; 1 when it is damaged\n"
    "       spg dump <db>                         prints manifest and segments, checks every checksum; 1 when one is wrong\n"
    "       spg verify <db> [--wal PATH] [--quiet]   every checksum, row and index entry, and the log; 1 when anything is wrong\n"
    "                                             of a backup, too\n"
    "       spg backup <db> <file>|<dir>/ [--wal PATH] [--replace] [--prune] [--quiet]   a backup: one file, or into a directory what it lacks\n"
    "       spg restore <backup> <db> [--wal PATH] [--archive DIR] [--replay WAL] [--to TIME|LSN] [--quiet]   a database of a backup, and of\n"
    "                                             the log behind it\n"
    "       spg repair <db>                       writes the file <db> anew, if it is lost or damaged, from what is in <db>.d\n"
    "       spg revert --to TIME|LSN <db> [--wal PATH] [--archive DIR] [--audit PATH]   the database becomes what it was then; what came\n"
    "                                             later is given up\n"
    "       spg audit verify <file> [--db <db>] [--quiet]   checks the chain of an audit log, and that it has what <db> knows of;\n"
    "                                             1 when it is broken, and which entry is\n"
    "       spg audit show <file> [--from N] [--to N]   prints its entries\n"
    "       spg --version | --help\n\n"
    "No server may have the database open. dump, verify, backup and query --read-only may run beside each other.\n"
    "A backup may stand where a database does, to be read.\n";

struct Verb {
  std::string_view name;
  int (*run)(Arguments);
};
constexpr Verb verbs[] = {{"query", query}, {"wal-lint", wal_lint}, {"dump", dump}, {"verify", verify}, {"repair", repair}, {"revert", revert}, {"audit", audit}, {"backup", backup}, {"restore", restore}};

}  // namespace

int wrong_usage(std::string_view what) {
  std::fprintf(stderr, "spg: %.*s\n%s", static_cast<int>(what.size()), what.data(), usage);
  return 2;
}

int report(const Error& error) {
  const auto line = [](const char* head, std::string_view text) {
    if (!text.empty()) std::fprintf(stderr, "%s:  %.*s\n", head, static_cast<int>(text.size()), text.data());
  };
  line("ERROR", error.message());
  line("DETAIL", error.field(ErrorField::detail));
  line("HINT", error.field(ErrorField::hint));
  return 1;
}

Meter::Meter(const char* what) : what_(what), is_terminal_(::isatty(STDERR_FILENO) == 1) {}
Meter::~Meter() {
  if (has_shown_) std::fputs("\n", stderr);
}
void Meter::show(std::uint64_t done_bytes, std::uint64_t all_bytes) {
  if (!is_terminal_) return;
  const std::uint64_t now = os::SystemClock().monotonic_ns();
  if (now < next_ns_ && done_bytes != all_bytes) return;
  next_ns_ = now + 200'000'000;
  has_shown_ = true;
  constexpr std::uint64_t megabyte = 1 << 20;
  std::fprintf(stderr, "\r%s: %3" PRIu64 " %% (%" PRIu64 " of %" PRIu64 " MB)", what_, done_bytes * 100 / std::max<std::uint64_t>(1, all_bytes), done_bytes / megabyte,
               all_bytes / megabyte);
}

bool Options::flag(std::string_view name) {
  const auto found = std::find(rest.begin(), rest.end(), name);
  if (found == rest.end()) return false;
  rest.erase(found);
  return true;
}
std::string_view Options::value(std::string_view name, std::string_view fallback) {
  const auto found = std::find(rest.begin(), rest.end(), name);
  if (found == rest.end()) return fallback;
  if (found + 1 == rest.end()) { missing = true; return fallback; }
  const std::string_view value = found[1];
  rest.erase(found, found + 2);
  return value;
}
bool Options::has_unknown() const {
  return std::any_of(rest.begin(), rest.end(), [](std::string_view one) { return one.size() > 1 && one[0] == '-'; });
}

std::string default_log_path(std::string_view database) {
  const auto slash = database.rfind('/');
  const std::string folder(slash == std::string_view::npos ? std::string_view(".") : slash == 0 ? std::string_view("/") : database.substr(0, slash));
  const std::string own = std::string(slash == std::string_view::npos ? database : database.substr(slash + 1)) + ".wal.";
  bool found = false;
  os::PosixStorage storage;
  (void)storage.list(folder, [&](std::string_view name) { found |= name.starts_with(own); });
  return found ? std::string(database) + ".wal" : folder + "/wal.log";
}

static int run(std::span<const std::string_view> arguments) {
  if (arguments.empty()) return wrong_usage("what shall it do?");
  if (arguments[0] == "--version") { std::printf("spg %s\n", SPG_VERSION); return 0; }
  if (arguments[0] == "--help") { std::fputs(usage, stdout); return 0; }
  for (const Verb& verb : verbs)
    if (verb.name == arguments[0]) return verb.run(arguments.subspan(1));
  return wrong_usage("unknown verb " + std::string(arguments[0]));
}

}  // namespace spg::cli

int main(int argc, char** argv) {
  const std::vector<std::string_view> arguments(argv + 1, argv + argc);
  const int code = spg::cli::run(arguments);
  // Output that did not arrive (a full disk, a closed pipe) is an error.
  return std::fflush(stdout) == 0 || code != 0 ? code : 1;
}
