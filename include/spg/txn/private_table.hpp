// PrivateTable: what one transaction has done to one table (DESIGN 1.6).
//
// The truth is the write set: `records` says where this table's records lie in it. `mine` is a private table object with
// the first `applied` of them done on top of `base`, the committed object. It is made only when the transaction must
// look at its own writes (or COMMIT has much to do); it can be dropped and made anew from the records at any time, which is
// the rebase.
//
// Layers are scopes stacked on `base`, each with what it takes to go back; a savepoint's rollback pops those above it.
#pragma once
#include "spg/base/array.hpp"
#include "spg/store/scope.hpp"
#include "spg/table/layout.hpp"

namespace spg::txn {

/// A record's place in the write set.
struct RecordPlace {
  std::size_t at, size;
};

/// A row whose key in a deferrable unique index may be another row's, too: it is looked at when the constraint is checked.
struct Suspect {
  IndexId index;
  table::Uniqueness unique;
  std::uint64_t rowid;
  std::size_t at;                  ///< of the record that gave it the key
  std::size_t checked = SIZE_MAX;  ///< bytes of the write set when it was found to be the only one; SIZE_MAX: not yet
  bool is_checked() const { return checked != SIZE_MAX; }
};

template <class Scope>
struct Layer {
  Layer(typename Scope::ObjectsOf& objects, Generation generation) : scope(objects, generation, false) {}
  Scope scope;
  // The table before it.
  store::Cell* mine = nullptr;
  store::Cell* base = nullptr;
  Generation base_birth{};
  std::size_t applied = 0;
  std::uint32_t depth = 0;         ///< of the savepoint or statement that it belongs to
  std::uint64_t statement = 0;     ///< that made it; takes more of that statement's own records
  Layer* below = nullptr;
};

template <class Scope>
struct PrivateTable {
  explicit PrivateTable(TableId table) : id(table) {}
  PrivateTable(const PrivateTable&) = delete;
  PrivateTable& operator=(const PrivateTable&) = delete;
  ~PrivateTable() { drop_layers(); }

  /// Whether `mine` stands on this committed object. Addresses come back; births do not.
  bool is_on(const store::Cell* cell) const { return cell == base && (cell == nullptr || cell->birth == base_birth); }
  void stand_on(store::Cell* cell) {
    drop_layers();
    base = mine = cell;
    base_birth = cell == nullptr ? Generation{} : cell->birth;
    applied = 0;
  }
  /// Undoes the newest layer.
  void pop_layer() {
    Layer<Scope>* layer = top;
    layer->scope.undo();
    mine = layer->mine;
    base = layer->base;
    base_birth = layer->base_birth;
    applied = layer->applied;
    top = layer->below;
    delete layer;
  }
  void drop_layers() { while (top != nullptr) pop_layer(); }
  /// Moves what all layers made and put out of use into `scope`, which publishes it.
  void hand_layers_to(Scope& scope) {
    for (Layer<Scope>* layer = top; layer != nullptr;) {
      layer->scope.hand_to(scope);
      Layer<Scope>* below = layer->below;
      delete layer;
      layer = below;
    }
    top = nullptr;
  }
  /// Whether it is locked against all others, and another than theirs. No longer so once a savepoint has taken that back.
  bool changes_layout() const { return first_layout_record != SIZE_MAX; }
  /// Forgets the records from `count` on.
  void cut_records(std::size_t count) {
    records.truncate(count);
    if (first_layout_record >= count) first_layout_record = SIZE_MAX;
  }
  std::size_t record_bytes() const {
    std::size_t bytes = 0;
    for (const RecordPlace& place : records) bytes += place.size;
    return bytes;
  }

  TableId id;
  store::Cell* base = nullptr;     ///< null: not there before this transaction
  store::Cell* mine = nullptr;     ///< null: dropped, or not made yet
  Generation base_birth{};
  Layer<Scope>* top = nullptr;
  Array<RecordPlace> records;
  Array<Suspect> suspects;
  std::size_t applied = 0;
  std::size_t first_layout_record = SIZE_MAX;  ///< of those that made, dropped, truncated or changed the table itself
  // Within a statement: the records before it, and the object that it reads once it has read.
  std::uint64_t statement = 0, read_statement = 0;
  std::size_t before_statement = 0;
  store::Cell* read = nullptr;
  PrivateTable* next = nullptr;
};

}  // namespace spg::txn
