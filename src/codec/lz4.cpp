#include "spg/codec/lz4.hpp"

#include <array>
#include <cstdint>
#include <cstring>

#include "spg/base/assert.hpp"

namespace spg::codec {
namespace {

// A sequence: token (literal count in the high nibble, match length - 4 in the low), more literal count, literals,
// offset (2 bytes), more match length. The last sequence is literals only; the format asks that the last 5 bytes are
// literals and that no match starts within the last 12.
constexpr std::size_t match_bytes_min = 4, last_literals = 5, match_start_margin = 12, offset_max = 65535;
constexpr unsigned lz4_hash_bits = 12;

std::uint32_t hash_of(std::uint32_t four_bytes) { return four_bytes * 2654435761u >> (32 - lz4_hash_bits); }

std::size_t common_bytes(const std::byte* a, const std::byte* b, const std::byte* a_end) {
  const std::byte* const start = a;
  while (a + 8 <= a_end) {
    const std::uint64_t difference = load_le<std::uint64_t>(a) ^ load_le<std::uint64_t>(b);
    if (difference != 0)
      return static_cast<std::size_t>(a - start) + static_cast<std::size_t>(std::countr_zero(difference)) / 8;
    a += 8;
    b += 8;
  }
  while (a != a_end && *a == *b) {
    ++a;
    ++b;
  }
  return static_cast<std::size_t>(a - start);
}

class Lz4Output {
 public:
  explicit Lz4Output(MutableBytes to) : start_(to.data()), at_(to.data()), end_(to.data() + to.size()) {}

  /// False when there is no room. A match length of 0 ends the block.
  bool sequence(const std::byte* literals, std::size_t literal_count, std::size_t offset, std::size_t match_bytes) {
    if (static_cast<std::size_t>(end_ - at_) < literal_count + literal_count / 255 + match_bytes / 255 + 8)
      return false;
    std::byte* const token = at_++;
    const std::size_t match_code = match_bytes == 0 ? 0 : match_bytes - match_bytes_min;
    *token = static_cast<std::byte>(nibble(literal_count) << 4 | nibble(match_code));
    more(literal_count);
    if (literal_count != 0) std::memcpy(at_, literals, literal_count);
    at_ += literal_count;
    if (match_bytes == 0) return true;
    store_le<std::uint16_t>(at_, static_cast<std::uint16_t>(offset));
    at_ += 2;
    more(match_code);
    return true;
  }
  std::size_t size() const { return static_cast<std::size_t>(at_ - start_); }

