#pragma once
#include <cstring>
#include <new>

#include "spg/store/objects.hpp"

namespace spg::store {

template <policy::Alloc A, policy::Sync S, policy::Random R>
Objects<A, S, R>::~Objects() {
  for (Evicted* entry = evicted_; entry != nullptr;) {
    Evicted* next = entry->next;
    release_image(entry->image);
    alloc_->release(entry, sizeof(Evicted));
    entry = next;
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
  const Image* old = from.image.load(std::memory_order_acquire);
  SPG_ASSERT(old != nullptr);  // writers read what they change first
  Image* image = make_image(old->bytes);
  if (image == nullptr) return Error::out_of_memory();
  std::memcpy(static_cast<void*>(image), old, old->bytes);
  return make_cell(image, birth);
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::free(Cell* cell) {
  const std::uint64_t packed = cell->address.load(std::memory_order_acquire);
  if (packed != 0) {
    Bucket& bucket = bucket_of(packed);
    policy::LockGuard lock(bucket.mutex);
    for (Cell** link = &bucket.first; *link != nullptr; link = &(*link)->next_by_address)
      if (*link == cell) { *link = cell->next_by_address; break; }
  }
  Image* image = cell->image.load(std::memory_order_acquire);
  if (image != nullptr) release_image(image);
  cell->~Cell();
  alloc_->release(cell, sizeof(Cell));
  live_.fetch_sub(1, std::memory_order_relaxed);
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::free_tree(Cell* cell) {
  // Depth is the height of a tree of wide nodes: a dozen levels at most.
  if (Image* image = cell->image.load(std::memory_order_acquire))
    for (std::uint16_t i = 0; i < image->children; ++i)
      if (Cell* child = image->child_array()[i]) free_tree(child);
  free(cell);
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
Result<const Image*> Objects<A, S, R>::read_cold(Cell* cell, Access access) {
  if (access == Access::no_wait) return Error::would_block();
  SPG_ASSERT(source_ != nullptr);
  policy::LockGuard lock(load_mutex_);
  if (Image* image = cell->image.load(std::memory_order_acquire)) return const_cast<const Image*>(image);
  SPG_TRY(source_->load(*cell));
  return const_cast<const Image*>(cell->image.load(std::memory_order_acquire));
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
  cell->next_by_address = bucket.first;
  bucket.first = cell;
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
  cell->next_by_address = bucket.first;
  bucket.first = cell;
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
bool Objects<A, S, R>::evict(Cell* cell) {
  if (!cell->has_address()) return false;
  Image* image = cell->image.exchange(nullptr, std::memory_order_acq_rel);
  if (image == nullptr) return false;
  auto* entry = static_cast<Evicted*>(alloc_->allocate(sizeof(Evicted)));
  if (entry == nullptr) { cell->image.store(image, std::memory_order_release); return false; }
  policy::LockGuard lock(guards_mutex_);
  *entry = {image, epoch_.fetch_add(1, std::memory_order_seq_cst), evicted_};
  evicted_ = entry;
  return true;
}

template <policy::Alloc A, policy::Sync S, policy::Random R>
void Objects<A, S, R>::sweep_evicted() {
  policy::LockGuard lock(guards_mutex_);
  std::uint64_t oldest = UINT64_MAX;
  for (GuardSlot* slot = slots_; slot != nullptr; slot = slot->next) {
    const std::uint64_t epoch = slot->epoch.load(std::memory_order_seq_cst);
    if (epoch != 0 && epoch < oldest) oldest = epoch;
  }
  for (Evicted** link = &evicted_; *link != nullptr;) {
    Evicted* entry = *link;
    if (entry->epoch >= oldest) { link = &entry->next; continue; }
    *link = entry->next;
    release_image(entry->image);
    alloc_->release(entry, sizeof(Evicted));
  }
}

}  // namespace spg::store
