#pragma once
#include <cstring>
#include <new>

#include "spg/store/objects.hpp"

namespace spg::store {

template <policy::Alloc A, policy::Sync S, policy::Random R>
Objects<A, S, R>::~Objects() {
  for (Bucket& bucket : buckets_)
    while (bucket.first != nullptr) free(bucket.first);  // below what is cold
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

/// Requires: the bucket is locked.
template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::link(Bucket& bucket, Cell* cell) {
  cell->next_by_address = bucket.first;
  cell->link_by_address = &bucket.first;
  if (bucket.first != nullptr) bucket.first->link_by_address = &cell->next_by_address;
  bucket.first = cell;
}

/// Out of the address table, and so out of the evictor's sight.
template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::unlink(Cell* cell) {
  const std::uint64_t packed = cell->address.load(std::memory_order_acquire);
  if (packed == 0) return;
  policy::LockGuard lock(bucket_of(packed).mutex);
  if (cell->link_by_address == nullptr) return;
  *cell->link_by_address = cell->next_by_address;
  if (cell->next_by_address != nullptr) cell->next_by_address->link_by_address = cell->link_by_address;
  cell->link_by_address = nullptr;
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::free(Cell* cell) {
  unlink(cell);
  Image* image = cell->image.load(std::memory_order_acquire);
  if (image != nullptr) release_image(image);
  cell->~Cell();
  alloc_->release(cell, sizeof(Cell));
  live_.fetch_sub(1, std::memory_order_relaxed);
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::free_tree(Cell* cell, Access access) {
  // Out of the evictor's sight first. What cannot be read stays in the address table until the end.
  unlink(cell);
  if (settled(*cell) == nullptr && access == Access::wait) (void)source_->load(*cell);
  // Depth is the height of a tree of wide nodes: a dozen levels at most.
  if (Image* image = settled(*cell))
    for (std::uint16_t i = 0; i < image->children; ++i)
      if (Cell* child = image->child_array()[i]) free_tree(child, access);
  free(cell);
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
Result<const Image*> Objects<A, S, R>::read_cold(Cell* cell, Access access) {
  if (access == Access::no_wait) return Error::would_block();
  SPG_ASSERT(source_ != nullptr);
  policy::LockGuard lock(load_mutexes_[reinterpret_cast<std::uintptr_t>(cell) / sizeof(Cell) % load_mutex_count]);
  if (Image* image = settled(*cell)) return const_cast<const Image*>(image);
  SPG_TRY(source_->load(*cell));
  return const_cast<const Image*>(settled(*cell));  // the evictor may have looked at the cell before it was touched
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
Result<Cell*> Objects<A, S, R>::claim(Address address, Generation birth, Expected expected) {
  const std::uint64_t packed = address.packed();
  Bucket& bucket = bucket_of(packed);
  policy::LockGuard lock(bucket.mutex);
  for (const Cell* cell = bucket.first; cell != nullptr; cell = cell->next_by_address)
    if (cell->address.load(std::memory_order_relaxed) == packed)
      return Error::make(sqlstate::data_corrupted, "object in segment ", address.segment, " at ", address.offset, " is referred to twice");
  SPG_ASSIGN(Cell * cell, make_cell(nullptr, birth));
  cell->length = address.length;
  cell->expected = expected;
  cell->address.store(packed, std::memory_order_release);
  link(bucket, cell);
  return cell;
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
Cell* Objects<A, S, R>::find(Address address) {
  const std::uint64_t packed = address.packed();
  Bucket& bucket = bucket_of(packed);
  policy::LockGuard lock(bucket.mutex);
  for (Cell* cell = bucket.first; cell != nullptr; cell = cell->next_by_address)
    if (cell->address.load(std::memory_order_relaxed) == packed) return cell;
  return nullptr;
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::set_address(Cell* cell, Address address) {
  Bucket& bucket = bucket_of(address.packed());
  policy::LockGuard lock(bucket.mutex);
  cell->length = address.length;
  link(bucket, cell);
  cell->address.store(address.packed(), std::memory_order_release);
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

/// Requires: the guards have been looked at after `now` had begun; `idle_epochs` is at least the age of the oldest.
template <policy::Alloc A, policy::Sync S, policy::Random R>
std::size_t Objects<A, S, R>::evict_bucket(Bucket& bucket, std::uint8_t now, std::uint64_t idle_epochs) {
  std::size_t bytes = 0;
  policy::LockGuard lock(bucket.mutex);
  for (Cell* cell = bucket.first; cell != nullptr; cell = cell->next_by_address) {
    const std::uint8_t touched = cell->touched.load(std::memory_order_seq_cst);
    if (static_cast<std::uint8_t>(now - touched) <= idle_epochs || cell->image.load(std::memory_order_relaxed) == nullptr) continue;
    Image* image = cell->image.exchange(undecided(), std::memory_order_seq_cst);
    const bool goes = cell->touched.load(std::memory_order_seq_cst) == touched;
    cell->image.store(goes ? nullptr : image, std::memory_order_seq_cst);
    if (!goes) continue;
    bytes += image->bytes;
    release_image(image);
  }
  return bytes;
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
std::size_t Objects<A, S, R>::evict(std::size_t bytes) {
  age();
  const std::uint64_t now = epoch_.load(std::memory_order_seq_cst), guarded = now - oldest_guard();
  std::size_t freed = 0;
  for (std::uint64_t idle = 8;; idle /= 2) {
    const bool is_last = idle <= guarded;
    for (std::size_t i = 0; i < bucket_count && freed < bytes; ++i, hand_ = (hand_ + 1) % bucket_count)
      freed += evict_bucket(buckets_[hand_], static_cast<std::uint8_t>(now), is_last ? guarded : idle);
    if (is_last || idle == 0 || freed >= bytes) return freed;
  }
}

}  // namespace spg::store
