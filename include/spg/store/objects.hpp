// Objects: makes, reads, copies and frees objects; guards; the table of cells by address (DESIGN 1.1).
//
// Place: the floor under tables, indexes and versions. Threads: read() and guards from any thread; make/copy/free from
// any thread (the allocator and the address table lock for themselves), but one object is changed by one scope at a time.
// Ownership: a cell belongs to the versions that refer to it and is freed through a Scope's lists (scope.hpp).
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "spg/base/cpu.hpp"
#include "spg/base/result.hpp"
#include "spg/policy/policy.hpp"
#include "spg/store/forwarding.hpp"
#include "spg/store/image.hpp"

namespace spg::store {

/// What a reader may do when an object is not in RAM.
enum class Access : std::uint8_t {
  wait,      ///< read it now
  no_wait,   ///< read it if the disk is not waited for, else answer "would block"; the caller runs the statement again where waiting is allowed
};

/// Loads the bytes of cold objects. One virtual call per read from disk.
class ObjectSource {
 public:
  /// Allocates an image through `make` and fills it; children arrive as cells. XX001 when the bytes are damaged.
  virtual Status load(Cell& cell, Access access) = 0;
  /// It is about to be loaded: reading it from the disk may begin.
  virtual void will_load(const Cell& cell) = 0;
  /// Nobody will read the object there any more.
  virtual void freed(Address address) = 0;

 protected:
  ~ObjectSource() = default;
};

/// One per session or worker: the epoch since when it may hold image pointers (0 = it holds none). What has been read since
/// the oldest of them is not evicted.
struct alignas(64) GuardSlot {
  std::atomic<std::uint64_t> epoch{0};
  GuardSlot* next = nullptr;
};

template <policy::Alloc Alloc, policy::Sync Sync, policy::Random Random>
class Objects {
 public:
  Objects(Alloc& alloc, Random& random) : alloc_(&alloc), random_(&random) {}
  ~Objects();
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;

  void set_source(ObjectSource* source) { source_ = source; }

  /// A new object with zeroed payload and children; `image_bytes` counts header, payload and child array, which begins
  /// at `children_at`. 53200 when there is no memory.
  Result<Cell*> make(Kind kind, std::uint32_t image_bytes, std::uint16_t children, std::uint32_t children_at, Generation birth);
  /// A new object with the same bytes.
  Result<Cell*> copy(const Cell& from, Generation birth);
  /// An image without a cell (for loads); zeroed header fields are the caller's to fill.
  Image* make_image(std::uint32_t bytes);
  /// Frees the cell and its image. Nobody may refer to it any more.
  void free(Cell* cell);
  /// Frees the object and everything below it; what is below cold ones is found by reading them (wait), or left to the end of
  /// the process (no_wait).
  void free_tree(Cell* cell, Access access);

  /// The object's image; valid while the caller's pin and guard last.
  Result<const Image*> read(Cell* cell, Access access) {
    touch(*cell);
    Image* image = cell->image.load(std::memory_order_seq_cst);
    if (__builtin_expect(is_resident(image), 1)) {
      if (access == Access::no_wait && random_->pretend_cold()) return Error::would_block();
      return const_cast<const Image*>(image);
    }
    return read_cold(cell, access);
  }
  /// Whether a read has to load it.
  static bool is_cold(const Cell& cell) { return cell.image.load(std::memory_order_relaxed) == nullptr; }
  /// A cold object is about to be read.
  void will_read(const Cell& cell) {
    if (is_cold(cell) && cell.has_address() && source_ != nullptr) source_->will_load(cell);
  }
  /// For those who know that the object is dirty (has no address), was just made, or was read under the guard that they hold.
  static Image* image_of(const Cell* cell) {
    Image* image = settled(*cell);
    SPG_DCHECK(image != nullptr);
    return image;
  }

