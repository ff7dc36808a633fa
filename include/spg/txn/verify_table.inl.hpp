// One table under verification: its objects, its rows, its indexes.
#pragma once
#include <algorithm>
#include <cstring>

#include "spg/txn/apply.inl.hpp"
#include "spg/txn/image_rules.hpp"
#include "spg/txn/verify.hpp"

namespace spg::txn {

/// Reads objects for verification, looks at what their rules say, and tells faults with their place.
template <class Objects>
class ObjectVerifier {
 public:
  /// `backup`: where the objects lie, if not in the database's own files.
  ObjectVerifier(Objects& objects, VerifyReport& report, const store::DatabasePaths& paths, const store::Backup* backup, std::uint64_t next_generation,
                 std::size_t memory_bytes)
      : objects_(objects), report_(report), paths_(paths), backup_(backup), next_generation_(next_generation), memory_bytes_(memory_bytes) {}

  Objects& objects() { return objects_; }
  std::uint64_t faults() const { return faults_; }
  std::uint64_t visited() const { return visited_; }
  void set_place(DatabaseId database, TableId table) { database_ = database; table_ = table; }
  DatabaseId database() const { return database_; }

  template <class... Pieces>
  void fault(const Cell* cell, const Pieces&... pieces) {
    ++faults_;
    const Error text = Error::make(sqlstate::data_corrupted, pieces...);
    VerifyFault told{{}, 0, database_, table_, text.message()};
    store::SegmentPlace place;
    if (cell != nullptr && cell->has_address()) {
      paths_.segment_name(place.name, cell->where().segment);
      if (backup_ != nullptr) (void)backup_->find(cell->where().segment, place);
      told.file = place.name;
      told.offset = place.offset + cell->where().offset;
    }
    report_.fault(told);
  }

  /// The object's image; null when it cannot be read (told), an error when memory ends.
  Result<const Image*> read(Cell* cell) {
    auto image = objects_.read(cell, Access::wait);
    if (image) return *image;
    if (image.error().code() == sqlstate::out_of_memory) return image.take_error();
    fault(cell, image.error().message());
    return static_cast<const Image*>(nullptr);
  }
  /// The same for an object that is met the first time, by its rules.
  Result<const Image*> visit(Cell* cell, store::Expected expected) {
    ++visited_;
    SPG_ASSIGN(const Image* image, read(cell));
    if (image == nullptr) return image;
    store::ChildSlots slots;
    for (std::uint16_t i = 0; i < image->children; ++i)
      if (image->child_array()[i] != nullptr) slots.set(i);
    if (raw(cell->birth) >= next_generation_) fault(cell, "object is of a generation to come");
    const char* broken = image_rules().fault(*image, expected, slots);
    if (broken == nullptr) return image;
    fault(cell, "object is damaged: ", std::string_view(broken));
    return static_cast<const Image*>(nullptr);
  }

  /// Calls `value(cell, key, expected)` for every value of a radix tree. Images read before are not valid afterwards.
  template <class Value>
  Status walk_radix(Cell* cell, store::Expected expected, unsigned height, std::uint64_t base, Value value) {
    if (cell == nullptr) return ok();
    if (height == 0) return value(cell, base, expected);
    SPG_ASSIGN(const Image* node, visit(cell, expected));
    if (node == nullptr) return ok();
    Cell* children[table::radix_fanout];
    std::copy(node->child_array(), node->child_array() + table::radix_fanout, children);
    const store::Expected below = image_rules().child(*node, expected, 0);
    for (std::uint64_t slot = 0; slot < table::radix_fanout; ++slot)
      SPG_TRY(walk_radix(children[slot], below, height - 1, base | slot << (table::radix_bits * (height - 1)), value));
    return ok();
  }

  /// Between objects: no image is valid afterwards, but cells are.
  void keep_budget() {
    const std::size_t used = objects_.alloc().used_bytes();
    if (used > memory_bytes_) objects_.evict(used - memory_bytes_ + memory_bytes_ / 4, Objects::Keep::cells);
  }

 private:
  Objects& objects_;
  VerifyReport& report_;
  const store::DatabasePaths& paths_;
  const store::Backup* backup_;
  std::uint64_t next_generation_;
  std::size_t memory_bytes_;
  std::uint64_t faults_ = 0, visited_ = 0;
  DatabaseId database_{};
  TableId table_ = TableId::none;
};

template <class Objects>
class TableVerifier {
 public:
  TableVerifier(ObjectVerifier<Objects>& base, Cell* table, TableId id, VerifiedTable& counts)
      : base_(base), objects_(base.objects()), table_(table), id_(id), counts_(counts) {}

