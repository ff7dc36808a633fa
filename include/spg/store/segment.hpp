// Segments: immutable files of object images, and the writer that a checkpoint uses (DESIGN 1.9; docs/file-formats.md).
//
//   file header, 64 bytes                     object record, 8-byte aligned
//   offset size field                         offset size field
//        0    8 "SPGSEG\0\1"                       0    4 crc32c of bytes 4 .. length, seeded with segment and offset
//        8    4 segment number                     4    4 length of the record
//       12    4 crc32c of bytes 0 .. 12            8    4 image bytes      12 2 child slots   14 1 kind   15 1 encoding
//                                                 16    4 children_at      20 4 claimed
//                                                 24    4 table            28 4 part          32 8 place  40 8 birth
//                                                 48    image bytes before the child array, less the image header
//                                                       child references: varint count, then each varint slot distance,
//                                                       segment, length, offset, birth
//                                                       image bytes behind the child array
//
// The crc's seed covers the place, so that a misdirected or stale write is caught. Encoding 0 = plain.
#pragma once
#include <atomic>

#include "spg/base/array.hpp"
#include "spg/base/record_buffer.hpp"
#include "spg/policy/policy.hpp"
#include "spg/store/objects.hpp"

namespace spg::store {

inline constexpr char segment_magic[8] = {'S', 'P', 'G', 'S', 'E', 'G', 0, 1};
inline constexpr std::uint64_t segment_header_bytes = 64;
inline constexpr std::uint32_t record_header_bytes = 48;
inline constexpr std::uint64_t segment_bytes_max = std::uint64_t{1} << 30;

/// What the checksum of a record at this place starts from.
std::uint32_t place_seed(std::uint32_t segment, std::uint64_t offset);

/// What the manifest says of a segment.
struct SegmentInfo {
  std::uint32_t number = 0;
  std::uint64_t bytes = 0;
  std::uint64_t live_bytes = 0;
};

template <class ObjectsType, policy::Storage Storage, policy::Sync Sync>
class Segments final : public ObjectSource {
 public:
  Segments(ObjectsType& objects, Storage& storage, std::string_view directory);

  /// Reads an object of a cold cell. XX001 when the bytes are not what the address promises.
  Status load(Cell& cell) override;

  /// Knows the segments of a manifest (opened when first read).
  Status adopt(std::span<const SegmentInfo> segments);
  std::span<const SegmentInfo> segments() const { return segments_; }

  // --- writing: one checkpoint at a time
  /// Plans a place for every dirty object below (and including) `root`, children first, and writes them. Addresses count
  /// only after finish().
  Status write_tree(Cell* root);
  /// Syncs what write_tree() wrote and gives the cells their addresses.
  Status finish();
  /// Gives up a checkpoint that failed: what it wrote means nothing.
  void abandon();
  /// Where `root` will lie (or lies): valid after write_tree().
  Address planned(const Cell* cell) const;

 private:
  using File = typename Storage::File;
  struct Planned { Cell* cell; Address address; };
  Status write_object(Cell* cell);
  Status open_output();
  Status flush_output();
  Result<File*> file_of(std::uint32_t segment);
  void file_name(char (&name)[512], std::uint32_t segment) const;

  ObjectsType* objects_;
  Storage* storage_;
  char directory_[448];
  typename Sync::Mutex mutex_;  // open_file_
  Array<SegmentInfo> segments_;
  std::uint32_t open_number_ = 0;
  File open_file_;
  // output
  std::uint64_t checkpoint_ = 0;
  bool writing_ = false;                ///< between the first write_tree() and finish() or abandon()
  std::size_t segments_before_ = 0;     ///< how many there were when it began
  std::uint32_t output_number_ = 0;
  File output_;
  RecordBuffer buffer_;
  std::uint64_t buffer_start_ = 0;
  Array<Planned> planned_;
};

}  // namespace spg::store
