// Segments: immutable files of object images, and the writer that a checkpoint uses (DESIGN 1.9; docs/file-formats.md).
//
//   file header, 64 bytes                     object record, 8-byte aligned
//   offset size field                         offset size field
//        0    7 "SPGSEG\0"                         0    4 crc32c of bytes 4 .. length, seeded with segment and offset
//        7    1 format version: 1 to 3              4    4 length of the record
//        8    4 segment number                      8    4 image bytes      12 2 child slots   14 1 kind   15 1 encoding
//       12    4 crc32c of bytes 0 .. 12            16    4 children_at      20 4 claimed
//                                                  24    4 table            28 4 part          32 8 place  40 8 birth
//                                                  48    encoding 0: image bytes before the child array, less the image header
//                                                        child references: varint count, then each varint slot distance,
//                                                        segment, length, offset, birth, and from version 3 on the
//                                                        segments that what is below it lies in (SegmentSet)
//                                                        encoding 0: image bytes behind the child array
//                                                        others: the image's bytes as the kind's room encodes them (ImageRules)
//
// The crc's seed covers the place, so that a misdirected or stale write is caught. Version 1 knows encoding 0 alone.
#pragma once
#include <atomic>

#include "spg/base/array.hpp"
#include "spg/base/record_buffer.hpp"
#include "spg/policy/policy.hpp"
#include "spg/store/objects.hpp"

namespace spg::store {

inline constexpr char segment_magic[8] = {'S', 'P', 'G', 'S', 'E', 'G', 0, 3};  ///< the last byte is the version
inline constexpr std::uint64_t segment_header_bytes = 64;
inline constexpr std::size_t segment_header_used_bytes = 16;
inline constexpr std::uint32_t record_header_bytes = 48;
inline constexpr std::uint32_t record_bytes_max = 2 * object_bytes_max;
/// A segment is closed once it is as large, or larger where there would be too many of them.
inline constexpr std::uint64_t segment_bytes_max = std::uint64_t{1} << 30;

/// What the checksum of a record at this place starts from.
std::uint32_t place_seed(std::uint32_t segment, std::uint64_t offset);

/// "<directory>/segment-00000001"
void write_segment_name(char (&to)[512], const char* directory, std::uint32_t number);

/// Fills the first segment_header_used_bytes of a segment file.
void write_segment_header(std::byte* to, std::uint32_t segment);
/// The version of the file that begins with these bytes. XX001 when they are damaged, 0A000 when the version is newer.
Result<std::uint8_t> check_segment_header(const std::byte* header, std::uint32_t segment);

/// What the manifest says of a segment.
struct SegmentInfo {
  std::uint32_t number = 0;
  std::uint64_t bytes = 0;
  std::uint64_t live_bytes = 0;   ///< of records that may still be read; what was to be freed when the process ended counts
  bool is_private = false;        ///< holds what has not been committed; in no manifest
};
/// When checkpoints empty segments.
struct CompactionLimits {
  std::uint32_t count_max = 64;                          ///< so many segments are too many
  std::uint64_t dead_bytes_min = std::uint64_t{16} << 20;  ///< that much may be dead in any case; beyond it, half
};
constexpr std::uint64_t padded(std::uint64_t record_bytes) { return (record_bytes + 7) & ~std::uint64_t{7}; }

/// Which child slots of an image are in use.
class ChildSlots {
 public:
  static constexpr std::size_t slots_max = object_bytes_max / 8;
  void set(std::size_t slot) { words_[slot / 64] |= std::uint64_t{1} << (slot % 64); }
  bool has(std::size_t slot) const { return (words_[slot / 64] >> (slot % 64) & 1) != 0; }
  /// Whether exactly the first `count` are.
  bool are_first(std::size_t count) const {
    for (std::size_t word = 0; word < std::size(words_); ++word) {
      const std::size_t from = word * 64;
      const std::uint64_t mask = count >= from + 64 ? ~std::uint64_t{0} : count <= from ? 0 : (std::uint64_t{1} << (count - from)) - 1;
      if (words_[word] != mask) return false;
    }
    return true;
  }

