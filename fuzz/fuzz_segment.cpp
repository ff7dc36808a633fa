// Segments: a record with any content, its checksum made right, is read into an image or refused with XX001, at the place and with
// the length that the first bytes pick.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "spg/os/sim/sim.hpp"
#include "spg/txn/bodies.inl.hpp"

using namespace spg;
using Machine = txn::Machine<os::SimEnv>;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 56 || size > 1 << 18) return 0;
  const std::uint64_t at = data[0] < 128 ? 64 : 64 + 8 * std::uint64_t{data[0]};
  std::vector<std::byte> file(at + size - 8);
  store::write_segment_header(file.data(), 1);
  std::byte* record = file.data() + at;
  std::memcpy(record, data + 8, size - 8);
  auto length = static_cast<std::uint32_t>(size - 8);
  if (data[1] % 4 == 0) length = std::min(length, load_le<std::uint32_t>(reinterpret_cast<const std::byte*>(data) + 2) % (length + 8));
  if (length >= 8) store_le(record + 4, length);
  if (length >= 8 && data[1] % 2 == 0) store_le(record, crypto::crc32c(store::place_seed(1, at), {record + 4, length - 4}));
  os::SimStorage storage;
  auto opened = storage.open("d/segment-00000001", policy::OpenMode::create);
  if (!opened || opened->write_at(0, file)) std::abort();
  os::SimAlloc alloc;
  os::SimRandom random;
  {
    Machine::ObjectsOf objects(alloc, random);
    Machine::SegmentsOf segments(objects, storage, "d", txn::image_rules());
    const store::SegmentInfo info{1, file.size(), 0};
    if (segments.adopt({&info, 1})) std::abort();
    objects.set_source(&segments);
    // What is expected is what the record says, so that the rules of every kind are reached.
    const auto kind = length > 14 ? static_cast<store::Kind>(record[14]) : store::Kind::root;
    const Generation birth{length >= 48 ? load_le<std::uint64_t>(record + 40) : 1};
    auto claimed = objects.claim({1, length, at}, birth, {kind, data[6], data[7]}, ~store::SegmentSet{0});
    if (!claimed) std::abort();
    store::Cell* cell = *claimed;
    auto image = objects.read(cell, store::Access::wait);
    if (!image && image.error().code() != sqlstate::data_corrupted && image.error().code() != sqlstate::io_error) std::abort();
    objects.free_tree(cell, store::Access::no_wait);
  }
  if (alloc.used_bytes() != 0) std::abort();
  return 0;
}
