// Binder: sql:: trees -> bound queries, by PostgreSQL's rules. One object per statement. Private to src/plan.
//
// Files: bind_type (names and texts of types), coerce (casts, common types), resolve (functions and operators),
// bind_expr, bind_call, bind_aggregate, bind_name (scopes), bind_from, bind_select, bind_with, bind_search, bind_group,
// bind_window, bind_set, bind_dml, bind_target, bind_assign, bind_conflict, bind_merge, bind_view.
#pragma once
#include "make.hpp"
#include "spg/sql/expr.hpp"
#include "spg/plan/view.hpp"
#include "spg/sql/query.hpp"

namespace spg::plan {

enum class CastContext : std::uint8_t { implicit, assignment, explicit_ };

/// Where an expression stands: what is allowed there, and how errors name the place.
enum class Place : std::uint8_t {
  none,
  select,
  where,
  join_on,
  group_by,
  having,
  order_by,
  distinct_on,
  limit,
  offset,
  values,
  update,
  returning,
  from_function,
  from_subquery,
  default_value,
  filter,
  window,  ///< PARTITION BY and ORDER BY of a window
  window_rows,  ///< an offset of a frame, by mode
  window_range,
  window_groups,
  index_expression,
  merge_when
};
std::string_view place_name(Place place);

/// The schema that stands before the OID of a relation or type in the text of a view.
inline constexpr std::string_view reference_schema = "@";

/// Where an expression that must be grouped stands, for the message.
enum class GroupPlace : std::uint8_t { own, nested, direct_argument };

struct NamedColumn {
  std::string_view name;
  Expr* expr = nullptr;
  bool is_not_of_star = false;  ///< only there for whoever names it
};
/// A FROM item as names see it.
struct NameItem {
  std::string_view schema, name;
  RangeEntry* range = nullptr;  ///< null: an alias of a join
  const JoinNames* join = nullptr;
  bool is_view = false;         ///< `range` is of the table below
  Vec<NamedColumn> columns;
  bool is_joined_outside = false;  ///< hidden since it is the other side of a RIGHT or FULL join
};
struct Scope {
  Scope* outer = nullptr;
  Query* query = nullptr;
  Vec<NameItem> items;
  Vec<NamedColumn> columns;  ///< what unqualified names and `*` see
  Vec<NameItem> hidden;      ///< items of this FROM that must not be referenced from here (for the message)
  Vec<Cte*> ctes;            ///< visible here, innermost last
  Place place = Place::none;
  Cte* recursing = nullptr;  ///< the CTE whose recursive term is being bound
  const RangeEntry* written = nullptr;  ///< the table of an UPDATE or DELETE, while the FROM beside it is bound
  bool aggregates_allowed = false;
};

/// What a statement writes to.
struct WriteTarget {
  const catalog::Relation* named = nullptr;  ///< the table, or the view
  RangeEntry* range = nullptr;               ///< of the table
  ViewTarget* view = nullptr;
  NameItem item;
  Vec<std::string_view> names;               ///< of the view's columns
};

struct FromResult {
  FromTree* tree = nullptr;
  Vec<NameItem> items;
  Vec<NamedColumn> columns;
};

class Binder {
 public:
  Binder(Arena& arena, PlanContext& context);

  Result<BoundStatement*> statement(const sql::Statement& statement);
  // --- view.cpp, bind_view.cpp
  /// Views that are read are then but relations: for whoever asks what a query says, not what it yields.
  void keep_views_closed() { expands_views_ = false; }
  Status check_view(const sql::Select& node, const ViewRequest& request);
  Result<Query*> lone_query(const sql::Select& node);
  Result<RangeEntry*> view_range(const catalog::Relation& view, std::int32_t at);
  std::span<RangeEntry* const> ranges() const { return ranges_.span(); }
  /// Constraints of primary keys that GROUP BY relies upon.
  std::span<const Oid> grouping_keys() const { return grouping_keys_.span(); }
  Result<Expr*> standalone(const sql::Expr& expr, Oid type, std::int32_t typmod);

