#include <memory>

#include "spg/type/array.hpp"
#include "spg/type/io.hpp"
#include "spg/type/numeric.hpp"
#include "table_constraints.hpp"

namespace spg::catalog {

namespace {

using sql::AlterAction;

class Alter {
 public:
  Alter(Unit& unit, Row& relation, EvaluateDefault evaluate)
      : unit_(unit), relation_(relation), evaluate_(evaluate), added_(unit.arena) {}
  Status run(const sql::AlterCommand& command);

 private:
  struct Added {
    std::int16_t number;
    bool missing_is_null;
  };
  Status add_column(const sql::AlterCommand& command);
  Status drop_column(const sql::AlterCommand& command);
  Status add_constraint(const sql::Constraint& constraint);
  Status drop_constraint(const sql::AlterCommand& command);
  Status change_default(const sql::AlterCommand& command);
  Status refuse_used(const sql::AlterCommand& command);
  Status set_not_null(const sql::AlterCommand& command);
  Status drop_not_null(const sql::AlterCommand& command);
  Result<Row*> require_column(std::string_view name);
  Status check_no_nulls(const Row& attribute);
  Status check_no_primary_key();
  bool is_volatile(const sql::Expr* expr, int depth = 0);
  Oid oid() const { return relation_.oid(pg_class::oid); }
  TableId storage() const { return TableId{raw(relation_.oid(pg_class::relfilenode))}; }
  std::string_view name() const { return relation_.text(pg_class::relname); }