 private:
  std::uint64_t words_[slots_max / 64] = {};
};

/// What the rooms above know of their images. The store asks when it writes one, and when it loads one, before anybody else sees
/// its bytes.
class ImageRules {
 public:
  /// Why the image cannot be what is expected (of kind none: what it says it is), or null. Its child array is still empty.
  virtual const char* fault(const Image& image, Expected expected, const ChildSlots& children) const = 0;
  /// What a child in use of an image without fault has to be.
  virtual Expected child(const Image& image, Expected expected, std::size_t slot) const = 0;
  /// Appends what a sealed image says besides its header and its references in fewer bytes than it has; the number of the
  /// encoding, or 0 when nothing was appended. 53200 when there is no memory.
  virtual Result<std::uint8_t> encode(const Image& image, std::uint32_t claimed, RecordBuffer& to) const = 0;
  /// Fills an image whose header is set and whose other bytes are zero. Why the bytes cannot be what encode() wrote, or null.
  /// Writes to no other place, whatever they are. What fault() looks at is not looked at here.
  virtual const char* decode(std::uint8_t encoding, Bytes bytes, Image& image) const = 0;

 protected:
  ~ImageRules() = default;
};

struct Backup;
template <policy::File File>
struct SegmentFile;

template <class ObjectsType, policy::Storage Storage, policy::Sync Sync>
class Segments final : public ObjectSource {
 public:
  /// `rules` outlives it.
  Segments(ObjectsType& objects, Storage& storage, std::string_view directory, const ImageRules& rules);
  ~Segments();
  Segments(const Segments&) = delete;
  Segments& operator=(const Segments&) = delete;

  /// Reads an object of a cold cell. XX001 when the bytes are not what the address promises.
  Status load(Cell& cell, Access access) override;
  void will_load(const Cell& cell) override;
  void freed(Address address) override;

  /// Knows the segments of a manifest (opened when first read).
  Status adopt(std::span<const SegmentInfo> segments);
  /// Appends those that the next manifest has to name.
  Status list(Array<SegmentInfo>& to) const;
  // --- what transactions write before they commit. While no checkpoint writes.
  /// Writes the dirty objects below `root` that were born at `from` or later, and so are known to one transaction alone, to a
  /// segment. Those that refer to dirty ones born before stay. The images of those born at `unseen_from` or later are dropped:
  /// nobody may hold pointers to them. The segment's number, 0 when nothing was written.
  Result<std::uint32_t> spill(Cell* root, Generation from, Generation unseen_from);
  /// Manifests name these segments from now on.
  void publish(std::span<const std::uint32_t> segments);
  /// Nothing in the segment will be read any more; its file may go.
  void discard(std::uint32_t segment);
  /// The lowest number of a private segment; UINT32_MAX when there is none.
  std::uint32_t first_private() const;

  /// Whether the segment is in use, or being written. (Not: one that was dropped.)
  bool has(std::uint32_t segment);
  /// The newest one's number, 0 when there is none.
  std::uint32_t last() const { return output_number_; }

  // --- backups (backup.hpp)
  /// What is read lies in a backup, which outlives this.
  void read_from(const Backup& backup) { backup_ = &backup; }
  /// A handle of one's own on the bytes of a segment.
  Result<SegmentFile<typename Storage::File>> open_to_copy(std::uint32_t segment) const;
  /// For a backup by who may not write here: what write_tree() writes from now on, until abandon(), goes to files of other names, which
  /// are `prefix` and the segment's number, and nothing is to change but planned().
  void write_apart(std::string_view prefix);
  /// After write_tree(): appends the segments that it made, whose files are complete now.
  Status end_apart(Array<SegmentInfo>& made);

  // --- writing: one checkpoint at a time
  void set_limits(const CompactionLimits& limits) { limits_ = limits; }
  /// Decides which segments the checkpoint that begins is to empty, by the limits. None while objects are forwarded.
  Status choose_victims();
  /// Whether it would choose some because so much is dead.
  bool has_much_dead() const { return is_too_much_dead(total_bytes_.load(std::memory_order_relaxed), live_bytes_.load(std::memory_order_relaxed)); }
  /// Plans a place for every dirty object below (and including) `root`, and for those that lie in a victim, children first, and
  /// writes them. Addresses count only after finish().
  Status write_tree(Cell* root);
  /// Writes the dirty objects below a root of history, after those of the newest version. What lies in victims stays there.
  Status write_history(Cell* root);
  /// Syncs what write_tree() wrote and gives the cells their addresses.
  Status finish();
  /// Gives up a checkpoint that failed: what it wrote means nothing.
  void abandon();
  /// Where `root` will lie (or lies): valid after write_tree().
  Address planned(const Cell* cell) const { return is_placed(*cell) ? placed_[cell->planned].to : cell->where(); }
  /// The manifest without the victims is in force: appends their numbers. Only older versions may still read from them.
  Status drop_victims(Array<std::uint32_t>& to);
  /// Closes the file of a segment that nobody reads any more.
  void forget(std::uint32_t segment);