  /// A cold cell for an object that a manifest or a record just loaded refers to. Every object on disk has one owner (each
  /// database keeps one version there, and databases share nothing): XX001 when the address has a cell already.
  Result<Cell*> claim(Address address, Generation birth, Expected expected, SegmentSet below);
  /// Takes back what claim() has given.
  void disown(Cell* cell);
  /// The cell of an address, or of the other one of an object that has been moved; or null.
  Cell* find(Address address);
  /// Gives a dirty cell its address.
  void set_address(Cell* cell, Address address, SegmentSet below);

  /// From now on nothing but history reads the object (Cell::outlived). While no checkpoint writes history.
  void outlive(Cell* cell) {
    if (cell->has(Cell::outlived)) return;
    cell->set(Cell::outlived);
    if (cell->has_address() && source_ != nullptr) source_->freed(cell->where());
  }

  /// Drops the image of an object to which nobody else can hold a pointer: of a clean one, or one that is never read again.
  void drop_image(Cell* cell);

  // --- objects that a compaction has written anew elsewhere. One caller at a time.
  /// From now on either address of a moved object finds its cell: records of older versions refer to the one before.
  void forward(std::unique_ptr<Forwarding> forwarding);
  bool is_forwarding() const { return forwarding_.load(std::memory_order_relaxed) != nullptr; }
  /// If the object at `from` has a cell, it is read from `to` from now on.
  void relocate(Address from, Address to, SegmentSet below);
  /// Nobody can come across a record any more that refers to an address from before.
  void end_forwarding();

  // --- guards and eviction
  GuardSlot* open_guard_slot();
  void close_guard_slot(GuardSlot* slot);
  void enter(GuardSlot& slot) {
    slot.epoch.store(epoch_.load(std::memory_order_acquire), std::memory_order_seq_cst);
    if (random_->pretend_cold()) evict_behind(slot);
  }
  void leave(GuardSlot& slot) { slot.epoch.store(0, std::memory_order_release); }
  /// The simulator's: what the guard does not protect any more, goes at once.
  void evict_behind(GuardSlot& slot);
  /// Begins a new epoch: what is read from now on counts as read later than what was read before.
  void age();
  /// Drops the images of clean objects, those first that have not been read for longest, until some `bytes` of memory are
  /// free. Nothing goes that has been read since the oldest guard was taken. Returns the bytes of the images that went.
  /// The cells below a block that goes, go too: who keeps cells beyond its guard must not keep those (Keep::cells: all stay).
  /// One caller at a time.
  enum class Keep : std::uint8_t { nothing, cells };
  std::size_t evict(std::size_t bytes, Keep keep = Keep::nothing);
  /// No object of the segments up to this one has another parent any more than the one that the newest checkpoint has written:
  /// blocks there may lose the cells below them.
  void settle(std::uint32_t segment) { settled_segment_.store(segment, std::memory_order_release); }
  /// Drops clean images that lie in the sparsest extents of memory (Alloc), so that some `bytes` go back to the system.
  std::size_t evict_sparse(std::size_t bytes);

  /// While `use` runs no image is evicted and none is moved on disk, so that what is in memory can be looked at without marking
  /// it as read. It must be short.
  template <class Use>
  void without_eviction(Use use) {
    policy::LockGuard alone(two_shards_mutex_);  // the evictor holds it for whatever it does
    use();
  }
  /// The object's image if it is in memory, else null.
  static const Image* resident(const Cell& cell) { return settled(cell); }

  /// Objects younger than or as old as this are never appended to in place any more (a checkpoint reads them).
  void seal(Generation generation) { sealed_.store(raw(generation), std::memory_order_release); }
  bool is_sealed(const Cell& cell) const { return raw(cell.birth) <= sealed_.load(std::memory_order_acquire); }

