// A segment file taken apart into its records, to be changed and sealed again: what a forger can write who knows the format.
// Records that are encoded are decoded, and sealed as plain ones.
#pragma once
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

#include "spg/crypto/crc32c.hpp"
#include "spg/store/segment.inl.hpp"
#include "spg/txn/image_rules.hpp"

namespace spg::test {

struct ModelReference {
  std::uint64_t slot = 0;
  std::size_t child = 0;     ///< place in the model
  std::uint64_t birth = 0;
};

struct ModelRecord {
  std::byte header[store::record_header_bytes];  ///< checksum and length are made anew
  std::vector<std::byte> head, tail;             ///< image bytes before and behind the child array
  std::vector<ModelReference> children;
};

class SegmentModel {
 public:
  std::vector<ModelRecord> records;  ///< in the order of the file: children before parents

  /// Reads a sound segment of one file.
  explicit SegmentModel(Bytes file) {
    for (std::uint64_t at = store::segment_header_bytes; at + store::record_header_bytes <= file.size();) {
      const auto length = load_le<std::uint32_t>(file.data() + at + 4);
      by_offset_[at] = records.size();
      records.push_back(read_record(file.subspan(at, length)));
      at += (length + 7) / 8 * 8;
    }
  }

  /// The record that lay at an offset of the file.
  std::size_t at_offset(std::uint64_t offset) const { return by_offset_.at(offset); }

  /// The file with all checksums and references made right, and where the records lie in it.
  std::vector<std::byte> seal(std::vector<store::Address>& places) const {
    std::vector<std::byte> file(store::segment_header_bytes);
    store::write_segment_header(file.data(), 1);
    for (const ModelRecord& record : records) {
      const std::uint64_t at = file.size();
      RecordBuffer bytes;
      write_record(record, places, bytes);
      const auto length = static_cast<std::uint32_t>(bytes.size());
      store_le(bytes.data() + 4, length);
      store_le(bytes.data(), crypto::crc32c(store::place_seed(1, at), {bytes.data() + 4, length - 4}));
      places.push_back({1, length, at});
      file.insert(file.end(), bytes.data(), bytes.data() + length);
      file.resize((file.size() + 7) / 8 * 8);
    }
    return file;
  }

 private:
  ModelRecord read_record(Bytes bytes) const {
    ModelRecord record;
    std::memcpy(record.header, bytes.data(), sizeof record.header);
    ByteReader reader(bytes.subspan(sizeof record.header));
    const bool plain = record.header[15] == std::byte{0};
    if (plain) {
      const Bytes head = reader.bytes(load_le<std::uint32_t>(record.header + 16) - sizeof(store::Image));
      record.head.assign(head.begin(), head.end());
    }
    std::uint64_t slot = 0;
    for (std::uint64_t left = reader.varint(); left != 0; --left) {
      slot += reader.varint();
      (void)reader.varint();
      (void)reader.varint();
      const std::size_t child = by_offset_.at(reader.varint());
      record.children.push_back({slot, child, reader.varint()});
      (void)reader.varint();  // what is below lies in this segment, too
    }
    const Bytes rest = reader.rest();
    if (plain) record.tail.assign(rest.begin(), rest.end());
    else decode(record, rest);
    return record;
  }
  static void decode(ModelRecord& record, Bytes bytes) {
    const auto image_bytes = load_le<std::uint32_t>(record.header + 8);
    std::vector<std::uint64_t> memory((image_bytes + 7) / 8);
    auto* image = reinterpret_cast<store::Image*>(memory.data());
    image->bytes = image_bytes;
    image->children = load_le<std::uint16_t>(record.header + 12);
    image->kind = static_cast<store::Kind>(record.header[14]);
    image->children_at = load_le<std::uint32_t>(record.header + 16);
    image->claimed.store(load_le<std::uint32_t>(record.header + 20), std::memory_order_relaxed);
    if (txn::image_rules().decode(static_cast<std::uint8_t>(record.header[15]), bytes, *image) != nullptr) std::abort();
    record.header[15] = std::byte{0};
    const auto* at = reinterpret_cast<const std::byte*>(image);
    record.head.assign(at + sizeof(store::Image), at + image->children_at);
    record.tail.assign(at + image->children_at + image->children * 8u, at + image_bytes);
  }
  static void write_record(const ModelRecord& record, const std::vector<store::Address>& places, RecordBuffer& out) {
    (void)out.add(record.header);
    (void)out.add(record.head);
    (void)out.add_varint(record.children.size());
    std::uint64_t before = 0;
    for (const ModelReference& one : record.children) {
      const store::Address place = one.child < places.size() ? places[one.child] : store::Address{1, 64, 1 << 20};
      (void)out.add_varint(one.slot - before);
      (void)out.add_varint(place.segment);
      (void)out.add_varint(place.length);
      (void)out.add_varint(place.offset);
      (void)out.add_varint(one.birth);
      (void)out.add_varint(0);
      before = one.slot;
    }
    (void)out.add(record.tail);
  }
  std::map<std::uint64_t, std::size_t> by_offset_;
};

}  // namespace spg::test