 private:
  static std::size_t nibble(std::size_t count) { return count < 15 ? count : 15; }
  void more(std::size_t count) {
    if (count < 15) return;
    for (count -= 15; count >= 255; count -= 255) *at_++ = std::byte{255};
    *at_++ = static_cast<std::byte>(count);
  }
  std::byte* start_;
  std::byte* at_;
  std::byte* end_;
};

/// Adds the extension bytes of a count; false at the end of input or beyond `limit`.
bool read_more(const std::byte*& at, const std::byte* end, std::size_t limit, std::size_t& count) {
  std::uint8_t byte;
  do {
    if (at == end || count > limit) return false;
    byte = static_cast<std::uint8_t>(*at++);
    count += byte;
  } while (byte == 255);
  return true;
}

void copy_match(std::byte* to, std::size_t offset, std::size_t count, std::size_t room) {
  const std::byte* from = to - offset;
  if (offset >= 8 && room >= count + 8) {  // steps of eight may run over the end, within the room
    for (std::size_t i = 0; i < count; i += 8) std::memcpy(to + i, from + i, 8);
  } else if (offset >= count) {
    std::memcpy(to, from, count);
  } else {
    for (std::size_t i = 0; i < count; ++i) to[i] = from[i];
  }
}

}  // namespace

std::size_t lz4_compress(Bytes from, MutableBytes to) {
  SPG_ASSERT(from.size() <= lz4_input_bytes_max);
  Lz4Output out(to);
  const std::byte* const start = from.data();
  const std::byte* const end = start + from.size();
  const std::byte* literals = start;
  if (from.size() > match_start_margin) {
    std::array<std::uint32_t, std::size_t{1} << lz4_hash_bits>
        places{};  // offset from start of the last such four bytes
    const std::byte* const last_start = end - match_start_margin;
    const std::byte* const match_end = end - last_literals;
    const std::byte* at = start + 1;
    std::size_t misses = 0;
    while (at <= last_start) {
      const auto four = load_le<std::uint32_t>(at);
      std::uint32_t& place = places[hash_of(four)];
      const std::byte* match = start + place;
      place = static_cast<std::uint32_t>(at - start);
      if (static_cast<std::size_t>(at - match) > offset_max || load_le<std::uint32_t>(match) != four) {
        at += 1 + (misses++ >> 6);  // steps grow where nothing matches
        continue;
      }
      misses = 0;
      while (at > literals && match > start && at[-1] == match[-1]) {
        --at;
        --match;
      }
      const std::size_t size = match_bytes_min + common_bytes(at + match_bytes_min, match + match_bytes_min, match_end);
      if (!out.sequence(literals, static_cast<std::size_t>(at - literals), static_cast<std::size_t>(at - match), size))
        return 0;
      at += size;
      literals = at;
      if (at <= last_start)
        places[hash_of(load_le<std::uint32_t>(at - 2))] = static_cast<std::uint32_t>(at - 2 - start);
    }
  }
  return out.sequence(literals, static_cast<std::size_t>(end - literals), 0, 0) ? out.size() : 0;
}

bool lz4_decompress(Bytes from, MutableBytes to) {
  const std::byte* at = from.data();
  const std::byte* const end = at + from.size();
  std::byte* out = to.data();
  std::byte* const out_end = out + to.size();
  while (at != end) {
    const auto token = static_cast<std::uint8_t>(*at++);
    const auto room = static_cast<std::size_t>(out_end - out);
    std::size_t count = token >> 4;
    if (count == 15 && !read_more(at, end, room, count)) return false;
    if (count > room || count > static_cast<std::size_t>(end - at)) return false;
    if (count <= 16 && room >= 16 && end - at >= 16) std::memcpy(out, at, 16);
    else if (count != 0) std::memcpy(out, at, count);
    at += count;
    out += count;
    if (at == end) return out == out_end;
    if (end - at < 2) return false;
    const std::size_t offset = load_le<std::uint16_t>(at);
    at += 2;
    const auto left = static_cast<std::size_t>(out_end - out);
    std::size_t size = token & 15u;
    if (size == 15 && !read_more(at, end, left, size)) return false;
    size += match_bytes_min;
    if (offset == 0 || offset > static_cast<std::size_t>(out - to.data()) || size > left) return false;
    copy_match(out, offset, size, left);
    out += size;
  }
  return false;
}

bool put_lz4(Bytes bytes, RecordBuffer& to) {
  RecordBuffer block;
  std::byte* room = bytes.empty() ? nullptr : block.extend(bytes.size());
  if (room == nullptr && !bytes.empty()) return false;
  const std::size_t size = lz4_compress(bytes, {room, bytes.size()});
  if (size == 0 || size >= bytes.size()) return to.add_varint(0) && to.add(bytes);
  return to.add_varint(size) && to.add({room, size});
}

bool get_lz4(ByteReader& from, MutableBytes to) {
  const std::uint64_t size = from.varint();
  if (size > to.size()) return false;
  const Bytes bytes = from.bytes(size == 0 ? to.size() : static_cast<std::size_t>(size));
  if (!from.ok()) return false;
  if (size != 0) return lz4_decompress(bytes, to);
  if (!bytes.empty()) std::memcpy(to.data(), bytes.data(), bytes.size());
  return true;
}

}  // namespace spg::codec