  Alloc& alloc() const { return *alloc_; }
  /// Since the start: images that the evictor has dropped, and objects that were read from disk.
  std::uint64_t evictions() const { return evictions_.load(std::memory_order_relaxed); }
  std::uint64_t cold_loads() const { return cold_loads_.load(std::memory_order_relaxed); }
  std::uint64_t live_objects() const { return live_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t shard_count = 256, load_mutex_count = 64;
  /// A part of the table of cells by address: a hash table with chains that grows with what is in it.
  struct Shard {
    typename Sync::Mutex mutex;
    static constexpr std::uint32_t few_count = 4;
    Cell** buckets = few;
    std::uint32_t bucket_count = few_count, cells = 0;
    Cell* few[few_count] = {};
  };
  /// In the place of an image that the evictor is about to take away, or to leave.
  static Image* undecided() { return reinterpret_cast<Image*>(std::uintptr_t{1}); }
  static bool is_resident(const Image* image) { return reinterpret_cast<std::uintptr_t>(image) > 1; }
  static Image* settled(const Cell& cell) {
    Image* image = cell.image.load(std::memory_order_seq_cst);
    for (; image == undecided(); image = cell.image.load(std::memory_order_seq_cst)) cpu_relax();
    return image;
  }
  // With the guard's epoch stored before (enter()), either the evictor sees the guard, or this sees the evictor's epoch and
  // marks the cell before it looks at the image, which the evictor looks at after it has hidden the image.
  void touch(Cell& cell) {
    const auto now = static_cast<std::uint8_t>(epoch_.load(std::memory_order_seq_cst));
    if (__builtin_expect(cell.touched.load(std::memory_order_relaxed) != now, 0)) cell.touched.exchange(now, std::memory_order_seq_cst);
  }
  std::uint64_t oldest_guard();
  /// Which objects a sweep of the evictor takes: those not read for more than so many epochs.
  struct Sweep {
    std::uint8_t now;
    std::uint64_t idle_epochs;  ///< at least the age of the oldest guard
    Keep keep;
    bool sparse_only;
  };
  std::size_t sweep(const Sweep& sweep, std::size_t bytes);
  std::size_t evict_cell(Cell& cell, const Shard& locked, const Sweep& sweep);
  std::size_t evict_below(const Image& image, const Shard& locked, const Sweep& sweep);
  bool may_lose_children(const Cell& cell, const Image& image) const;
  void free_children(Image& image, const Shard& locked);
  static std::uint64_t hash_of(std::uint64_t packed) { return packed * 0x9e3779b97f4a7c15u; }
  Shard& shard_of(std::uint64_t packed) { return shards_[hash_of(packed) >> 56]; }
  static Cell*& chain_of(Shard& shard, std::uint64_t packed) { return shard.buckets[(hash_of(packed) >> 24) & (shard.bucket_count - 1)]; }
  Cell* find_in(Shard& shard, std::uint64_t packed);
  void link(Shard& shard, std::uint64_t packed, Cell* cell);
  static bool unlink_from(Shard& shard, std::uint64_t packed, Cell* cell);
  void unlink(Cell* cell);
  Cell* find_exactly(std::uint64_t packed);
  typename Sync::Mutex& load_mutex_of(const Cell* cell) { return load_mutexes_[reinterpret_cast<std::uintptr_t>(cell) / sizeof(Cell) % load_mutex_count]; }
  void grow(Shard& shard);
  void release_cell(Cell* cell);
  Result<const Image*> read_cold(Cell* cell, Access access);
  Result<Cell*> make_cell(Image* image, Generation birth);
  void release_image(Image* image) { alloc_->release(image, image->bytes); }

  Alloc* alloc_;
  Random* random_;
  ObjectSource* source_ = nullptr;
  std::atomic<std::uint64_t> epoch_{1}, sealed_{0}, live_{0}, evictions_{0}, cold_loads_{0};
  typename Sync::Mutex guards_mutex_;
  typename Sync::Mutex two_shards_mutex_;  ///< held, and taken first, by whoever locks two shards
  typename Sync::Mutex load_mutexes_[load_mutex_count];
  GuardSlot* slots_ = nullptr;       // all ever made; closed ones have epoch 0 and are reused
  GuardSlot* free_slots_ = nullptr;
  std::atomic<std::uint32_t> settled_segment_{0};
  std::atomic<Forwarding*> forwarding_{nullptr};
  std::size_t hand_ = 0;             // where the evictor goes on: the shard, and the bucket there
  std::uint32_t hand_bucket_ = 0;
  Shard shards_[shard_count];
};

}  // namespace spg::store
