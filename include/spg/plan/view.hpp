// Views: what is kept of one, and its definition as SQL.
//
// A view is kept as SQL text that survives changes of names and does not depend on the search path: it names relations by
// OID and columns by the names that they had when the view was made, which the text lists beside each FROM item. It is
// bound anew, as a subquery, by every statement that reads the view. (A tree of structs would be bound to the binder's
// data structures; text is bound to the grammar, which is stable, and is read by a parser that trusts nothing.)
#pragma once
#include "spg/plan/planner.hpp"

namespace spg::plan {

/// An object that a view needs, as pg_depend has it: a relation (sub 0), a column, a constraint.
struct ViewReference {
  Oid catalog{}, oid{};
  std::int32_t sub = 0;
  bool operator==(const ViewReference&) const = default;
};

struct ViewDefinition {
  Vec<OutputColumn> columns;        ///< with the names that the view gives them
  std::string_view text;            ///< what is kept
  std::span<const ViewReference> references;
  /// Why rows cannot be changed through it (DETAIL of the error); empty: they can.
  std::string_view not_updatable;
};

struct ViewRequest {
  const sql::Select* query = nullptr;
  std::string_view name;
  std::span<const std::string_view> columns;  ///< names for the first columns
  bool recursive = false;
};
/// Binds the query of CREATE VIEW.
Result<ViewDefinition> define_view(Arena& arena, const ViewRequest& request, PlanContext& context);

struct ViewStyle {
  bool pretty = false;  ///< fewer parentheses
  int wrap = 0;         ///< columns of a line before items go to a new one; 0: each has its own, below 0: none has
};
/// pg_get_viewdef() of a user's view.
Result<std::string_view> view_text(Arena& arena, const catalog::Relation& view, ViewStyle style, PlanContext& context);

/// What a relation lets be changed, as pg_relation_is_updatable() has it: bits 1 << 2 UPDATE, 1 << 3 INSERT, 1 << 4 DELETE.
inline constexpr int update_event = 1 << 2, insert_event = 1 << 3, delete_event = 1 << 4;
/// `column`: only what concerns that one; 0: any.
Result<int> updatable_events(Arena& arena, const catalog::Relation& relation, std::int16_t column, PlanContext& context);

}  // namespace spg::plan
