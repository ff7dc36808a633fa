// Index keys from column values, by the key rules of a table's layout: for the integer trees a number, for the others
// memcmp-comparable bytes (type/order.hpp).
#pragma once
#include "spg/index/btree/nodes.hpp"
#include "spg/table/layout.hpp"

namespace spg::txn {

/// Which tree an index gets: one integer-like ascending column with NULLs last goes into an integer tree.
table::KeyKind key_kind_of(std::span<const table::KeyPart> parts, type::Physical first_column);

/// The order-preserving number of an integer-like value. NULL: see index::IntNodes.
index::IntKey int_key(const type::Value& value, std::uint64_t rowid);

/// Collects the bytes of one key. Overlong keys are remembered as such.
class KeyBuffer {
 public:
  void clear() { size_ = 0; too_long_ = false; }
  void append(Bytes bytes) {
    if (bytes.size() > sizeof bytes_ - size_) { too_long_ = true; return; }
    if (!bytes.empty()) std::memcpy(bytes_ + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void append(std::uint8_t byte) { const auto one = static_cast<std::byte>(byte); append(Bytes(&one, 1)); }
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes_), size_}; }
  std::size_t size() const { return size_; }
  bool too_long() const { return too_long_ || size_ > index::key_bytes_max; }
  std::byte* data() { return bytes_; }
  void truncate(std::size_t size) { size_ = size; }

 private:
  std::byte bytes_[2 * index::key_bytes_max + 64];
  std::size_t size_ = 0;
  bool too_long_ = false;
};

/// Appends one column's value.
void append_key_part(KeyBuffer& key, const table::KeyPart& part, const type::Value& value);

/// 54000 with PostgreSQL's words.
Error key_too_long(std::size_t bytes);

}  // namespace spg::txn
