// spg audit: checks and prints audit logs. It needs no database, and may run beside a server, which only appends.
#include <charconv>
#include <cinttypes>
#include <cstdio>

#include "cli.hpp"
#include "spg/log/audit.hpp"
#include "spg/os/posix/posix.hpp"
#include "spg/store/manifest.hpp"
#include "spg/type/calendar.hpp"

namespace spg::cli {
namespace {

using log::AuditEntry;
using log::AuditHeader;
using log::AuditKind;
using log::AuditWalk;

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  char digits[3];
  for (const std::byte byte : bytes) {
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(byte));
    text += digits;
  }
  return text;
}

/// As pg_lsn prints it, and pg_current_wal_lsn() counts: 2^32 for each epoch.
std::string lsn_text(Lsn lsn) {
  const std::uint64_t number = (std::uint64_t{lsn.epoch} << 32) + lsn.counter;
  char text[40];
  std::snprintf(text, sizeof text, "%" PRIX64 "/%" PRIX64, number >> 32, number & 0xffffffff);
  return text;
}

std::string time_text(std::int64_t us) {
  if (us == 0) return "-";
  const std::int64_t day = us / type::day_us - (us % type::day_us < 0 ? 1 : 0), left = us - day * type::day_us;
  const type::Civil date = type::civil_of(day + type::unix_epoch_date);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d.%06d+00", date.year, date.month, date.day,
                static_cast<int>(left / 3'600'000'000), static_cast<int>(left / 60'000'000 % 60), static_cast<int>(left / 1'000'000 % 60), static_cast<int>(left % 1'000'000));
  return text;
}

/// On one line, whatever is in it.
void print_text(std::string_view text) {
  for (const char c : text) {
    if (c == '\n') std::fputs("\\n", stdout);
    else if (c == '\t') std::fputs("\\t", stdout);
    else if (c == '\\') std::fputs("\\\\", stdout);
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::printf("\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    else std::putchar(c);
  }
}

void print_entry(const AuditEntry& entry) {
  std::printf("%" PRIu64 "  %s  lsn %s", entry.number, time_text(entry.time_us).c_str(), lsn_text(entry.lsn).c_str());
  if (entry.kind == AuditKind::pause) {
    const auto from = log::read_audit_from(entry.body);
    std::printf("  NOT AUDITED from lsn %s on: the database was opened without its audit log\n", lsn_text(*from).c_str());
    return;
  }
  if (entry.kind == AuditKind::revert) {
    const auto from = log::read_audit_from(entry.body);
    std::printf("  REVERTED to lsn %s: what was committed from there on was given up\n", lsn_text(*from).c_str());
    return;
  }
  bool has_any = false;
  const auto names = log::read_audit_body(entry.body, [](const log::AuditStatement&) {});
  std::printf("  user=");
  print_text(names->user);
  std::printf("  database=");
  print_text(names->database);
  const auto body = log::read_audit_body(entry.body, [&](const log::AuditStatement& statement) {
    std::fputs(names->statements > 1 ? "\n    " : "  ", stdout);
    print_text(statement.text);
    if (statement.whole_hash != nullptr)
      std::printf(" ... [cut: %" PRIu64 " bytes, BLAKE3 %s]", statement.whole_bytes, hex({statement.whole_hash, 32}).c_str());
    has_any = true;
  });
  if (body->left_out != 0)
    std::printf("\n    [and %" PRIu64 " more statements of %" PRIu64 " bytes, chained BLAKE3 %s]", body->left_out, body->left_out_bytes, hex({body->left_out_hash, 32}).c_str());
  if (!has_any && body->left_out == 0) std::printf("  [no statement]");
  std::printf("\n");
}

struct OpenAudit {
  os::PosixFile file;
  std::uint64_t bytes = 0;
};

Result<OpenAudit> open_file(std::string_view path) {
  os::PosixStorage storage;
  OpenAudit opened;
  SPG_ASSIGN(opened.file, storage.open(path, policy::OpenMode::read));
  SPG_ASSIGN(opened.bytes, opened.file.size());
  return opened;
}

/// Whether the chain has what the database's newest manifest knows of.
Status check_reaches(std::string_view database, const store::ManifestAudit& known, std::uint64_t first, std::uint64_t last, bool is_met) {
  if (known.bytes == 0) return Error::make(sqlstate::data_corrupted, "database \"", database, "\" knows of no audit log");
  if (last < known.number)
    return Error::make(sqlstate::data_corrupted, "the audit log ends behind entry ", last, ", but database \"", database, "\" knows of ", known.number);
  if (known.number < first - 1) return Error::make(sqlstate::data_corrupted, "the audit log begins with entry ", first, ", but database \"", database, "\" knows of ", known.number);
  if (!is_met) return Error::make(sqlstate::data_corrupted, "entry ", known.number, " is not the one that database \"", database, "\" knows");
  return ok();
}

int verify_chain(Options& options) {
  const bool quiet = options.flag("--quiet");
  const std::string_view database = options.value("--db", {});
  if (options.missing || options.rest.size() != 1 || options.has_unknown()) return wrong_usage("audit verify: one file");
  auto opened = open_file(options.rest[0]);
  if (!opened) return report(opened.error());
  store::ManifestAudit known;
  if (!database.empty()) {
    os::PosixStorage storage;
    const auto manifest = store::read_manifest(storage, database);
    if (!manifest) return report(manifest.error());
    known = manifest->audit;
  }
  const auto read = [&](std::uint64_t at, MutableBytes into) { return opened->file.read_at(at, into); };
  AuditWalk walk(read, opened->bytes);
  const auto header = walk.open();
  if (!header) return report(header.error());
  const auto is_known = [&] { return walk.end().number == known.number && as_text(walk.end().hash) == as_text(known.hash); };
  // Of a file that has just begun, the database may know the end of the one before.
  bool is_met = is_known() || (header->first_number == known.number + 1 && as_text(header->before) == as_text(known.hash));
  std::uint64_t pauses = 0, reverts = 0;
  AuditEntry entry;
  for (;;) {
    const auto more = walk.next(entry);
    if (!more) {
      (void)report(more.error());
      if (walk.is_cut_short()) std::fprintf(stderr, "HINT:  A server that was killed may leave this: its next start mends it.\n");
      std::printf("BROKEN\n");
      return 1;
    }
    if (!*more) break;
    is_met = is_met || is_known();
    pauses += entry.kind == AuditKind::pause ? 1 : 0;
    reverts += entry.kind == AuditKind::revert ? 1 : 0;
  }
  if (!database.empty())
    if (const Status failed = check_reaches(database, known, header->first_number, walk.end().number, is_met)) {
      (void)report(failed);
      std::printf("BROKEN\n");
      return 1;
    }
  if (quiet) return 0;
  std::printf("entries %" PRIu64 " to %" PRIu64 ", made %s\n", header->first_number, walk.end().number, time_text(header->made_us).c_str());
  if (header->first_number != 1) std::printf("follows entry %" PRIu64 ", whose hash is %s\n", header->first_number - 1, hex(header->before).c_str());
  if (pauses != 0) std::printf("%" PRIu64 " times the database was written without auditing (\"spg audit show\" says when)\n", pauses);
  if (reverts != 0) std::printf("%" PRIu64 " times the database was reverted (\"spg audit show\" says when)\n", reverts);
  std::printf("the last hash is %s\nsound\n", hex(walk.end().hash).c_str());
  return 0;
}

bool read_number(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

int show(Options& options) {
  std::uint64_t from = 0, to = 0;
  const std::string_view first = options.value("--from", "1"), last = options.value("--to", "18446744073709551615");
  if (options.missing || !read_number(first, from) || !read_number(last, to) || options.rest.size() != 1 || options.has_unknown()) return wrong_usage("audit show: one file");
  auto opened = open_file(options.rest[0]);
  if (!opened) return report(opened.error());
  const auto read = [&](std::uint64_t at, MutableBytes into) { return opened->file.read_at(at, into); };
  AuditWalk walk(read, opened->bytes);
  const auto header = walk.open();
  if (!header) return report(header.error());
  AuditEntry entry;
  for (;;) {
    const auto more = walk.next(entry);
    if (!more) return report(more.error());
    if (!*more) return 0;
    if (entry.number >= from && entry.number <= to) print_entry(entry);
  }
}

}  // namespace

int audit(Arguments arguments) {
  if (arguments.empty()) return wrong_usage("audit: verify or show?");
  Options options(arguments.subspan(1));
  if (arguments[0] == "verify") return verify_chain(options);
  if (arguments[0] == "show") return show(options);
  return wrong_usage("audit: verify or show?");
}

}  // namespace spg::cli
