#include "spg/store/segment_walk.hpp"

#include <algorithm>

#include "spg/crypto/crc32c.hpp"

namespace spg::store {
namespace {

bool are_zero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte one) { return one == std::byte{0}; });
}

class Walk {
 public:
  Walk(const SegmentInfo& info, FunctionRef<Status(std::uint64_t, MutableBytes)> read, FunctionRef<void(const WalkedRecord&)> visit,
       FunctionRef<void(std::uint64_t, std::string_view)> fault)
      : info_(info), read_(read), visit_(visit), fault_(fault) {}

  Status run() {
    if (!read_header()) return ok();
    for (std::uint64_t offset = segment_header_bytes; offset < info_.bytes;) {
      SPG_ASSIGN(const std::uint64_t next, read_record(offset));
      if (next == 0) return ok();
      offset = next;
    }
    return ok();
  }

 private:
  bool read_header() {
    std::byte header[segment_header_bytes];
    if (info_.bytes < sizeof header) { fault_(0, "the segment is shorter than its header"); return false; }
    if (Status failed = read_(0, header)) { fault_(0, failed.message()); return false; }
    if (auto version = check_segment_header(header, info_.number); !version) { fault_(0, version.error().message()); return false; }
    if (!are_zero(Bytes(header).subspan(segment_header_used_bytes))) fault_(segment_header_used_bytes, "bytes of the header that are not used are not zero");
    return true;
  }

  /// The next record's place; 0 when there is no telling.
  Result<std::uint64_t> read_record(std::uint64_t offset) {
    constexpr std::uint64_t stop = 0;
    std::byte head[8];
    if (info_.bytes - offset < sizeof head) { fault_(offset, "the segment ends within a record"); return stop; }
    if (Status failed = read_(offset, head)) { fault_(offset, failed.message()); return stop; }
    const auto length = load_le<std::uint32_t>(head + 4);
    const std::uint64_t padded = (length + std::uint64_t{7}) & ~std::uint64_t{7};
    if (length < record_header_bytes || length > record_bytes_max || padded > info_.bytes - offset) {
      fault_(offset, "the record has an impossible length");
      return stop;
    }
    record_.clear();
    std::byte* at = record_.extend(static_cast<std::size_t>(padded));
    if (at == nullptr) return Error::out_of_memory();
    if (Status failed = read_(offset, {at, static_cast<std::size_t>(padded)})) { fault_(offset, failed.message()); return stop; }
    if (load_le<std::uint32_t>(at) != crypto::crc32c(place_seed(info_.number, offset), {at + 4, length - 4})) fault_(offset, "the record has a wrong checksum");
    else visit_({offset, length, load_le<std::uint32_t>(at + 8), static_cast<Kind>(at[14])});
    if (!are_zero({at + length, static_cast<std::size_t>(padded - length)})) fault_(offset + length, "bytes between records are not zero");
    return offset + padded;
  }

  const SegmentInfo& info_;
  FunctionRef<Status(std::uint64_t, MutableBytes)> read_;
  FunctionRef<void(const WalkedRecord&)> visit_;
  FunctionRef<void(std::uint64_t, std::string_view)> fault_;
  RecordBuffer record_;
};

}  // namespace

Status walk_segment(const SegmentInfo& info, FunctionRef<Status(std::uint64_t, MutableBytes)> read, FunctionRef<void(const WalkedRecord&)> visit,
                    FunctionRef<void(std::uint64_t, std::string_view)> fault) {
  return Walk(info, read, visit, fault).run();
}

}  // namespace spg::store
