// Parser: the state and the productions of the recursive-descent parser. Private to src/sql.
//
// After the first error every token reads as the end, so productions run out quickly without checking after each step;
// they always return a node (never null where one is due), and parse() looks at the error once. The first error wins.
#pragma once
#include "spg/sql/ddl.hpp"
#include "spg/sql/parser.hpp"
#include "spg/sql/query.hpp"
#include "spg/sql/utility.hpp"

namespace spg::sql {

/// Binding powers of PostgreSQL's grammar, weakest first.
enum Power : int {
  power_none, power_or, power_and, power_not, power_is, power_compare, power_between, power_escape, power_op, power_add,
  power_mul, power_pow, power_at, power_collate, power_minus, power_cast
};
/// b_expr: the restricted expressions of DEFAULT and BETWEEN's lower bound.
enum class ExprForm : bool { full, restricted };

class Parser {
 public:
  Parser(Arena& arena, std::string_view text, const ParseOptions& options)
      : arena_(&arena), lexer_(arena, text, {options.standard_conforming_strings, options.backslash_quote}),
        depth_limit_(options.depth_limit) {
    window_[0] = lexer_.next();
    check_current();
  }

  Result<Vec<RawStatement>> script();
  Result<Expr*> whole_expression();
  Result<TypeName*> whole_type();

 private:
  // --- tokens (parser_core.cpp) ---
  static constexpr Tok ch(char c) { return static_cast<Tok>(static_cast<unsigned char>(c)); }
  const Token& cur() const { return window_[0]; }
  Tok kind() const { return window_[0].kind; }
  std::int32_t here() const { return static_cast<std::int32_t>(window_[0].begin); }
  bool at(Tok tok) const { return window_[0].kind == tok; }
  bool at(char c) const { return at(ch(c)); }
  template <class... Toks>
  bool at_any(Toks... toks) const { return ((window_[0].kind == toks) || ...); }
  const Token& peek(std::uint32_t ahead = 1);
  bool next_is(Tok tok) { return peek().kind == tok; }
  bool next_is(char c) { return peek().kind == ch(c); }
  void advance();
  bool accept(Tok tok) { if (!at(tok)) return false; advance(); return true; }
  bool accept(char c) { return accept(ch(c)); }
  /// Both words or none.
  bool accept(Tok first, Tok second);
  void expect(Tok tok) { if (!accept(tok)) syntax_error(); }
  void expect(char c) { expect(ch(c)); }
  void check_current();
  void check_arena();
  void syntax_error();
  void fail(Error error);
  void fail_at(std::int32_t at, Sqlstate code, std::string_view message);
  bool failed() const { return failed_; }
  Error take_error() { return std::move(error_); }

  struct Deeper {
    explicit Deeper(Parser& p) : parser(p) { if (++p.depth_ > p.depth_limit_) p.too_deep(); }
    ~Deeper() { --parser.depth_; }
    Parser& parser;
  };
  void too_deep();

  template <class T>
  T* make(std::int32_t place) { T* node = arena_->make<T>(); node->at = place; return node; }
  template <class T>
  Vec<T> list() { return Vec<T>(*arena_); }