  // --- bind_type.cpp
  Result<ResolvedType> type_of(const sql::TypeName& name);
  std::string_view type_text(Oid type, std::int32_t typmod = -1);
  const catalog::Type* type(Oid oid) { return catalog_->type(oid); }
  Physical physical(Oid type);
  RangeColumn computed_column(std::string_view name, Oid type, std::int32_t typmod);
  Oid base_type(Oid type);
  Oid collation_of(Oid type);
  char category(Oid type);
  bool is_preferred(Oid type);
  Oid element_of(Oid type);  ///< of true arrays; none else
  Oid array_of(Oid type);

 private:
  friend Result<ResolvedType> resolve_type(Arena&, const sql::TypeName&, PlanContext&);

  template <class... Pieces>
  Error fail(Sqlstate code, std::int32_t at, const Pieces&... pieces) {
    return Error::make(code, pieces...).at(position(at));
  }
  std::int32_t position(std::int32_t at) const;
  /// How literals are read. Views hold them as the default settings print them.
  type::TextSettings settings() const { return in_view_ != 0 ? type::TextSettings() : context_->settings; }
  struct Deeper {
    explicit Deeper(std::uint32_t& at) : depth(at) { ++depth; }
    ~Deeper() { --depth; }
    std::uint32_t& depth;
  };
  Status check_depth();

  // --- coerce.cpp
  enum class PathKind : std::uint8_t { none, relabel, function, io, array };
  struct Path {
    PathKind kind = PathKind::none;
    Oid function{};
  };
  Path find_path(Oid target, Oid source, CastContext context);
  bool can_coerce(Oid from, Oid to, CastContext context);
  Result<Expr*> coerce(Expr* expr, Oid target, std::int32_t typmod, CastContext context, std::int32_t at);
  Result<Expr*> coerce_to(Expr* expr, Oid target, std::int32_t typmod, CastContext context, std::int32_t at,
                          bool* done);
  const Shown* show_expr(const Expr* expr);
  Result<Expr*> apply_typmod(Expr* expr, Oid type, std::int32_t typmod, CastContext context);
  Result<Expr*> input_literal(const Constant& literal, Oid target, std::int32_t typmod);
  Result<Expr*> input_reg(const Constant& literal, Oid target);
  Result<Expr*> coerce_parameter(Parameter* parameter, Oid target);
  Result<Expr*> coerce_boolean(Expr* expr, std::string_view construct);
  Result<Expr*> coerce_integer(Expr* expr, std::string_view construct);
  Result<Oid> common_type(std::span<Expr*> exprs, std::string_view context, bool unknown_stays = false);
  Result<Expr*> coerce_common(Expr* expr, Oid type, std::string_view context);
  Result<Expr*> settle_unknown(Expr* expr);  ///< an undecided literal becomes text
  std::int32_t common_typmod(std::span<Expr*> exprs);

  // --- resolve.cpp
  struct Candidate {
    const catalog::Function* function = nullptr;
    const catalog::Operator* op = nullptr;
    std::span<const Oid> arguments;  ///< after variadic expansion, as many as the call has
    std::uint16_t defaults_used = 0;
    bool variadic_expanded = false;
    std::span<const std::int16_t> order;  ///< named arguments: position of each call argument
  };
  void keep_matching(std::span<Expr*> args, Vec<Candidate>& candidates);
  Candidate* select_candidate(std::span<Expr*> args, Vec<Candidate>& candidates);
  Result<const catalog::Operator*> find_operator(const sql::OperatorName& name, Expr* left, Expr* right,
                                                 std::int32_t at);
  Result<Expr*> make_operator(const sql::OperatorName& name, Expr* left, Expr* right, std::int32_t at);
  Result<Expr*> make_operator(std::string_view name, Expr* left, Expr* right, std::int32_t at);
  Result<Expr*> operator_call(const catalog::Operator& op, Expr* left, Expr* right, std::int32_t at);
  Result<Oid> settle_polymorphic(std::span<Expr*> args, std::span<Oid> declared, Oid result);
  bool polymorphic_fits(std::span<Expr*> args, std::span<const Oid> declared, Oid for_unknown = Oid::none);
  Result<Expr*> call_function(const sql::FunctionCall& node, std::span<Expr*> args,
                              std::span<const std::string_view> names);
  Result<Expr*> call_by_name(std::string_view name, std::span<Expr*> args, std::int32_t at);
  std::string_view signature(std::string_view name, std::span<Expr*> args, std::span<const std::string_view> names);