  Status run(store::Expected expected, std::uint64_t next_index) {
    SPG_ASSIGN(const Image* image, base_.visit(table_, expected));
    if (image == nullptr) return ok();
    if (image->table != raw(id_)) base_.fault(table_, "the table calls itself ", image->table);
    const table::TableState state = table::table_state(image);
    Cell* const rows = image->child_array()[table::rows_child];
    const store::Expected rows_expected = image_rules().child(*image, expected, table::rows_child);
    if (!check_layout(image, next_index)) return ok();
    SPG_TRY(base_.walk_radix(rows, rows_expected, state.row_height, 0, [&](Cell* cell, std::uint64_t number, store::Expected of) -> Status {
      base_.keep_budget();
      return check_block(cell, number, of, state.next_rowid);
    }));
    if (counts_.rows != state.rows) base_.fault(table_, "the table counts ", state.rows, " rows, and has ", counts_.rows);
    counts_.indexes = state.index_count;
    for (std::size_t position = 0; position < state.index_count; ++position) SPG_TRY(check_index(position));
    return ok();
  }

 private:
  static constexpr std::size_t batch_entries_max = 32 * 1024, batch_bytes_max = 2 * 1024 * 1024;
  /// Entries of an index that are to be compared with their rows, which is done in the order of these.
  struct Entry {
    std::uint64_t rowid;
    std::uint64_t key;      ///< of an integer tree
    std::uint32_t at, size; ///< of a tree of bytes: in bytes_
    bool is_null;           ///< of an integer tree
    bool same_as_before;    ///< the key is that of the entry before
    const Cell* leaf;
  };

  Result<const Image*> table_image() { return objects_.read(table_, Access::wait); }

  bool check_layout(const Image* image, std::uint64_t next_index) {
    auto layout = base_.visit(image->child_array()[table::layout_child], {store::Kind::layout, 0, 0});
    if (!layout || *layout == nullptr) return false;
    const table::LayoutView view(*layout);
    if (view.state().table != raw(id_)) base_.fault(image->child_array()[table::layout_child], "the layout is of table ", view.state().table);
    auto read = table::read_layout(objects_, image, Access::wait);
    if (!read) { base_.fault(table_, read.error().message()); return false; }
    for (const table::IndexLayout& index : view.indexes()) {
      if (raw(index.id) >= next_index) base_.fault(table_, "index ", raw(index.id), " has a number that is to come");
      if (Status failed = check_key(view, index)) { base_.fault(table_, failed.message()); return false; }
    }
    return true;
  }

  Status check_block(Cell* cell, std::uint64_t number, store::Expected expected, std::uint64_t next_rowid) {
    SPG_ASSIGN(const Image* block, base_.visit(cell, expected));
    if (block == nullptr) return ok();
    const table::BlockState& state = table::block_state(block);
    if (state.number != number || block->place != number || block->table != raw(id_))
      base_.fault(cell, "block ", number, " calls itself ", state.number, " of table ", block->table);
    if (number * table::block_rows + state.used > next_rowid) base_.fault(cell, "block ", number, " has rows that are to come");
    ++counts_.blocks;
    counts_.rows += state.live_count;
    SPG_ASSIGN(const Image* table, table_image());
    SPG_ASSIGN(const table::LayoutView layout, table::read_layout(objects_, table, Access::wait));
    for (std::size_t at = 0; at < state.column_count; ++at) {
      const table::ColumnEntry& entry = state.entries()[at];
      if (state.find(entry.number) != static_cast<int>(at)) base_.fault(cell, "column ", entry.number, " is in block ", number, " twice");
      if (const table::ColumnLayout* column = layout.column(entry.number); column != nullptr && column->physical != entry.physical)
        base_.fault(cell, "column ", entry.number, " of block ", number, " is of another type than that of the table");
      if (Cell* chunk = block->child_array()[at]) SPG_TRY(check_chunk(chunk, image_rules().child(*block, expected, at), block, entry));
    }
    return ok();
  }