 private:
  using File = typename Storage::File;
  /// A place in the running checkpoint's output: of a dirty cell's object, or of one moved from elsewhere (`cell` is null).
  struct Placed { Cell* cell; Address from, to; SegmentSet below; };
  struct Reference {
    std::uint64_t slot;
    Address child;
    Generation birth;
    SegmentSet below;
  };
  struct Record;
  Status read_record(Address address, Generation birth, Record& record, Access access);
  Result<const char*> read_references(ByteReader& reader, const Record& record, Array<Reference>& references, ChildSlots& slots) const;
  static bool lies_within(std::span<const Reference> references, SegmentSet promised);
  Status adopt_children(Cell& cell, Image* image, std::span<const Reference> references);
  bool is_placed(const Cell& cell) const { return writing_ && cell.planned_by == checkpoint_; }
  SegmentSet below(const Cell& cell) const { return is_placed(cell) ? placed_[cell.planned].below : cell.below.load(std::memory_order_relaxed); }
  Status begin_output();
  Status write_object(Cell* cell);
  bool write_reference(const Reference& reference, std::uint64_t slot_before);
  bool write_references(const Image* image);
  bool write_plain(const Image* image);
  Result<Address> end_record(std::size_t record_at);
  Result<bool> write_private(Cell* cell, Generation from);
  Status end_output();
  // compaction.inl.hpp
  /// More than half.
  bool is_too_much_dead(std::uint64_t total, std::uint64_t live) const { return total > 2 * live + limits_.dead_bytes_min; }
  bool is_victim(std::uint32_t segment) const;
  bool must_look_at(Address address, SegmentSet below) const { return is_victim(address.segment) || (below & victims_set_) != 0; }
  Result<Placed> move_record(Address address, Generation birth);
  Result<Placed> write_moved(const Record& record, std::span<const Reference> references, Bytes head, Bytes tail);
  Status move_references(Array<Reference>& references, bool& has_moved);
  Status relocate_moved();
  void count_placed();
  SegmentInfo* info_of(std::uint32_t segment);
  Status open_output();
  Status flush_output();
  struct OpenFile {
    std::uint32_t number;
    std::uint8_t version;
    std::uint64_t offset;           ///< of its first byte in the file
    File file;
    OpenFile* next;
  };
  Result<OpenFile*> file_of(std::uint32_t segment, Access access);
  void file_name(char (&name)[512], std::uint32_t segment) const;

  ObjectsType* objects_;
  Storage* storage_;
  const ImageRules* rules_;
  char directory_[448];
  const Backup* backup_ = nullptr;
  char apart_[448] = {};                ///< what outputs are called instead
  typename Sync::Mutex mutex_;  // open_files_
  OpenFile* open_files_ = nullptr;  ///< those that have been read from, the one read last in front
  mutable typename Sync::Mutex segments_mutex_;
  Array<SegmentInfo> segments_;         ///< by number
  std::atomic<std::uint64_t> total_bytes_{0}, live_bytes_{0};
  CompactionLimits limits_;
  Array<std::uint32_t> victims_;
  SegmentSet victims_set_ = 0;
  // output
  std::uint32_t checkpoint_ = 0;
  std::uint64_t output_bytes_max_ = segment_bytes_max;
  bool writing_ = false;                ///< between the first write_tree() and finish() or abandon()
  std::uint32_t first_output_ = 0;      ///< the number of the first segment that it writes
  std::uint32_t output_number_ = 0;
  File output_;
  RecordBuffer buffer_;
  std::uint64_t buffer_start_ = 0;
  Array<Placed> placed_;
};

}  // namespace spg::store