  bool is_polymorphic_operator(const catalog::Operator& op);

  // --- bind_expr.cpp
  Result<Expr*> expr(const sql::Expr& node);
  Result<Expr*> expr_any(const sql::Expr& node);
  Result<Expr*> literal(const sql::Literal& node);
  Result<Expr*> parameter(const sql::Param& node);
  Result<Expr*> cast(const sql::TypeCast& node);
  Result<Expr*> operation(const sql::OpExpr& node);
  Result<Expr*> logical(const sql::BoolExpr& node);
  Result<Expr*> null_test(const sql::NullTest& node);
  Result<Expr*> distinct(const sql::DistinctTest& node);
  Result<Expr*> make_distinct(Expr* left, Expr* right, bool negated, std::int32_t at);
  Result<Expr*> between(const sql::Between& node);
  Result<Expr*> in_list(const sql::InList& node);
  Result<const Shown*> show_in_list(const sql::InList& node, const InList& made, Expr* scalar, std::span<Expr*> items, Oid common);
  Result<Expr*> show_row_compare(std::string_view op, std::span<Expr*> left, std::span<Expr*> right, Expr* made,
                                 std::int32_t at);
  Result<Expr*> like(const sql::Like& node);
  Result<Expr*> quantified(const sql::Quantified& node);
  Result<Expr*> sublink(const sql::Sublink& node);
  Result<Expr*> case_expr(const sql::CaseExpr& node);
  Result<Expr*> conditional(const sql::Conditional& node);
  Result<Expr*> array(const sql::ArrayExpr& node, Oid wanted);
  Result<Expr*> row(const sql::RowExpr& node);
  Status row_fields(const sql::RowExpr& node, Vec<Expr*>& fields);
  Result<Expr*> compare_rows(std::string_view op, std::span<Expr*> left, std::span<Expr*> right, std::int32_t at);
  Result<Expr*> indirection(const sql::Indirection& node);
  Result<Expr*> sql_value_call(const sql::SqlValue& node);
  Result<Expr*> sql_value(const sql::SqlValue& node);
  Expr* make_not(Expr* argument, std::int32_t at);
  Result<Expr*> condition(const sql::Expr& node, Place place, std::string_view construct);

  // --- bind_call.cpp
  Result<Expr*> function(const sql::FunctionCall& node);

  // --- bind_aggregate.cpp
  Result<Expr*> aggregate(const sql::FunctionCall& node, const Candidate& chosen, std::span<Expr*> args, Oid result);
  Status check_nesting(Expr* arg, const Query* query);
  Result<Scope*> owner_of(std::span<Expr* const> args, std::int32_t at, std::string_view what);
  Status check_aggregate_form(const sql::FunctionCall& node, const Candidate& chosen, std::span<Expr*> args,
                              std::span<const std::string_view> names, std::string_view shown);
  Status unify_hypothetical(std::span<Expr*> args, std::size_t ordered);
  Status aggregate_order(const sql::FunctionCall& node, AggregateCall& call);
  Status check_direct(std::span<Expr*> direct, const Scope* owner);
  bool calls_volatile(const AggregateCall& call);
  Expr* add_aggregate(Query* query, const AggregateCall& call, std::string_view name, std::int32_t at);
  Expr* find_aggregate_of(Expr* expr, const Query* query);

