// Hashing and equality of key columns, and GroupTable: distinct keys numbered in order of first appearance.
#pragma once
#include "spg/base/arena.hpp"
#include "spg/base/ids.hpp"
#include "vectors.hpp"

namespace spg::exec {

/// How values of a key column are compared. Integers of different widths and floats of either width compare by value,
/// so that the two sides of a join need no casts.
enum class KeyKind : std::uint8_t { integer, floating, text, general };

struct KeyType {
  Oid type{};
  KeyKind kind = KeyKind::general;
  bool is_unsigned = false;  ///< oid and kin
  static KeyType of(Oid type);
};

std::span<const KeyType> key_types(Arena& arena, std::span<const Oid> types);

/// Folds a column into the hashes of the selected rows (hashes[i] is of rows[i]). NULL hashes like any value.
void hash_column(const KeyType& type, const Vector& column, Selection rows, std::uint64_t* hashes, bool first);

/// Both not null; either may be of another width for integers and floats.
bool keys_equal(const KeyType& type, Physical a_physical, const std::byte* a, Physical b_physical, const std::byte* b);

class GroupTable {
 public:
  /// `interrupts` (may be null) is asked while a large table grows.
  GroupTable(Arena& arena, std::span<const KeyType> types, Interrupts* interrupts);
  /// Sets groups[i] to the number of the group of rows[i]; new keys get new groups. NULLs are equal. `keys` has one
  /// column per key type. With `first`, first[n] is the row of the batch that made group count_before + n.
  Status add(std::span<const Vector> keys, std::uint32_t batch_rows, Selection rows, std::uint32_t* groups);
  /// UINT32_MAX where there is no such group.
  void find(std::span<const Vector> keys, Selection rows, std::uint32_t* groups);
  std::uint32_t count() const { return keys_.size(); }
  const Rows& keys() const { return keys_; }
  /// The rows that made new groups in the last add().
  Selection added() const { return {pending_rows_, pending_}; }

 private:
  struct Slot {
    std::uint32_t tag, group;
  };  ///< group + 1; 0 = free
  bool same_stored(std::span<const Vector> keys, std::uint32_t row, std::uint32_t group) const;
  bool same_pending(std::span<const Vector> keys, std::uint32_t row, std::uint32_t other) const;
  Status interrupted() { return interrupts_ == nullptr ? ok() : interrupts_->check_interrupts(); }
  Status reserve(std::size_t more);
  void add_general(std::span<const Vector> keys, Selection rows, std::uint32_t* groups);
  template <class Key, class Load, class Hash>
  void add_single(const Vector& column, Selection rows, std::uint32_t* groups, Vec<Key>& known, Load load, Hash hash);

  Arena* arena_;
  std::span<const KeyType> types_;
  Interrupts* interrupts_;
  Rows keys_;
  enum class Single : std::uint8_t { none, integer, text } single_ = Single::none;
  Vec<std::int64_t> integers_;  ///< a single integer key's values by group
  Vec<StringRef> texts_;        ///< a single text key's
  std::uint32_t null_group_ = UINT32_MAX;
  Slot* slots_ = nullptr;
  std::uint32_t mask_ = 0, used_ = 0, pending_ = 0;
  std::uint16_t pending_rows_[type::batch_rows_max];
  std::uint64_t hashes_[type::batch_rows_max];
};

}  // namespace spg::exec
