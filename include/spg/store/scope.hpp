// Scope: who may change an object in place, what to free on commit and on rollback (DESIGN 1.2).
//
// A writing scope owns the objects whose birth is at or above its floor and that have no address yet; it changes those in
// place and copies all others. Each scope draws its own generation. `fresh` lists every object that it made (freed when
// the scope is undone), `retired` every object that it put out of use (freed when the commit has been published, is
// durable, and the last pin from before has gone).
//
// A scope belongs to one thread at a time. One under the turn may also append to chunks and heaps that it shares with
// published versions (DESIGN 1.3); others, which run beside it, may not.
#pragma once
#include <cstdint>

#include "spg/store/objects.hpp"

namespace spg::store {

/// A list of cells in pages from the allocator. The low bit of an entry marks "with everything below it".
template <policy::Alloc Alloc>
class CellList {
 public:
  explicit CellList(Alloc& alloc) : alloc_(&alloc) {}
  CellList(CellList&& other) noexcept
      : alloc_(other.alloc_), first_(std::exchange(other.first_, nullptr)), last_(std::exchange(other.last_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  CellList& operator=(CellList&&) = delete;
  ~CellList() { clear(); }

  Status push(Cell* cell, bool whole_tree = false) {
    SPG_TRY(reserve_one());
    last_->entries[last_->count++] = reinterpret_cast<std::uintptr_t>(cell) | (whole_tree ? 1u : 0u);
    ++size_;
    return ok();
  }
  /// Makes room so that the next push cannot fail.
  Status reserve_one() { return last_ != nullptr && last_->count < Page::capacity ? ok() : add_page(); }
  /// Takes the other's entries over; the other is empty afterwards.
  void splice(CellList& other);
  void clear();
  /// Removes entries from the front while `visit(Cell*, bool whole_tree)` takes them. True when all are gone.
  template <class Visit>
  bool drain(Visit visit) {
    while (first_ != nullptr) {
      for (; first_->begin < first_->count; ++first_->begin, --size_) {
        const std::uintptr_t entry = first_->entries[first_->begin];
        if (!visit(reinterpret_cast<Cell*>(entry & ~std::uintptr_t{1}), (entry & 1) != 0)) return false;
      }
      Page* next = first_->next;
      alloc_->release(first_, sizeof(Page));
      first_ = next;
    }
    last_ = nullptr;
    return true;
  }
  std::size_t size() const { return size_; }

  template <class Visit>  // visit(Cell*, bool whole_tree)
  void each(Visit visit) const {
    for (const Page* page = first_; page != nullptr; page = page->next)
      for (std::uint32_t i = page->begin; i < page->count; ++i)
        visit(reinterpret_cast<Cell*>(page->entries[i] & ~std::uintptr_t{1}), (page->entries[i] & 1) != 0);
  }

 private:
  struct Page {
    static constexpr std::uint32_t capacity = 62;
    Page* next;
    std::uint32_t count, begin;
    std::uintptr_t entries[capacity];
  };
  Status add_page();

  Alloc* alloc_;
  Page* first_ = nullptr;
  Page* last_ = nullptr;
  std::size_t size_ = 0;
};

template <class ObjectsType, policy::Alloc Alloc>
class BasicScope {
 public:
  using ObjectsOf = ObjectsType;
  BasicScope(ObjectsType& objects, Generation generation, bool appends_to_shared = true)
      : objects_(&objects), generation_(generation), appends_to_shared_(appends_to_shared), fresh_(objects.alloc()), retired_(objects.alloc()) {}
  BasicScope(BasicScope&&) noexcept = default;

  ObjectsType& objects() { return *objects_; }
  Generation generation() const { return generation_; }
  bool appends_to_shared() const { return appends_to_shared_; }
  bool owns(const Cell& cell) const { return raw(cell.birth) >= raw(generation_) && !cell.has_address(); }

  Result<Cell*> make(Kind kind, std::uint32_t image_bytes, std::uint16_t children, std::uint32_t children_at) {
    SPG_TRY(fresh_.reserve_one());
    SPG_ASSIGN(Cell * cell, objects_->make(kind, image_bytes, children, children_at, generation_));
    SPG_TRY(fresh_.push(cell));
    return cell;
  }
  /// The object behind `slot`, made changeable: itself when owned, else a copy that takes its place in the slot.
  /// The object's image must be in RAM (the writer has read it).
  Result<Image*> writable(Cell*& slot) {
    if (owns(*slot)) return ObjectsType::image_of(slot);
    SPG_TRY(fresh_.reserve_one());
    SPG_TRY(retired_.reserve_one());
    SPG_ASSIGN(Cell * copy, objects_->copy(*slot, generation_));
    SPG_TRY(fresh_.push(copy));
    SPG_TRY(retired_.push(slot));
    slot->set(Cell::superseded);
    slot = copy;
    return ObjectsType::image_of(copy);
  }
  /// Puts an object out of use (with `whole_tree`, everything below it too). The image of one that the scope owns goes at once.
  Status retire(Cell* cell, bool whole_tree = false) {
    cell->set(Cell::superseded);
    SPG_TRY(retired_.push(cell, whole_tree));
    if (!whole_tree && owns(*cell)) objects_->drop_image(cell);
    return ok();
  }

  /// Savepoint released or statement done: the parent takes over what this scope made and retired. Of what the parent had made,
  /// and this one has put out of use, nobody will read the bytes any more.
  void hand_to(BasicScope& parent) {
    retired_.each([&](Cell* cell, bool whole_tree) {
      if (!whole_tree && raw(cell->birth) >= raw(parent.generation_)) objects_->drop_image(cell);
    });
    parent.fresh_.splice(fresh_);
    parent.retired_.splice(retired_);
  }
  /// Undo: frees everything that this scope made. Nothing may refer to it.
  void undo() {
    fresh_.each([&](Cell* cell, bool) { objects_->free(cell); });
    fresh_.clear();
    retired_.clear();
  }
  /// Commit: what is to be freed once nobody can see it. The fresh objects belong to the version now.
  CellList<Alloc> take_retired() { return std::move(retired_); }
  CellList<Alloc> take_fresh() { return std::move(fresh_); }
  std::size_t fresh_count() const { return fresh_.size(); }
  std::size_t retired_count() const { return retired_.size(); }

 private:
  ObjectsType* objects_;
  Generation generation_;
  bool appends_to_shared_;
  CellList<Alloc> fresh_, retired_;
};

}  // namespace spg::store