  // --- bind_window.cpp
  void name_windows(const sql::Select& node, Query* query);
  Status finish_windows(Query* query);
  Result<WindowSpec*> named_window(Query* query, std::string_view name, std::size_t before);
  Result<std::uint32_t> window_of(const sql::WindowDef& def, Query* query);
  Status bind_window(Query* query, WindowSpec* window, std::size_t number);
  Result<Expr*> window_key(const sql::Expr& node);
  Result<std::span<WindowKey>> window_order(const Vec<sql::SortItem>& items);
  Result<std::span<WindowKey>> window_partition(const Vec<sql::Expr*>& items, std::span<const WindowKey> order);
  Status window_frame(const sql::WindowDef& def, WindowSpec* window);
  Result<Expr*> frame_offset(const sql::Expr& node, const WindowSpec& window, Oid* in_range);
  Result<Expr*> range_offset(Expr* offset, Oid column, Oid* in_range);
  Status check_window_place(std::int32_t at);
  Status check_window_call(const sql::FunctionCall& node, std::string_view shown, bool is_aggregate,
                           std::span<Expr*> args);
  Result<Expr*> window_call(const sql::FunctionCall& node, std::string_view shown, const Candidate& chosen,
                            std::span<Expr*> args, Oid result);
  /// A call over a window of the query within the expression; null: none.
  static Expr* find_window_call(Expr* expr, const Query* query);
  Expr* find_column_of(Expr* expr, const Query* query);
  bool calls_volatile(const Expr* expr);

  // --- bind_name.cpp
  Result<Expr*> column(const sql::ColumnRef& node);
  Expr* whole_row(const NameItem& item, std::int32_t at);
  /// Columns that every table has and `*` leaves out; null when it is none of them.
  Expr* system_column(const NameItem& item, std::string_view name, std::int32_t at);
  Result<Expr*> unqualified(std::string_view name, std::int32_t at, bool* found);
  Error no_column(std::string_view name, std::string_view qualifier, std::int32_t at);
  Error no_lateral(std::string_view name, std::int32_t at);
  Error no_table(std::string_view name, std::int32_t at);
  Result<const NameItem*> find_item(std::string_view schema, std::string_view name, std::int32_t at);
  Status expand_star(const sql::ColumnRef& node, Vec<Target>& targets);

  // --- bind_from.cpp
  RangeEntry* new_range(RangeKind kind);
  NameItem item_of(RangeEntry* range);
  // bind_view.cpp
  Result<const catalog::Relation*> relation_by_reference(std::string_view reference);
  struct ReferenceAlias {
    std::uint16_t reference = 0;
    std::int16_t columns = 0;  ///< up to which the query gave names: attribute numbers of relations, else positions
    bool given = false;
    std::string_view name;
  };
  static ReferenceAlias read_reference(std::string_view text);
  void apply_reference(const sql::Alias& alias, RangeEntry* range);
  NameItem referenced_item(RangeEntry* range, const sql::Alias* alias);
  Result<FromResult> from_item(const sql::FromItem& node);
  Result<FromResult> from_table(const sql::TableRef& node);
  Result<FromResult> from_sample(const sql::TableSample& node);
  Result<Expr*> sample_argument(const sql::Expr& node, Oid wanted, std::string_view construct, const NameItem& table);
  std::string_view shown_method(const sql::TableSample& node);
  Result<FromResult> from_subquery(const sql::SubqueryRef& node);
  Result<FromResult> from_function(const sql::FunctionRef& node);
  const Shown* show_join_column(const JoinNames& join, std::size_t column);
  Result<FromResult> from_join(const sql::Join& node);
  Result<FromTree*> from_list(const Vec<sql::FromItem*>& items);
  Status apply_alias(const sql::Alias* alias, RangeEntry* range, std::string_view what, std::int32_t at);
  Status check_duplicates(const Vec<NameItem>& before, const Vec<NameItem>& added);
  Result<const catalog::Relation*> open_relation(const sql::TableRef& node);
  RangeEntry* relation_range(const catalog::Relation& relation, bool with_row_id);
  bool has_own_cte(const Cte& cte) const;
  Cte* find_cte(std::string_view name);

