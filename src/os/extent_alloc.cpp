#include "spg/os/posix/extent_alloc.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

#include <sched.h>
#include <sys/mman.h>

#include "spg/base/assert.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SPG_POISONS
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SPG_POISONS
#endif
#ifdef SPG_POISONS
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

namespace spg::os {
namespace {

constexpr std::size_t extent_bytes = 256 * 1024, region_bytes = 16 * 1024 * 1024, page_bytes = 4096;
constexpr unsigned region_extents = region_bytes / extent_bytes;
/// Empty extents keep their memory up to so much: what is given back costs a page fault per page when it is needed again.
constexpr std::size_t empty_bytes_max = 8 * 1024 * 1024;
/// An extent gets memory in steps: large ones for classes that have much, so that faults are few; small ones for the others.
constexpr std::size_t step_bytes_min = 2 * page_bytes, step_bytes_max = 16 * page_bytes;
constexpr std::uint16_t no_class = UINT16_MAX;

/// Takes a spin bit; an owner that has lost its processor gets it back.
void take(std::atomic<bool>& busy) {
  for (unsigned tries = 0; busy.exchange(true, std::memory_order_acquire); ++tries)
    if (tries % 64 == 63) ::sched_yield();
}
struct Taken {
  explicit Taken(std::atomic<bool>& bit) : busy(bit) { take(busy); }
  ~Taken() { busy.store(false, std::memory_order_release); }
  std::atomic<bool>& busy;
};

constexpr std::size_t round_up(std::size_t bytes, std::size_t to) { return (bytes + to - 1) / to * to; }

}  // namespace

/// Under its class's bit while it has one, else under the bit of the empty ones. Counters are read without, too.
struct alignas(64) ExtentAlloc::Extent {
  Extent* next = nullptr;
  Extent* before = nullptr;
  Piece* free = nullptr;                      ///< pieces that were handed out and came back
  std::byte* memory = nullptr;
  std::atomic<std::uint32_t> used{0};         ///< pieces
  std::uint32_t cut_bytes = 0;                ///< pieces have been cut from so much of it
  std::atomic<std::uint32_t> held_bytes{0};   ///< and so much of it holds memory
  std::atomic<std::uint16_t> size_class{no_class};
  bool is_linked = false;                     ///< in its class's list
  std::atomic<bool> is_sparse{false};
};

/// The first bytes of the control blocks' page: they take turns at the places of a processor's cache.
struct ExtentAlloc::Region {
  static std::uintptr_t blocks_at(std::uintptr_t region) { return region + (region / region_bytes % 60) * (region_extents * sizeof(Extent)); }
  Region* next;
};

ExtentAlloc::Extent* ExtentAlloc::extent_of(const void* memory) {
  const auto at = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t region = at & ~(region_bytes - 1);
  return reinterpret_cast<Extent*>(Region::blocks_at(region)) + (at - region) / extent_bytes;
}

void ExtentAlloc::link(Class& pool, Extent& extent) {
  extent.before = nullptr;
  extent.next = pool.with_room;
  if (extent.next != nullptr) extent.next->before = &extent;
  pool.with_room = &extent;
  extent.is_linked = true;
}

void ExtentAlloc::unlink(Class& pool, Extent& extent) {
  (extent.before == nullptr ? pool.with_room : extent.before->next) = extent.next;
  if (extent.next != nullptr) extent.next->before = extent.before;
  extent.is_linked = false;
}

/// A piece that was never handed out.
void* ExtentAlloc::cut_piece(Class& pool, Extent& extent, std::size_t size) {
  const std::size_t end = extent.cut_bytes + size;
  SPG_DCHECK(end <= extent_bytes);
  const std::uint32_t held = extent.held_bytes.load(std::memory_order_relaxed);
  if (end > held) {
    const std::size_t step = pool.extent_count > 1 ? step_bytes_max : std::clamp<std::size_t>(held, step_bytes_min, step_bytes_max);
    const std::size_t usable = round_up(extent_bytes / size * size, page_bytes);  // the rest is too little for a piece
    const std::size_t upto = std::min(usable, std::max(round_up(end, page_bytes), held + step));
#ifdef MADV_POPULATE_WRITE
    (void)::madvise(extent.memory + held, upto - held, MADV_POPULATE_WRITE);  // all faults at once; an older system takes them one by one
#endif
    extent.held_bytes.store(static_cast<std::uint32_t>(upto), std::memory_order_relaxed);
    held_bytes_.fetch_add(upto - held, std::memory_order_relaxed);
  }
  return extent.memory + std::exchange(extent.cut_bytes, static_cast<std::uint32_t>(end));
}

/// Requires: the class's bit; the extent is the first of those with room.
void* ExtentAlloc::take_piece(Class& pool, Extent& extent, std::size_t size) {
  void* memory = extent.free;
  if (extent.free != nullptr) {
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
    extent.free = extent.free->next;
  } else {
    memory = cut_piece(pool, extent, size);
  }
  extent.used.store(extent.used.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (extent.free == nullptr && extent.cut_bytes + size > extent_bytes) unlink(pool, extent);
  return memory;
}

void* ExtentAlloc::allocate(std::size_t bytes) {
  if (bytes > Classes::bytes_max) {
    void* memory = std::malloc(bytes);
    if (memory != nullptr) {
      used_bytes_.fetch_add(bytes, std::memory_order_relaxed);
      held_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    }
    return memory;
  }
  const unsigned index = Classes::of(bytes);
  const std::size_t size = Classes::bytes_of(index);
  Class& pool = classes_[index];
  const Taken taken(pool.busy);
  if (pool.with_room == nullptr) {
    Extent* fresh = take_empty(index);
    if (fresh == nullptr) return nullptr;
    ++pool.extent_count;
    link(pool, *fresh);
  }
  void* memory = take_piece(pool, *pool.with_room, size);
  used_bytes_.fetch_add(size, std::memory_order_relaxed);
  return memory;
}

void ExtentAlloc::release(void* memory, std::size_t bytes) {
  if (memory == nullptr) return;
  if (bytes > Classes::bytes_max) {
    std::free(memory);
    used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    held_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return;
  }
  const unsigned index = Classes::of(bytes);
  const std::size_t size = Classes::bytes_of(index);
  used_bytes_.fetch_sub(size, std::memory_order_relaxed);
  Class& pool = classes_[index];
  Extent& extent = *extent_of(memory);
  const Taken taken(pool.busy);
  SPG_DCHECK(extent.size_class.load(std::memory_order_relaxed) == index);
  extent.free = new (memory) Piece{extent.free};
  ASAN_POISON_MEMORY_REGION(memory, size);
  const std::uint32_t used = extent.used.load(std::memory_order_relaxed) - 1;
  extent.used.store(used, std::memory_order_relaxed);
  if (used != 0) {
    if (!extent.is_linked && !extent.is_sparse.load(std::memory_order_relaxed)) link(pool, extent);
    return;
  }
  if (extent.is_linked) unlink(pool, extent);
  --pool.extent_count;
  give_empty(extent);
}

/// An extent for the class, with memory if one has any.
ExtentAlloc::Extent* ExtentAlloc::take_empty(unsigned index) {
  const Taken taken(empty_busy_);
  if (empty_ == nullptr && bare_ == nullptr && !add_region()) return nullptr;
  Extent*& list = empty_ != nullptr ? empty_ : bare_;
  Extent* extent = list;
  list = extent->next;
  empty_bytes_ -= extent->held_bytes.load(std::memory_order_relaxed);
  extent->size_class.store(static_cast<std::uint16_t>(index), std::memory_order_relaxed);
  return extent;
}

/// Requires: nobody else knows of the extent.
void ExtentAlloc::give_empty(Extent& extent) {
  extent.free = nullptr;
  extent.cut_bytes = 0;
  extent.is_sparse.store(false, std::memory_order_relaxed);
  extent.size_class.store(no_class, std::memory_order_relaxed);
  ASAN_UNPOISON_MEMORY_REGION(extent.memory, extent_bytes);
  const std::uint32_t held = extent.held_bytes.load(std::memory_order_relaxed);
  {
    const Taken taken(empty_busy_);
    if (empty_bytes_ + held <= empty_bytes_max) {
      empty_bytes_ += held;
      extent.next = std::exchange(empty_, &extent);
      return;
    }
  }
  ::madvise(extent.memory, held, MADV_DONTNEED);
  extent.held_bytes.store(0, std::memory_order_relaxed);
  held_bytes_.fetch_sub(held, std::memory_order_relaxed);
  const Taken taken(empty_busy_);
  extent.next = std::exchange(bare_, &extent);
}

/// Requires: the bit of the empty ones.
bool ExtentAlloc::add_region() {
  // Twice as much, so that an aligned region is in it; the rest goes back.
  void* raw = ::mmap(nullptr, 2 * region_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return false;
  const auto begin = reinterpret_cast<std::uintptr_t>(raw), at = round_up(begin, region_bytes);
  if (at != begin) ::munmap(raw, at - begin);
  ::munmap(reinterpret_cast<void*>(at + region_bytes), begin + region_bytes - at);
  auto* blocks = reinterpret_cast<Extent*>(Region::blocks_at(at));
  // The block of the first extent, which holds the blocks, keeps the link of the regions.
  auto* region = new (blocks) Region{regions_.load(std::memory_order_relaxed)};
  static_assert(sizeof(Region) <= sizeof(Extent) && 60 * region_extents * sizeof(Extent) <= extent_bytes);
  for (unsigned i = region_extents - 1; i != 0; --i) {
    auto* extent = new (blocks + i) Extent;
    extent->memory = reinterpret_cast<std::byte*>(at + i * extent_bytes);
    extent->next = std::exchange(bare_, extent);
  }
  held_bytes_.fetch_add(region_extents * sizeof(Extent), std::memory_order_relaxed);
  regions_.store(region, std::memory_order_release);
  return true;
}

template <class Visit>
void ExtentAlloc::each_extent(Visit visit) {
  for (Region* region = regions_.load(std::memory_order_acquire); region != nullptr; region = region->next) {
    auto* blocks = reinterpret_cast<Extent*>(region);
    for (unsigned i = 1; i < region_extents; ++i) visit(blocks[i]);
  }
}

namespace {
/// Small pieces are control blocks of what the owner of the pieces cannot make anew.
constexpr std::size_t sparse_piece_bytes_min = 512;
constexpr unsigned sixteenths_max = 14;  ///< in use: emptying an extent that is fuller would not pay
}  // namespace

/// What the empty ones keep.
std::size_t ExtentAlloc::give_back() {
  std::size_t given = 0;
  Extent* list;
  {
    const Taken taken(empty_busy_);
    list = std::exchange(empty_, nullptr);
    empty_bytes_ = 0;
  }
  while (list != nullptr) {
    Extent* extent = std::exchange(list, list->next);
    const std::uint32_t held = extent->held_bytes.exchange(0, std::memory_order_relaxed);
    ::madvise(extent->memory, held, MADV_DONTNEED);
    held_bytes_.fetch_sub(held, std::memory_order_relaxed);
    given += held;
    const Taken taken(empty_busy_);
    extent->next = std::exchange(bare_, extent);
  }
  return given;
}

std::size_t ExtentAlloc::mark_sparse(std::size_t bytes) {
  const std::size_t given = bytes == 0 ? 0 : give_back();
  bytes -= std::min(bytes, given);
  // How much memory extents hold that are in use to n sixteenths.
  std::size_t gains[17] = {};
  const auto fullness = [](const Extent& extent, std::uint16_t index) {
    return static_cast<unsigned>(std::min<std::size_t>(16, std::size_t{extent.used.load(std::memory_order_relaxed)} * Classes::bytes_of(index) * 16 / extent_bytes));
  };
  const auto may_empty = [](std::uint16_t index) { return index != no_class && Classes::bytes_of(index) >= sparse_piece_bytes_min; };
  each_extent([&](Extent& extent) {
    const std::uint16_t index = extent.size_class.load(std::memory_order_relaxed);
    if (may_empty(index)) gains[fullness(extent, index)] += extent.held_bytes.load(std::memory_order_relaxed);
  });
  unsigned limit = 0;
  for (std::size_t sum = 0; limit < sixteenths_max && sum < bytes; ++limit) sum += gains[limit];
  std::size_t marked = 0;
  each_extent([&](Extent& extent) {
    const std::uint16_t index = extent.size_class.load(std::memory_order_relaxed);
    if (!may_empty(index)) return;
    Class& pool = classes_[index];
    const Taken taken(pool.busy);
    // It may have become empty, and another class's, before the bit was taken.
    if (extent.size_class.load(std::memory_order_relaxed) != index || extent.used.load(std::memory_order_relaxed) == 0) return;
    const bool is_sparse = fullness(extent, index) < limit && marked < bytes;
    if (is_sparse) marked += extent.held_bytes.load(std::memory_order_relaxed);
    if (extent.is_sparse.exchange(is_sparse, std::memory_order_relaxed) == is_sparse) return;
    const bool has_room = extent.free != nullptr || extent.cut_bytes + Classes::bytes_of(index) <= extent_bytes;
    if (is_sparse && extent.is_linked) unlink(pool, extent);
    else if (!is_sparse && has_room) link(pool, extent);
  });
  return given + marked;
}

bool ExtentAlloc::is_sparse(const void* memory, std::size_t bytes) const {
  return bytes <= Classes::bytes_max && extent_of(memory)->is_sparse.load(std::memory_order_relaxed);
}

ExtentAlloc::~ExtentAlloc() {
  for (Region* region = regions_.load(); region != nullptr;) {
    Region* next = region->next;
    void* at = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(region) & ~(region_bytes - 1));
    ASAN_UNPOISON_MEMORY_REGION(at, region_bytes);
    ::munmap(at, region_bytes);
    region = next;
  }
}

}  // namespace spg::os
