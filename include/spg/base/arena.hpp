// Statement memory: a bump arena under a budget, and containers that live in it.
//
// Growing std containers abort where there are no exceptions, so the language floors allocate here. An allocation never
// fails: past the budget's limit (or when the system has no more) memory still comes, from the overshoot allowance and
// then from a fixed reserve, and the budget's `exhausted` flag is raised. Every parse, plan and batch step checks the flag
// (check()) and ends the statement with 53200. Large allocations are explicit and fallible (try_allocate).
// The same check() asks whether the statement was cancelled or its time is up: whoever computes for long calls it every
// so often and ends, for whichever reason.
// Everything in an arena is trivially destructible; memory goes back when the arena is reset or destroyed.
// Thread rule: an Arena belongs to one thread at a time; a MemoryBudget may be shared by the threads of a statement.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "spg/base/piece.hpp"
#include "spg/base/result.hpp"

namespace spg {

/// Says whether a statement should end early. Asked from the thread that runs the statement.
class Interrupts {
 public:
  /// 57014 once the statement was cancelled or its time is up.
  virtual Status check_interrupts() = 0;

 protected:
  ~Interrupts() = default;
};

/// Accounts the memory of a statement (or of all statements: budgets form a chain through `parent`).
class MemoryBudget {
 public:
  /// Without interrupts of its own a budget has its parent's.
  explicit MemoryBudget(std::size_t limit_bytes = SIZE_MAX, MemoryBudget* parent = nullptr, Interrupts* interrupts = nullptr)
      : limit_bytes_(limit_bytes), parent_(parent),
        interrupts_(interrupts != nullptr || parent == nullptr ? interrupts : parent->interrupts_) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// Books bytes; false (and the flag) when a limit of the chain is passed. The bytes stay booked either way.
  bool charge(std::size_t bytes);
  void refund(std::size_t bytes);
  std::size_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  std::size_t limit_bytes() const { return limit_bytes_; }
  void set_limit_bytes(std::size_t limit) { limit_bytes_ = limit; }
  void raise() { exhausted_.store(true, std::memory_order_relaxed); }
  void clear() { exhausted_.store(false, std::memory_order_relaxed); }
  bool exhausted() const { return exhausted_.load(std::memory_order_relaxed); }
  /// 53200 once the flag is up; else what the interrupts say.
  Status check() const {
    if (__builtin_expect(exhausted(), 0)) return Error::out_of_memory();
    return interrupts_ == nullptr ? ok() : interrupts_->check_interrupts();
  }

  /// For tests: the n-th charge from now on (1 = the next), of this budget or of those below it, acts as if the limit
  /// were passed; 0 switches off. One thread at a time.
  void fail_at(std::uint64_t nth) { fail_in_ = nth; }
  std::uint64_t fails_in() const { return fail_in_; }

 private:
  std::size_t limit_bytes_;
  MemoryBudget* parent_;
  Interrupts* interrupts_;
  std::atomic<std::size_t> used_bytes_{0};
  std::atomic<bool> exhausted_{false};
  std::uint64_t fail_in_ = 0;
};

class Arena {
 public:
  explicit Arena(MemoryBudget& budget) : budget_(&budget) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { release(); }

  /// Never null; uninitialised. See the file comment for what happens past the limit.
  void* allocate(std::size_t bytes, std::size_t align = 16) {
    const std::uintptr_t at = (next_ + align - 1) & ~(static_cast<std::uintptr_t>(align) - 1);
    if (__builtin_expect(at + bytes <= end_ && at >= next_, 1)) { next_ = at + bytes; return reinterpret_cast<void*>(at); }
    return allocate_slow(bytes, align);
  }
  /// Null when the budget or the system refuses; for allocations whose size the data decides. Raises the flag then.
  void* try_allocate(std::size_t bytes, std::size_t align = 16);

  template <class T, class... Args>
  T* make(Args&&... args) {
    static_assert(std::is_trivially_destructible_v<T>);
    return new (allocate(sizeof(T), alignof(T))) T{std::forward<Args>(args)...};
  }
  /// Uninitialised when T is trivial.
  template <class T>
  T* array(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T>);
    return static_cast<T*>(allocate(count * sizeof(T), alignof(T)));
  }
  std::string_view copy(std::string_view text);
  template <class... Pieces>
  std::string_view concat(const Pieces&... pieces) { return join({Piece(pieces).text()...}); }
  std::string_view join(std::initializer_list<std::string_view> pieces);