  // --- bind_select.cpp
  Scope make_scope(Scope* outer);
  /// `keep_unknown`: undecided literals among the targets stay so, for the caller to settle.
  Result<Query*> select(const sql::Select& node, Scope* outer, bool keep_unknown = false);
  Result<Query*> select_in(const sql::Select& node, Scope& scope, bool keep_unknown);
  Result<Query*> plain_select(const sql::Select& node, Query* query, bool keep_unknown);
  Result<Query*> values_query(const sql::Select& node, Query* query, bool keep_unknown);
  Result<Query*> set_query(const sql::Select& node, Query* query, bool keep_unknown);
  Status target_list(const Vec<sql::Target>& nodes, Vec<Target>& targets, Place place);
  Result<std::uint32_t> sort_target(const sql::Expr& node, Query* query, Place place, bool names_first);
  Status order_by(const Vec<sql::SortItem>& items, Query* query);
  Status distinct_on(const Vec<sql::Expr*>& items, Query* query);
  Status limit(const sql::Select& node, Query* query);
  // bind_lock.cpp
  std::uint32_t add_row_id(Query* query, RangeEntry* range);
  void give_row_ids(Query* query);
  RangeEntry* scanned_relation(Query* query, std::uint32_t* target);
  Result<Expr*> current_of(const sql::CurrentOf& node, BoundStatement* bound);
  Status locking(const sql::Select& node, Query* query);
  Status check_lockable(const Query& query, sql::LockStrength strength);
  Status lock_all(Query* query, const sql::LockingClause& clause);
  Status lock_tree(Query* query, FromTree* tree, bool nullable, const sql::LockingClause& clause,
                   const sql::TableRef* only, bool* found);
  Status lock_range(Query* query, RangeEntry* range, const sql::LockingClause& clause);
  Status sort_direction(const sql::SortItem& item, Expr* value, bool* descending, bool* nulls_first);
  Status rows_of_values(const sql::Select& node, Vec<Vec<Expr*>>& rows, bool defaults_allowed);
  Status settle_targets(Query* query);
  bool has_equality(Oid base);
  bool has_order(Oid base);
  void output_columns(const Vec<Target>& targets, std::uint32_t count, Vec<OutputColumn>& outputs);

  // --- bind_with.cpp
  Status with(const sql::With& node, Query* query);
  Status plain_cte(const sql::CommonTable& node, const sql::Select& inner, Cte* cte, bool may_recurse);
  Status writing_cte(const sql::CommonTable& node, Cte* cte, bool may_recurse);
  Status recursive_cte(const sql::CommonTable& node, const sql::Select& inner, Cte* cte);
  Status name_cte(const sql::CommonTable& node, Cte* cte, std::span<const OutputColumn> outputs);
  Status name_cte(const sql::CommonTable& node, Cte* cte, const Query* query);
  Result<Query*> recursive_term(const sql::Select& node);
  Status unify_terms(const sql::Select& node, Cte& cte, Query* step);

  // --- bind_search.cpp
  Status cycle_mark(const sql::CycleClause& node, Cte* cte);
  void add_searched_columns(const sql::CommonTable& node, Cte* cte);
  static std::uint32_t own_column(const Cte& cte, std::string_view name);
  Status check_searched(const Cte& cte, const Vec<sql::Name>& names, std::string_view what, std::int32_t at);
  Status check_search_and_cycle(const sql::CommonTable& node, const sql::Select& inner, const Cte& cte);
  Query* query_over(Query* inner, std::string_view alias, std::span<const RangeColumn> columns);
  Expr* column_of(const RangeEntry& range, std::size_t index);
  Expr* searched_row(const Cte& cte, const RangeEntry& range, const Vec<sql::Name>& names, Expr* first);
  Expr* one_row_array(Expr* row);
  Expr* append_row(Expr* list, Expr* row);
  Result<Expr*> next_depth(Expr* sequence);
  Result<Expr*> next_mark(const Cte& cte, Expr* row, Expr* path);
  void add_visible(Query* query, std::span<const Target> more);
  Status carry_searched(const Cte& cte, Query* step);
  Query* searched_initial(const sql::CommonTable& node, const Cte& cte);
  Result<Query*> searched_step(const sql::CommonTable& node, const Cte& cte, Query* step);

