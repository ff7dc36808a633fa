#pragma once
#include "spg/store/scope.hpp"

namespace spg::store {

template <policy::Alloc A>
Status CellList<A>::add_page() {
  auto* page = static_cast<Page*>(alloc_->allocate(sizeof(Page)));
  if (page == nullptr) return Error::out_of_memory();
  page->next = nullptr;
  page->count = page->begin = 0;
  (last_ == nullptr ? first_ : last_->next) = page;
  last_ = page;
  return ok();
}

template <policy::Alloc A>
void CellList<A>::splice(CellList& other) {
  if (other.first_ == nullptr) return;
  // Pages may be part full in the middle; entries are visited page by page, so that does not matter.
  (last_ == nullptr ? first_ : last_->next) = other.first_;
  last_ = other.last_;
  size_ += other.size_;
  other.first_ = other.last_ = nullptr;
  other.size_ = 0;
}

template <policy::Alloc A>
void CellList<A>::clear() {
  for (Page* page = first_; page != nullptr;) {
    Page* next = page->next;
    alloc_->release(page, sizeof(Page));
    page = next;
  }
  first_ = last_ = nullptr;
  size_ = 0;
}

}  // namespace spg::store
