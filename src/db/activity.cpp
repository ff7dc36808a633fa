#include "spg/db/activity.hpp"

#include <algorithm>
#include <cstring>

namespace spg::db {

template <std::size_t bytes_max>
void SharedText<bytes_max>::write(std::string_view text) {
  std::size_t size = std::min(text.size(), bytes_max);
  // Not in the middle of a character.
  while (size < text.size() && size != 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  size_.store(static_cast<std::uint32_t>(size), std::memory_order_relaxed);
  for (std::size_t at = 0; at < size; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, std::min<std::size_t>(8, size - at));
    words_[at / 8].store(word, std::memory_order_relaxed);
  }
}

template <std::size_t bytes_max>
std::string_view SharedText<bytes_max>::read(char (&to)[bytes_max]) const {
  const std::size_t size = size_.load(std::memory_order_relaxed);
  for (std::size_t at = 0; at < size; at += 8) {
    const std::uint64_t word = words_[at / 8].load(std::memory_order_relaxed);
    std::memcpy(to + at, &word, 8);
  }
  return {to, size};
}

class Activity::Writing {
 public:
  explicit Writing(Activity& of) : stamp_(of.stamp_), before_(stamp_.load(std::memory_order_relaxed)) {
    stamp_.store(before_ + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);  // pairs with the acquire fence in read()
  }
  ~Writing() { stamp_.store(before_ + 2, std::memory_order_release); }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;

 private:
  std::atomic<std::uint32_t>& stamp_;
  const std::uint32_t before_;
};

void Activity::begin(std::string_view query, std::int64_t now) {
  Writing writing(*this);
  query_.write(query);
  query_start_.store(now, std::memory_order_relaxed);
  state_change_.store(now, std::memory_order_relaxed);
  state_.store(State::active, std::memory_order_relaxed);
  rows_.clear();
  set_wait(Wait::nothing);
}

void Activity::settle(State state, std::int64_t now) {
  Writing writing(*this);
  state_.store(state, std::memory_order_relaxed);
  state_change_.store(now, std::memory_order_relaxed);
  set_wait(Wait::client_read);
}

void Activity::set_application(std::string_view name) {
  Writing writing(*this);
  application_.write(name);
}

void Activity::read(Seen& seen) const {
  for (;;) {
    const std::uint32_t stamp = stamp_.load(std::memory_order_acquire);
    seen.state = state_.load(std::memory_order_relaxed);
    seen.query_start = query_start_.load(std::memory_order_relaxed);
    seen.state_change = state_change_.load(std::memory_order_relaxed);
    seen.transaction_start = transaction_start_.load(std::memory_order_relaxed);
    seen.query = query_.read(seen.query_bytes);
    seen.application = application_.read(seen.application_bytes);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (stamp % 2 == 0 && stamp_.load(std::memory_order_relaxed) == stamp) return;
  }
}

}  // namespace spg::db
