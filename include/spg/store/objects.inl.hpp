#pragma once
#include <algorithm>
#include <cstring>
#include <new>

#include "spg/store/objects.hpp"

namespace spg::store {

template <policy::Alloc A, policy::Sync S, policy::Random R>
Objects<A, S, R>::~Objects() {
  source_ = nullptr;
  delete forwarding_.load();
  for (Shard& shard : shards_) {
    for (std::uint32_t i = 0; i < shard.bucket_count; ++i)
      while (shard.buckets[i] != nullptr) free(shard.buckets[i]);  // below what is cold
    if (shard.buckets != shard.few) alloc_->release(shard.buckets, shard.bucket_count * sizeof(Cell*));
  }
  // Closed slots are linked through free_slots_; every session has closed its slot by now.
  for (GuardSlot* slot = free_slots_; slot != nullptr;) {
    GuardSlot* next = slot->next;
    slot->~GuardSlot();
    ::operator delete(slot, std::align_val_t{64});
    slot = next;
  }
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
Image* Objects<A, S, R>::make_image(std::uint32_t bytes) {
  auto* image = static_cast<Image*>(alloc_->allocate(bytes));
  if (image != nullptr) image->bytes = bytes;
  return image;
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
Result<Cell*> Objects<A, S, R>::make_cell(Image* image, Generation birth) {
  void* memory = alloc_->allocate(sizeof(Cell));
  if (memory == nullptr) {
    if (image != nullptr) release_image(image);
    return Error::out_of_memory();
  }
  auto* cell = new (memory) Cell;
  cell->image.store(image, std::memory_order_relaxed);
  cell->birth = birth;
  cell->touched.store(static_cast<std::uint8_t>(epoch_.load(std::memory_order_relaxed)), std::memory_order_relaxed);
  live_.fetch_add(1, std::memory_order_relaxed);
  return cell;
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
Result<Cell*> Objects<A, S, R>::make(Kind kind, std::uint32_t image_bytes, std::uint16_t children,
                                     std::uint32_t children_at, Generation birth) {
  SPG_DCHECK(image_bytes <= object_bytes_max && children_at % 8 == 0 && children_at + children * 8u <= image_bytes);
  Image* image = make_image(image_bytes);
  if (image == nullptr) return Error::out_of_memory();
  std::memset(static_cast<void*>(image), 0, image_bytes);
  image->bytes = image_bytes;
  image->kind = kind;
  image->children = children;
  image->children_at = children_at;
  return make_cell(image, birth);
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
Result<Cell*> Objects<A, S, R>::copy(const Cell& from, Generation birth) {
  const Image* old = settled(from);
  SPG_ASSERT(old != nullptr);  // writers read what they change first, and hold a guard
  Image* image = make_image(old->bytes);
  if (image == nullptr) return Error::out_of_memory();
  std::memcpy(static_cast<void*>(image), old, old->bytes);
  return make_cell(image, birth);
}

// --- the table of cells by address. What is private here requires that the shard is locked.

template <policy::Alloc A, policy::Sync S, policy::Random R>
Cell* Objects<A, S, R>::find_in(Shard& shard, std::uint64_t packed) {
  Cell* cell = chain_of(shard, packed);
  while (cell != nullptr && cell->address.load(std::memory_order_relaxed) != packed) cell = cell->next_by_address;
  return cell;
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::link(Shard& shard, std::uint64_t packed, Cell* cell) {
  if (++shard.cells > shard.bucket_count) grow(shard);
  Cell*& chain = chain_of(shard, packed);
  cell->next_by_address = chain;
  chain = cell;
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
bool Objects<A, S, R>::unlink_from(Shard& shard, std::uint64_t packed, Cell* cell) {
  for (Cell** link = &chain_of(shard, packed); *link != nullptr; link = &(*link)->next_by_address) {
    if (*link != cell) continue;
    *link = cell->next_by_address;
    --shard.cells;
    return true;
  }
  return false;
}

/// Twice the buckets; without memory for them, chains get longer.
template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::grow(Shard& shard) {
  const std::uint32_t count = shard.bucket_count * 2, before = shard.bucket_count;
  auto** fresh = static_cast<Cell**>(alloc_->allocate(count * sizeof(Cell*)));
  if (fresh == nullptr) return;
  std::fill_n(fresh, count, nullptr);
  Cell** const old = std::exchange(shard.buckets, fresh);
  shard.bucket_count = count;
  for (std::uint32_t i = 0; i < before; ++i) {
    for (Cell* cell = old[i]; cell != nullptr;) {
      Cell* const next = cell->next_by_address;
      Cell*& chain = chain_of(shard, cell->address.load(std::memory_order_relaxed));
      cell->next_by_address = chain;
      chain = cell;
      cell = next;
    }
  }
  if (old != shard.few) alloc_->release(old, before * sizeof(Cell*));
}

/// Out of the address table, and so out of the evictor's sight.
template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::unlink(Cell* cell) {
  for (;;) {
    const std::uint64_t packed = cell->address.load(std::memory_order_acquire);
    if (packed == 0) return;
    Shard& shard = shard_of(packed);
    policy::LockGuard lock(shard.mutex);
    if (cell->address.load(std::memory_order_acquire) != packed) continue;  // it has been relocated
    if (unlink_from(shard, packed, cell) && source_ != nullptr && !cell->has(Cell::outlived)) source_->freed(cell->where());
    return;
  }
}

/// Requires: it is in no table.
template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::release_cell(Cell* cell) {
  Image* image = cell->image.load(std::memory_order_acquire);
  if (image != nullptr) release_image(image);
  cell->~Cell();
  alloc_->release(cell, sizeof(Cell));
  live_.fetch_sub(1, std::memory_order_relaxed);
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::free(Cell* cell) {
  unlink(cell);
  release_cell(cell);
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::free_tree(Cell* cell, Access access) {
  // Out of the evictor's sight first. What cannot be read stays in the address table until the end.
  unlink(cell);
  if (settled(*cell) == nullptr && access == Access::wait) (void)source_->load(*cell, access);
  // Depth is the height of a tree of wide nodes: a dozen levels at most.
  if (Image* image = settled(*cell))
    for (std::uint16_t i = 0; i < image->children; ++i)
      if (Cell* child = image->child_array()[i]) free_tree(child, access);
  free(cell);
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
Result<const Image*> Objects<A, S, R>::read_cold(Cell* cell, Access access) {
  SPG_ASSERT(source_ != nullptr);
  auto& mutex = load_mutex_of(cell);
  if (access == Access::wait) mutex.lock();
  else if (!mutex.try_lock()) return Error::would_block();  // whoever has it may wait for the disk
  struct Unlock {
    ~Unlock() { mutex.unlock(); }
    typename S::Mutex& mutex;
  } const until_loaded{mutex};
  if (Image* image = settled(*cell)) return const_cast<const Image*>(image);
  SPG_TRY(source_->load(*cell, access));
  cold_loads_.fetch_add(1, std::memory_order_relaxed);
  return const_cast<const Image*>(settled(*cell));  // the evictor may have looked at the cell before it was touched
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
Result<Cell*> Objects<A, S, R>::claim(Address address, Generation birth, Expected expected, SegmentSet below) {
  const std::uint64_t packed = address.packed();
  Shard& shard = shard_of(packed);
  policy::LockGuard lock(shard.mutex);
  if (find_in(shard, packed) != nullptr)
    return Error::make(sqlstate::data_corrupted, "object in segment ", address.segment, " at ", address.offset, " is referred to twice");
  SPG_ASSIGN(Cell * cell, make_cell(nullptr, birth));
  cell->length = address.length;
  cell->expected = expected;
  cell->below.store(below, std::memory_order_relaxed);
  cell->flags.store(Cell::childless, std::memory_order_relaxed);
  cell->address.store(packed, std::memory_order_release);
  link(shard, packed, cell);
  return cell;
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::disown(Cell* cell) {
  {
    Shard& shard = shard_of(cell->where().packed());
    policy::LockGuard lock(shard.mutex);
    (void)unlink_from(shard, cell->where().packed(), cell);
  }
  release_cell(cell);
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
Cell* Objects<A, S, R>::find_exactly(std::uint64_t packed) {
  Shard& shard = shard_of(packed);
  policy::LockGuard lock(shard.mutex);
  return find_in(shard, packed);
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
Cell* Objects<A, S, R>::find(Address address) {
  const std::uint64_t packed = address.packed();
  if (Cell* cell = find_exactly(packed)) return cell;
  const Forwarding* forwarding = forwarding_.load(std::memory_order_acquire);
  const std::uint64_t other = forwarding == nullptr ? 0 : forwarding->other(packed);
  if (other == 0) return nullptr;
  // It may be relocated just now: then it is found at the one or the other, whichever is looked at last.
  if (Cell* cell = find_exactly(other)) return cell;
  return find_exactly(packed);
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::set_address(Cell* cell, Address address, SegmentSet below) {
  Shard& shard = shard_of(address.packed());
  policy::LockGuard lock(shard.mutex);
  cell->length = address.length;
  cell->below.store(below, std::memory_order_relaxed);
  cell->address.store(address.packed(), std::memory_order_release);
  link(shard, address.packed(), cell);
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::drop_image(Cell* cell) {
  const auto drop = [&] {
    if (Image* image = cell->image.exchange(nullptr, std::memory_order_seq_cst)) release_image(image);
  };
  const std::uint64_t packed = cell->address.load(std::memory_order_acquire);
  if (packed == 0) return drop();
  policy::LockGuard lock(shard_of(packed).mutex);  // the evictor knows of it, too
  drop();
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::forward(std::unique_ptr<Forwarding> forwarding) {
  SPG_ASSERT(!is_forwarding());
  forwarding_.store(forwarding.release(), std::memory_order_release);
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::relocate(Address from, Address to, SegmentSet below) {
  Shard& before = shard_of(from.packed());
  Shard& after = shard_of(to.packed());
  for (;;) {
    const Cell* const found = find_exactly(from.packed());
    if (found == nullptr) return;
    // Nobody reads the record, and learns from it where the children lie, while the cell gets another one.
    policy::LockGuard nobody_loads(load_mutex_of(found));
    policy::LockGuard alone(two_shards_mutex_);
    policy::LockGuard lock(before.mutex);
    if (&before != &after) after.mutex.lock();
    Cell* const cell = find_in(before, from.packed());
    const bool is_it = cell == found;
    if (is_it) {
      (void)unlink_from(before, from.packed(), cell);
      cell->length = to.length;
      cell->below.store(below, std::memory_order_relaxed);
      cell->address.store(to.packed(), std::memory_order_release);
      link(after, to.packed(), cell);
    }
    if (&before != &after) after.mutex.unlock();
    if (is_it || cell == nullptr) return;
  }
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::end_forwarding() {
  const std::unique_ptr<Forwarding> forwarding(forwarding_.exchange(nullptr));
  // It is looked at during loads.
  for (auto& mutex : load_mutexes_) policy::LockGuard until_it_is_over(mutex);
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
GuardSlot* Objects<A, S, R>::open_guard_slot() {
  policy::LockGuard lock(guards_mutex_);
  if (free_slots_ != nullptr) {
    // Slots stay in slots_ for ever; the free list is rebuilt from it, so one link serves both.
    GuardSlot* slot = free_slots_;
    free_slots_ = slot->next;
    slot->next = slots_;
    slots_ = slot;
    return slot;
  }
  auto* slot = new (std::align_val_t{64}, std::nothrow) GuardSlot;
  if (slot == nullptr) return nullptr;
  slot->next = slots_;
  slots_ = slot;
  return slot;
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::close_guard_slot(GuardSlot* slot) {
  policy::LockGuard lock(guards_mutex_);
  for (GuardSlot** link = &slots_; *link != nullptr; link = &(*link)->next)
    if (*link == slot) { *link = slot->next; break; }
  slot->epoch.store(0, std::memory_order_release);
  slot->next = free_slots_;
  free_slots_ = slot;
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
std::uint64_t Objects<A, S, R>::oldest_guard() {
  policy::LockGuard lock(guards_mutex_);
  std::uint64_t oldest = epoch_.load(std::memory_order_seq_cst);
  for (const GuardSlot* slot = slots_; slot != nullptr; slot = slot->next) {
    const std::uint64_t epoch = slot->epoch.load(std::memory_order_seq_cst);
    if (epoch != 0 && epoch < oldest) oldest = epoch;
  }
  return oldest;
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::age() {
  // A cell keeps eight bits: a guard must not be older than they tell.
  if (epoch_.load(std::memory_order_relaxed) - oldest_guard() < 200) epoch_.fetch_add(1, std::memory_order_seq_cst);
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::evict_behind(GuardSlot& slot) {
  age();
  slot.epoch.store(epoch_.load(std::memory_order_acquire), std::memory_order_seq_cst);
  (void)evict(SIZE_MAX);
}

/// Whether nothing below a block or chunk has an image, or could get one before the object itself is read again. A superseded
/// one shares its children with a newer object, or they may have been freed before it.
template <policy::Alloc A, policy::Sync S, policy::Random R>
bool Objects<A, S, R>::may_lose_children(const Cell& cell, const Image& image) const {
  if (cell.has(Cell::superseded)) return false;
  for (std::uint16_t i = 0; i < image.children; ++i) {
    const Cell* child = image.child_array()[i];
    if (child != nullptr && (!child->has_address() || !child->has(Cell::childless) || child->image.load(std::memory_order_seq_cst) != nullptr)) return false;
  }
  return true;
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::free_children(Image& image, const Shard& locked) {
  for (std::uint16_t i = 0; i < image.children; ++i) {
    Cell* child = image.child_array()[i];
    if (child == nullptr) continue;
    const std::uint64_t packed = child->address.load(std::memory_order_relaxed);
    Shard& shard = shard_of(packed);
    if (&shard != &locked) shard.mutex.lock();
    (void)unlink_from(shard, packed, child);
    if (&shard != &locked) shard.mutex.unlock();
    release_cell(child);
  }
}

/// Blocks and chunks take what is below them along, and its cells go with them: millions of cold rows cost a cell per block. (What
/// is below has not been read later than they.) Nodes of trees keep the cells below, which scans keep beyond their guards.
template <policy::Alloc A, policy::Sync S, policy::Random R>
std::size_t Objects<A, S, R>::evict_cell(Cell& cell, const Shard& locked, const Sweep& sweep) {
  const std::uint8_t touched = cell.touched.load(std::memory_order_seq_cst);
  Image* image = cell.image.load(std::memory_order_relaxed);
  if (image == nullptr || static_cast<std::uint8_t>(sweep.now - touched) <= sweep.idle_epochs) return 0;
  if (sweep.sparse_only && !alloc_->is_sparse(image, image->bytes)) return 0;
  const bool may_lose = image->kind == Kind::block || image->kind == Kind::chunk || image->children == 0;
  const bool must_lose = may_lose && sweep.keep == Keep::nothing && !cell.has(Cell::superseded) && cell.where().segment <= settled_segment_.load(std::memory_order_acquire);
  image = cell.image.exchange(undecided(), std::memory_order_seq_cst);
  // Whoever has come to it, or to a child, since has touched it before; whoever comes now waits.
  bool goes = cell.touched.load(std::memory_order_seq_cst) == touched && !(must_lose && cell.has(Cell::superseded));
  std::size_t bytes = 0;
  if (goes && must_lose) {
    bytes = evict_below(*image, locked, sweep);
    goes = may_lose_children(cell, *image);
  }
  if (!goes) {
    cell.image.store(image, std::memory_order_seq_cst);
    return bytes;
  }
  if (must_lose) {
    free_children(*image, locked);
    cell.set(Cell::childless);
  }
  cell.image.store(nullptr, std::memory_order_seq_cst);
  bytes += image->bytes;
  release_image(image);
  evictions_.fetch_add(1, std::memory_order_relaxed);
  return bytes;
}

/// Requires: nobody can come to the children.
template <policy::Alloc A, policy::Sync S, policy::Random R>
std::size_t Objects<A, S, R>::evict_below(const Image& image, const Shard& locked, const Sweep& sweep) {
  Sweep any = sweep;
  any.sparse_only = false;
  std::size_t bytes = 0;
  for (std::uint16_t i = 0; i < image.children; ++i)
    if (Cell* child = image.child_array()[i]; child != nullptr && child->has_address()) bytes += evict_cell(*child, locked, any);
  return bytes;
}

/// Once round the table, from where the last sweep stopped, until so many bytes have gone.
template <policy::Alloc A, policy::Sync S, policy::Random R>
std::size_t Objects<A, S, R>::sweep(const Sweep& sweep, std::size_t bytes) {
  constexpr std::uint32_t buckets_at_once = 64;  // between locks
  std::size_t freed = 0;
  for (std::size_t shards = 0; shards <= shard_count && freed < bytes;) {
    Shard& shard = shards_[hand_];
    policy::LockGuard alone(two_shards_mutex_);
    policy::LockGuard lock(shard.mutex);
    const std::uint32_t end = std::min(shard.bucket_count, hand_bucket_ + buckets_at_once);
    for (; hand_bucket_ < end && freed < bytes; ++hand_bucket_)
      for (Cell* cell = shard.buckets[hand_bucket_]; cell != nullptr; cell = cell->next_by_address) freed += evict_cell(*cell, shard, sweep);
    if (hand_bucket_ < shard.bucket_count) continue;
    hand_bucket_ = 0;
    hand_ = (hand_ + 1) % shard_count;
    ++shards;
  }
  return freed;
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
std::size_t Objects<A, S, R>::evict(std::size_t bytes, Keep keep) {
  age();
  const std::uint64_t now = epoch_.load(std::memory_order_seq_cst), guarded = now - oldest_guard();
  std::size_t freed = 0;
  for (std::uint64_t idle = 8; freed < bytes; idle /= 2) {
    const bool is_last = idle <= guarded || idle == 0;
    freed += sweep({static_cast<std::uint8_t>(now), std::max(idle, guarded), keep, false}, bytes - freed);
    if (is_last) break;
  }
  return freed;
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
std::size_t Objects<A, S, R>::evict_sparse(std::size_t bytes) {
  if (alloc_->mark_sparse(bytes) == 0) return 0;
  age();
  const std::uint64_t now = epoch_.load(std::memory_order_seq_cst), guarded = now - oldest_guard();
  const std::size_t freed = sweep({static_cast<std::uint8_t>(now), guarded, Keep::nothing, true}, SIZE_MAX);
  (void)alloc_->mark_sparse(0);  // what could not go keeps its extent, whose room serves others again
  return freed;
}

}  // namespace spg::store
