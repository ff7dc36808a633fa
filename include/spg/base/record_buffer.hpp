// RecordBuffer: bytes that grow on malloc, with growth that can fail, and the little encodings of records on disk.
#pragma once
#include <cstdlib>
#include <cstring>
#include <utility>

#include "spg/base/bytes.hpp"

namespace spg {

/// A growing buffer for records on disk; growth can fail.
class RecordBuffer {
 public:
  RecordBuffer() = default;
  RecordBuffer(const RecordBuffer&) = delete;
  RecordBuffer& operator=(const RecordBuffer&) = delete;
  ~RecordBuffer();
  bool reserve(std::size_t bytes);      ///< room for so many bytes in all
  std::byte* extend(std::size_t bytes); ///< null when there is no memory
  std::byte* data() { return data_; }
  std::size_t size() const { return size_; }
  void clear() { size_ = 0; }
  void resize(std::size_t size) { size_ = size; }  ///< only ever smaller
  // Appending; false when there is no memory.
  [[nodiscard]] bool add(Bytes bytes) {
    std::byte* at = extend(bytes.size());
    if (at != nullptr && !bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    return at != nullptr;
  }
  template <std::integral N>
  [[nodiscard]] bool add_le(N value) {
    std::byte* at = extend(sizeof value);
    if (at != nullptr) store_le(at, value);
    return at != nullptr;
  }
  [[nodiscard]] bool add_varint(std::uint64_t value) {
    std::byte coded[10];
    std::size_t count = 0;
    for (; value >= 0x80; value >>= 7) coded[count++] = static_cast<std::byte>(value | 0x80);
    coded[count++] = static_cast<std::byte>(value);
    return add({coded, count});
  }
  void shrink(std::size_t capacity_max);  ///< gives the memory of an unusually large flush back
  Bytes bytes() const { return {data_, size_}; }
  void swap(RecordBuffer& other) {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

inline RecordBuffer::~RecordBuffer() { std::free(data_); }
inline bool RecordBuffer::reserve(std::size_t bytes) {
  if (bytes <= capacity_ && data_ != nullptr) return true;  // an empty piece of an empty buffer lies somewhere, too
  std::size_t capacity = capacity_ == 0 ? 4096 : capacity_;
  while (capacity < bytes) capacity *= 2;
  auto* data = static_cast<std::byte*>(std::realloc(data_, capacity));
  if (data == nullptr) return false;
  data_ = data;
  capacity_ = capacity;
  return true;
}
inline std::byte* RecordBuffer::extend(std::size_t bytes) {
  if (!reserve(size_ + bytes)) return nullptr;
  size_ += bytes;
  return data_ + size_ - bytes;
}
inline void RecordBuffer::shrink(std::size_t capacity_max) {
  if (capacity_ <= capacity_max) return;
  std::free(data_);
  data_ = nullptr;
  size_ = capacity_ = 0;
}

}  // namespace spg