  // --- bind_group.cpp
  Status group_by(const sql::Select& node, Query* query);
  std::uint32_t add_group_key(Expr* key, std::uint32_t target, Query* query);
  Result<std::uint32_t> group_key(const sql::Expr& node, Query* query);
  Status group_keys(const sql::Expr& node, Query* query, Vec<std::uint32_t>& keys);
  Status group_sets(const sql::GroupItem& item, Query* query, Vec<Vec<std::uint32_t>>& sets);
  void drop_repeated_sets(Query* query);
  Expr* group_column(std::size_t key, const Expr& expr, const Query& query);
  Status check_grouping(Query* query);
  Status replace_windowed(WindowedCall& call, Query* query);
  Status replace_direct(std::size_t aggregate, Query* query);
  bool depends_on_groups(const RangeEntry& range, const Query& query);
  Result<Expr*> replace_groups(Expr* expr, Query* query, GroupPlace place);
  Result<Expr*> grouping(const sql::GroupingCall& node);
  Status check_grouping_calls(Expr* expr, const Query* query);
  Result<Expr*> replace_grouping(const GroupingExpr& call, Query* query);

  // --- bind_assign.cpp
  Result<const catalog::ColumnInfo*> assigned_column(const catalog::Relation& relation,
                                                     const sql::AssignTarget& target);
  Result<Expr*> assign(Expr* value, const catalog::Relation& relation, const catalog::ColumnInfo& column,
                       std::int32_t at);
  Expr* value_before(const WriteTarget& target, const catalog::ColumnInfo& column);
  Result<Expr*> subscript(const sql::Expr& node);
  Status slice_bounds(const sql::AssignTarget& target, Vec<Expr*>& args);
  Result<Expr*> assigned_part(Expr* array, Expr* value, const catalog::ColumnInfo& column,
                              const sql::AssignTarget& target);
  Status add_assignment(const sql::AssignTarget& target, Expr* value, const WriteTarget& to, Vec<Target>& targets);
  static bool is_assigned_part(const Expr* expr);
  Result<Expr*> assigned_value(const sql::Expr& node);
  Status assign_subquery(const sql::Assignment& node, const sql::Sublink& link, const WriteTarget& to,
                         Vec<Target>& targets);
  Status assignments(const Vec<sql::Assignment>& nodes, const WriteTarget& to, Vec<Target>& targets);

