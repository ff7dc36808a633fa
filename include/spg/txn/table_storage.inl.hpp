// Where a table's objects lie: a walk over its cells in the version that the statement reads.
//
// A cell with an image and no address is hot, with both clean, with an address alone cold. Nothing is loaded, and nothing is
// marked as read: whoever watches a server changes nothing about what stays in its memory. The evictor waits for one node of
// a tree, or one block, at a time.
#pragma once
#include "spg/txn/transaction.hpp"

namespace spg::txn {

template <class Objects>
class StorageWalk {
 public:
  StorageWalk(Objects& objects, FunctionRef<Status()> interrupted) : objects_(objects), interrupted_(interrupted) {}

  Status rows(Cell* cell, unsigned height, TableStorage& into) {
    if (cell == nullptr) return ok();
    if (height == 0) {
      objects_.without_eviction([&] { block(*cell, into); });
      return ok();
    }
    SPG_TRY(interrupted_());
    Cell* children[table::radix_fanout];
    bool is_known = false;
    // Nodes of trees keep the cells below when they are evicted: these can be looked at later.
    objects_.without_eviction([&] {
      const Image* node = add(*cell, into.bytes);
      is_known = node != nullptr;
      if (is_known) std::copy(node->child_array(), node->child_array() + table::radix_fanout, children);
    });
    for (std::size_t slot = 0; is_known && slot < table::radix_fanout; ++slot) SPG_TRY(rows(children[slot], height - 1, into));
    return ok();
  }

  Status index(Cell* cell, unsigned height, IndexStorage& into) {
    if (cell == nullptr) return ok();
    if (height > 1) SPG_TRY(interrupted_());
    constexpr std::size_t children_max = std::max(index::IntNodes::inner_children, index::BytesNodes::inner_children);
    Cell* children[children_max];
    std::size_t count = 0;
    objects_.without_eviction([&] {
      const Image* node = add(*cell, into.bytes);
      if (node == nullptr) {
        into.has_unseen = into.has_unseen || height > 1;
      } else if (height > 1) {
        SPG_ASSERT(node->children <= children_max);
        count = node->children;
        std::copy(node->child_array(), node->child_array() + count, children);
      } else {
        into.leaf_entries += node->kind == index::IntNodes::leaf_kind ? index::IntNodes::count(node) : index::BytesNodes::count(node);
        into.leaf_bytes += cell->has_address() ? cell->where().length : node->bytes;
      }
    });
    for (std::size_t i = 0; i < count; ++i) SPG_TRY(index(children[i], height - 1, into));
    return ok();
  }

  /// A single object. Requires: without_eviction().
  const Image* add(const Cell& cell, StorageBytes& into) const {
    const bool has_address = cell.has_address();  // before the image: one without an address has an image
    const Image* image = Objects::resident(cell);
    if (!has_address) into.hot += image->bytes;
    else (image != nullptr ? into.clean : into.cold) += cell.where().length;
    return image;
  }

 private:
  void block(const Cell& cell, TableStorage& into) {
    StorageBytes bytes;
    const Image* image = add(cell, bytes);
    if (image == nullptr) {  // its rows are those that are left in the end
      into.bytes += bytes;
      return;
    }
    const table::BlockState& state = table::block_state(image);
    bool is_complete = true, has_column = image->children == 0;
    for (std::uint16_t i = 0; i < image->children; ++i) {
      const Cell* chunk = image->child_array()[i];
      if (chunk == nullptr) continue;
      const Image* values = add(*chunk, bytes);
      has_column = has_column || values != nullptr;
      if (values == nullptr) is_complete = is_complete && state.entries()[i].physical != type::Physical::string;  // its heaps are below
      else add_strings(*values, bytes);
    }
    (bytes.hot != 0 ? into.hot_rows : has_column ? into.clean_rows : into.cold_rows) += state.live_count;
    into.bytes += bytes;
    if (!is_complete) return;
    into.complete_rows += state.live_count;
    into.complete_bytes += bytes.total();
  }

  /// What is below a chunk, or below a large value. The pieces of a cold large value are not known.
  void add_strings(const Image& above, StorageBytes& bytes) const {
    for (std::uint16_t i = 0; i < above.children; ++i)
      if (const Cell* cell = above.child_array()[i])
        if (const Image* image = add(*cell, bytes)) add_strings(*image, bytes);
  }

  Objects& objects_;
  FunctionRef<Status()> interrupted_;
};

template <policy::Env E>
Result<TableStorage> Transaction<E>::storage_of(Cell* cell, Arena& arena) {
  constexpr std::uint64_t rowids_at_once = std::uint64_t{1} << 20;  // milliseconds: others must not wait for more
  SPG_ASSIGN(const store::Image* image, machine_->objects().read(cell, access_));
  const table::TableState& state = table::table_state(image);
  if (access_ == Access::no_wait && state.next_rowid > rowids_at_once) return Error::would_block();
  const auto check = [&] { return interrupted(); };
  StorageWalk<Objects> walk(machine_->objects(), check);
  TableStorage storage;
  storage.rows = state.rows;
  machine_->objects().without_eviction([&] {
    (void)walk.add(*cell, storage.bytes);
    (void)walk.add(*image->child_array()[table::layout_child], storage.bytes);
  });
  SPG_TRY(walk.rows(image->child_array()[table::rows_child], state.row_height, storage));
  storage.cold_rows = storage.rows - storage.hot_rows - storage.clean_rows;
  storage.indexes = {arena.array<IndexStorage>(state.index_count), state.index_count};
  for (std::size_t i = 0; i < state.index_count; ++i) {
    const table::IndexState& index = state.indexes()[i];
    new (&storage.indexes[i]) IndexStorage{IndexId{index.id}, index.entries, {}, false, 0, 0};
    SPG_TRY(walk.index(image->child_array()[table::index_children + i], index.height, storage.indexes[i]));
  }
  return storage;
}

template <policy::Env E>
Result<TableStorage> Transaction<E>::table_storage(TableId id, Arena& arena) {
  SPG_ASSIGN(Cell * cell, table_to_read(id));
  return storage_of(cell, arena);
}

template <policy::Env E>
Result<std::uint64_t> Transaction<E>::database_bytes() {
  if (access_ == Access::no_wait) return Error::would_block();
  scratch_.reset();
  SPG_ASSIGN(const store::Image* root, machine_->objects().read(root_, access_));
  const unsigned height = root_state(root).height;
  Cell* const directory = root->child_array()[0];
  std::uint64_t bytes = 0;
  for (std::uint64_t id = 0;; ++id) {
    SPG_ASSIGN(Cell * cell, table::radix_next(machine_->objects(), directory, height, id, access_));
    if (cell == nullptr) return bytes;
    SPG_ASSIGN(const TableStorage storage, storage_of(cell, scratch_));
    bytes += storage.estimated_bytes(0);
    for (const IndexStorage& index : storage.indexes) bytes += index.estimated_bytes();
  }
}

}  // namespace spg::txn
