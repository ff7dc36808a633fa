// Root: the object at the top of a version (Kind::root): a directory of tables by id, and the stamps of the whole.
//
// Image: header | RootState | one child slot: the radix tree TableId -> table object.
#pragma once
#include "spg/table/table.hpp"

namespace spg::txn {

struct RootState {
  std::uint64_t catalog_stamp;   ///< generation of the last commit that touched a table of the catalog
  std::uint64_t next_table;      ///< table ids are dense and never reused
  std::uint64_t next_index;
  std::uint8_t height;
  std::uint8_t reserved[7];
};

/// Tables with ids below this belong to the catalog: bootstrap makes them in a fixed order.
inline constexpr std::uint32_t first_user_table = 64;

inline RootState& root_state(store::Image* image) { return *image->payload<RootState>(); }
inline const RootState& root_state(const store::Image* image) { return *image->payload<RootState>(); }

template <class Scope>
Result<store::Cell*> make_root(Scope& scope) {
  constexpr std::uint32_t children_at = sizeof(store::Image) + sizeof(RootState);
  SPG_ASSIGN(store::Cell * cell, scope.make(store::Kind::root, children_at + 8, 1, children_at));
  RootState& state = root_state(Scope::ObjectsOf::image_of(cell));
  state.next_table = 1;
  state.next_index = 1;
  return cell;
}

/// The table's object in a version, or null.
template <class Objects>
Result<const store::Image*> find_table(Objects& objects, store::Cell* root, TableId table, store::Access access) {
  SPG_ASSIGN(const store::Image* image, objects.read(root, access));
  SPG_ASSIGN(store::Cell * cell, table::radix_find(objects, image->child_array()[0], root_state(image).height, raw(table), access));
  if (cell == nullptr) return static_cast<const store::Image*>(nullptr);
  return objects.read(cell, access);
}

/// The slot of a table in a root that the scope changes (null inside when there is no such table).
template <class Scope>
Result<store::Cell**> table_slot(Scope& scope, store::Cell*& root, TableId table, store::Access access) {
  SPG_TRY(scope.objects().read(root, access).status());
  SPG_ASSIGN(store::Image * image, scope.writable(root));
  SPG_ASSIGN(store::Cell * *slot, table::radix_writable(scope, image->child_array()[0], root_state(image).height, raw(table), access));
  if (*slot != nullptr) SPG_TRY(scope.objects().read(*slot, access).status());
  return slot;
}

}  // namespace spg::txn
