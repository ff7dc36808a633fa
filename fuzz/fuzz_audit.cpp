// Audit logs: any bytes are gone through to their end or are refused with the entry that is broken, and never past it. Then with
// every hash made right, so that what lies behind the hashes is met, too.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "spg/log/audit.hpp"

using namespace spg;
using namespace spg::log;

namespace {

void walk(const std::vector<std::byte>& bytes) {
  const auto read = [&](std::uint64_t at, MutableBytes into) -> Status {
    if (at > bytes.size() || bytes.size() - at < into.size()) std::abort();  // the walk knows the size
    if (!into.empty()) std::memcpy(into.data(), bytes.data() + at, into.size());
    return ok();
  };
  const auto is_expected = [](const Error& error) { return error.code() == sqlstate::data_corrupted || error.code() == sqlstate::feature_not_supported; };
  AuditWalk walk(read, bytes.size());
  const auto header = walk.open();
  if (!header) {
    if (!is_expected(header.error())) std::abort();
    return;
  }
  AuditEntry entry;
  for (std::uint64_t number = header->first_number;; ++number) {
    const std::uint64_t before = walk.end().bytes;
    const auto more = walk.next(entry);
    if (!more && (!is_expected(more.error()) || walk.end().bytes != before)) std::abort();
    if (!more || !*more) return;
    if (entry.number != number || walk.end().bytes <= before || walk.end().bytes > bytes.size()) std::abort();
    std::size_t kept = 0;
    if (entry.kind == AuditKind::transaction &&
        !read_audit_body(entry.body, [&](const AuditStatement& one) { kept += one.text.size(); })) std::abort();
    if (kept > entry.body.size()) std::abort();
  }
}

void put_hash(std::byte* from, std::size_t bytes) {
  const auto hash = crypto::blake3({from, bytes});
  std::memcpy(from + bytes, hash.data(), hash.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::byte> bytes(size);
  if (size != 0) std::memcpy(bytes.data(), data, size);
  walk(bytes);
  if (size < audit_header_bytes) return 0;
  put_hash(bytes.data(), audit_header_bytes - 32);
  for (std::size_t at = audit_header_bytes; size - at >= audit_entry_bytes_min;) {
    const std::size_t length = load_le<std::uint32_t>(bytes.data() + at);
    if (length < audit_entry_bytes_min || length > size - at) break;
    std::memcpy(bytes.data() + at + 16, bytes.data() + at - 32, 32);
    put_hash(bytes.data() + at, length - 32);
    at += length;
  }
  walk(bytes);
  return 0;
}
