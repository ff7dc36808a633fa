#include "spg/base/byte_buffer.hpp"

#include <cstdlib>

namespace spg {
namespace {
constexpr std::size_t buffer_bytes_first = 512;
}

bool ByteBuffer::grow(std::size_t count) {
  if (failed_) return false;
  const std::size_t held = size();
  // Moving to the front is cheap only where it frees at least as much as it moves.
  if (begin_ >= held && capacity_ - held >= count) {
    std::memmove(data_, data_ + begin_, held);
    begin_ = 0;
    end_ = held;
    return true;
  }
  std::size_t capacity = capacity_ < buffer_bytes_first ? buffer_bytes_first : capacity_ * 2;
  while (capacity - held < count && capacity <= SIZE_MAX / 4) capacity *= 2;
  std::byte* data = capacity - held < count ? nullptr : static_cast<std::byte*>(std::malloc(capacity));
  if (data == nullptr) {
    failed_ = true;
    capacity_ = end_;  // so that ensure() leads here from now on
    return false;
  }
  if (held != 0) std::memcpy(data, data_ + begin_, held);
  std::free(data_);
  data_ = data;
  begin_ = 0;
  end_ = held;
  capacity_ = capacity;
  return true;
}

void ByteBuffer::clear(std::size_t keep_bytes) {
  if (capacity_ > keep_bytes) {
    reset();
    return;
  }
  begin_ = end_ = 0;
}

void ByteBuffer::reset() {
  std::free(data_);
  data_ = nullptr;
  begin_ = end_ = capacity_ = 0;
  failed_ = false;
}

}  // namespace spg