  Status check_chunk(Cell* cell, store::Expected expected, const Image* block, const table::ColumnEntry& entry) {
    SPG_ASSIGN(const Image* chunk, base_.visit(cell, expected));
    if (chunk == nullptr) return ok();
    const table::BlockState& state = table::block_state(block);
    const auto complain = [&](const auto&... pieces) { base_.fault(cell, "column ", entry.number, " of block ", state.number, pieces...); };
    if (chunk->table != raw(id_) || chunk->part != entry.number || chunk->place != state.number)
      complain(" calls itself column ", chunk->part, " of block ", chunk->place, " of table ", chunk->table);
    if (chunk->claimed.load(std::memory_order_relaxed) < state.used) complain(" has claimed fewer rows than the block uses");
    const std::uint64_t* validity = table::chunk_validity(chunk);
    if (const std::uint32_t last = state.used / 64; state.used % 64 != 0) {
      const std::uint64_t mask = (std::uint64_t{1} << state.used % 64) - 1;
      if (((validity[last] ^ entry.last_validity) & mask & state.live[last]) != 0) complain(" has other NULLs than the block");
    }
    const std::size_t heaps = table::chunk_state(chunk).heap_count;
    const store::Expected heap = image_rules().child(*chunk, expected, 0);
    for (std::size_t i = 0; i < heaps; ++i) SPG_TRY(check_heap(chunk->child_array()[i], heap));
    check_values(complain, chunk, state, entry);
    return ok();
  }

  Status check_heap(Cell* cell, store::Expected expected) {
    SPG_ASSIGN(const Image* image, base_.visit(cell, expected));
    if (image == nullptr || image->kind != store::Kind::large) return ok();
    std::uint64_t bytes = 0;
    for (std::uint16_t i = 0; i < image->children; ++i) {
      SPG_TRY(check_heap(image->child_array()[i], image_rules().child(*image, expected, i)));
      if (auto piece = table::large_bytes(objects_, image->child_array()[i], Access::wait)) bytes += *piece;
    }
    const std::uint64_t promised = *image->template payload<std::uint64_t>();
    if (bytes != promised) base_.fault(cell, "the pieces of a string of ", promised, " bytes hold ", bytes);
    return ok();
  }

  /// The live values against what the block says of them, strings against their heaps. One fault of a kind is told per column.
  template <class Complain>
  void check_values(Complain complain, const Image* chunk, const table::BlockState& state, const table::ColumnEntry& entry) {
    const std::size_t width = type::physical_bytes(entry.physical);
    const bool has_bounds = table::has_bounds(entry.physical);
    std::uint32_t nulls = 0, unbounded = UINT32_MAX, broken = UINT32_MAX;
    for (std::uint32_t slot = 0; slot < state.used; ++slot) {
      if (!state.is_live(slot)) continue;
      if ((table::chunk_validity(chunk)[slot / 64] >> slot % 64 & 1) == 0) { ++nulls; continue; }
      const std::byte* value = table::chunk_values(chunk) + slot * width;
      if (has_bounds) {
        const std::uint64_t bound = table::bound_of(entry.physical, value);
        if (entry.bounded == 0 || bound < entry.low || bound > entry.high) unbounded = slot;
      }
      if (entry.physical == type::Physical::string && !string_is_sound(chunk, value)) broken = slot;
    }
    if (nulls > entry.null_count) complain(" has ", nulls, " NULLs, its block counts ", entry.null_count);
    if (unbounded != UINT32_MAX) complain(": slot ", unbounded, " holds a value outside its bounds");
    if (broken != UINT32_MAX) complain(": the string in slot ", broken, " is not in its heap");
  }
  bool string_is_sound(const Image* chunk, const std::byte* value) {
    type::StringRef ref;
    std::memcpy(static_cast<void*>(&ref), value, sizeof ref);
    if (ref.is_inline()) return true;
    auto loaded = table::load_string(objects_, chunk, ref, arena_, Access::wait);
    const bool sound = loaded && std::memcmp(loaded->view().data(), ref.prefix, sizeof ref.prefix) == 0;
    arena_.reset();
    return sound;
  }

  // --- indexes

  Status check_index(std::size_t position) {
    SPG_ASSIGN(const Image* image, table_image());
    SPG_ASSIGN(const table::LayoutView layout, table::read_layout(objects_, image, Access::wait));
    const table::IndexState state = table::table_state(image).indexes()[position];
    index_ = layout.indexes()[position];
    position_ = position;
    Cell* const root = image->child_array()[table::index_children + position];
    const std::uint64_t before = base_.faults();
    entries_ = 0;
    if (root != nullptr) {
      const store::Expected expected = image_rules().child(*image, {store::Kind::table, 0, 0}, table::index_children + position);
      if (state.kind == table::KeyKind::integer) SPG_TRY(walk_tree<index::IntNodes>(root, expected));
      else SPG_TRY(walk_tree<index::BytesNodes>(root, expected));
      SPG_TRY(compare_batch());
    }
    counts_.entries += entries_;
    if (entries_ != state.entries) base_.fault(table_, "index ", raw(index_.id), " counts ", state.entries, " entries, and has ", entries_);
    // Entries ascend strictly, and each has been found to be its row's: a row has at most one, and as many as there are
    // rows means that each row has one.
    if (entries_ == counts_.rows && base_.faults() == before) return ok();
    return state.kind == table::KeyKind::integer ? find_rows<index::IntNodes>() : find_rows<index::BytesNodes>();
  }