  Unit& unit_;
  Row& relation_;
  EvaluateDefault evaluate_;
  Vec<Added> added_;  ///< columns of this statement, which its reads do not see
};

Result<Row*> Alter::require_column(std::string_view column) {
  SPG_ASSIGN(Row * row, unit_.find_column(oid(), column));
  if (row == nullptr && is_system_column(column))
    return Error::make(sqlstate::feature_not_supported, "cannot alter system column \"", column, "\"");
  if (row == nullptr)
    return Error::make(sqlstate::undefined_column, "column \"", column, "\" of relation \"", name(),
                       "\" does not exist");
  return row;
}

Status Alter::check_no_nulls(const Row& attribute) {
  const auto number = static_cast<std::uint16_t>(attribute.int2(pg_attribute::attnum));
  bool has_null = false;
  bool is_new = false;
  for (const Added& added : added_) {
    if (added.number != number) continue;
    is_new = true;
    SPG_ASSIGN(const std::uint64_t rows, unit_.view().row_count(storage()));
    has_null = added.missing_is_null && rows != 0;
  }
  if (!is_new) {
    const txn::ZonePredicate zone{number, txn::ZonePredicate::Op::is_null, {}};
    txn::ScanRequest request;
    request.table = storage();
    request.columns = {&number, 1};
    request.zones = {&zone, 1};
    SPG_ASSIGN(txn::Scan * scan, unit_.view().open_scan(request, unit_.arena));
    const std::unique_ptr<txn::Scan> guard(scan);
    for (txn::RowBatch rows; !has_null;) {
      SPG_ASSIGN(const bool more, scan->next(rows));
      if (!more) break;
      for (std::uint32_t i = 0; i < rows.batch.selected.count; ++i)
        has_null |= rows.batch.columns[0].is_null(rows.batch.selected[i]);
      unit_.view().renew_guard();
      if (unit_.context.host != nullptr) SPG_TRY(unit_.context.host->check_interrupts());
    }
  }
  if (!has_null) return ok();
  const std::string_view column = attribute.text(pg_attribute::attname);
  SPG_ASSIGN(const std::string_view schema, unit_.catalog.schema_name(relation_.oid(pg_class::relnamespace)));
  return with_names(Error::make(sqlstate::not_null_violation, "column \"", column, "\" of relation \"", name(),
                                "\" contains null values"),
                    schema, name(), column, {});
}

/// Whether evaluating it again may give something else.
bool Alter::is_volatile(const sql::Expr* expr, int depth) {
  if (expr == nullptr || depth > 100) return false;
  if (const auto* call = sql::as<sql::FunctionCall>(expr)) {
    for (const Function* function :
         unit_.catalog.functions(call->name.size() > 1 ? call->name[0] : sql::Name(), call->name.back()))
      if (function->volatility == 'v') return true;
    for (const sql::Expr* argument : call->args)
      if (is_volatile(argument, depth + 1)) return true;
    return false;
  }
  if (const auto* cast = sql::as<sql::TypeCast>(expr)) return is_volatile(cast->arg, depth + 1);
  if (const auto* op = sql::as<sql::OpExpr>(expr))
    return is_volatile(op->left, depth + 1) || is_volatile(op->right, depth + 1);
  return false;
}

/// "{value}" of the missing-value, as pg_attribute.attmissingval shows it.
Result<std::string_view> missing_text(Oid type, const type::Value& value, Arena& arena) {
  const type::ArrayDimension one{1, 1};
  SPG_ASSIGN(const type::StringRef array, type::make_array(type, {&one, 1}, {&value, 1}, arena));
  TextBuilder text(arena);
  type::output(type::find_type(type)->array, type::Value::of(type::Physical::string, array), text, {});
  return text.view();
}

Status Alter::check_no_primary_key() {
  SPG_ASSIGN(const Vec<Row*> others, unit_.store.find(StoredKey::constraint_relation, {oid_value(oid())}));
  for (const Row* other : others)
    if (other->character(pg_constraint::contype) == 'p')
      return Error::make(sqlstate::invalid_table_definition, "multiple primary keys for table \"", name(),
                         "\" are not allowed");
  return ok();
}

Status Alter::add_column(const sql::AlterCommand& command) {
  const auto& definition = sql::to<sql::ColumnDef>(*command.definition);
  SPG_ASSIGN(const Row* taken, unit_.find_column(oid(), definition.name));
  if (taken != nullptr) {
    const std::string_view text =
        unit_.arena.concat("column \"", definition.name, "\" of relation \"", name(), "\" already exists");
    if (!command.if_not_exists) return Error::make(sqlstate::duplicate_column, text);
    unit_.notify(Severity::notice, sqlstate::duplicate_column, unit_.arena.concat(text, ", skipping"));
    return ok();
  }
  if (is_system_column(definition.name))
    return Error::make(sqlstate::duplicate_column, "column name \"", definition.name,
                       "\" conflicts with a system column name");
  SPG_ASSIGN(const ColumnPlan plan, plan_column(unit_, definition, name()));
  for (const sql::Constraint* constraint : definition.constraints)
    if (constraint->form == sql::ConstraintKind::primary_key) SPG_TRY(check_no_primary_key());
  const auto number = static_cast<std::int16_t>(relation_.int2(pg_class::relnatts) + 1);
  if (number > 1600) return Error::make(sqlstate::too_many_columns, "tables can have at most 1600 columns");
  SPG_ASSIGN(const std::uint64_t rows, unit_.view().row_count(storage()));

  table::ColumnLayout layout;
  layout.number = static_cast<std::uint16_t>(number);
  layout.physical = type::column_physical_of(plan.definition.type, plan.definition.typmod);
  layout.missing = type::Value::null_of(layout.physical);
  if (plan.default_value != nullptr) {
    const bool varies = is_volatile(plan.default_value);
    if (rows != 0 && varies)
      return unit_.at(Error::make(sqlstate::feature_not_supported,
                                  "adding a column with a volatile default to a table that has rows is not supported"),
                      plan.default_value->at);
    if (!varies) {
      SPG_ASSIGN(layout.missing, evaluate_(*plan.default_value, plan.definition.type, plan.definition.typmod));
    }
  }
  if (plan.not_null && layout.missing.is_null && rows != 0) {
    SPG_ASSIGN(const std::string_view schema, unit_.catalog.schema_name(relation_.oid(pg_class::relnamespace)));
    return with_names(Error::make(sqlstate::not_null_violation, "column \"", definition.name, "\" of relation \"",
                                  name(), "\" contains null values"),
                      schema, name(), definition.name, {});
  }
  const type::Value missing = layout.missing;
  if (layout.physical != type::physical_of(plan.definition.type)) {
    layout.missing = type::Value::null_of(layout.physical);
    const int scale = type::NumericTypmod::of(plan.definition.typmod).scale;
    if (!missing.is_null && !type::numeric_to_stored(missing.as<type::Numeric>(), layout.physical, scale, &layout.missing))
      return Error::make(sqlstate::internal_error, "a default was not rounded to its column's scale");
  }
  SPG_TRY(unit_.view().add_column(storage(), layout));
  SPG_TRY(unit_.add_attribute(oid(), number, plan.definition, plan.not_null));
  relation_.set(pg_class::relnatts, int2_value(number));
  SPG_ASSIGN(Row * attribute, unit_.find_column(oid(), definition.name));
  if (!layout.missing.is_null) {
    attribute->set(pg_attribute::atthasmissing, bool_value(true));
    SPG_ASSIGN(const std::string_view text, missing_text(plan.definition.type, missing, unit_.arena));
    attribute->set(pg_attribute::attmissingval, text_value(text));
  }
  if (plan.default_value != nullptr) SPG_TRY(unit_.set_default(oid(), *attribute, *plan.default_value).status());
  added_.push_back({number, layout.missing.is_null});

  KeyList keys{name(), Vec<KeyPlan>(unit_.arena)};
  for (const sql::Constraint* constraint : definition.constraints)
    if (constraint->form == sql::ConstraintKind::primary_key || constraint->form == sql::ConstraintKind::unique) {
      SPG_TRY(add_key(unit_, keys, *constraint, {&definition.name, 1}));
    }
  return define_keys(unit_, relation_, keys, [this](const Row& column) { return check_no_nulls(column); });
}

Status Alter::drop_column(const sql::AlterCommand& command) {
  SPG_ASSIGN(const Row* column, unit_.find_column(oid(), command.name));
  if (column == nullptr) {
    if (is_system_column(command.name))
      return Error::make(sqlstate::feature_not_supported, "cannot drop system column \"", command.name, "\"");
    const std::string_view text =
        unit_.arena.concat("column \"", command.name, "\" of relation \"", name(), "\" does not exist");
    if (!command.if_exists) return Error::make(sqlstate::undefined_column, text);
    unit_.notify(Severity::notice, sqlstate::successful_completion, unit_.arena.concat(text, ", skipping"));
    return ok();
  }
  const Object object{pg_class::relation, oid(), column->int2(pg_attribute::attnum)};
  return unit_.drop_objects({&object, 1}, command.behavior);
}

Status Alter::add_constraint(const sql::Constraint& constraint) {
  if (constraint.form == sql::ConstraintKind::check)
    return unit_.at(Error::make(sqlstate::feature_not_supported, "CHECK constraints are not supported"), constraint.at);
  if (constraint.form == sql::ConstraintKind::foreign_key)
    return unit_.at(Error::make(sqlstate::feature_not_supported, "foreign keys are not supported"), constraint.at);
  if (constraint.form != sql::ConstraintKind::primary_key && constraint.form != sql::ConstraintKind::unique)
    return unit_.at(Error::make(sqlstate::feature_not_supported, "exclusion constraints are not supported"),
                    constraint.at);
  if (!constraint.using_index.empty())
    return unit_.at(Error::make(sqlstate::feature_not_supported, "ADD CONSTRAINT USING INDEX is not supported"),
                    constraint.at);
  if (constraint.form == sql::ConstraintKind::primary_key) {
    for (const std::string_view column : constraint.columns) {
      SPG_ASSIGN(const Row* known, unit_.find_column(oid(), column));
      if (known == nullptr)
        return Error::make(sqlstate::undefined_column, "column \"", column, "\" of relation \"", name(),
                           "\" does not exist");
    }
    SPG_TRY(check_no_primary_key());
  }
  KeyList keys{name(), Vec<KeyPlan>(unit_.arena)};
  SPG_TRY(add_key(unit_, keys, constraint, constraint.columns));
  return define_keys(unit_, relation_, keys, [this](const Row& column) { return check_no_nulls(column); });
}

Status Alter::drop_constraint(const sql::AlterCommand& command) {
  SPG_ASSIGN(const Vec<Row*> constraints, unit_.store.find(StoredKey::constraint_relation, {oid_value(oid())}));
  for (const Row* row : constraints) {
    if (row->text(pg_constraint::conname) != command.name) continue;
    const Object object{pg_constraint::relation, row->oid(pg_constraint::oid), 0};
    return unit_.drop_objects({&object, 1}, command.behavior);
  }
  const std::string_view text =
      unit_.arena.concat("constraint \"", command.name, "\" of relation \"", name(), "\" does not exist");
  if (!command.if_exists) return Error::make(sqlstate::undefined_object, text);
  unit_.notify(Severity::notice, sqlstate::successful_completion, unit_.arena.concat(text, ", skipping"));
  return ok();
}

Status Alter::change_default(const sql::AlterCommand& command) {
  SPG_ASSIGN(Row * column, require_column(command.name));
  SPG_ASSIGN(const Row* old,
             unit_.store.find_one(StoredKey::attrdef_column, {oid_value(oid()), column->at(pg_attribute::attnum)}));
  if (old != nullptr) {
    const Object object{pg_attrdef::relation, old->oid(pg_attrdef::oid), 0};
    SPG_TRY(unit_.drop_objects({&object, 1}, sql::DropBehavior::restrict));
  }
  if (command.action == AlterAction::drop_default) return ok();
  return unit_.set_default(oid(), *column, *command.expr).status();
}

/// A column that views read keeps its type.
Status Alter::refuse_used(const sql::AlterCommand& command) {
  SPG_ASSIGN(const Row* column, require_column(command.name));
  SPG_ASSIGN(const Vec<Row*> uses,
             unit_.store.find(StoredKey::depend_reference, {oid_value(pg_class::relation), oid_value(oid()),
                                                            int4_value(column->int2(pg_attribute::attnum))}));
  for (const Row* row : uses) {
    if (row->oid(pg_depend::classid) != pg_rewrite::relation) continue;
    SPG_ASSIGN(const std::string_view rule, unit_.describe({pg_rewrite::relation, row->oid(pg_depend::objid), 0}));
    return Error::make(sqlstate::feature_not_supported, "cannot alter type of a column used by a view or rule")
        .detail(rule, " depends on column \"", command.name, "\"");
  }
  return ok();
}

Status Alter::set_not_null(const sql::AlterCommand& command) {
  SPG_ASSIGN(Row * column, require_column(command.name));
  if (column->boolean(pg_attribute::attnotnull)) return ok();
  SPG_TRY(check_no_nulls(*column));
  column->set(pg_attribute::attnotnull, bool_value(true));
  return ok();
}

Status Alter::drop_not_null(const sql::AlterCommand& command) {
  SPG_ASSIGN(Row * column, require_column(command.name));
  if (!column->boolean(pg_attribute::attnotnull)) return ok();
  SPG_ASSIGN(const Vec<Row*> constraints, unit_.store.find(StoredKey::constraint_relation, {oid_value(oid())}));
  for (const Row* row : constraints) {
    if (row->character(pg_constraint::contype) != 'p') continue;
    const Object key{pg_constraint::relation, row->oid(pg_constraint::oid), 0};
    SPG_ASSIGN(const Vec<Row*> parts,
               unit_.store.find(StoredKey::depend_object, {oid_value(key.catalog), oid_value(key.oid)}));
    for (const Row* part : parts)
      if (part->oid(pg_depend::refobjid) == oid() &&
          part->int4(pg_depend::refobjsubid) == column->int2(pg_attribute::attnum))
        return Error::make(sqlstate::invalid_table_definition, "column \"", command.name, "\" is in a primary key");
  }
  column->set(pg_attribute::attnotnull, bool_value(false));
  return ok();
}

Status Alter::run(const sql::AlterCommand& command) {
  switch (command.action) {
    case AlterAction::add_column: return add_column(command);
    case AlterAction::drop_column: return drop_column(command);
    case AlterAction::set_default:
    case AlterAction::drop_default: return change_default(command);
    case AlterAction::alter_type: SPG_TRY(refuse_used(command)); break;
    case AlterAction::set_not_null: return set_not_null(command);
    case AlterAction::drop_not_null: return drop_not_null(command);
    case AlterAction::add_constraint: return add_constraint(sql::to<sql::Constraint>(*command.definition));
    case AlterAction::drop_constraint: return drop_constraint(command);
    case AlterAction::set_statistics: {
      SPG_ASSIGN(Row * column, require_column(command.name));
      column->set(pg_attribute::attstattarget, int4_value(command.number));
      return ok();
    }
    case AlterAction::set_options: return unit_.set_options(relation_, command.options, false);
    case AlterAction::reset_options: return unit_.set_options(relation_, command.options, true);
    case AlterAction::set_logged:
    case AlterAction::set_unlogged:
      relation_.set(pg_class::relpersistence, char_value(command.action == AlterAction::set_logged ? 'p' : 'u'));
      return ok();
    case AlterAction::owner_to: {
      SPG_ASSIGN(const Oid owner, unit_.require_role(command.name));
      relation_.set(pg_class::relowner, oid_value(owner));
      SPG_ASSIGN(const Vec<Row*> indexes, unit_.store.find(StoredKey::index_relation, {oid_value(oid())}));
      for (const Row* index : indexes) {
        SPG_ASSIGN(Row * of_class, unit_.store.find_one(StoredKey::class_oid, {index->at(pg_index::indexrelid)}));
        if (of_class != nullptr) of_class->set(pg_class::relowner, oid_value(owner));
      }
      return ok();
    }
    default: break;
  }
  return unit_.at(Error::make(sqlstate::feature_not_supported, "this form of ALTER TABLE is not supported"), command.at);
}

std::string_view action_words(const sql::AlterCommand& command) {
  switch (command.action) {
    case AlterAction::add_column: return "ADD COLUMN";
    case AlterAction::drop_column: return "DROP COLUMN";
    case AlterAction::alter_type: return "ALTER COLUMN ... SET DATA TYPE";
    case AlterAction::set_not_null: return "ALTER COLUMN ... SET NOT NULL";
    case AlterAction::drop_not_null: return "ALTER COLUMN ... DROP NOT NULL";
    case AlterAction::set_statistics: return "ALTER COLUMN ... SET STATISTICS";
    case AlterAction::set_storage: return "ALTER COLUMN ... SET STORAGE";
    case AlterAction::set_column_options: return "ALTER COLUMN ... SET";
    case AlterAction::reset_column_options: return "ALTER COLUMN ... RESET";
    case AlterAction::add_constraint: return "ADD CONSTRAINT";
    case AlterAction::drop_constraint: return "DROP CONSTRAINT";
    case AlterAction::set_logged: return "SET LOGGED";
    case AlterAction::set_unlogged: return "SET UNLOGGED";
    default: return {};
  }
}

Status check_view_action(const sql::AlterCommand& command, std::string_view view) {
  const std::string_view words = action_words(command);
  if (words.empty()) return ok();
  return Error::make(sqlstate::wrong_object_type, "ALTER action ", words, " cannot be performed on relation \"", view, "\"")
      .detail("This operation is not supported for views.");
}

}  // namespace

Status alter_table(DdlContext& context, const sql::AlterTable& statement, EvaluateDefault evaluate) {
  Unit unit(context);
  SPG_ASSIGN(Row * relation, unit.find_relation(statement.table->schema, statement.table->name, true));
  if (relation == nullptr) {
    if (!statement.if_exists) return unit.require_relation(*statement.table).status();
    unit.notify(Severity::notice, sqlstate::successful_completion,
                unit.arena.concat("relation \"", statement.table->name, "\" does not exist, skipping"));
    return ok();
  }
  const char kind = relation->character(pg_class::relkind);
  if (statement.object == sql::ObjectKind::index && kind != 'i')
    return Error::make(sqlstate::wrong_object_type, "\"", statement.table->name, "\" is not an index");
  if (statement.object == sql::ObjectKind::view && kind != 'v')
    return Error::make(sqlstate::wrong_object_type, "\"", statement.table->name, "\" is not a view");
  if (statement.object == sql::ObjectKind::table && kind != 'r' && kind != 'v')
    return Error::make(sqlstate::wrong_object_type, "\"", statement.table->name, "\" is not a table");
  SPG_TRY(unit.require_owner(*relation));
  SPG_TRY(unit.lock_definition(*relation));
  Alter alter(unit, *relation, evaluate);
  for (const sql::AlterCommand& command : statement.commands) {
    if (kind == 'v') SPG_TRY(check_view_action(command, statement.table->name));
    SPG_TRY(alter.run(command));
  }
  return unit.finish();
}

}  // namespace spg::catalog
