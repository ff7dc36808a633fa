// A growing queue of bytes: appended at the end, taken from the front. For protocol input and output, which std
// containers cannot hold where there are no exceptions.
//
// When memory runs out the buffer turns `failed`, drops what is appended from then on, and stays so until reset(): the
// owner checks once per batch and closes the connection. Owns its memory (malloc); belongs to one thread at a time.
#pragma once
#include <cstddef>
#include <cstring>
#include <utility>

#include "spg/base/bytes.hpp"

namespace spg {

class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;
  ~ByteBuffer() { reset(); }

  void append(const void* bytes, std::size_t count) {
    if (count == 0 || !ensure(count)) return;
    std::memcpy(data_ + end_, bytes, count);
    end_ += count;
  }
  void append(Bytes bytes) { append(bytes.data(), bytes.size()); }
  void append(std::string_view text) { append(text.data(), text.size()); }
  void append_byte(char byte) { append(&byte, 1); }
  /// Text and the zero byte that ends it.
  void append_string(std::string_view text) {
    append(text);
    append_byte('\0');
  }
  template <std::integral N>
  void append_be(N number) {
    if (!ensure(sizeof number)) return;
    store_be<N>(data_ + end_, number);
    end_ += sizeof number;
  }
  /// Room for `count` bytes at the end, to be filled and then advanced over; null when there is none.
  std::byte* room(std::size_t count) { return ensure(count) ? data_ + end_ : nullptr; }
  void advance(std::size_t count) { end_ += count; }
  /// Changes a number that lies `at` bytes after the front. Requires: it was appended, or the buffer has failed.
  template <std::integral N>
  void patch_be(std::size_t at, N number) {
    if (!failed_) store_be<N>(data_ + begin_ + at, number);
  }

  Bytes view() const { return {data_ + begin_, end_ - begin_}; }
  std::size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  bool failed() const { return failed_; }
  std::size_t held_bytes() const { return capacity_; }

  /// Takes bytes from the front. Requires: count <= size().
  void consume(std::size_t count) {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  /// Cuts at the end. Requires: size <= size().
  void truncate(std::size_t size) { end_ = begin_ + size; }
  /// Forgets the bytes, and gives the memory back if it holds more than `keep_bytes`.
  void clear(std::size_t keep_bytes = 0);
  void reset();
  void swap(ByteBuffer& other) {
    std::swap(data_, other.data_);
    std::swap(begin_, other.begin_);
    std::swap(end_, other.end_);
    std::swap(capacity_, other.capacity_);
    std::swap(failed_, other.failed_);
  }

 private:
  bool ensure(std::size_t count) { return __builtin_expect(capacity_ - end_ >= count, 1) || grow(count); }
  bool grow(std::size_t count);

  std::byte* data_ = nullptr;
  std::size_t begin_ = 0, end_ = 0, capacity_ = 0;
  bool failed_ = false;
};

}  // namespace spg
