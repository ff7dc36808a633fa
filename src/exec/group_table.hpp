// GroupTable: distinct keys, numbered in order of first appearance.
//
// How keys are kept depends on their types (Form). Integers and floats are words; texts are the two words of their
// references. Only other types are compared by their types' rules, column by column.
#pragma once
#include "hashing.hpp"

namespace spg::exec {

class GroupTable {
 public:
  /// `interrupts` (may be null) is asked while a large table grows.
  GroupTable(Arena& arena, std::span<const KeyType> types, Interrupts* interrupts);
  /// Sets groups[i] to the number of the group of rows[i]; new keys get new groups. NULLs are equal. `keys` has one
  /// column per key type.
  Status add(std::span<const Vector> keys, std::uint32_t batch_rows, Selection rows, std::uint32_t* groups);
  /// UINT32_MAX where there is no such group.
  void find(std::span<const Vector> keys, Selection rows, std::uint32_t* groups);
  std::uint32_t count() const { return keys_.size(); }
  const Rows& keys() const { return keys_; }
  /// The rows that made new groups in the last add().
  Selection added() const { return {pending_rows_, pending_}; }

 private:
  /// A single integer key lies in its slot; a single text by group; records are fixed numbers of words by group;
  /// general keys lie in `keys_` only.
  enum class Form : std::uint8_t { integer, text, record, general };
  /// `group` is the group's number + 1; 0 = free.
  struct IntegerSlot {
    std::int64_t key;
    std::uint32_t group, unused;
  };
  struct TagSlot {
    std::uint32_t tag, group;
  };
  template <class Slot>
  struct Slots {
    Slot* slots = nullptr;
    std::uint32_t mask = 0;
    bool is_large() const;  ///< larger than caches that answer at once
  };
  /// A window of integers whose groups are looked up by place: group + 1, 0 = ask the slots.
  struct Window {
    std::uint32_t* groups = nullptr;
    std::int64_t first = 0;
    std::uint64_t size = 0;
  };

  template <class Slot, class TagOf>
  Status reserve(Slots<Slot>& table, std::size_t more, TagOf tag_of);
  Status interrupted() { return interrupts_ == nullptr ? ok() : interrupts_->check_interrupts(); }
  std::uint32_t new_group(std::uint32_t row) {
    pending_rows_[pending_] = static_cast<std::uint16_t>(row);
    return keys_.size() + pending_++;
  }

  // --- integer
  void open_window(const Vector& column, Selection rows);
  template <bool insert>
  std::uint32_t integer_group(std::int64_t key, std::uint32_t row);
  template <bool insert>
  std::uint32_t null_group(std::uint32_t row);
  template <bool insert>
  void integer_groups(const Vector& column, Selection rows, std::uint32_t* groups);

  // --- text
  template <bool insert>
  void text_groups(const Vector& column, Selection rows, std::uint32_t* groups);

  // --- record
  void make_records(std::span<const Vector> keys, Selection rows);
  void hash_records(std::uint32_t count);
  bool same_record(const std::uint64_t* a, const std::uint64_t* b) const;
  template <bool insert>
  void record_groups(Selection rows, std::uint32_t* groups);
  void own_texts(std::uint32_t first_group);

  // --- general
  bool same_stored(std::span<const Vector> keys, std::uint32_t row, std::uint32_t group) const;
  bool same_pending(std::span<const Vector> keys, std::uint32_t row, std::uint32_t other) const;
  template <bool insert>
  void general_groups(std::span<const Vector> keys, Selection rows, std::uint32_t* groups);

  Arena* arena_;
  std::span<const KeyType> types_;
  Interrupts* interrupts_;
  Rows keys_;
  Form form_ = Form::general;
  Slots<IntegerSlot> integers_;
  Slots<TagSlot> tags_;
  Window window_;
  bool window_tried_ = false;
  std::uint32_t null_group_ = UINT32_MAX;  ///< of a single key: NULL is not in the slots
  Vec<StringRef> texts_;                   ///< by group
  // Records: a word of NULL bits, then the words of each key.
  std::size_t words_ = 0;
  bool has_texts_ = false;
  Vec<std::uint64_t> records_;              ///< by group
  std::uint64_t* batch_records_ = nullptr;  ///< of the rows being added
  std::uint32_t used_ = 0, pending_ = 0;
  std::uint16_t pending_rows_[type::batch_rows_max];
  std::uint64_t hashes_[type::batch_rows_max];
  std::int64_t batch_keys_[type::batch_rows_max];
};

}  // namespace spg::exec
