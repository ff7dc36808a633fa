// ExtentAlloc: memory for images and nodes, in size classes over extents that come from the system and go back to it
// (DESIGN 2, Memory).
//
// A region is 16 MiB of address space, cut into extents of 256 KiB. An extent belongs to one size class as long as a piece of
// it is in use; empty ones serve any class. A new extent gets memory step by step as it is cut; an empty one keeps it while few
// are empty, and gives it back otherwise. Extents' control blocks lie together in the first extent of their region, found
// from a piece's address: a release touches the piece and that block alone.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "spg/os/size_class.hpp"

namespace spg::os {

/// Thread-safe: a spin bit per class, and one for extents without a class.
class ExtentAlloc {
 public:
  ExtentAlloc() = default;
  ~ExtentAlloc();
  ExtentAlloc(const ExtentAlloc&) = delete;
  ExtentAlloc& operator=(const ExtentAlloc&) = delete;
  /// 16-byte aligned; null when the system has no more.
  void* allocate(std::size_t bytes);
  void release(void* memory, std::size_t bytes);
  /// Of the pieces that are handed out.
  std::size_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  /// What the process holds for them.
  std::size_t held_bytes() const { return held_bytes_.load(std::memory_order_relaxed); }

  // Giving memory back: pieces in use keep their extents. The owner of pieces that can be made anew asks for sparse extents
  // to be marked, and releases the pieces that lie in them.
  /// Gives back what empty extents keep, and marks those of which least is in use, until emptying them would make it some
  /// `bytes`; nothing is cut from them any more. Marks from before end. Returns what went, and what emptying the marked ones gives
  /// back.
  std::size_t mark_sparse(std::size_t bytes);
  /// Whether the piece lies in a marked extent.
  bool is_sparse(const void* memory, std::size_t bytes) const;

 private:
  using Classes = SizeClasses<6, 11>;
  struct Piece { Piece* next; };
  struct Extent;
  struct Region;
  struct alignas(64) Class {
    std::atomic<bool> busy{false};
    std::uint32_t extent_count = 0;
    Extent* with_room = nullptr;  ///< doubly linked; pieces are taken from the first
  };
  static Extent* extent_of(const void* memory);
  static void link(Class& pool, Extent& extent);
  static void unlink(Class& pool, Extent& extent);
  void* take_piece(Class& pool, Extent& extent, std::size_t size);
  void* cut_piece(Class& pool, Extent& extent, std::size_t size);
  Extent* take_empty(unsigned index);
  void give_empty(Extent& extent);
  std::size_t give_back();
  bool add_region();
  template <class Visit>
  void each_extent(Visit visit);

  Class classes_[Classes::count];
  std::atomic<bool> empty_busy_{false};
  Extent* empty_ = nullptr;       ///< hold memory
  std::size_t empty_bytes_ = 0;
  Extent* bare_ = nullptr;        ///< hold none
  std::atomic<Region*> regions_{nullptr};
  std::atomic<std::size_t> used_bytes_{0}, held_bytes_{0};
};

}  // namespace spg::os
