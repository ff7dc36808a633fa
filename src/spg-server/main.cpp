// spg-server: the daemon. Reads its arguments and environment, opens the database, serves until it is told to stop.
//
//   spg-server [<wire-addr> [<db-path> [<audit-path> [<wal-path>]]]]
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

#include "spg/profile/daemon.hpp"
#include "spg/profile/memory.hpp"
#include "spg/server/server.hpp"

namespace {

constexpr const char* usage =
    "usage: spg-server [<wire-addr> [<db-path> [<audit-path> [<wal-path>]]]]\n"
    "       spg-server --recover-to <time|lsn> [--into <db-path>] [...]   the database as it was then; in place, or a copy of it\n"
    "       spg-server --replay-only <wal-path> [...]                     the database as that log, archive or tee makes it\n"
    "       spg-server --ephemeral | --version | --help\n\n"
    "  wire-addr    address of the native protocol        (SPG_ADDR,    default 127.0.0.1:5544)\n"
    "  db-path      database file; <db-path>.d beside it  (SPG_DB,      default ./spg.db)\n"
    "  audit-path   audit log: an entry for each transaction that changes anything; - for none  (SPG_AUDIT, default -)\n"
    "  wal-path     write-ahead log, files <wal-path>.N   (SPG_WAL,     default ./wal.log)\n"
    "  SPG_PG_ADDR  address of the PostgreSQL protocol    (default 127.0.0.1:5432; off: none)\n"
    "  SPG_SUPERUSER, SPG_SUPERUSER_PASSWORD              first start: the superuser (default bench/bench, loopback only)\n"
    "  SPG_REACTORS, SPG_WORKERS                          threads (default: one reactor and four workers per processor, at least 8)\n"
    "  SPG_AUTHENTICATION_TIMEOUT_S                       time to log in (default 60)\n"
    "  SPG_MEMORY_MB         memory of all statements together   (default: half of the machine's)\n"
    "  SPG_STATEMENT_MEMORY_MB  memory of one statement; SET spg.statement_memory changes it  (default: half of that)\n"
    "  SPG_HOT_TIER_BYTES    memory for data; what has not been read for longest is dropped over it\n"
    "                        (default: half of the machine's or the control group's, at most 4 GiB)\n"
    "  SPG_CHECKPOINT_WAL_BYTES, SPG_CHECKPOINT_SECONDS   a checkpoint after so much log, after so long (default 256 MiB, 300; 0: never)\n"
    "  SPG_HISTORY_SECONDS   so much of the past can be read, SELECT ... FROM t AS OF SYSTEM TIME '-10 s'  (default 0)\n"
    "  SPG_COLD_COMPACT_SEGMENT_THRESHOLD  checkpoints keep the number of segment files below it  (default 64)\n"
    "  SPG_WAL_ARCHIVE       directory for finished log files, which must be there  (default: none)\n"
    "  SPG_WAL_ARCHIVE_SECONDS  a file that is not finished is archived after so long  (default 60)\n"
    "  SPG_RECOVERY_SECONDS  with an archive: every point of so long a time can be recovered  (default 86400)\n"
    "  SPG_WAL_TEE           path of a second log, files <path>.N, that follows the first  (default: none)\n"
    "  SPG_WAL_TEE_LAG_BYTES so much log is kept for a tee that lags, before it is given up  (default 4 GiB)\n"
    "  SPG_AUDIT_BEGIN       on: begins a new audit log where the one that the database knows of is not there  (default off)\n"
    "  SPG_AUDIT_BACKLOG_BYTES  commits are refused once so much waits for an audit log that cannot be written  (default 64 MiB)\n"
    "  SPG_LOG_MIN_DURATION_MS  statements that take as long are told of on standard error: where sessions' log_min_duration_statement\n"
    "                        starts  (default: none)\n"
    "  SPG_TRACK_COMMIT_TIMESTAMP  on or off: the setting track_commit_timestamp  (default off)\n";

const char* environment(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

void report(const char* what, const spg::Error& error) {
  const std::string message(error.message()), detail(error.field(spg::ErrorField::detail)), hint(error.field(spg::ErrorField::hint));
  std::fprintf(stderr, "spg-server: %s: %s\n", what, message.c_str());
  if (!detail.empty()) std::fprintf(stderr, "  detail: %s\n", detail.c_str());
  if (!hint.empty()) std::fprintf(stderr, "  hint: %s\n", hint.c_str());
}

/// "127.0.0.1:5432" -> address and port.
bool split_address(const std::string& text, std::string& address, std::uint16_t& port) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return false;
  address = text.substr(0, colon);
  char* end = nullptr;
  const unsigned long number = std::strtoul(text.c_str() + colon + 1, &end, 10);
  if (*end != '\0' || number > 65535 || address.empty()) return false;
  port = static_cast<std::uint16_t>(number);
  return true;
}

/// A setting of the environment that is a number from `least` to `most`; the fallback when it is not set.
template <class T>
bool read_number(const char* name, T fallback, unsigned long long least, unsigned long long most, T& number) {
  const char* text = environment(name, "");
  number = fallback;
  if (*text == '\0') return true;
  char* end = nullptr;
  errno = 0;
  const unsigned long long value = std::strtoull(text, &end, 10);
  if (errno != 0 || *end != '\0' || *text == '-' || value < least || value > most) {
    std::fprintf(stderr, "spg-server: %s is no number from %llu to %llu: %s\n", name, least, most, text);
    return false;
  }
  number = static_cast<T>(value);
  return true;
}

/// A setting of the environment that is on or off; off when it is not set.
bool read_switch(const char* name, bool& on) {
  const std::string text = environment(name, "off");
  on = text == "on";
  if (on || text == "off") return true;
  std::fprintf(stderr, "spg-server: %s is neither on nor off: %s\n", name, text.c_str());
  return false;
}

/// Tells whoever reads standard error how the audit log fares.
class AuditPrinter final : public spg::log::AuditReport {
 public:
  void audit_fails(const spg::Error& why) override { report("the audit log cannot be written, and is tried again", why); }
  void audit_works_again() override { std::fprintf(stderr, "spg-server: the audit log is written again, nothing of it is lost\n"); }
  void audit_mended(std::uint64_t first, std::uint64_t count) override {
    std::fprintf(stderr, "spg-server: note: %llu entries of the audit log, from %llu on, were taken by a crash and are written again from the write-ahead log\n",
                 static_cast<unsigned long long>(count), static_cast<unsigned long long>(first));
  }
};

/// A number of megabytes as bytes; at least one, so that SET can still run.
bool read_megabytes(const char* name, std::size_t fallback_bytes, std::size_t& bytes) {
  std::size_t megabytes = 0;
  if (!read_number<std::size_t>(name, 0, 1, (1u << 21) - 1, megabytes)) return false;
  bytes = megabytes == 0 ? fallback_bytes : megabytes << 20;
  return true;
}

bool is_loopback(const std::string& address) { return address.starts_with("127.") || address == "localhost" || address == "::1"; }

/// What the log's copies have to say.
struct Reporter final : spg::log::CopyReport {
  void say(std::string_view line) override {
    std::fprintf(stderr, "spg-server: %.*s\n", static_cast<int>(line.size()), line.data());
    std::fflush(stderr);
  }
};

/// Standard error is the server's log. Further lines of a message are set back, so that no text can look like another message.
struct StandardLog final : spg::db::ServerLog {
  void say(std::string_view text) override {
    std::string line = "spg-server: ";
    for (const char c : text) {
      if (c == '\n') line += "\n\t";
      else line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
    std::fflush(stderr);
  }
};

struct Arguments {
  std::string address = "127.0.0.1";
  std::uint16_t port = 5432;
  bool ephemeral = false;
  const char* recover_to = nullptr;
  const char* into = nullptr;
  const char* replay = nullptr;
  spg::txn::MachineOptions machine;
  spg::db::InstanceOptions instance;
  spg::server::ServerOptions server;
};

/// Where the value of an option goes; null when it is none that has one.
const char** option_of(Arguments& arguments, const char* name) {
  if (std::strcmp(name, "--recover-to") == 0) return &arguments.recover_to;
  if (std::strcmp(name, "--into") == 0) return &arguments.into;
  if (std::strcmp(name, "--replay-only") == 0) return &arguments.replay;
  return nullptr;
}

/// Opens everything over one kind of world and serves.
template <class Env>
int serve(const Arguments& arguments) {
  typename Env::Storage storage;
  typename Env::Clock clock;
  typename Env::Alloc alloc;
  typename Env::Random random;
  auto machine = std::make_unique<spg::txn::Machine<Env>>(storage, clock, alloc, random, arguments.machine);
  if (spg::Status failed = machine->open()) { report("could not open the database", failed); return 1; }
  spg::os::PosixStorage system_files;
  const spg::db::StoredZoneFiles zone_files(system_files);
  spg::db::InstanceOptions options = arguments.instance;
  options.zone_files = &zone_files;
  StandardLog log;
  options.log = &log;
  auto instance = spg::db::Instance::open(*machine, options);
  if (!instance) { report("could not open the catalogs", instance.error()); return 1; }
  if (!is_loopback(arguments.address)) {
    auto role = (*instance)->find_role(arguments.instance.superuser);
    if (role && role->has_value() && spg::db::Instance::has_default_password(**role)) {
      std::fprintf(stderr, "spg-server: refusing to listen on %s while the superuser \"%s\" has its well-known password\n"
                           "  hint: change it from this machine with ALTER USER ... PASSWORD, or set SPG_SUPERUSER_PASSWORD at the first start\n",
                   arguments.address.c_str(), std::string(arguments.instance.superuser).c_str());
      return 1;
    }
  }
  auto server = spg::server::Server::make(**instance, arguments.server);
  if (!server) { report("could not start", server.error()); return 1; }
  if (spg::Status failed = machine->start_background(server->get())) { report("could not start", failed); return 1; }
  auto port = (*server)->listen();
  if (!port) { report("could not listen", port.error()); return 1; }
  // Signals are taken by a thread of their own; everybody else has them blocked.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  spg::os::StdSync::Thread waiter;
  struct Wait { sigset_t signals; spg::server::Server* server; } wait{signals, server->get()};
  if (waiter.start([](void* raw) {
        auto& self = *static_cast<Wait*>(raw);
        int signal = 0;
        sigwait(&self.signals, &signal);
        self.server->stop();
      }, &wait)) return 1;
  if (arguments.ephemeral) {
    std::printf("postgresql://%s:%s@%s:%u/postgres\n", std::string(arguments.instance.superuser).c_str(),
                std::string(arguments.instance.superuser_password).c_str(), arguments.address.c_str(), *port);
  } else {
    std::printf("spg-server: ready for PostgreSQL clients on %s:%u\n", arguments.address.c_str(), *port);
  }
  std::fflush(stdout);
  (*server)->run();
  waiter.join();
  machine->stop_background();  // it tells the server of every flush
  server->reset();
  if (spg::Status failed = machine->is_read_only() ? spg::ok() : machine->checkpoint(); failed && !arguments.ephemeral) report("could not write the last checkpoint", failed);
  machine->ship(true);
  instance->reset();
  return 0;
}

void print_recovered(const spg::txn::Recovered& done) {
  spg::MemoryBudget budget;
  spg::Arena arena(budget);
  const std::string lsn(spg::txn::print_lsn(done.lsn, arena)), time(spg::txn::print_time(done.commit_time_us, arena)), next(spg::txn::print_lsn(done.goes_on_at, arena));
  std::printf("spg-server: recovered to %s, the last commit of %s: manifest %llu and %llu log records, %llu bytes; the log goes on at %s\n", lsn.c_str(), time.c_str(),
              static_cast<unsigned long long>(done.base), static_cast<unsigned long long>(done.records), static_cast<unsigned long long>(done.records_bytes), next.c_str());
}

/// --recover-to and --replay-only: makes the database, and ends.
int recover(const Arguments& arguments) {
  spg::os::PosixStorage storage;
  spg::os::SystemClock clock;
  spg::os::ExtentAlloc alloc;
  spg::os::SystemRandom random;
  spg::txn::RecoveryPlan plan;
  plan.database = arguments.machine.database_path;
  plan.log = arguments.machine.log_path;
  plan.hot_tier_bytes = arguments.machine.hot_tier_bytes;
  if (arguments.replay != nullptr) plan.other_log = arguments.replay;
  else plan.archive = arguments.machine.copies.archive;
  if (arguments.recover_to != nullptr) {
    auto target = spg::txn::parse_recovery_target(arguments.recover_to, clock.wall_us());
    if (!target) { report("--recover-to", target.error()); return 2; }
    plan.target = *target;
  }
  const std::string to_log = arguments.into == nullptr ? std::string() : std::string(arguments.into) + ".wal";
  plan.audit = arguments.machine.audit;
  if (arguments.into != nullptr) {
    plan.to_database = arguments.into;
    plan.to_log = to_log;
  }
  auto done = spg::txn::recover_database<spg::os::PosixEnv>(storage, clock, alloc, random, plan);
  if (!done) { report("could not recover the database", done.error()); return 1; }
  print_recovered(*done);
  return 0;
}

/// The memory of statements goes back to the system with them. glibc would keep what large ones had, per thread, and so
/// hold hundreds of megabytes after a few sorts: an arena's larger chunks are mapped by themselves instead.
void limit_malloc() {
#if defined(__GLIBC__)
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  ::mallopt(M_ARENA_MAX, 4);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  limit_malloc();
  Arguments arguments;
  const char* positional[4] = {environment("SPG_ADDR", "127.0.0.1:5544"), environment("SPG_DB", "./spg.db"), environment("SPG_AUDIT", "-"), environment("SPG_WAL", "./wal.log")};
  int count = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--version") == 0) { std::printf("spg-server %s\n", SPG_VERSION); return 0; }
    if (std::strcmp(argv[i], "--help") == 0) { std::fputs(usage, stdout); return 0; }
    if (std::strcmp(argv[i], "--ephemeral") == 0) { arguments.ephemeral = true; continue; }
    if (const char** value = option_of(arguments, argv[i])) {
      if (i + 1 == argc) { std::fprintf(stderr, "spg-server: %s needs a value\n%s", argv[i], usage); return 2; }
      *value = argv[++i];
      continue;
    }
    if (argv[i][0] == '-' && argv[i][1] != '\0') { std::fprintf(stderr, "spg-server: unknown option %s\n%s", argv[i], usage); return 2; }
    if (count == 4) { std::fputs(usage, stderr); return 2; }
    positional[count++] = argv[i];
  }
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  arguments.instance.superuser = environment("SPG_SUPERUSER", "bench");
  arguments.instance.superuser_password = environment("SPG_SUPERUSER_PASSWORD", "bench");
  const std::string pg_address = environment("SPG_PG_ADDR", arguments.ephemeral ? "127.0.0.1:0" : "127.0.0.1:5432");
  if (pg_address == "off") { std::fprintf(stderr, "spg-server: SPG_PG_ADDR is off and the native protocol is not there yet: nothing to serve\n"); return 2; }
  if (!split_address(pg_address, arguments.address, arguments.port)) {
    std::fprintf(stderr, "spg-server: SPG_PG_ADDR is not address:port: %s\n", pg_address.c_str());
    return 2;
  }
  std::string wire_address;
  std::uint16_t wire_port = 0;
  if (!split_address(positional[0], wire_address, wire_port)) {
    std::fprintf(stderr, "spg-server: not address:port: %s\n", positional[0]);
    return 2;
  }
  if (count > 0) std::fprintf(stderr, "spg-server: note: the native protocol on %s is not served yet\n", positional[0]);
  auto& instance = arguments.instance;
  if (!read_megabytes("SPG_MEMORY_MB", spg::os::memory_bytes() / 2, instance.memory_limit_bytes) ||
      !read_megabytes("SPG_STATEMENT_MEMORY_MB", instance.memory_limit_bytes / 2, instance.statement_memory_bytes)) return 2;
  auto& machine = arguments.machine;
  constexpr unsigned long long mega = 1024 * 1024;
  if (!read_number("SPG_HOT_TIER_BYTES", std::min<std::size_t>(std::size_t{4} << 30, spg::os::memory_bytes() / 2), 16 * mega, SIZE_MAX / 2, machine.hot_tier_bytes) ||
      !read_number("SPG_CHECKPOINT_WAL_BYTES", machine.checkpoint_log_bytes, mega, UINT64_MAX / 2, machine.checkpoint_log_bytes) ||
      !read_number("SPG_AUDIT_BACKLOG_BYTES", machine.audit.backlog_bytes_max, 4096, UINT64_MAX / 2, machine.audit.backlog_bytes_max) ||
      !read_number("SPG_CHECKPOINT_SECONDS", machine.checkpoint_seconds, 0, 30 * 86400, machine.checkpoint_seconds) ||
      !read_number("SPG_HISTORY_SECONDS", machine.history_seconds, 0, 30 * 86400, machine.history_seconds) ||
      !read_number<std::uint32_t>("SPG_COLD_COMPACT_SEGMENT_THRESHOLD", machine.compaction.count_max, 2, 100'000, machine.compaction.count_max)) return 2;
  if (*environment("SPG_LOG_MIN_DURATION_MS", "") != '\0' &&
      !read_number<std::int64_t>("SPG_LOG_MIN_DURATION_MS", 0, 0, 2147483647, instance.log_min_duration_ms)) return 2;
  if (!read_switch("SPG_TRACK_COMMIT_TIMESTAMP", instance.track_commit_timestamp) || !read_switch("SPG_AUDIT_BEGIN", machine.audit.begins)) return 2;
  auto& copies = machine.copies;
  copies.archive = environment("SPG_WAL_ARCHIVE", "");
  copies.tee = environment("SPG_WAL_TEE", "");
  if (!read_number("SPG_WAL_ARCHIVE_SECONDS", copies.archive_seconds, 1, 86400, copies.archive_seconds) ||
      !read_number("SPG_WAL_TEE_LAG_BYTES", copies.lag_bytes_max, mega, UINT64_MAX / 2, copies.lag_bytes_max) ||
      !read_number("SPG_RECOVERY_SECONDS", machine.recovery_seconds, 0, 10 * 365 * 86400ull, machine.recovery_seconds)) return 2;
  Reporter reporter;
  machine.copy_report = &reporter;
  machine.decides_copies = true;
  AuditPrinter audit_printer;
  if (std::strcmp(positional[2], "-") != 0) {
    if (arguments.ephemeral) { std::fprintf(stderr, "spg-server: --ephemeral keeps nothing, and so no audit log either\n"); return 2; }
    machine.audit.path = positional[2];
    machine.audit.report = &audit_printer;
  }
  const unsigned processors = spg::os::processor_count();
  arguments.server.address = arguments.address.c_str();
  arguments.server.port = arguments.port;
  arguments.server.reactors = static_cast<unsigned>(std::atoi(environment("SPG_REACTORS", std::to_string(processors).c_str())));
  arguments.server.workers = static_cast<unsigned>(std::atoi(environment("SPG_WORKERS", std::to_string(std::min(64u, std::max(8u, 4 * processors))).c_str())));
  const int log_in_s = std::atoi(environment("SPG_AUTHENTICATION_TIMEOUT_S", "60"));
  if (log_in_s > 0) arguments.server.authentication_timeout_ms = log_in_s * 1000;
  arguments.machine.database_path = positional[1];
  arguments.machine.log_path = positional[3];
  arguments.machine.ephemeral = arguments.ephemeral;
  if (arguments.replay != nullptr && (arguments.recover_to != nullptr || arguments.into != nullptr)) {
    std::fprintf(stderr, "spg-server: --replay-only goes with neither --recover-to nor --into\n");
    return 2;
  }
  if (arguments.into != nullptr && arguments.recover_to == nullptr) { std::fprintf(stderr, "spg-server: --into goes with --recover-to\n"); return 2; }
  if (arguments.replay != nullptr || arguments.recover_to != nullptr) return recover(arguments);
  return arguments.ephemeral ? serve<spg::os::MemoryEnv>(arguments) : serve<spg::os::PosixEnv>(arguments);
}
