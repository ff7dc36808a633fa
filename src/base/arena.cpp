#include "spg/base/arena.hpp"

#include <cstdlib>

namespace spg {
namespace {

constexpr std::size_t first_chunk_bytes = 8 * 1024;
constexpr std::size_t chunk_bytes_max = 256 * 1024;

// The last resort when malloc fails in an allocation that must succeed. The flag is up by then, so the statement ends
// within one step; what it needs until then is small. Pieces are cut from the front; when the last one has come back the
// whole reserve is free again. State: bytes cut off so far in the low half, pieces out in the high half.
alignas(64) std::byte reserve[4 * 1024 * 1024];
std::atomic<std::uint64_t> reserve_state{0};
constexpr std::uint64_t one_piece = std::uint64_t{1} << 32;

void* take_reserve(std::size_t bytes) {
  bytes = (bytes + 63) & ~std::size_t{63};
  const std::uint64_t before = reserve_state.fetch_add(one_piece + bytes, std::memory_order_acquire);
  const std::size_t at = before % one_piece;
  SPG_ASSERT(bytes <= sizeof reserve && at <= sizeof reserve - bytes);
  return reserve + at;
}
void return_reserve() {
  std::uint64_t state = reserve_state.load(std::memory_order_relaxed);
  std::uint64_t after;
  do after = state / one_piece == 1 ? 0 : state - one_piece;
  while (!reserve_state.compare_exchange_weak(state, after, std::memory_order_acq_rel));
}
bool is_reserve(const void* memory) { return memory >= reserve && memory < reserve + sizeof reserve; }

}  // namespace

bool MemoryBudget::charge(std::size_t bytes) {
  bool within = true;
  for (MemoryBudget* budget = this; budget != nullptr; budget = budget->parent_) {
    within &= budget->used_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= budget->limit_bytes_;
    if (__builtin_expect(budget->fail_in_ != 0, 0) && --budget->fail_in_ == 0) within = false;
  }
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
  if (is_reserve(chunk)) return_reserve();
  else std::free(chunk);
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