  // --- bind_dml.cpp
  Result<BoundStatement*> insert(const sql::Insert& node);
  Result<BoundStatement*> update(const sql::Update& node);
  Result<BoundStatement*> remove(const sql::Delete& node);
  /// The columns that an INSERT names; all where it names none.
  Result<Vec<const catalog::ColumnInfo*>> insert_columns(const Vec<sql::AssignTarget>& nodes,
                                                         const catalog::Relation& relation);
  /// `extra`: where the first expression that has no column stands.
  Status check_width(const Vec<sql::AssignTarget>& nodes, std::size_t columns, std::size_t width, std::int32_t extra);
  /// A value for every column of the table: `given`, of `columns`, or the default.
  Status insert_targets(const WriteTarget& target, std::span<const catalog::ColumnInfo* const> columns,
                        std::span<Expr* const> given, Vec<Target>& targets);
  NameItem target_item(RangeEntry* target);
  Target row_id_target(const RangeEntry& target);
  Result<const catalog::Relation*> writable(const sql::TableRef& node, Modify::Op op);
  Result<Expr*> default_of(const catalog::Relation& relation, const catalog::ColumnInfo& column);
  Status find_rows(const sql::Expr* where, const WriteTarget& target, BoundStatement* bound);
  Status returning(const Vec<sql::Target>& nodes, BoundStatement* bound, Scope& scope);
  // bind_target.cpp
  Expr* with_columns(Expr* expr, std::uint16_t relation, std::span<Expr* const> columns);
  Result<ViewTarget*> view_target(const RangeEntry& range, Modify::Op op, bool checked);
  Status view_checks(const catalog::Relation& view, Modify::Op op, BoundStatement* bound);
  NameItem view_item(const WriteTarget& target, std::string_view name, RangeEntry* range);
  Result<WriteTarget> write_target(const sql::TableRef& node, Modify::Op op, BoundStatement* bound);
  Result<const catalog::ColumnInfo*> written_column(const WriteTarget& target, const catalog::ColumnInfo& column,
                                                    Modify::Op op);
  Error assigned_twice(const WriteTarget& target, std::int16_t a, std::int16_t b) const;
  Result<Expr*> target_default(const WriteTarget& target, const catalog::ColumnInfo& column);
  // bind_merge.cpp
  Result<BoundStatement*> merge(const sql::Merge& node);
  Result<const catalog::Relation*> merged_relation(const sql::TableRef& node);
  Result<FromTree*> merge_join(const sql::Merge& node, const BoundStatement& bound, Scope& scope);
  void see_merged(const BoundStatement& bound, const FromResult& source, bool matched, Scope& scope);
  Status merge_when(const sql::MergeWhen& when, BoundStatement* bound, Scope& around);
  Status merge_insert(const sql::MergeWhen& when, const WriteTarget& target, Vec<Target>& targets);
  // bind_conflict.cpp
  Status on_conflict(const sql::OnConflict& node, const WriteTarget& target, BoundStatement* bound, const Scope& around);
  Status check_inference(const sql::OnConflict& node, const WriteTarget& target, const Scope& around);
  Status find_arbiters(const sql::OnConflict& node, const WriteTarget& target, BoundStatement* bound);
  Result<Oid> named_collation(std::string_view name, std::int32_t at);

  Arena* arena_;
  PlanContext* context_;
  catalog::Catalog* catalog_;
  std::string_view text_;
  Vec<RangeEntry*> ranges_;
  Vec<Oid> parameters_;  ///< none = not known yet
  Scope* scope_ = nullptr;
  std::uint32_t depth_ = 0;
  std::uint32_t internal_parameters_ = 0, work_tables_ = 0;
  Vec<BoundStatement*> writes_;  ///< of WITH
  /// Where a recursive reference would be forbidden now, in the words of the message; empty: nowhere.
  std::string_view recursion_place_;
  /// Above 0: what is bound is the text of a view, where names mean what view.hpp says.
  std::uint32_t in_view_ = 0;
  bool expands_views_ = true;
  Vec<Oid> open_views_;  ///< whose queries are being bound, outermost first
  Vec<Oid> grouping_keys_;
  std::uint16_t joins_ = 0;  ///< that have got a number

};

/// Why the rows of a view with this query cannot be changed through it, as the DETAIL says; empty: they can.
std::string_view not_updatable(const Query& query);
/// Of a query that can be changed through: what it reads from, and the number of the column that a target is (0: none).
const RangeEntry* base_of(const Query& query);
std::int16_t base_column(const Query& query, std::size_t target);

/// Where an expression begins, for messages about all of it.
std::int32_t location(const Expr* expr);
std::int32_t location(const sql::Expr& expr);

/// The name PostgreSQL gives an output column.
std::string_view output_name(const sql::Target& target);
std::string_view figure_name(const sql::Expr& expr);

}  // namespace spg::plan
