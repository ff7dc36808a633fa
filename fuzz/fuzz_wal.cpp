// The log's readers: any bytes as a log file (after a control byte) are records, an end, or XX001; with the control byte odd the
// frames' checksums are made right first, so that what lies behind them is reached. Payloads are decoded as write sets. The same
// bytes are then a file of an archive, of a tee, and what a server's copies find when they are opened.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "spg/log/copies.inl.hpp"
#include "spg/log/log.inl.hpp"
#include "spg/log/trail.inl.hpp"
#include "spg/os/sim/sim.hpp"
#include "spg/txn/write_set.hpp"

using namespace spg;

static void fix_checksums(std::vector<std::byte>& file) {
  store_le(file.data() + 24, crypto::crc32c(0, {file.data(), 24}));
  store_le(file.data() + 48, crypto::crc32c(0, {file.data(), 48}));
  std::uint32_t before = 0;
  for (std::size_t at = log::file_header_bytes; file.size() - at >= log::frame_header_bytes;) {
    const auto length = load_le<std::uint32_t>(file.data() + at + 4);
    if (length > file.size() - at - log::frame_header_bytes) return;
    store_le(file.data() + at + 20, before);
    before = crypto::crc32c(0, {file.data() + at + 4, log::frame_header_bytes - 4 + length});
    store_le(file.data() + at, before);
    if (log::frame_bytes(length) > file.size() - at) return;
    at += log::frame_bytes(length);
  }
}

constexpr auto decode = [](const log::Record& record) -> Status {
  MemoryBudget budget;
  Arena arena(budget);
  ByteReader reader(record.payload);
  while (reader.ok() && !reader.at_end()) {
    txn::Change change(arena);
    SPG_TRY(txn::decode_change(reader, arena, change));
  }
  return ok();
};

static void check(Status failed) {
  if (failed && failed.code() != sqlstate::data_corrupted && failed.code() != sqlstate::io_error && failed.code() != sqlstate::feature_not_supported &&
      failed.code() != sqlstate::undefined_file)
    std::abort();
}

/// The bytes as what an archive and a tee hold, beside a log that has a record of its own.
static void open_copies(os::SimStorage& storage, const std::vector<std::byte>& bytes) {
  for (const char* name : {"a/wal.00000000", "t/wal.00000000"}) {
    auto file = storage.open(std::string_view(name), policy::OpenMode::create);
    if (!file || file->write_at(0, bytes)) std::abort();
  }
  log::Log<os::SimStorage, os::NoSync> log(storage, "o/wal");
  const log::Epoch history{1, 0};
  if (log.recover(0, {&history, 1}, decode) || log.start(1) || log.reserve(100) || !log.append(DatabaseId{1}, log::RecordType::commit, Bytes(bytes).first(64)) || log.flush())
    std::abort();
  log::CopyOptions options;
  options.archive = "a";
  options.tee = "t/wal";
  log::Copies<os::SimStorage> copies(storage, "o/wal", options, nullptr);
  if (!copies.open(0, log.durable(), {})) copies.finish(log.durable(), 1);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1 + log::file_header_bytes || size > 1 << 20) return 0;
  std::vector<std::byte> bytes(size - 1);
  std::memcpy(bytes.data(), data + 1, size - 1);
  if (data[0] % 2 == 1) fix_checksums(bytes);
  os::SimStorage storage;
  auto file = storage.open("d/wal.00000000", policy::OpenMode::create);
  if (!file || file->write_at(0, bytes)) std::abort();
  log::Log<os::SimStorage, os::NoSync> log(storage, "d/wal");
  const log::Epoch history{1, 0};
  check(log.recover(0, {&history, 1}, decode));
  for (const auto kind : {log::PlaceKind::log, log::PlaceKind::tee, log::PlaceKind::archive}) {
    log::Trail<os::SimStorage> trail(storage);
    if (trail.add("d/wal", kind)) std::abort();
    check(trail.follow(0, 0, [](const log::Record& record) -> Result<bool> {
      SPG_TRY(decode(record));
      return true;
    }));
  }
  open_copies(storage, bytes);
  return 0;
}