  /// Forgets everything but keeps the first chunk for the next use.
  void reset();
  /// Gives everything back.
  void release();
  MemoryBudget& budget() const { return *budget_; }
  Status check() const { return budget_->check(); }
  std::size_t held_bytes() const { return held_bytes_; }

 private:
  struct Chunk { Chunk* before; std::size_t bytes; };
  void* allocate_slow(std::size_t bytes, std::size_t align);
  void* add_chunk(std::size_t bytes, std::size_t align, bool must);
  void free_chunk(Chunk* chunk);

  MemoryBudget* budget_;
  std::uintptr_t next_ = 0, end_ = 0;
  Chunk* chunks_ = nullptr;
  std::size_t held_bytes_ = 0;
};

/// A growing array in an arena. Growing leaves the old array behind in the arena. Copying copies the handle.
template <class T>
class Vec {
  static_assert(std::is_trivially_destructible_v<T> && std::is_trivially_copyable_v<T>);

 public:
  Vec() = default;
  explicit Vec(Arena& arena, std::size_t capacity = 0) : arena_(&arena) { if (capacity != 0) reserve(capacity); }

  void push_back(const T& value) {
    if (size_ == capacity_) { const T copy = value; grow(size_ + 1); data_[size_++] = copy; return; }
    data_[size_++] = value;
  }
  T& emplace_back() { if (size_ == capacity_) grow(size_ + 1); return *new (&data_[size_++]) T{}; }
  void append(std::span<const T> values) {
    if (values.empty()) return;
    if (capacity_ - size_ < values.size()) grow(size_ + values.size());
    std::memcpy(static_cast<void*>(data_ + size_), values.data(), values.size() * sizeof(T));
    size_ += static_cast<std::uint32_t>(values.size());
  }
  void resize(std::size_t size) {
    if (size > capacity_) grow(size);
    for (std::size_t i = size_; i < size; ++i) new (&data_[i]) T{};
    size_ = static_cast<std::uint32_t>(size);
  }
  void reserve(std::size_t capacity) { if (capacity > capacity_) grow(capacity); }
  void clear() { size_ = 0; }
  void pop_back() { SPG_DCHECK(size_ > 0); --size_; }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](std::size_t i) { SPG_DCHECK(i < size_); return data_[i]; }
  const T& operator[](std::size_t i) const { SPG_DCHECK(i < size_); return data_[i]; }
  T& front() { return (*this)[0]; }
  T& back() { return (*this)[size_ - 1]; }
  const T& back() const { return (*this)[size_ - 1]; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  operator std::span<T>() { return {data_, size_}; }              // NOLINT
  operator std::span<const T>() const { return {data_, size_}; }  // NOLINT
  std::span<T> span() const { return {data_, size_}; }
  Arena* arena() const { return arena_; }

 private:
  void grow(std::size_t least) {
    SPG_ASSERT(arena_ != nullptr && least <= UINT32_MAX);
    std::size_t capacity = capacity_ == 0 ? 4 : capacity_ * std::size_t{2};
    if (capacity < least) capacity = least;
    T* data = arena_->template array<T>(capacity);
    if (size_ != 0) std::memcpy(static_cast<void*>(data), data_, size_ * sizeof(T));
    data_ = data;
    capacity_ = static_cast<std::uint32_t>(capacity);
  }
  Arena* arena_ = nullptr;
  T* data_ = nullptr;
  std::uint32_t size_ = 0, capacity_ = 0;
};

/// Text that grows in an arena.
class TextBuilder {
 public:
  explicit TextBuilder(Arena& arena) : text_(arena) {}
  template <class... Pieces>
  TextBuilder& add(const Pieces&... pieces) { (add_one(Piece(pieces).text()), ...); return *this; }
  std::string_view view() const { return {text_.data(), text_.size()}; }
  std::size_t size() const { return text_.size(); }
  void resize(std::size_t size) { text_.resize(size); }
  char* data() { return text_.data(); }

 private:
  void add_one(std::string_view piece) { text_.append({piece.data(), piece.size()}); }
  Vec<char> text_;
};

}  // namespace spg
