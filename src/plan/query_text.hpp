// QueryText: a bound query as SQL: as PostgreSQL's pg_get_viewdef prints it (display), or as a view keeps it (stored).
//
// In the stored form nothing depends on names or on the search path: relations are "@"."oid", FROM items have aliases
// like "3:0:+name" (Binder::read_reference), with the names of their columns as they are now, and columns are referred to
// as "3"."name". Binder::view_range binds it. Private to src/plan.
//
// Lay-out, parentheses and casts of the display form follow ruleutils.c of PostgreSQL 15 function by function: users see
// the text, and clients compare it.
#pragma once
#include "binder.hpp"
#include "spg/plan/view.hpp"

namespace spg::plan {

class QueryText {
 public:
  enum class Form : std::uint8_t { display, stored };
  QueryText(Arena& arena, PlanContext& context, std::span<RangeEntry* const> ranges, Form form, ViewStyle style);

  /// `names`: of the result's columns; empty: the query's own.
  Status print(const Query& query, std::span<const std::string_view> names);
  std::string_view text() const { return out_->view(); }
  /// What the printed query refers to, once each.
  std::span<const ViewReference> references() const { return references_.span(); }

 private:
  // What ruleutils.c distinguishes when it asks whether an expression needs parentheses.
  enum class Tag : std::uint8_t {
    simple, function, sql_function, function_cast, cast, op, sublink, test, boolean_and, boolean_or, boolean_not, other
  };
  struct ItemName {
    const void* item = nullptr;  ///< RangeEntry or JoinNames
    std::string_view name;
    ItemName* next = nullptr;
  };
  struct ForcedName {
    std::uint16_t relation = 0;
    std::int16_t number = 0;
    std::string_view name;
    ForcedName* next = nullptr;
  };
  struct Level {
    const Query* query = nullptr;
    ItemName* names = nullptr;
    Level* outer = nullptr;
  };

  static constexpr int indent_step = 8, indent_join = 4, indent_item = 4, indent_limit = 40;
  /// In stored texts, references of joins lie above those of ranges.
  static constexpr std::uint32_t first_join_reference = 40000;

  bool is_stored() const { return form_ == Form::stored; }
  bool parens_are_forced() const { return !style_.pretty; }
  bool breaks_lines() const { return !is_stored(); }
  std::string_view quoted(std::string_view name);
  void refer(Oid catalog, Oid oid, std::int32_t sub);

  // --- lay-out
  void keyword(std::string_view text, int before, int after, int plus);
  void drop_spaces();
  std::size_t line_bytes() const;

  // --- names
  void name_items(const Query& query, Level& level);
  void name_tree(const FromTree* tree, Level& level);
  void name_item(const void* item, std::string_view wanted, Level& level);
  bool is_taken(std::string_view name, const Level& level) const;
  std::string_view name_of(const void* item) const;
  void force_names(const FromTree* tree);
  void force_name(const Expr* column, std::string_view name);
  std::string_view column_name(const RangeEntry& range, std::size_t index) const;