  template <class Nodes>
  Status walk_tree(Cell* root, store::Expected expected) {
    has_before_ = false;
    return walk_node<Nodes>(root, expected, nullptr, nullptr);
  }

  /// All keys below lie in [low, high).
  template <class Nodes>
  Status walk_node(Cell* cell, store::Expected expected, const typename Nodes::OwnedKey* low, const typename Nodes::OwnedKey* high) {
    base_.keep_budget();
    SPG_ASSIGN(const Image* node, base_.visit(cell, expected));
    if (node == nullptr) return ok();
    if (node->table != raw(id_) || node->part != raw(index_.id))
      base_.fault(cell, "a node of index ", raw(index_.id), " calls itself one of index ", node->part, " of table ", node->table);
    const std::uint32_t count = Nodes::count(node);
    if (count != 0 && ((low != nullptr && Nodes::compare(node, 0, Nodes::key_of(*low)) < 0) ||
                       (high != nullptr && Nodes::compare(node, count - 1, Nodes::key_of(*high)) >= 0)))
      base_.fault(cell, "index ", raw(index_.id), " holds entries in the wrong place");
    if (node->kind == Nodes::leaf_kind) return add_leaf<Nodes>(cell, node);
    typename Nodes::OwnedKey from, to;
    for (std::uint32_t i = 0; i <= count; ++i) {
      SPG_ASSIGN(node, base_.read(cell));
      if (node == nullptr) return ok();
      if (i < count) to = Nodes::entry(node, i);
      SPG_TRY(walk_node<Nodes>(node->child_array()[i], image_rules().child(*node, expected, i), i == 0 ? low : &from, i == count ? high : &to));
      from = to;
    }
    return ok();
  }

  template <class Nodes>
  Status add_leaf(Cell* cell, const Image* leaf) {
    for (std::uint32_t i = 0; i < Nodes::count(leaf); ++i) {
      Entry entry{Nodes::rowid(leaf, i), 0, 0, 0, false, false, cell};
      if constexpr (std::is_same_v<Nodes, index::IntNodes>) {
        entry.key = index::IntNodes::keys(leaf)[i].key;
        entry.is_null = (index::IntNodes::keys(leaf)[i].rowid & index::null_rowid_bit) != 0;
        entry.same_as_before = has_before_ && before_number_ == entry.key && before_is_null_ == entry.is_null;
        before_number_ = entry.key;
        before_is_null_ = entry.is_null;
      } else {
        const std::string_view prefix = index::BytesNodes::prefix(leaf), suffix = index::BytesNodes::suffix(leaf, i);
        entry.at = static_cast<std::uint32_t>(bytes_.size());
        entry.size = static_cast<std::uint32_t>(prefix.size() + suffix.size());
        if (!bytes_.add(as_bytes(prefix)) || !bytes_.add(as_bytes(suffix))) return Error::out_of_memory();
        const std::string_view key = as_text(bytes_.bytes().subspan(entry.at));
        entry.same_as_before = has_before_ && as_text(before_.bytes()) == key;
        before_.clear();
        if (!before_.add(as_bytes(key))) return Error::out_of_memory();
      }
      has_before_ = true;
      if (!batch_.push_back(entry)) return Error::out_of_memory();
    }
    entries_ += Nodes::count(leaf);
    return batch_.size() >= batch_entries_max || bytes_.size() >= batch_bytes_max ? compare_batch() : ok();
  }

  /// Each entry of the batch against its row.
  Status compare_batch() {
    std::sort(batch_.begin(), batch_.end(), [](const Entry& a, const Entry& b) { return a.rowid < b.rowid; });
    for (std::size_t from = 0, upto; from < batch_.size(); from = upto) {
      const std::uint64_t number = batch_[from].rowid / table::block_rows;
      for (upto = from; upto < batch_.size() && batch_[upto].rowid / table::block_rows == number;) ++upto;
      base_.keep_budget();
      SPG_TRY(compare_in_block(number, {batch_.data() + from, upto - from}));
    }
    batch_.clear();
    bytes_.clear();
    return ok();
  }

