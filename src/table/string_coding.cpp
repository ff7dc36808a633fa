#include "string_coding.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "spg/codec/array_coding.hpp"
#include "spg/codec/bitpack.hpp"
#include "spg/codec/lz4.hpp"
#include "spg/type/vector.hpp"

namespace spg::table {
namespace {

using type::StringRef;

// References: form u8, then
//   0 direct       lengths: array (4); the inline bytes, one string behind the other (codec: put_lz4), if there are any; and of the
//                  long strings, if there are any, prefixes, heaps, and offsets less what is expected: arrays (4). Expected is the
//                  end of the string before, when that lies in the same heap, else 0.
//   1 dictionary   distinct u16, packed codes (bit width of distinct - 1), the distinct ones in order of their first use, direct
enum class StringForm : std::uint8_t { direct, dictionary };

constexpr std::size_t refs_max = type::batch_rows_max;

struct Places {
  std::uint32_t prefix[refs_max], heap[refs_max], offset[refs_max];
  std::size_t count = 0;
  std::uint32_t last_heap = UINT32_MAX, end = 0;  ///< of the string before

  std::uint32_t expected(std::uint32_t of_heap) const { return of_heap == last_heap ? end : 0; }
  void set_last(const StringRef& ref) {
    last_heap = ref.place.heap;
    end = ref.place.offset + ref.size;
  }
};

/// Working memory of one call.
struct Scratch {
  std::uint32_t sizes[refs_max];
  std::byte text[refs_max * StringRef::inline_bytes_max];
  std::size_t text_bytes;
  Places places;
};
class ScratchMemory {
 public:
  Scratch* get() {
    std::byte* at = memory_.extend(sizeof(Scratch));
    return at == nullptr ? nullptr : new (at) Scratch;
  }

 private:
  RecordBuffer memory_;
};

constexpr codec::ArrayShape words(std::size_t count) { return {count, 4, codec::ArrayContent::integers}; }

void take_apart(std::span<const StringRef> refs, Scratch& scratch) {
  scratch.text_bytes = 0;
  Places& places = scratch.places;
  for (std::size_t i = 0; i < refs.size(); ++i) {
    const StringRef& ref = refs[i];
    scratch.sizes[i] = ref.size;
    if (ref.is_inline()) {
      std::memcpy(scratch.text + scratch.text_bytes, ref.prefix, ref.size);
      scratch.text_bytes += ref.size;
      continue;
    }
    std::memcpy(&places.prefix[places.count], ref.prefix, 4);
    places.heap[places.count] = ref.place.heap;
    places.offset[places.count] = ref.place.offset - places.expected(ref.place.heap);
    places.set_last(ref);
    ++places.count;
  }
}

bool encode_direct(std::span<const StringRef> refs, RecordBuffer& to) {
  ScratchMemory memory;
  Scratch* scratch = memory.get();
  if (scratch == nullptr) return false;
  take_apart(refs, *scratch);
  const Places& places = scratch->places;
  const codec::ArrayShape shape = words(places.count);
  return codec::encode_array(scratch->sizes, words(refs.size()), to) && (scratch->text_bytes == 0 || codec::put_lz4({scratch->text, scratch->text_bytes}, to)) &&
         codec::encode_array(places.prefix, shape, to) && codec::encode_array(places.heap, shape, to) && codec::encode_array(places.offset, shape, to);
}

void put_together(const Scratch& scratch, std::span<StringRef> refs) {
  std::size_t at = 0, nth = 0;
  Places places;  // only its account of the string before
  for (std::size_t i = 0; i < refs.size(); ++i) {
    StringRef ref;
    ref.size = scratch.sizes[i];
    if (ref.is_inline()) {
      std::memcpy(ref.prefix, scratch.text + at, ref.size);
      at += ref.size;
    } else {
      std::memcpy(ref.prefix, &scratch.places.prefix[nth], 4);
      const std::uint32_t heap = scratch.places.heap[nth];
      ref.place = {heap, scratch.places.offset[nth] + places.expected(heap)};
      places.set_last(ref);
      ++nth;
    }
    refs[i] = ref;
  }
}

bool decode_direct(ByteReader& from, std::span<StringRef> refs) {
  ScratchMemory memory;
  Scratch* scratch = memory.get();
  if (scratch == nullptr || !codec::decode_array(from, words(refs.size()), scratch->sizes)) return false;
  scratch->text_bytes = 0;
  std::size_t longs = 0;
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (scratch->sizes[i] <= StringRef::inline_bytes_max) scratch->text_bytes += scratch->sizes[i];
    else ++longs;
  }
  if (scratch->text_bytes != 0 && !codec::get_lz4(from, {scratch->text, scratch->text_bytes})) return false;
  Places& places = scratch->places;
  if (!codec::decode_array(from, words(longs), places.prefix) || !codec::decode_array(from, words(longs), places.heap) ||
      !codec::decode_array(from, words(longs), places.offset))
    return false;
  put_together(*scratch, refs);
  return true;
}

/// The distinct references, as long as they are few.
class StringDictionary {
 public:
  bool collect(std::span<const StringRef> refs) {
    slots_.fill(none);
    const std::size_t distinct_max = refs.size() / 2;
    for (std::size_t i = 0; i < refs.size(); ++i) {
      std::uint16_t& place = slot_of(refs[i]);
      if (place == none) {
        if (distinct_ == distinct_max) return false;
        place = static_cast<std::uint16_t>(distinct_);
        all_[distinct_++] = refs[i];
      }
      codes_[i] = place;
    }
    return distinct_ != 0;
  }
  bool encode(std::size_t count, RecordBuffer& to) const {
    const auto width = static_cast<unsigned>(std::bit_width(distinct_ - 1));
    if (!to.add_le(static_cast<std::uint16_t>(distinct_))) return false;
    std::byte* at = to.extend(codec::bitpacked_bytes(count, width));
    if (at == nullptr) return false;
    codec::bitpack({codes_.data(), count}, width, at);
    return encode_direct({all_.data(), distinct_}, to);
  }