  // --- queries (query_text.cpp)
  Status query(const Query& query, std::span<const std::string_view> names, bool names_are_visible);
  Status query_body(const Query& query, std::span<const std::string_view> names, bool names_are_visible, bool* by_number);
  Status subquery(const Query& query, bool names_are_visible);
  Status with(const Query& query);
  Status common_table(const Cte& cte);
  Status search_and_cycle(const Cte& cte);
  Status cycle_mark(const Expr* mark);
  Status set_operation(const Query& query, std::span<const std::string_view> names, bool names_are_visible, bool is_root);
  Status plain(const Query& query, std::span<const std::string_view> names, bool names_are_visible);
  Status values(const RangeEntry& range);
  const RangeEntry* only_values(const Query& query, std::span<const std::string_view> names) const;
  Status targets(const Query& query, std::span<const std::string_view> names, bool names_are_visible);
  Status target(const Query& query, std::size_t index, std::string_view name, bool names_are_visible);
  const Expr* target_expr(const Query& query, std::size_t index) const;
  Status sort_key(const Query& query, std::size_t target, bool by_number);
  Status key(const Expr* expr);
  Status order_by(const Query& query, bool by_number);
  void direction(bool descending, bool nulls_first);
  Status group_by(const Query& query);
  Status group_key(const Query& of, std::size_t index);
  Status group_item(const sql::GroupItem& item, const Query& query, std::size_t& next, bool omit_parens);
  Status group_exprs(const sql::Expr& node, const Query& query, std::size_t& next, std::string_view& between);
  Status windows(const Query& query);
  Status window(const WindowSpec& window);
  Status frame(const WindowSpec& window);
  Status frame_bound(sql::FrameBound bound, const Expr* offset);
  Status limit(const Query& query);
  void row_locks(const Query& query);
  Status from(const Query& query);
  Status from_item(const FromTree* tree);
  Status join(const FromTree* tree);
  Status range(const RangeEntry& range, bool lateral);
  Status functions(const RangeEntry& range);
  Status relation_name(const catalog::Relation& relation);
  Status range_alias(const RangeEntry& range);
  void stored_alias(const RangeEntry& range);
  std::span<const std::string_view> join_names(const JoinNames& join, bool* renamed) const;
  std::string_view join_column_name(const JoinNames& join, std::size_t index) const {
    return join.number != 0 ? join_names(join, nullptr)[index] : join.names[index];
  }
  void name_list(std::span<const std::string_view> names);

  // --- expressions (query_text_expr.cpp)
  const Expr* seen(const Expr* expr) const;
  Tag tag(const Expr* expr) const;
  static bool is_cast_tag(Tag tag) { return tag == Tag::cast || tag == Tag::function_cast; }
  bool is_simple(const Expr* expr, const Expr* parent) const;
  char arithmetic(const Expr* expr) const;
  Status expr(const Expr* expr, bool implicit_casts);
  Status expr_any(const Expr* expr, bool implicit_casts);
  Status enclosed(const Expr* expr, bool implicit_casts, const Expr* parent);
  Status list(std::span<Expr* const> items, bool implicit_casts);
  Status shown(const Expr& expr, bool implicit_casts);
  Status column(const Column& column);
  Status join_column(const JoinNames& join, std::size_t index);
  Status whole_row(const Shown& shown, bool at_top);
  Status constant(const Constant& constant, bool with_type);
  Status call(const Call& call, bool implicit_casts);
  Status cast(const Expr* argument, const Expr& expr);
  Status operation(const Call& call);
  Status sql_syntax(const Call& call, bool* done);
  Status words(std::string_view before, std::initializer_list<std::pair<std::string_view, const Expr*>> parts, std::string_view after);
  Status function_call(const Call& call);
  Status logical(const Variadic& node);
  Status negation(const Expr* argument, const Expr* parent);
  Status case_when(const Case& node);
  Status any_all(const AnyAll& node);
  Status sublink(const QueryLink& link);
  Status sublink_test(const QueryLink& link, std::string_view* op);
  Status row_compare(const Shown& shown);
  Status test(const Unary& node, std::string_view words);
  Status subscript(const Call& call);
  Status aggregate(const Aggregated& one);
  Status aggregate_order(const AggregateCall& call);
  Status window_call(const WindowedCall& one, const Query& query);
  Status grouping(const Query& query, std::size_t index);
  void value_function(const Shown& shown);
  std::string_view type_name(Oid type, std::int32_t typmod);
  std::string_view operator_name(Oid op) const;
  std::string_view function_name(Oid function);

  Arena& arena_;
  PlanContext& context_;
  catalog::Catalog& catalog_;
  std::span<RangeEntry* const> ranges_;
  Form form_;
  ViewStyle style_;
  TextBuilder* out_;
  int indent_ = 0;
  std::uint32_t depth_ = 0;
  Level* level_ = nullptr;
  ForcedName* forced_ = nullptr;
  Vec<ViewReference> references_;
};

}  // namespace spg::plan