  // --- names ---
  static bool is_col_id(Tok tok) {
    return tok == Tok::identifier || (is_keyword(tok) && keyword(tok).category <= KeywordCategory::column_name);
  }
  static bool is_type_name(Tok tok) {
    return tok == Tok::identifier || (is_keyword(tok) && (keyword(tok).category == KeywordCategory::unreserved ||
                                                          keyword(tok).category == KeywordCategory::type_or_function));
  }
  static bool is_label(Tok tok) { return tok == Tok::identifier || is_keyword(tok); }
  static bool is_bare_label(Tok tok) { return tok == Tok::identifier || (is_keyword(tok) && keyword(tok).bare_label); }
  Name take() { Name text = cur().text; advance(); return text; }
  Name col_id() { if (is_col_id(kind())) return take(); syntax_error(); return {}; }
  Name label() { if (is_label(kind())) return take(); syntax_error(); return {}; }
  Name non_reserved_word() { if (is_col_id(kind()) || is_type_name(kind())) return take(); syntax_error(); return {}; }
  Name string_literal() { if (at(Tok::string)) return take(); syntax_error(); return {}; }
  QualifiedName any_name();
  Vec<QualifiedName> any_names();
  QualifiedName one_name(Name name) { auto names = list<Name>(); names.push_back(name); return names; }
  QualifiedName catalog_name(Name name);
  Vec<Name> name_list();
  Vec<Name> paren_names();
  TableRef* qualified_name();
  TableRef* table_from(const QualifiedName& name, std::int32_t place);
  Vec<TableRef*> qualified_names();
  Name role();
  Vec<Name> roles();
  std::int32_t integer();
  std::int32_t signed_integer();
  Literal* signed_number();
  bool boolean_word();

  // --- expressions (parser_expr.cpp) ---
  Expr* expr(int power = power_none, ExprForm form = ExprForm::full);
  Expr* prefix(ExprForm form);
  Expr* negation(ExprForm form);
  bool labels_target();
  Expr* infix(Expr* left, int power, ExprForm form);
  Expr* infix_is(Expr* left, ExprForm form, int& blocked);
  Expr* infix_word(Expr* left, bool negated, std::int32_t place, int& blocked);
  Expr* infix_operator(Expr* left, int power, int right_power, ExprForm form, int& blocked);
  Expr* quantified(Expr* left, const OperatorName& op, std::int32_t place);
  Expr* bool_pair(BoolOp op, Expr* left, Expr* right, std::int32_t place);
  Expr* in_tail(Expr* left, bool negated, std::int32_t place);
  Expr* overlaps(RowExpr* left);
  OperatorName operator_name();
  OperatorName all_operator();
  static bool is_math_operator(Tok tok);
  Expr* primary();
  Expr* constant();
  Expr* parenthesized();
  Node* paren_node();
  Expr* scalar_sublink(Select* query, std::int32_t place);
  Expr* name_or_call();
  Expr* indirections(Expr* arg);
  bool steps(Vec<Step>& out);
  Expr* column_ref(Name first, std::int32_t place);
  Expr* case_expr();
  Expr* array_constructor();
  Expr* array_literal();
  Expr* cast_call();
  Expr* conditional(ConditionalKind which);
  Expr* sql_value();
  Expr* row_constructor();
  Vec<Expr*> expr_list();
  Vec<Expr*> paren_exprs();
  Literal* literal(LiteralKind form, std::int32_t place);
  Literal* string_node(std::string_view text, std::int32_t place);
  // calls (parser_call.cpp)
  Expr* call(const QualifiedName& name, std::int32_t place);
  Expr* call_argument();
  void call_tail(FunctionCall* node);
  Expr* special_call();
  Expr* extract_call(FunctionCall* node);
  Expr* trim_call(FunctionCall* node);
  Expr* substring_call(FunctionCall* node);
  Expr* overlay_call(FunctionCall* node);
  WindowDef* over_clause();
  WindowDef* window_specification();
  void frame_clause(WindowDef* window);
  FrameBound frame_bound(Expr** offset, std::int32_t* place);
  Vec<SortItem> sort_list();
  Vec<SortItem> optional_order_by();
  SortItem sort_item();
  // types (parser_type.cpp)
  TypeName* type();
  TypeName* function_type();
  TypeName* simple_type(bool constant);
  bool starts_typed_literal();
  Expr* typed_literal();
  TypeName* builtin(Name name, std::int32_t place);
  TypeName* character_type(bool constant);
  TypeName* bit_type(bool constant);
  TypeName* float_type();
  TypeName* time_type(Name plain, Name zoned);
  void interval_fields(TypeName* type);
  void interval_seconds(TypeName* type);
  void array_bounds(TypeName* type);
  void optional_modifiers(TypeName* type);
  void integer_modifier(TypeName* type);

