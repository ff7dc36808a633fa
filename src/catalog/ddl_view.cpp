// CREATE VIEW: the view's class, columns and types, the rule with its query, and what that depends on.
#include "unit.hpp"

namespace spg::catalog {

namespace {

Status check_replacement(Unit& unit, const Row& view, std::span<const ColumnDefinition> columns) {
  SPG_ASSIGN(const Vec<Row*> old, unit.store.find(StoredKey::attribute_number, {view.at(pg_class::oid)}));
  if (columns.size() < old.size())
    return Error::make(sqlstate::invalid_table_definition, "cannot drop columns from view");
  for (std::size_t i = 0; i < old.size(); ++i) {
    const Row* column = nullptr;
    for (const Row* row : old)
      if (row->int2(pg_attribute::attnum) == static_cast<std::int16_t>(i + 1)) column = row;
    if (column == nullptr) continue;
    const ColumnDefinition& wanted = columns[i];
    if (column->text(pg_attribute::attname) != wanted.name)
      return Error::make(sqlstate::invalid_table_definition, "cannot change name of view column \"",
                         column->text(pg_attribute::attname), "\" to \"", wanted.name, "\"")
          .hint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.");
    const Oid type = column->oid(pg_attribute::atttypid);
    const std::int32_t typmod = column->int4(pg_attribute::atttypmod);
    if (type != wanted.type || typmod != wanted.typmod)
      return Error::make(sqlstate::invalid_table_definition, "cannot change data type of view column \"", wanted.name,
                         "\" from ", format_type(unit.catalog, type, {true, typmod}, unit.arena), " to ",
                         format_type(unit.catalog, wanted.type, {true, wanted.typmod}, unit.arena));
    const Oid collation = column->oid(pg_attribute::attcollation);
    if (collation != wanted.collation && wanted.collation != Oid::none)
      return Error::make(sqlstate::invalid_table_definition, "cannot change collation of view column \"", wanted.name,
                         "\"");
  }
  return ok();
}

Status remove_rule(Unit& unit, Oid view) {
  SPG_ASSIGN(Row * rule, unit.store.find_one(StoredKey::rewrite_relation, {oid_value(view), text_value("_RETURN")}));
  if (rule == nullptr) return ok();
  SPG_ASSIGN(const Vec<Row*> depends, unit.store.find(StoredKey::depend_object, {oid_value(pg_rewrite::relation),
                                                                                 rule->at(pg_rewrite::oid)}));
  for (Row* row : depends) unit.store.remove(row);
  unit.store.remove(rule);
  return ok();
}

void add_rule(Unit& unit, Oid view, const ViewQuery& query) {
  const Oid oid = unit.view().new_oid();
  Row* rule = unit.store.add(Stored::rewrite);
  rule->set(pg_rewrite::oid, oid_value(oid));
  rule->set(pg_rewrite::rulename, text_value("_RETURN"));
  rule->set(pg_rewrite::ev_class, oid_value(view));
  rule->set(pg_rewrite::ev_type, char_value('1'));
  rule->set(pg_rewrite::ev_enabled, char_value('O'));
  rule->set(pg_rewrite::is_instead, bool_value(true));
  rule->set(pg_rewrite::ev_qual, text_value("<>"));
  rule->set(pg_rewrite::ev_action, text_value(query.text));
  const Object self{pg_rewrite::relation, oid, 0};
  unit.depend(self, {pg_class::relation, view, 0}, Dependency::internal);
  unit.depend(self, {pg_class::relation, view, 0}, Dependency::normal);  // its query has OLD and NEW in PostgreSQL 15
  for (const ViewQuery::Reference& one : query.references)
    if (raw(one.oid) >= 16384) unit.depend(self, {one.catalog, one.oid, one.sub}, Dependency::normal);
}

Result<Row*> new_view(Unit& unit, const sql::TableRef& name, Oid schema, std::size_t columns) {
  const Oid oid = unit.view().new_oid();
  Row* view = unit.add_class(oid, name.name, schema, 'v', Oid::none, 0, static_cast<int>(columns));
  SPG_ASSIGN(const Oid row_type, unit.add_row_types(oid, name.name, schema));
  view->set(pg_class::reltype, oid_value(row_type));
  view->set(pg_class::relhasrules, bool_value(true));
  unit.depend({pg_class::relation, oid, 0}, {pg_namespace::relation, schema, 0}, Dependency::normal);
  return view;
}

std::string_view check_option_of(const sql::CreateView& statement) {
  return statement.check == sql::CheckOption::local      ? "local"
         : statement.check == sql::CheckOption::cascaded ? "cascaded"
                                                         : std::string_view();
}

/// WITH (...) and WITH CHECK OPTION as one list.
Result<Vec<sql::Option>> options_of(Unit& unit, const sql::CreateView& statement, const ViewQuery& query) {
  Vec<sql::Option> options(unit.arena);
  bool checks = statement.check != sql::CheckOption::none;
  options.append(statement.with);
  if (checks) {
    auto* word = unit.arena.make<sql::Word>();
    word->text = check_option_of(statement);
    sql::Option option;
    option.name = "check_option";
    option.value = word;
    options.push_back(option);
  }
  for (std::size_t i = 0; i < options.size(); ++i) {
    checks = checks || options[i].name == "check_option";
    for (std::size_t k = 0; k < i; ++k)
      if (options[i].name == options[k].name)
        return Error::make(sqlstate::invalid_parameter_value, "parameter \"", options[i].name,
                           "\" specified more than once");
  }
  if (checks && !query.not_updatable.empty())
    return Error::make(sqlstate::feature_not_supported,
                       "WITH CHECK OPTION is supported only on automatically updatable views")
        .hint(query.not_updatable);
  return options;
}

}  // namespace

Status create_view(DdlContext& context, const sql::CreateView& statement, const ViewQuery& query) {
  Unit unit(context);
  sql::TableRef name = *statement.view;
  if (name.persistence == sql::Persistence::unlogged)
    return Error::make(sqlstate::syntax_error, "views cannot be unlogged because they do not have storage");
  if (name.persistence == sql::Persistence::temporary)
    return unit.at(Error::make(sqlstate::feature_not_supported, "temporary views are not supported"), name.at);
  name.at = -1;  // where PostgreSQL says no place
  SPG_ASSIGN(const Vec<sql::Option> options, options_of(unit, statement, query));
  SPG_ASSIGN(const Oid schema, unit.schema_for_new(name));
  SPG_ASSIGN(Row * view, unit.find_in_schema(schema, name.name));
  if (view != nullptr && !statement.or_replace)
    return Error::make(sqlstate::duplicate_table, "relation \"", name.name, "\" already exists");
  std::size_t known = 0;
  if (view != nullptr) {
    if (view->character(pg_class::relkind) != 'v')
      return Error::make(sqlstate::wrong_object_type, "\"", name.name, "\" is not a view");
    SPG_TRY(unit.require_owner(*view));
    SPG_TRY(check_replacement(unit, *view, query.columns));
    known = static_cast<std::size_t>(view->int2(pg_class::relnatts));
    SPG_TRY(remove_rule(unit, view->oid(pg_class::oid)));
    view->set(pg_class::relnatts, int2_value(static_cast<int>(query.columns.size())));
    view->set(pg_class::reloptions, type::Value::null_of(type::Physical::string));
  } else {
    SPG_ASSIGN(view, new_view(unit, name, schema, query.columns.size()));
  }
  const Oid oid = view->oid(pg_class::oid);
  for (std::size_t i = known; i < query.columns.size(); ++i)
    SPG_TRY(unit.add_attribute(oid, static_cast<std::int16_t>(i + 1), query.columns[i], false));
  add_rule(unit, oid, query);
  if (!options.empty()) SPG_TRY(unit.set_options(*view, options.span(), false));
  return unit.finish();
}

}  // namespace spg::catalog
