// Index keys from column values, by the key rules of a table's layout: for the integer trees a number, for the others
// memcmp-comparable bytes (type/order.hpp).
#pragma once
#include "spg/base/arena.hpp"
#include "spg/index/btree/nodes.hpp"
#include "spg/table/layout.hpp"

namespace spg::txn {

/// Which tree an index gets: one integer-like ascending column with NULLs last goes into an integer tree.
table::KeyKind key_kind_of(std::span<const table::KeyPart> parts);
/// Whether values of the physical type can be a part of the key.
bool key_part_fits(const table::KeyPart& part, type::Physical physical);

/// The order-preserving number of an integer-like value. NULL: see index::IntNodes.
index::IntKey int_key(const type::Value& value, std::uint64_t rowid);

/// Collects the bytes of one key. Overlong keys are remembered as such and not stored.
class KeyBuffer {
 public:
  KeyBuffer() : arena_(budget_), text_(arena_) {}
  void clear() { text_.resize(0); left_out_bytes_ = 0; }
  std::string_view view() const { return text_.view(); }
  std::size_t size() const { return text_.size() + left_out_bytes_; }
  bool too_long() const { return size() > index::key_bytes_max; }
  void assign(const KeyBuffer& other) { clear(); text_.add(other.view()); left_out_bytes_ = other.left_out_bytes_; }
  /// Turns the key into the least byte string above every string that begins with it; false when there is none.
  bool to_next_prefix();

 private:
  friend void append_key_part(KeyBuffer& key, const table::KeyPart& part, const type::Value& value);
  MemoryBudget budget_;
  Arena arena_;
  TextBuilder text_;
  std::size_t left_out_bytes_ = 0;  ///< of values that are too long by themselves
};

/// Appends one column's value.
void append_key_part(KeyBuffer& key, const table::KeyPart& part, const type::Value& value);

/// 54000 with PostgreSQL's words.
Error key_too_long(std::size_t bytes);

}  // namespace spg::txn
