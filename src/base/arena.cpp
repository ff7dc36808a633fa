#include "spg/base/arena.hpp"

#include <cstdlib>

namespace spg {
namespace {

constexpr std::size_t first_chunk_bytes = 8 * 1024;
constexpr std::size_t chunk_bytes_max = 256 * 1024;

// The last resort when malloc fails in an allocation that must succeed: handed out once, never returned. The flag is up
// by then, so the statement ends within one step; what it needs until then is small.
alignas(64) std::byte reserve[1024 * 1024];
std::atomic<std::size_t> reserve_used{0};

void* take_reserve(std::size_t bytes) {
  const std::size_t at = reserve_used.fetch_add(bytes, std::memory_order_relaxed);
  SPG_ASSERT(at + bytes <= sizeof reserve);
  return reserve + at;
}
bool is_reserve(const void* memory) { return memory >= reserve && memory < reserve + sizeof reserve; }

}  // namespace

bool MemoryBudget::charge(std::size_t bytes) {
  bool within = true;
  for (MemoryBudget* budget = this; budget != nullptr; budget = budget->parent_)
    within &= budget->used_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= budget->limit_bytes_;
  if (++charges_ == fail_at_) within = false;
  if (!within) raise();
  return within;
}

void MemoryBudget::refund(std::size_t bytes) {
  for (MemoryBudget* budget = this; budget != nullptr; budget = budget->parent_)
    budget->used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

void* Arena::add_chunk(std::size_t bytes, std::size_t align, bool must) {
  std::size_t want = sizeof(Chunk) + align + bytes;
  std::size_t usual = held_bytes_ == 0 ? first_chunk_bytes : held_bytes_ < chunk_bytes_max ? held_bytes_ : chunk_bytes_max;
  const bool own = want > usual;  // an oversized piece gets a chunk of its own and leaves the current one in use
  const std::size_t size = own ? want : usual;
  const bool within = budget_->charge(size);
  if (!within && !must) { budget_->refund(size); return nullptr; }
  auto* chunk = static_cast<Chunk*>(std::malloc(size));
  if (chunk == nullptr) {
    budget_->raise();
    if (!must) { budget_->refund(size); return nullptr; }
    chunk = static_cast<Chunk*>(take_reserve(size));
  }
  chunk->before = chunks_;
  chunk->bytes = size;
  chunks_ = chunk;
  held_bytes_ += size;
  const auto begin = reinterpret_cast<std::uintptr_t>(chunk + 1);
  const std::uintptr_t at = (begin + align - 1) & ~(static_cast<std::uintptr_t>(align) - 1);
  if (!own || next_ == 0) {
    next_ = at + bytes;
    end_ = reinterpret_cast<std::uintptr_t>(chunk) + size;
  }
  return reinterpret_cast<void*>(at);
}

void* Arena::allocate_slow(std::size_t bytes, std::size_t align) { return add_chunk(bytes, align, true); }

void* Arena::try_allocate(std::size_t bytes, std::size_t align) {
  const std::uintptr_t at = (next_ + align - 1) & ~(static_cast<std::uintptr_t>(align) - 1);
  if (at <= end_ && bytes <= end_ - at && next_ != 0) { next_ = at + bytes; return reinterpret_cast<void*>(at); }
  if (bytes > SIZE_MAX / 2) { budget_->raise(); return nullptr; }
  return add_chunk(bytes, align, false);
}

std::string_view Arena::copy(std::string_view text) { return join({text}); }

std::string_view Arena::join(std::initializer_list<std::string_view> pieces) {
  std::size_t total = 0;
  for (auto piece : pieces) total += piece.size();
  auto* to = static_cast<char*>(allocate(total, 1));
  std::size_t at = 0;
  for (auto piece : pieces) {
    if (!piece.empty()) std::memcpy(to + at, piece.data(), piece.size());
    at += piece.size();
  }
  return {to, total};
}

void Arena::free_chunk(Chunk* chunk) {
  budget_->refund(chunk->bytes);
  held_bytes_ -= chunk->bytes;
  if (!is_reserve(chunk)) std::free(chunk);
}

void Arena::reset() {
  if (chunks_ == nullptr) return;
  Chunk* chunk = chunks_;
  while (chunk->before != nullptr) {
    Chunk* before = chunk->before;
    free_chunk(chunk);
    chunk = before;
  }
  chunks_ = chunk;
  next_ = reinterpret_cast<std::uintptr_t>(chunk + 1);
  end_ = reinterpret_cast<std::uintptr_t>(chunk) + chunk->bytes;
}

void Arena::release() {
  while (chunks_ != nullptr) {
    Chunk* before = chunks_->before;
    free_chunk(chunks_);
    chunks_ = before;
  }
  next_ = end_ = 0;
}

}  // namespace spg
