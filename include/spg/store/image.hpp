// Image: the bytes of one object in RAM (DESIGN 1.1). Cell: its one control block.
//
// Every image begins with the same 32-byte header, and keeps its references to other objects in one array of Cell*, so
// that checkpoint, reclaiming and verification walk any object without knowing its kind. What lies between is the
// business of the room that made it (table/, index/, txn/).
//
// States of a cell: dirty = image, no address; clean = both; cold = address only. Only the checkpoint sets an address
// (release; pairs with the acquire in read()), only the evictor clears an image (Objects::evict).
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "spg/base/assert.hpp"
#include "spg/base/ids.hpp"

namespace spg::store {

/// Objects are at most this large; larger values are split.
inline constexpr std::uint32_t object_bytes_max = 64 * 1024;

enum class Kind : std::uint8_t {
  none = 0,
  radix = 1,        ///< table/radix.hpp
  table = 2,        ///< table/table.hpp
  layout = 3,       ///< table/layout.hpp
  block = 4,        ///< table/block.hpp
  chunk = 5,        ///< table/chunk.hpp
  heap = 6,         ///< table/chunk.hpp: bytes of strings
  large = 7,        ///< table/chunk.hpp: directory of a value that is larger than an object
  root = 12,        ///< txn/root.hpp
  int_leaf = 8, int_inner = 9, bytes_leaf = 10, bytes_inner = 11,  ///< index/btree
};

struct Cell;

struct Image {
  std::uint32_t bytes;        ///< of the whole image, header included
  std::uint16_t children;     ///< slots of the child array; an unused slot is null
  Kind kind;
  std::uint8_t flags;
  std::uint32_t children_at;  ///< offset of the child array, a multiple of 8
  /// Growing images (chunks, heaps): how much of the buffer has been claimed by appends. Frozen once sealed.
  std::atomic<std::uint32_t> claimed;
  // Self-description, for verification and repair.
  std::uint32_t table;
  std::uint32_t part;         ///< column number or index id
  std::uint64_t place;        ///< block number, or head of the lowest key

  Cell** child_array() { return reinterpret_cast<Cell**>(reinterpret_cast<std::byte*>(this) + children_at); }
  Cell* const* child_array() const { return reinterpret_cast<Cell* const*>(reinterpret_cast<const std::byte*>(this) + children_at); }
  template <class T>
  T* payload() { static_assert(std::has_unique_object_representations_v<T>, "padding would reach the disk"); return reinterpret_cast<T*>(this + 1); }
  template <class T>
  const T* payload() const { return reinterpret_cast<const T*>(this + 1); }
};
static_assert(sizeof(Image) == 32);

/// Where an object lies on disk.
struct Address {
  std::uint32_t segment = 0;  ///< 0 = nowhere
  std::uint32_t length = 0;   ///< of the record, bytes
  std::uint64_t offset = 0;   ///< below 2^40
  bool exists() const { return segment != 0; }
  std::uint64_t packed() const { return std::uint64_t{segment} << 40 | offset; }
  friend bool operator==(const Address&, const Address&) = default;
};

/// Segments by number, modulo 64: may hold one too many, never one too few.
using SegmentSet = std::uint64_t;
constexpr SegmentSet set_of(std::uint32_t segment) { return SegmentSet{1} << segment % 64; }

/// What a parent's record promises of a child that has never been read: a checksum proves that a record is what somebody
/// wrote, not that it is what its parent takes it for. Kept until the first load has checked it (ImageRules).
struct Expected {
  Kind kind = Kind::none;    ///< none = nothing is left to prove: the object was made here, or loaded once
  std::uint8_t level = 0;    ///< of trees: its height; of a chunk: the physical type
  std::uint8_t detail = 0;   ///< of a radix tree: the kind of its values; of a chunk: rows that its block looks at, in sixteens
  friend bool operator==(const Expected&, const Expected&) = default;
};

struct Cell {
  // --- flags
  static constexpr std::uint8_t childless = 1;   ///< the objects below have no cells: the next load makes them
  static constexpr std::uint8_t superseded = 2;  ///< a scope has copied it or put it out of use: others may refer to its children, too
  static constexpr std::uint8_t outlived = 4;    ///< only history reads it: its record does not count as alive

  std::atomic<Image*> image{nullptr};
  std::atomic<std::uint64_t> address{0};  ///< Address::packed(); 0 = none
  std::uint32_t length = 0;               ///< of the record on disk; written before address
  std::atomic<std::uint8_t> touched{0};   ///< low bits of the epoch in which it was read last
  Expected expected;                      ///< changed by the first load alone
  Generation birth{};
  // The running checkpoint's plan for this object; touched by the checkpoint alone.
  std::uint32_t planned = 0;
  std::uint32_t planned_by = 0;
  std::atomic<SegmentSet> below{0};       ///< of an object with an address: where what is below it lies
  Cell* next_by_address = nullptr;        ///< chain of the address table
  std::atomic<std::uint8_t> flags{0};

  bool has_address() const { return address.load(std::memory_order_acquire) != 0; }
  bool has(std::uint8_t flag) const { return (flags.load(std::memory_order_seq_cst) & flag) != 0; }
  void set(std::uint8_t flag) { if (!has(flag)) flags.fetch_or(flag, std::memory_order_seq_cst); }
  void clear(std::uint8_t flag) { if (has(flag)) flags.fetch_and(static_cast<std::uint8_t>(~flag), std::memory_order_seq_cst); }
  Address where() const {
    const std::uint64_t packed = address.load(std::memory_order_acquire);
    return {static_cast<std::uint32_t>(packed >> 40), length, packed & ((std::uint64_t{1} << 40) - 1)};
  }
};
static_assert(sizeof(void*) != 8 || sizeof(Cell) == 64);

}  // namespace spg::store