  // --- queries (parser_select.cpp, parser_from.cpp, parser_dml.cpp) ---
  bool starts_select();
  bool continues_select() const;
  Select* select();
  Select* select_no_parens();
  Select* select_rest(Select* left, With* with);
  Select* set_expr(int power);
  Select* set_tail(Select* left, int power);
  Select* set_primary();
  Select* simple_select();
  Select* values_clause();
  Select* table_command();
  Select* paren_select();
  void select_tail(Select* query);
  void limit_clause(Select* query, bool& limited, bool& offsetted);
  void fetch_clause(Select* query);
  Expr* fetch_value();
  void locking(Select* query);
  TableRef* into_target();
  With* with_clause();
  CommonTable* common_table();
  void search_clause(CommonTable* table);
  void cycle_clause(CommonTable* table);
  Vec<Target> targets();
  Target target();
  GroupItem* group_item();
  Vec<GroupItem*> group_list();
  void window_clause(Select* query);
  Vec<FromItem*> from_list();
  FromItem* table_expr();
  FromItem* join_tail(FromItem* left);
  FromItem* from_primary();
  Node* from_paren();
  FromItem* subquery_item(Select* query, bool lateral, std::int32_t place);
  FromItem* function_item(bool lateral);
  FromItem* rows_from_item(bool lateral);
  FromItem* function_tail(FunctionRef* item);
  FromItem* relation_item();
  void function_alias(FunctionRef* item);
  Expr* windowless_call();
  TableRef* relation_expr();
  TableRef* relation_with_alias();
  Alias* optional_alias();
  Literal* optional_as_of();
  bool at_as_of();
  Alias* alias();
  Vec<ColumnDef*> column_definitions();
  FromItem* table_sample(TableRef* relation);
  bool at_join() const;
  Statement* preparable();
  Statement* insert(With* with);
  void insert_source(Insert* node);
  Overriding overriding();
  OnConflict* on_conflict();
  Vec<AssignTarget> assign_targets();
  AssignTarget assign_target();
  Vec<Assignment> assignments();
  Statement* update(With* with);
  Statement* delete_from(With* with);
  Statement* merge(With* with);
  MergeWhen merge_when();
  Expr* where_or_current();
  Expr* optional_where();
  Vec<Target> returning();
  Statement* with_statement();

