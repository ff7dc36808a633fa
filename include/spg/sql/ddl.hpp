// Statements that define, change and drop objects: tables, indexes, views, sequences, schemas, types and the like.
#pragma once
#include "spg/sql/query.hpp"

namespace spg::sql {

enum class ObjectKind : std::uint8_t {
  table, index, view, materialized_view, sequence, schema, database, role, type, domain, function, procedure, routine,
  aggregate, operator_, operator_class, operator_family, collation, conversion, extension, foreign_table, trigger, rule,
  policy, tablespace, cast, column, constraint, domain_constraint, language, publication, subscription, server,
  foreign_data_wrapper, event_trigger, access_method, statistics, text_search_parser, text_search_dictionary,
  text_search_template, text_search_configuration, transform, user_mapping, large_object, attribute
};
/// "TABLE", "MATERIALIZED VIEW", ..: as DROP spells it.
std::string_view object_word(ObjectKind object);
enum class DropBehavior : std::uint8_t { unspecified, restrict, cascade };

/// name = value of WITH (..), of roles, sequences, COPY, EXPLAIN and so on. value: null (just the word), a Literal, a
/// TypeName, a Word or a ColumnRef (star: `*`).
struct Option {
  Name space;  ///< toast.autovacuum_enabled
  Name name;
  Node* value = nullptr;
  Vec<Name> names;  ///< for options that list names or columns
  std::int32_t at = -1;
};
/// A bare word (or operator) as an option's value; keywords keep their spelling, folded.
struct Word : Tagged<NodeKind::word, Node> { Name text; };

enum class ConstraintKind : std::uint8_t {
  null, not_null, default_value, identity, generated, check, primary_key, unique, exclusion, foreign_key
};
enum class ReferenceAction : std::uint8_t { no_action, restrict, cascade, set_null, set_default };
enum class MatchKind : std::uint8_t { simple, full, partial };

struct IndexElement {
  Name column;             ///< or
  Expr* expr = nullptr;
  QualifiedName collation;
  QualifiedName op_class;
  Vec<Option> op_class_options;
  SortDirection direction = SortDirection::unspecified;
  NullsOrder nulls = NullsOrder::unspecified;
  OperatorName exclude_op;  ///< EXCLUDE: element WITH operator
  std::int32_t at = -1;
};

/// Of a column or of a table. deferrable and the like are set on the constraint that they follow.
struct Constraint : Tagged<NodeKind::table_constraint, Node> {
  ConstraintKind form{};
  Name name;
  Expr* expr = nullptr;               ///< check, default_value, generated
  Vec<Name> columns;                  ///< table-level primary_key, unique, foreign_key
  Vec<Name> include;
  Vec<Option> with;
  Name index_tablespace;
  Name using_index;                   ///< ADD CONSTRAINT .. USING INDEX name
  Name access_method;                 ///< exclusion
  Vec<IndexElement*> elements;        ///< exclusion
  Expr* where = nullptr;              ///< exclusion
  TableRef* references = nullptr;
  Vec<Name> referenced_columns;
  Vec<Name> set_columns;              ///< ON DELETE SET NULL (columns)
  MatchKind match = MatchKind::simple;
  ReferenceAction on_update = ReferenceAction::no_action, on_delete = ReferenceAction::no_action;
  Vec<Option> sequence_options;       ///< identity
  bool always = false;                ///< GENERATED ALWAYS (identity)
  bool nulls_not_distinct = false;
  bool deferrable = false, initially_deferred = false, not_valid = false, no_inherit = false;
  bool not_deferrable = false, initially_immediate = false;  ///< written so
};

struct ColumnDef : Tagged<NodeKind::column_def, Node> {
  Name name;
  TypeName* type = nullptr;  ///< null in typed tables and partitions
  Name compression;
  Name storage;              ///< empty when not given
  QualifiedName collation;
  Vec<Option> fdw_options;
  Vec<Constraint*> constraints;
};

struct LikeOption { Name word; bool including = true; };
struct LikeClause : Tagged<NodeKind::like_clause, Node> { TableRef* table = nullptr; Vec<LikeOption> options; };

struct PartitionElement {
  Name column;
  Expr* expr = nullptr;
  QualifiedName collation;
  QualifiedName op_class;
  std::int32_t at = -1;
};
struct PartitionSpec { Name strategy; Vec<PartitionElement> elements; std::int32_t at = -1; };
enum class BoundKind : std::uint8_t { default_, list, range, hash };
struct PartitionBound {
  BoundKind form = BoundKind::default_;
  Vec<Expr*> values;         ///< list; range: FROM
  Vec<Expr*> to;             ///< range
  std::int32_t modulus = 0, remainder = 0;
  std::int32_t at = -1;
};

enum class OnCommit : std::uint8_t { unspecified, preserve_rows, delete_rows, drop };

struct CreateTable : Tagged<NodeKind::create_table, Statement> {
  TableRef* table = nullptr;          ///< with its persistence
  bool if_not_exists = false;
  Vec<Node*> elements;                ///< ColumnDef, Constraint, LikeClause
  Vec<TableRef*> inherits;
  PartitionSpec* partition_by = nullptr;
  TableRef* partition_of = nullptr;
  PartitionBound* bound = nullptr;
  QualifiedName of_type;
  Name access_method;
  Vec<Option> with;
  bool without_oids = false;
  OnCommit on_commit = OnCommit::unspecified;
  Name tablespace;
  Name foreign_server;                ///< CREATE FOREIGN TABLE
  Vec<Option> fdw_options;
};
/// CREATE TABLE AS, CREATE MATERIALIZED VIEW
struct CreateTableAs : Tagged<NodeKind::create_table_as, Statement> {
  TableRef* table = nullptr;
  Vec<Name> columns;
  bool if_not_exists = false, materialized_view = false, with_data = true;
  Name access_method;
  Vec<Option> with;
  OnCommit on_commit = OnCommit::unspecified;
  Name tablespace;
  Statement* query = nullptr;         ///< Select or Execute
};

enum class AlterAction : std::uint8_t {
  add_column, drop_column, alter_type, set_default, drop_default, set_not_null, drop_not_null, set_expression_drop,
  set_statistics, set_column_options, reset_column_options, set_storage, set_compression, add_identity, set_identity,
  drop_identity, add_constraint, alter_constraint, validate_constraint, drop_constraint, set_without_oids, cluster_on,
  set_without_cluster, set_logged, set_unlogged, enable_trigger, enable_always_trigger, enable_replica_trigger,
  disable_trigger, enable_rule, enable_always_rule, enable_replica_rule, disable_rule, inherit, no_inherit, of_type,
  not_of, owner_to, set_tablespace, set_access_method, set_options, reset_options, replica_identity, enable_rls,
  disable_rls, force_rls, no_force_rls, attach_partition, detach_partition, column_fdw_options, fdw_options,
  add_attribute, drop_attribute, alter_attribute
};
struct AlterCommand {
  AlterAction action{};
  Name name;                      ///< column, constraint, trigger, owner, ..; triggers: "all", "user"
  std::int32_t column_number = 0; ///< SET STATISTICS on an index' column
  Node* definition = nullptr;     ///< ColumnDef, Constraint
  TypeName* type = nullptr;
  QualifiedName collation;
  Expr* expr = nullptr;           ///< default, USING
  TableRef* table = nullptr;      ///< inherit, attach_partition, ..
  QualifiedName of_type;
  PartitionBound* bound = nullptr;
  Vec<Option> options;
  std::int32_t number = 0;        ///< statistics target
  bool if_exists = false, if_not_exists = false;
  bool concurrently = false, finalize = false;
  DropBehavior behavior = DropBehavior::unspecified;
  std::int32_t at = -1;
};
/// Also for indexes, views, sequences, composite types: `object` says which word was used.
struct AlterTable : Tagged<NodeKind::alter_table, Statement> {
  ObjectKind object = ObjectKind::table;
  TableRef* table = nullptr;
  bool if_exists = false;
  Vec<AlterCommand> commands;
};

enum class ParameterMode : std::uint8_t { unspecified, in, out, in_out, variadic, table };
struct FunctionParameter {
  ParameterMode mode = ParameterMode::unspecified;
  Name name;
  TypeName* type = nullptr;
  Expr* default_value = nullptr;
  bool default_equals = false;  ///< written with =
};
/// A thing by name, with what some kinds need beside it.
struct ObjectName {
  QualifiedName name;               ///< of an operator: its schema and name
  bool has_parameters = false;
  bool star = false;                ///< aggregate(*)
  Vec<FunctionParameter> parameters;///< function, aggregate (direct then ordered), operator's types
  std::int32_t order_by_index = -1; ///< aggregate: first ordered argument
  TypeName* type = nullptr;         ///< type, domain, cast's source
  TypeName* target_type = nullptr;  ///< cast
  QualifiedName on;                 ///< trigger, rule, policy, constraint: the relation
  Name using_method;                ///< operator class and family
  std::int32_t at = -1;
};
struct Drop : Tagged<NodeKind::drop, Statement> {
  ObjectKind object{};
  Vec<ObjectName> names;
  bool if_exists = false, concurrently = false;
  DropBehavior behavior = DropBehavior::unspecified;
};

struct CreateIndex : Tagged<NodeKind::create_index, Statement> {
  Name name;  ///< empty: to be chosen
  TableRef* table = nullptr;
  bool unique = false, concurrently = false, if_not_exists = false, nulls_not_distinct = false;
  Name access_method;
  Vec<IndexElement*> elements;
  Vec<IndexElement*> include;
  Vec<Option> with;
  Name tablespace;
  Expr* where = nullptr;
};
enum class CheckOption : std::uint8_t { none, local, cascaded };
struct CreateView : Tagged<NodeKind::create_view, Statement> {
  TableRef* view = nullptr;
  Vec<Name> columns;
  bool or_replace = false, recursive = false;
  Vec<Option> with;
  Select* query = nullptr;
  CheckOption check = CheckOption::none;
};
struct CreateSchema : Tagged<NodeKind::create_schema, Statement> {
  Name name, authorization;
  bool if_not_exists = false;
  Vec<Statement*> elements;
};
struct CreateSequence : Tagged<NodeKind::create_sequence, Statement> {
  TableRef* sequence = nullptr;
  bool if_not_exists = false;
  Vec<Option> options;
};
struct AlterSequence : Tagged<NodeKind::alter_sequence, Statement> {
  TableRef* sequence = nullptr;
  bool if_exists = false;
  Vec<Option> options;
};

enum class TypeForm : std::uint8_t { shell, base, composite, enumeration, range };
struct CreateType : Tagged<NodeKind::create_type, Statement> {
  QualifiedName name;
  TypeForm form = TypeForm::shell;
  Vec<ColumnDef*> columns;
  Vec<std::string_view> labels;
  Vec<Option> options;
};
struct CreateDomain : Tagged<NodeKind::create_domain, Statement> {
  QualifiedName name;
  TypeName* type = nullptr;
  QualifiedName collation;
  Vec<Constraint*> constraints;
};
/// ALTER TYPE .. ADD VALUE, RENAME VALUE
struct AlterEnum : Tagged<NodeKind::alter_enum, Statement> {
  QualifiedName name;
  std::string_view old_value;  ///< RENAME VALUE
  std::string_view new_value;
  std::string_view neighbor;
  bool rename = false, if_not_exists = false, has_neighbor = false, after = false;
};
enum class AlterDomainAction : std::uint8_t {
  set_default, drop_default, set_not_null, drop_not_null, add_constraint, drop_constraint, validate_constraint
};
struct AlterDomain : Tagged<NodeKind::alter_domain, Statement> {
  QualifiedName name;
  AlterDomainAction action{};
  Expr* expr = nullptr;
  Constraint* constraint = nullptr;
  Name constraint_name;
  bool if_exists = false;
  DropBehavior behavior = DropBehavior::unspecified;
};

struct CreateFunction : Tagged<NodeKind::create_function, Statement> {
  QualifiedName name;
  bool procedure = false, or_replace = false;
  Vec<FunctionParameter> parameters;
  TypeName* returns = nullptr;
  bool returns_table = false;
  Vec<Option> options;  ///< language, volatility, strict, security, cost, rows, as (names: body [, link symbol]), ..
  Expr* return_expr = nullptr;   ///< RETURN expr
  bool atomic = false;
  Vec<Statement*> body;          ///< BEGIN ATOMIC .. END
};
enum class TriggerTiming : std::uint8_t { before, after, instead_of };
enum TriggerEvent : std::uint8_t { trigger_insert = 1, trigger_delete = 2, trigger_update = 4, trigger_truncate = 8 };
struct TriggerTransition { Name name; bool is_new = false, is_table = true; };
struct CreateTrigger : Tagged<NodeKind::create_trigger, Statement> {
  Name name;
  bool or_replace = false, constraint = false, for_each_row = false;
  TriggerTiming timing = TriggerTiming::before;
  std::uint8_t events = 0;       ///< TriggerEvent bits
  Vec<Name> columns;             ///< UPDATE OF
  TableRef* table = nullptr;
  TableRef* from_table = nullptr;
  bool deferrable = false, initially_deferred = false;
  Vec<TriggerTransition> transitions;
  Expr* when = nullptr;
  QualifiedName function;
  Vec<std::string_view> args;
};
struct CreateExtension : Tagged<NodeKind::create_extension, Statement> {
  Name name;
  bool if_not_exists = false;
  Vec<Option> options;
};

/// ALTER x RENAME TO, RENAME COLUMN, RENAME CONSTRAINT
struct Rename : Tagged<NodeKind::rename, Statement> {
  ObjectKind object{};           ///< what gets the new name
  ObjectKind parent{};           ///< of a column, attribute or constraint: the kind of its relation
  bool if_exists = false;
  ObjectName name;               ///< the object, or the relation of a column/constraint
  Name member;                   ///< column, attribute or constraint
  Name new_name;
  DropBehavior behavior = DropBehavior::unspecified;
};
struct SetOwner : Tagged<NodeKind::set_owner, Statement> { ObjectKind object{}; ObjectName name; Name owner; };
struct SetSchema : Tagged<NodeKind::set_schema, Statement> {
  ObjectKind object{};
  ObjectName name;
  bool if_exists = false;
  Name schema;
};
struct Truncate : Tagged<NodeKind::truncate, Statement> {
  Vec<TableRef*> tables;
  bool restart_identity = false, continue_identity = false;
  DropBehavior behavior = DropBehavior::unspecified;
};
struct Comment : Tagged<NodeKind::comment, Statement> {
  ObjectKind object{};
  ObjectName name;
  bool is_null = false;
  std::string_view text;
};

}  // namespace spg::sql