 private:
  static constexpr std::uint16_t none = UINT16_MAX;
  static constexpr std::size_t slot_count = 2 * refs_max;

  static bool same(const StringRef& a, const StringRef& b) { return std::memcmp(&a, &b, sizeof a) == 0; }
  std::uint16_t& slot_of(const StringRef& ref) {
    std::uint64_t low, high;
    std::memcpy(&low, &ref, 8);
    std::memcpy(&high, ref.rest, 8);
    constexpr std::uint64_t factor = 0x9e3779b97f4a7c15u;
    std::size_t at = ((low * factor ^ (low >> 32) ^ high) * factor) >> 53;
    while (slots_[at] != none && !same(all_[slots_[at]], ref)) at = (at + 1) % slot_count;
    return slots_[at];
  }
  std::array<std::uint16_t, slot_count> slots_;
  std::array<StringRef, refs_max> all_;
  std::array<std::uint64_t, refs_max> codes_;
  std::size_t distinct_ = 0;
};

bool decode_dictionary(ByteReader& from, std::span<StringRef> refs) {
  const std::size_t distinct = from.le<std::uint16_t>();
  if (distinct == 0 || distinct > refs.size()) return false;
  const auto width = static_cast<unsigned>(std::bit_width(distinct - 1));
  std::array<std::uint32_t, refs_max> codes;
  const Bytes packed = from.bytes(codec::bitpacked_bytes(refs.size(), width));
  if (!from.ok() || !codec::bitunpack(packed, width, std::span<std::uint32_t>(codes.data(), refs.size()))) return false;
  std::array<StringRef, refs_max> all;
  if (!decode_direct(from, {all.data(), distinct})) return false;
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (codes[i] >= distinct) return false;
    refs[i] = all[codes[i]];
  }
  return true;
}

}  // namespace

bool encode_strings(std::span<const StringRef> refs, RecordBuffer& to) {
  RecordBuffer direct;
  if (!encode_direct(refs, direct)) return false;
  StringDictionary dictionary;
  RecordBuffer shared;
  if (dictionary.collect(refs) && !dictionary.encode(refs.size(), shared)) return false;
  const bool shares = shared.size() != 0 && shared.size() < direct.size();
  return to.add_le(static_cast<std::uint8_t>(shares ? StringForm::dictionary : StringForm::direct)) && to.add(shares ? shared.bytes() : direct.bytes());
}

bool decode_strings(ByteReader& from, std::span<StringRef> refs) {
  switch (static_cast<StringForm>(from.le<std::uint8_t>())) {
    case StringForm::direct: return from.ok() && decode_direct(from, refs);
    case StringForm::dictionary: return decode_dictionary(from, refs);
  }
  return false;
}

}  // namespace spg::table
