// Backups: any bytes are a backup or refused; with header and contents' checksums made right, what is taken prints to bytes that mean
// the same, and opens to be read or is refused.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "spg/os/sim/sim.hpp"
#include "spg/txn/bodies.inl.hpp"

using namespace spg;
using Machine = txn::Machine<os::SimEnv>;

namespace {

void check_refusal(const Error& error) {
  if (error.code() != sqlstate::data_corrupted && error.code() != sqlstate::feature_not_supported && error.code() != sqlstate::undefined_file) std::abort();
}

struct Silent final : txn::VerifyReport {
  void fault(const txn::VerifyFault&) override {}
};

void open(const std::vector<std::byte>& bytes) {
  os::SimStorage storage;
  os::SimClock clock;
  os::SimAlloc alloc;
  os::SimRandom random;
  auto file = storage.open("b", policy::OpenMode::create);
  if (!file || file->write_at(0, bytes)) std::abort();
  Silent report;
  if (txn::verify_backup(storage, "b", report)) std::abort();
  auto backup = store::open_backup(storage, "b");
  if (!backup) check_refusal(backup.error());
  {
    txn::MachineOptions options;
    options.database_path = "b";
    options.read_only = true;
    Machine machine(storage, clock, alloc, random, options);
    if (Status failed = machine.open()) check_refusal(failed);
    else if (txn::verify_versions(machine, report, SIZE_MAX)) std::abort();
  }
  if (alloc.used_bytes() != 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1 << 18) return 0;
  std::vector<std::byte> bytes(size);
  if (size != 0) std::memcpy(bytes.data(), data, size);
  open(bytes);
  if (size < store::backup_header_bytes + 8) return 0;
  // The manifest within has a checksum, too: it is made right where its length is.
  const std::uint64_t at = std::min<std::uint64_t>(load_le<std::uint64_t>(bytes.data() + 8), size);
  const MutableBytes contents = MutableBytes(bytes).subspan(static_cast<std::size_t>(at));
  ByteReader reader(contents);
  const std::uint64_t manifest_bytes = reader.varint();
  if (reader.ok() && manifest_bytes >= 4 && manifest_bytes <= reader.left()) {
    std::byte* const manifest = contents.data() + reader.at();
    store_le(manifest + manifest_bytes - 4, crypto::crc32c(0, {manifest, static_cast<std::size_t>(manifest_bytes) - 4}));
  }
  store::write_backup_header(bytes.data(), {at, contents.size(), crypto::crc32c(0, contents)});
  auto decoded = store::decode_contents(contents, at);
  if (decoded) {
    RecordBuffer printed, again;
    if (store::encode_contents(decoded->manifest, {decoded->segments.data(), decoded->segments.size()}, decoded->made_us, printed)) std::abort();
    auto reread = store::decode_contents(printed.bytes(), at);
    if (!reread || store::encode_contents(reread->manifest, {reread->segments.data(), reread->segments.size()}, reread->made_us, again)) std::abort();
    if (as_text(printed.bytes()) != as_text(again.bytes())) std::abort();
  } else {
    check_refusal(decoded.error());
  }
  open(bytes);
  return 0;
}