  // --- statements (parser_statement.cpp and below) ---
  Statement* statement();
  Statement* unsupported(Name command);
  void skip_statement();
  Statement* create();
  Statement* alter();
  Statement* drop();
  // options (parser_option.cpp)
  Vec<Option> paren_options();
  Option definition_option();
  Node* definition_value();
  Vec<Option> reloptions();
  Option reloption();
  Vec<Option> generic_options();
  Vec<Option> utility_options();
  Vec<Option> sequence_options(bool parenthesized);
  bool sequence_option(Vec<Option>& out);
  Option option(Name name, Node* value, std::int32_t place) {
    Option o;
    o.name = name;
    o.value = value;
    o.at = place;
    return o;
  }
  Node* word(Name text, std::int32_t place) { auto* w = make<Word>(place); w->text = text; return w; }
  Literal* boolean_node(bool value);
  // tables (parser_table.cpp)
  Statement* create_table(Persistence persistence, bool foreign);
  void table_elements(CreateTable* node, bool typed);
  Node* table_element(bool typed);
  ColumnDef* column_def();
  void column_constraints(ColumnDef* column);
  void column_constraint_list(ColumnDef* column);
  void column_attribute(ColumnDef* column);
  Constraint* column_constraint();
  Constraint* table_constraint();
  void constraint_attributes(Constraint* node);
  void references_clause(Constraint* node);
  void reference_actions(Constraint* node);
  ReferenceAction reference_action(Constraint* node);
  void index_parameters(Constraint* node);
  LikeClause* like_clause();
  PartitionSpec* partition_by();
  PartitionBound* partition_bound();
  Vec<IndexElement*> index_elements();
  IndexElement* index_element();
  Persistence optional_temp();
  void table_tail(CreateTable* node);
  OnCommit on_commit();
  Statement* create_table_as(TableRef* table, const CreateTable& head, Vec<Name> columns);
  Statement* create_materialized_view(Persistence persistence);
  bool with_data();
  Statement* create_index();
  Statement* create_view(bool or_replace, Persistence persistence);
  Statement* create_sequence(Persistence persistence);
  Statement* create_schema();
  bool if_not_exists();
  bool if_exists();
  DropBehavior drop_behavior();
  // other definitions (parser_define.cpp)
  Statement* create_type();
  Statement* create_domain();
  Statement* create_function(bool or_replace);
  void function_options(CreateFunction* node);
  bool function_option(Vec<Option>& out);
  FunctionParameter function_parameter(bool with_default);
  QualifiedName function_name();
  Vec<FunctionParameter> function_parameters(bool with_defaults);
  Statement* create_trigger(bool or_replace, bool constraint);
  Statement* create_extension();
  Statement* create_role(RoleForm form);
  Statement* create_database();
  Vec<Option> role_options(bool create);
  bool role_option(Vec<Option>& out, bool create);
  Vec<Option> database_options();
  // ALTER (parser_alter.cpp)
  Statement* alter_relation(ObjectKind object);
  AlterCommand alter_command(ObjectKind object);
  void alter_column(AlterCommand& command);
  void alter_set(AlterCommand& command);
  void alter_enable(AlterCommand& command, bool enable);
  Statement* rename_or_move(ObjectKind object, TableRef* table, bool missing_ok);
  Statement* alter_named(ObjectKind object, Name command);
  Statement* alter_type();
  Statement* alter_domain();
  Statement* alter_sequence_tail(TableRef* table, bool missing_ok);
  Statement* alter_role(RoleForm form);
  Statement* alter_database();
  Statement* alter_default_privileges();
  ObjectName object_name(ObjectKind object);
  ObjectName relation_object(const TableRef* table);
  void function_signature(ObjectName& out);
  void aggregate_signature(ObjectName& out);
  bool object_kind(ObjectKind& out);
  Statement* comment();
  // roles and privileges (parser_role.cpp)
  Statement* grant(bool revoke);
  Vec<Privilege> privileges();
  void grant_objects(Grant* node);
  Name grantee();
  Vec<Name> grantees();
  // session (parser_session.cpp)
  Statement* transaction();
  Statement* set_statement();
  Set* set_rest(Set* node);
  void set_values(Set* node);
  void time_zone(Set* node);
  Name setting_name();
  Set* set_or_reset();
  Statement* reset();
  Statement* show();
  TransactionModes transaction_modes();
  bool transaction_mode(TransactionModes& modes);
  Statement* prepare();
  Statement* execute();
  Statement* deallocate();
  Statement* declare_cursor();
  Statement* fetch(bool move);
  Statement* close();
  Statement* discard();
  // maintenance (parser_utility.cpp)
  Statement* copy();
  void copy_old_options(Copy* node);
  Vec<Option> copy_new_options();
  Statement* explain();
  Statement* explainable();
  Statement* vacuum(bool is_vacuum);
  Statement* reindex();
  Statement* cluster();
  Statement* lock();
  Statement* notify();
  Statement* do_block();
  Statement* call_statement();
  Statement* refresh();
  Statement* truncate();

  Arena* arena_;
  Lexer lexer_;
  Token window_[4];
  std::uint32_t window_size_ = 1;
  std::uint32_t depth_ = 0, depth_limit_;
  std::uint32_t tokens_ = 0;
  std::uint32_t last_end_ = 0;
  std::int32_t params_ = 0;
  Literal* as_of_ = nullptr;
  bool in_target_ = false;     ///< at the top of an output column, where an operator's word may be its label
  bool in_substring_ = false;  ///< SIMILAR may then stand without TO
  bool failed_ = false;
  Error error_;
};

}  // namespace spg::sql
