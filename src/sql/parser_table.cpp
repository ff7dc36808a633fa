// CREATE TABLE with its columns, constraints and partitions.
#include "parser_state.hpp"

namespace spg::sql {

bool Parser::if_not_exists() {
  if (!at(Tok::kw_if) || !next_is(Tok::kw_not)) return false;
  advance();
  advance();
  expect(Tok::kw_exists);
  return true;
}
bool Parser::if_exists() { return accept(Tok::kw_if, Tok::kw_exists); }
DropBehavior Parser::drop_behavior() {
  if (accept(Tok::kw_cascade)) return DropBehavior::cascade;
  if (accept(Tok::kw_restrict)) return DropBehavior::restrict;
  return DropBehavior::unspecified;
}

/// [LOCAL | GLOBAL] TEMP[ORARY] or UNLOGGED
Persistence Parser::optional_temp() {
  if (at_any(Tok::kw_local, Tok::kw_global)) {
    advance();
    if (!at_any(Tok::kw_temp, Tok::kw_temporary)) syntax_error();
  }
  if (at_any(Tok::kw_temp, Tok::kw_temporary)) { advance(); return Persistence::temporary; }
  if (accept(Tok::kw_unlogged)) return Persistence::unlogged;
  return Persistence::permanent;
}

/// Behind CREATE .. TABLE.
Statement* Parser::create_table(Persistence persistence, bool foreign) {
  auto* node = make<CreateTable>(here());
  node->if_not_exists = if_not_exists();
  node->table = qualified_name();
  node->table->persistence = persistence;
  if (accept(Tok::kw_of)) {
    node->of_type = any_name();
    if (at('(')) table_elements(node, true);
  } else if (accept(Tok::kw_partition)) {
    expect(Tok::kw_of);
    node->partition_of = qualified_name();
    if (at('(')) table_elements(node, true);
    node->bound = partition_bound();
  } else if (!foreign && at('(') && (peek(2).kind == Tok::comma || peek(2).kind == Tok::right_paren) && !next_is(')')) {
    return create_table_as(node->table, *node, paren_names());
  } else if (!foreign && !at('(')) {
    return create_table_as(node->table, *node, {});
  } else {
    table_elements(node, false);
    if (accept(Tok::kw_inherits)) {
      expect('(');
      node->inherits = qualified_names();
      expect(')');
    }
  }
  if (foreign) {
    expect(Tok::kw_server);
    node->foreign_server = col_id();
    node->fdw_options = generic_options();
    return node;
  }
  if (at(Tok::kw_partition)) node->partition_by = partition_by();
  table_tail(node);
  return node;
}

OnCommit Parser::on_commit() {
  if (!accept(Tok::kw_on)) return OnCommit::unspecified;
  expect(Tok::kw_commit);
  if (accept(Tok::kw_drop)) return OnCommit::drop;
  const bool deletes = accept(Tok::kw_delete);
  if (!deletes) expect(Tok::kw_preserve);
  expect(Tok::kw_rows);
  return deletes ? OnCommit::delete_rows : OnCommit::preserve_rows;
}

/// USING method, WITH (..), WITHOUT OIDS, ON COMMIT, TABLESPACE
void Parser::table_tail(CreateTable* node) {
  if (accept(Tok::kw_using)) node->access_method = col_id();
  if (accept(Tok::kw_with)) node->with = reloptions();
  else if (accept(Tok::kw_without)) { expect(Tok::kw_oids); node->without_oids = true; }
  node->on_commit = on_commit();
  if (accept(Tok::kw_tablespace)) node->tablespace = col_id();
}

bool Parser::with_data() {
  if (!at(Tok::kw_with)) return true;
  advance();
  const bool none = accept(Tok::kw_no);
  expect(Tok::kw_data);
  return !none;
}

Statement* Parser::create_table_as(TableRef* table, const CreateTable& head, Vec<Name> columns) {
  CreateTable tail;
  table_tail(&tail);
  auto* node = make<CreateTableAs>(head.at);
  node->table = table;
  node->columns = columns;
  node->if_not_exists = head.if_not_exists;
  node->access_method = tail.access_method;
  node->with = tail.with;
  node->on_commit = tail.on_commit;
  node->tablespace = tail.tablespace;
  expect(Tok::kw_as);
  node->query = at(Tok::kw_execute) ? execute() : select();
  node->with_data = with_data();
  return node;
}

Statement* Parser::create_materialized_view(Persistence persistence) {
  auto* node = make<CreateTableAs>(here());
  node->materialized_view = true;
  node->if_not_exists = if_not_exists();
  node->table = qualified_name();
  node->table->persistence = persistence;
  if (at('(')) node->columns = paren_names();
  if (accept(Tok::kw_using)) node->access_method = col_id();
  if (accept(Tok::kw_with)) node->with = reloptions();
  if (accept(Tok::kw_tablespace)) node->tablespace = col_id();
  expect(Tok::kw_as);
  node->query = select();
  node->with_data = with_data();
  return node;
}

void Parser::table_elements(CreateTable* node, bool typed) {
  node->elements = list<Node*>();
  expect('(');
  if (!typed && accept(')')) return;
  do node->elements.push_back(table_element(typed));
  while (accept(','));
  expect(')');
}

Node* Parser::table_element(bool typed) {
  if (at_any(Tok::kw_constraint, Tok::kw_check, Tok::kw_unique, Tok::kw_primary, Tok::kw_foreign) ||
      (at(Tok::kw_exclude) && (next_is('(') || next_is(Tok::kw_using))))
    return table_constraint();
  if (!typed && at(Tok::kw_like)) return like_clause();
  if (!typed) return column_def();
  auto* column = make<ColumnDef>(here());
  column->name = col_id();
  if (accept(Tok::kw_with)) expect(Tok::kw_options);
  column_constraints(column);
  return column;
}

ColumnDef* Parser::column_def() {
  auto* column = make<ColumnDef>(here());
  column->name = col_id();
  column->type = type();
  if (accept(Tok::kw_compression)) column->compression = at(Tok::kw_default) ? take() : col_id();
  column->fdw_options = generic_options();
  column_constraints(column);
  return column;
}

/// [NOT] DEFERRABLE and INITIALLY DEFERRED | IMMEDIATE of the column's last constraint.
void Parser::column_attribute(ColumnDef* column) {
  const std::int32_t place = here();
  const bool negated = accept(Tok::kw_not), initially = accept(Tok::kw_initially);
  const std::string_view clause = negated ? "NOT DEFERRABLE" : !initially ? "DEFERRABLE" :
                                  at(Tok::kw_deferred) ? "INITIALLY DEFERRED" : "INITIALLY IMMEDIATE";
  if (!initially) expect(Tok::kw_deferrable);
  else if (!at_any(Tok::kw_deferred, Tok::kw_immediate)) syntax_error();
  const bool deferred = initially && at(Tok::kw_deferred);
  if (initially) advance();
  Constraint* last = column->constraints.empty() ? nullptr : column->constraints.back();
  const bool fits = last != nullptr && (last->form == ConstraintKind::primary_key || last->form == ConstraintKind::unique ||
                                        last->form == ConstraintKind::exclusion || last->form == ConstraintKind::foreign_key);
  if (!fits) {
    fail_at(place, sqlstate::syntax_error, arena_->concat("misplaced ", clause, " clause"));
    return;
  }
  if (!initially && (last->deferrable || last->not_deferrable))
    fail_at(place, sqlstate::syntax_error, "multiple DEFERRABLE/NOT DEFERRABLE clauses not allowed");
  if (initially && (last->initially_deferred || last->initially_immediate))
    fail_at(place, sqlstate::syntax_error, "multiple INITIALLY IMMEDIATE/DEFERRED clauses not allowed");
  (negated ? last->not_deferrable : !initially ? last->deferrable : deferred ? last->initially_deferred : last->initially_immediate) = true;
  if (last->not_deferrable && last->initially_deferred)
    fail_at(place, sqlstate::syntax_error, "constraint declared INITIALLY DEFERRED must be DEFERRABLE");
}

void Parser::column_constraints(ColumnDef* column) {
  column_constraint_list(column);
  for (Constraint* constraint : column->constraints) constraint->deferrable = constraint->deferrable || constraint->initially_deferred;
}

void Parser::column_constraint_list(ColumnDef* column) {
  column->constraints = list<Constraint*>();
  while (true) {
    const std::int32_t place = here();
    switch (kind()) {
      case Tok::kw_collate:
        advance();
        if (!column->collation.empty()) fail_at(place, sqlstate::syntax_error, "multiple COLLATE clauses not allowed");
        column->collation = any_name();
        continue;
      case Tok::kw_constraint: case Tok::kw_null: case Tok::kw_unique: case Tok::kw_primary: case Tok::kw_check:
      case Tok::kw_default: case Tok::kw_generated: case Tok::kw_references:
        column->constraints.push_back(column_constraint());
        continue;
      case Tok::kw_not:
        if (!next_is(Tok::kw_deferrable)) { column->constraints.push_back(column_constraint()); continue; }
        [[fallthrough]];
      case Tok::kw_deferrable: case Tok::kw_initially: column_attribute(column); continue;
      default: return;
    }
  }
}

/// WITH (..) and USING INDEX TABLESPACE of a unique or primary key
void Parser::index_parameters(Constraint* node) {
  if (accept(Tok::kw_with)) node->with = paren_options();
  if (accept(Tok::kw_using)) {
    expect(Tok::kw_index);
    expect(Tok::kw_tablespace);
    node->index_tablespace = col_id();
  }
}

Constraint* Parser::column_constraint() {
  auto* node = make<Constraint>(here());
  if (accept(Tok::kw_constraint)) { node->name = col_id(); node->at = here(); }
  switch (kind()) {
    case Tok::kw_not: advance(); expect(Tok::kw_null); node->form = ConstraintKind::not_null; break;
    case Tok::kw_null: advance(); node->form = ConstraintKind::null; break;
    case Tok::kw_unique:
      advance();
      node->form = ConstraintKind::unique;
      if (accept(Tok::kw_nulls)) { node->nulls_not_distinct = accept(Tok::kw_not); expect(Tok::kw_distinct); }
      index_parameters(node);
      break;
    case Tok::kw_primary:
      advance();
      expect(Tok::kw_key);
      node->form = ConstraintKind::primary_key;
      index_parameters(node);
      break;
    case Tok::kw_check:
      advance();
      node->form = ConstraintKind::check;
      expect('(');
      node->expr = expr();
      expect(')');
      if (accept(Tok::kw_no)) { expect(Tok::kw_inherit); node->no_inherit = true; }
      break;
    case Tok::kw_default:
      advance();
      node->form = ConstraintKind::default_value;
      node->expr = expr(power_none, ExprForm::restricted);
      break;
    case Tok::kw_generated: {
      advance();
      const std::int32_t when = here();
      node->always = accept(Tok::kw_always);
      if (!node->always) { expect(Tok::kw_by); expect(Tok::kw_default); }
      expect(Tok::kw_as);
      if (accept(Tok::kw_identity)) {
        node->form = ConstraintKind::identity;
        node->sequence_options = sequence_options(true);
        break;
      }
      node->form = ConstraintKind::generated;
      expect('(');
      node->expr = expr();
      expect(')');
      expect(Tok::kw_stored);
      if (!node->always)
        fail_at(when, sqlstate::syntax_error, "for a generated column, GENERATED ALWAYS must be specified");
      break;
    }
    case Tok::kw_references:
      node->form = ConstraintKind::foreign_key;
      references_clause(node);
      break;
    default: syntax_error();
  }
  return node;
}

void Parser::references_clause(Constraint* node) {
  expect(Tok::kw_references);
  node->references = qualified_name();
  if (at('(')) node->referenced_columns = paren_names();
  if (accept(Tok::kw_match)) {
    const std::int32_t place = here();
    if (accept(Tok::kw_full)) node->match = MatchKind::full;
    else if (accept(Tok::kw_partial)) {
      node->match = MatchKind::partial;
      fail_at(place - static_cast<std::int32_t>(sizeof "MATCH"), sqlstate::feature_not_supported,
              "MATCH PARTIAL not yet implemented");
    } else expect(Tok::kw_simple);
  }
  reference_actions(node);
}

void Parser::reference_actions(Constraint* node) {
  while (at(Tok::kw_on)) {
    advance();
    if (accept(Tok::kw_update)) node->on_update = reference_action(nullptr);
    else { expect(Tok::kw_delete); node->on_delete = reference_action(node); }
  }
}

ReferenceAction Parser::reference_action(Constraint* node) {
  if (accept(Tok::kw_no)) { expect(Tok::kw_action); return ReferenceAction::no_action; }
  if (accept(Tok::kw_restrict)) return ReferenceAction::restrict;
  if (accept(Tok::kw_cascade)) return ReferenceAction::cascade;
  expect(Tok::kw_set);
  const bool null = accept(Tok::kw_null);
  if (!null) expect(Tok::kw_default);
  if (at('(')) {
    Vec<Name> columns = paren_names();
    if (node != nullptr) node->set_columns = columns;
    else fail(Error::make(sqlstate::feature_not_supported, "a column list with ", null ? "SET NULL" : "SET DEFAULT",
                          " is only supported for ON DELETE actions"));
  }
  return null ? ReferenceAction::set_null : ReferenceAction::set_default;
}

Constraint* Parser::table_constraint() {
  auto* node = make<Constraint>(here());
  if (accept(Tok::kw_constraint)) node->name = col_id();
  switch (kind()) {
    case Tok::kw_check:
      advance();
      node->form = ConstraintKind::check;
      expect('(');
      node->expr = expr();
      expect(')');
      break;
    case Tok::kw_unique: case Tok::kw_primary:
      node->form = at(Tok::kw_unique) ? ConstraintKind::unique : ConstraintKind::primary_key;
      if (accept(Tok::kw_primary)) expect(Tok::kw_key);
      else advance();
      if (accept(Tok::kw_using)) {
        expect(Tok::kw_index);
        node->using_index = col_id();
        break;
      }
      if (node->form == ConstraintKind::unique && accept(Tok::kw_nulls)) {
        node->nulls_not_distinct = accept(Tok::kw_not);
        expect(Tok::kw_distinct);
      }
      node->columns = paren_names();
      if (accept(Tok::kw_include)) node->include = paren_names();
      index_parameters(node);
      break;
    case Tok::kw_foreign:
      advance();
      expect(Tok::kw_key);
      node->form = ConstraintKind::foreign_key;
      node->columns = paren_names();
      references_clause(node);
      break;
    case Tok::kw_exclude:
      advance();
      node->form = ConstraintKind::exclusion;
      if (accept(Tok::kw_using)) node->access_method = col_id();
      node->elements = list<IndexElement*>();
      expect('(');
      do {
        IndexElement* element = index_element();
        expect(Tok::kw_with);
        if (at(Tok::kw_operator)) element->exclude_op = operator_name();
        else element->exclude_op = all_operator();
        node->elements.push_back(element);
      } while (accept(','));
      expect(')');
      if (accept(Tok::kw_include)) node->include = paren_names();
      index_parameters(node);
      if (accept(Tok::kw_where)) {
        expect('(');
        node->where = expr();
        expect(')');
      }
      break;
    default: syntax_error();
  }
  constraint_attributes(node);
  return node;
}

void Parser::constraint_attributes(Constraint* node) {
  while (true) {
    const std::int32_t place = here();
    if (at(Tok::kw_not) && next_is(Tok::kw_valid)) { advance(); advance(); node->not_valid = true; }
    else if (accept(Tok::kw_not)) { expect(Tok::kw_deferrable); node->not_deferrable = true; }
    else if (accept(Tok::kw_deferrable)) node->deferrable = true;
    else if (accept(Tok::kw_no)) { expect(Tok::kw_inherit); node->no_inherit = true; }
    else if (accept(Tok::kw_initially)) {
      if (accept(Tok::kw_deferred)) node->initially_deferred = true;
      else { expect(Tok::kw_immediate); node->initially_immediate = true; }
    } else break;
    if (node->not_deferrable && node->initially_deferred)
      fail_at(place, sqlstate::syntax_error, "constraint declared INITIALLY DEFERRED must be DEFERRABLE");
    if ((node->not_deferrable && node->deferrable) || (node->initially_deferred && node->initially_immediate))
      fail_at(place, sqlstate::syntax_error, "conflicting constraint properties");
  }
  if (node->initially_deferred) node->deferrable = true;
}

LikeClause* Parser::like_clause() {
  auto* node = make<LikeClause>(here());
  advance();
  node->table = qualified_name();
  node->options = list<LikeOption>();
  while (at_any(Tok::kw_including, Tok::kw_excluding)) {
    LikeOption like_option;
    like_option.including = at(Tok::kw_including);
    advance();
    if (at_any(Tok::kw_comments, Tok::kw_compression, Tok::kw_constraints, Tok::kw_defaults, Tok::kw_identity,
               Tok::kw_generated, Tok::kw_indexes, Tok::kw_statistics, Tok::kw_storage, Tok::kw_all))
      like_option.word = take();
    else syntax_error();
    node->options.push_back(like_option);
  }
  return node;
}

PartitionSpec* Parser::partition_by() {
  auto* node = arena_->make<PartitionSpec>();
  node->at = here();
  advance();
  expect(Tok::kw_by);
  node->strategy = col_id();
  node->elements = list<PartitionElement>();
  expect('(');
  do {
    PartitionElement element;
    element.at = here();
    if (at('(')) { advance(); element.expr = expr(); expect(')'); }
    else if (is_col_id(kind()) && !next_is('(') && !next_is('.')) element.column = take();
    else {
      const std::int32_t place = here();
      element.expr = is_col_id(kind()) && next_is('.') ? call(any_name(), place) : windowless_call();
    }
    if (accept(Tok::kw_collate)) element.collation = any_name();
    if (is_col_id(kind())) element.op_class = any_name();
    node->elements.push_back(element);
  } while (accept(','));
  expect(')');
  return node;
}

/// FOR VALUES .. or DEFAULT
PartitionBound* Parser::partition_bound() {
  auto* node = arena_->make<PartitionBound>();
  node->at = here();
  if (accept(Tok::kw_default)) return node;
  expect(Tok::kw_for);
  expect(Tok::kw_values);
  if (accept(Tok::kw_in)) {
    node->form = BoundKind::list;
    node->values = paren_exprs();
    return node;
  }
  if (accept(Tok::kw_from)) {
    node->form = BoundKind::range;
    node->values = paren_exprs();
    expect(Tok::kw_to);
    node->to = paren_exprs();
    return node;
  }
  expect(Tok::kw_with);
  node->form = BoundKind::hash;
  node->modulus = node->remainder = -1;
  expect('(');
  do {
    const std::int32_t option_place = here();
    const Name name = non_reserved_word();
    std::int32_t* slot = name == "modulus" ? &node->modulus : name == "remainder" ? &node->remainder : nullptr;
    const std::int32_t value = integer();
    if (slot == nullptr) {
      fail_at(option_place, sqlstate::syntax_error,
              arena_->concat("unrecognized hash partition bound specification \"", name, "\""));
      break;
    }
    if (*slot != -1)
      fail_at(option_place, sqlstate::duplicate_object,
              arena_->concat(name, " for hash partition provided more than once"));
    *slot = value;
  } while (accept(','));
  expect(')');
  if (node->modulus == -1) fail(Error::make(sqlstate::syntax_error, "modulus for hash partition must be specified"));
  if (node->remainder == -1)
    fail(Error::make(sqlstate::syntax_error, "remainder for hash partition must be specified"));
  return node;
}

}  // namespace spg::sql