  Status compare_in_block(std::uint64_t number, std::span<const Entry> entries) {
    SPG_ASSIGN(const Image* image, table_image());
    SPG_ASSIGN(const table::LayoutView layout, table::read_layout(objects_, image, Access::wait));
    auto read = table::read_block(objects_, image, number, Access::wait);
    if (!read) return read.error().code() == sqlstate::out_of_memory ? read.take_error() : ok();  // told when the rows were walked
    const Image* block = *read;
    for (const Entry& entry : entries) {
      const auto complain = [&](std::string_view what) { base_.fault(entry.leaf, "index ", raw(index_.id), ": ", what, " ", entry.rowid); };
      if (block == nullptr || !table::block_state(block).is_live(static_cast<std::uint32_t>(entry.rowid % table::block_rows))) {
        complain("it has an entry of a row that is not there, row");
        continue;
      }
      bool has_null = false;
      SPG_ASSIGN(const bool readable, make_key(layout, block, entry.rowid, has_null));
      if (!readable) continue;
      const bool same = index_.kind == table::KeyKind::integer ? number_.key == entry.key && has_null == entry.is_null
                                                               : key_.view() == as_text(bytes_.bytes().subspan(entry.at, entry.size));
      if (!same) complain("it has an entry with another key than its row's, row");
      if (entry.same_as_before && index_.is_unique() && !(has_null && index_.nulls_distinct != 0)) complain("it is unique, and has a key twice, the second time of row");
    }
    return ok();
  }

  /// The key of a row goes to number_ or key_. False when the row cannot be read (told when the rows were walked).
  Result<bool> make_key(const table::LayoutView& layout, const Image* block, std::uint64_t rowid, bool& has_null) {
    key_.clear();
    has_null = false;
    for (const table::KeyPart& part : layout.parts(index_)) {
      auto value = table::read_value(objects_, block, layout, *layout.column(part.column), static_cast<std::uint32_t>(rowid % table::block_rows), arena_, Access::wait);
      if (!value && value.error().code() == sqlstate::out_of_memory) return value.take_error();
      if (!value) return false;
      has_null |= value->is_null;
      if (index_.kind == table::KeyKind::integer) number_ = int_key(*value, rowid);
      else append_key_part(key_, part, *value);
      arena_.reset();
    }
    return true;
  }

  /// Which rows have no entry.
  template <class Nodes>
  Status find_rows() {
    SPG_ASSIGN(const Image* image, table_image());
    Cell* const rows = image->child_array()[table::rows_child];
    const unsigned height = table::table_state(image).row_height;
    for (std::uint64_t number = 0;; ++number) {
      base_.keep_budget();
      if (auto block = table::radix_next(objects_, rows, height, number, Access::wait); !block || *block == nullptr) return ok();
      SPG_TRY(find_rows_of_block<Nodes>(number));
    }
  }
  template <class Nodes>
  Status find_rows_of_block(std::uint64_t number) {
    SPG_ASSIGN(const Image* image, table_image());
    SPG_ASSIGN(const table::LayoutView layout, table::read_layout(objects_, image, Access::wait));
    auto block = table::read_block(objects_, image, number, Access::wait);
    if (!block) return ok();
    const table::IndexState& state = table::table_state(image).indexes()[position_];
    index::Cursor<Nodes, Objects> cursor(objects_, image->child_array()[table::index_children + position_], state.height);
    for (std::uint32_t slot = 0; slot < table::block_state(*block).used; ++slot) {
      if (!table::block_state(*block).is_live(slot)) continue;
      const std::uint64_t rowid = number * table::block_rows + slot;
      bool has_null = false;
      SPG_ASSIGN(const bool readable, make_key(layout, *block, rowid, has_null));
      if (!readable) continue;
      typename Nodes::Key key;
      if constexpr (std::is_same_v<Nodes, index::IntNodes>) key = number_;
      else key = {key_.view(), rowid};
      std::uint32_t at = 0;
      if (cursor.seek(key, Access::wait)) continue;  // a node that cannot be read has been told
      auto leaf = cursor.peek(at, Access::wait);
      if (leaf && (*leaf == nullptr || Nodes::compare(*leaf, at, key) != 0)) base_.fault(table_, "index ", raw(index_.id), ": it has no entry of row ", rowid);
    }
    return ok();
  }

  ObjectVerifier<Objects>& base_;
  Objects& objects_;
  Cell* table_;
  TableId id_;
  VerifiedTable& counts_;
  MemoryBudget budget_;
  Arena arena_{budget_};
  // The index being looked at.
  table::IndexLayout index_;
  std::size_t position_ = 0;
  std::uint64_t entries_ = 0;
  Array<Entry> batch_;
  RecordBuffer bytes_;
  bool has_before_ = false, before_is_null_ = false;
  std::uint64_t before_number_ = 0;
  RecordBuffer before_;
  index::IntKey number_;
  KeyBuffer key_;
};

}  // namespace spg::txn
