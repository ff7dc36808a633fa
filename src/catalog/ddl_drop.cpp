// Dropping: the objects named, and by pg_depend what belongs to them (internal, automatic) or needs them (normal: only
// with CASCADE).
#include <algorithm>

#include "unit.hpp"

namespace spg::catalog {

namespace {

struct Victim {
  Object object;
  Object because;  ///< what it was found to depend on
  bool is_root = false, is_part = false, is_dependent = false;
};

class Dropper {
 public:
  explicit Dropper(Unit& unit) : unit_(unit), victims_(unit.arena), done_(unit.arena) {}
  Status collect(std::span<const Object> roots);
  Status report(sql::DropBehavior behavior, std::size_t roots);
  Status remove();

 private:
  Status refuse_parts(const Object& root);
  Result<Object> owner_of(const Object& object);
  Status follow(std::size_t victim);
  bool holds(const Object& object) const;
  void add(const Victim& victim);
  Status remove_one(const Object& object);
  Status remove_relation(Row& relation);
  Status remove_column(const Object& object);
  Status remove_rows(StoredKey key, std::initializer_list<type::Value> keys);

  Unit& unit_;
  Vec<Victim> victims_;
  Vec<std::size_t> done_;  ///< victims, each after all that depends on it
  int depth_ = 0;
};

bool Dropper::holds(const Object& object) const {
  for (const Victim& victim : victims_)
    if (victim.object.catalog == object.catalog && victim.object.oid == object.oid &&
        (victim.object.sub == 0 || victim.object.sub == object.sub))
      return true;
  return false;
}

void Dropper::add(const Victim& victim) {
  for (Victim& other : victims_) {
    if (other.object != victim.object) continue;
    other.is_part |= victim.is_part;
    other.is_dependent |= victim.is_dependent;
    return;
  }
  victims_.push_back(victim);
}

/// An index of a constraint (say) goes only with its owner.
Status Dropper::refuse_parts(const Object& root) {
  SPG_ASSIGN(const Vec<Row*> rows,
             unit_.store.find(StoredKey::depend_object, {oid_value(root.catalog), oid_value(root.oid)}));
  for (const Row* row : rows) {
    if (row->character(pg_depend::deptype) != 'i') continue;
    const Object owner{row->oid(pg_depend::refclassid), row->oid(pg_depend::refobjid),
                       row->int4(pg_depend::refobjsubid)};
    if (holds(owner)) continue;
    SPG_ASSIGN(const std::string_view what, unit_.describe(root));
    SPG_ASSIGN(const std::string_view by, unit_.describe(owner));
    return Error::make(sqlstate::dependent_objects_still_exist, "cannot drop ", what, " because ", by, " requires it")
        .hint("You can drop ", by, " instead.");
  }
  return ok();
}

/// Who owns the object, as a part that goes only with it; the object itself when nobody does.
Result<Object> Dropper::owner_of(const Object& object) {
  SPG_ASSIGN(const Vec<Row*> rows,
             unit_.store.find(StoredKey::depend_object, {oid_value(object.catalog), oid_value(object.oid)}));
  for (const Row* row : rows)
    if (row->character(pg_depend::deptype) == 'i')
      return Object{row->oid(pg_depend::refclassid), row->oid(pg_depend::refobjid), row->int4(pg_depend::refobjsubid)};
  return object;
}

/// Adds what depends on a victim, depth first, the newest first. PostgreSQL tells of them in the opposite of the order in
/// which they are done with.
Status Dropper::follow(std::size_t victim) {
  constexpr int depth_max = 2000;
  if (++depth_ > depth_max) return Error::make(sqlstate::statement_too_complex, "stack depth limit exceeded");
  const Object object = victims_[victim].object;
  SPG_ASSIGN(const Vec<Row*> rows,
             unit_.store.find(StoredKey::depend_reference, {oid_value(object.catalog), oid_value(object.oid)}));
  struct Dependent {
    std::uint32_t oid;
    std::size_t place;
  };
  Vec<Dependent> order(unit_.arena);
  for (const Row* row : rows) order.push_back({raw(row->oid(pg_depend::objid)), order.size()});
  std::sort(order.begin(), order.end(), [](const Dependent& a, const Dependent& b) {
    return a.oid != b.oid ? a.oid > b.oid : a.place < b.place;
  });
  for (const Dependent& dependent : order) {
    const Row* row = rows[dependent.place];
    if (object.sub != 0 && row->int4(pg_depend::refobjsubid) != object.sub) continue;
    Victim found;
    found.object = {row->oid(pg_depend::classid), row->oid(pg_depend::objid), row->int4(pg_depend::objsubid)};
    found.because = object;
    found.is_part = row->character(pg_depend::deptype) != 'n';
    found.is_dependent = !found.is_part;
    if (found.is_dependent) {
      // A rule goes with its view.
      SPG_ASSIGN(const Object owner, owner_of(found.object));
      if (owner.catalog == object.catalog && owner.oid == object.oid) continue;
      found.object = owner;
    }
    if (found.object.sub != 0 && holds({found.object.catalog, found.object.oid, 0})) continue;
    const std::size_t before = victims_.size();
    add(found);
    if (victims_.size() != before) SPG_TRY(follow(before));
  }
  done_.push_back(victim);
  --depth_;
  return unit_.arena.check();
}

Status Dropper::collect(std::span<const Object> roots) {
  for (const Object& root : roots)
    if (!holds(root)) victims_.push_back({root, {}, true, false, false});
  for (const Object& root : roots) SPG_TRY(refuse_parts(root));
  for (std::size_t i = 0, count = victims_.size(); i < count; ++i) SPG_TRY(follow(i));
  return ok();
}

Status Dropper::report(sql::DropBehavior behavior, std::size_t roots) {
  constexpr std::size_t lines_max = 100;
  const bool cascade = behavior == sql::DropBehavior::cascade;
  TextBuilder lines(unit_.arena);
  std::size_t count = 0;
  for (std::size_t i = done_.size(); i-- > 0;) {
    const Victim& victim = victims_[done_[i]];
    if (victim.is_root || victim.is_part || !victim.is_dependent) continue;
    if (++count > lines_max) continue;
    SPG_ASSIGN(const std::string_view what, unit_.describe(victim.object));
    lines.add(count == 1 ? "" : "\n");
    if (cascade) {
      lines.add("drop cascades to ", what);
    } else {
      SPG_ASSIGN(const std::string_view on, unit_.describe(victim.because));
      lines.add(what, " depends on ", on);
    }
  }
  if (count == 0) return ok();
  if (count > lines_max)
    lines.add("\nand ", count - lines_max, " other object", count - lines_max == 1 ? "" : "s",
              " (see server log for list)");
  if (cascade) {
    if (count == 1) unit_.notify(Severity::notice, sqlstate::successful_completion, lines.view());
    else
      unit_.notify(Severity::notice, sqlstate::successful_completion,
                   unit_.arena.concat("drop cascades to ", count, " other objects"), lines.view());
    return ok();
  }
  constexpr std::string_view hint = "Use DROP ... CASCADE to drop the dependent objects too.";
  if (roots > 1)
    return Error::make(sqlstate::dependent_objects_still_exist,
                       "cannot drop desired object(s) because other objects depend on them")
        .detail(lines.view())
        .hint(hint);
  SPG_ASSIGN(const std::string_view what, unit_.describe(victims_[0].object));
  return Error::make(sqlstate::dependent_objects_still_exist, "cannot drop ", what,
                     " because other objects depend on it")
      .detail(lines.view())
      .hint(hint);
}

Status Dropper::remove_rows(StoredKey key, std::initializer_list<type::Value> keys) {
  SPG_ASSIGN(const Vec<Row*> rows, unit_.store.find(key, keys));
  for (Row* row : rows) unit_.store.remove(row);
  return ok();
}

Status Dropper::remove_relation(Row& relation) {
  const Oid oid = relation.oid(pg_class::oid);
  const std::uint32_t storage = raw(relation.oid(pg_class::relfilenode));
  if (relation.character(pg_class::relkind) == 'i') {
    SPG_ASSIGN(Row * index, unit_.store.find_one(StoredKey::index_oid, {oid_value(oid)}));
    if (index != nullptr) {
      const Oid table = index->oid(pg_index::indrelid);
      SPG_ASSIGN(const Row* of_table, unit_.store.find_one(StoredKey::class_oid, {oid_value(table)}));
      if (of_table != nullptr && !holds({pg_class::relation, table, 0}))
        SPG_TRY(unit_.view().drop_index(TableId{raw(of_table->oid(pg_class::relfilenode))}, IndexId{storage}));
      unit_.store.remove(index);
    }
  } else if (relation.character(pg_class::relkind) == 'r') {
    SPG_TRY(unit_.view().drop_table(TableId{storage}));
  }
  SPG_TRY(remove_rows(StoredKey::attribute_number, {oid_value(oid)}));
  unit_.store.remove(&relation);
  return ok();
}

Status Dropper::remove_column(const Object& object) {
  SPG_ASSIGN(const Row* relation, unit_.store.find_one(StoredKey::class_oid, {oid_value(object.oid)}));
  SPG_ASSIGN(Row * column,
             unit_.store.find_one(StoredKey::attribute_number, {oid_value(object.oid), int2_value(object.sub)}));
  if (relation == nullptr || column == nullptr) return ok();
  SPG_TRY(unit_.view().drop_column(TableId{raw(relation->oid(pg_class::relfilenode))},
                                   static_cast<std::uint16_t>(object.sub)));
  column->set(pg_attribute::attname, text_value(unit_.arena.concat("........pg.dropped.", object.sub, "........")));
  column->set(pg_attribute::atttypid, oid_value(Oid::none));
  column->set(pg_attribute::attstattarget, int4_value(0));
  for (const std::uint16_t flag : {pg_attribute::attnotnull, pg_attribute::atthasdef, pg_attribute::atthasmissing})
    column->set(flag, bool_value(false));
  column->set(pg_attribute::attmissingval, type::Value::null_of(type::Physical::string));
  column->set(pg_attribute::attisdropped, bool_value(true));
  return ok();
}

Status Dropper::remove_one(const Object& object) {
  if (object.catalog == pg_class::relation && object.sub != 0) return remove_column(object);
  StoredKey key;
  if (object.catalog == pg_class::relation) key = StoredKey::class_oid;
  else if (object.catalog == pg_type::relation) key = StoredKey::type_oid;
  else if (object.catalog == pg_constraint::relation) key = StoredKey::constraint_oid;
  else if (object.catalog == pg_attrdef::relation) key = StoredKey::attrdef_oid;
  else if (object.catalog == pg_rewrite::relation) key = StoredKey::rewrite_oid;
  else if (object.catalog == pg_namespace::relation) key = StoredKey::namespace_oid;
  else return Error::make(sqlstate::internal_error, "unrecognized object class: ", raw(object.catalog));
  SPG_ASSIGN(Row * row, unit_.store.find_one(key, {oid_value(object.oid)}));
  if (row == nullptr) return ok();
  if (object.catalog == pg_class::relation) return remove_relation(*row);
  if (object.catalog == pg_attrdef::relation && !holds({pg_class::relation, row->oid(pg_attrdef::adrelid), 0})) {
    SPG_ASSIGN(Row * column, unit_.store.find_one(StoredKey::attribute_number,
                                                  {row->at(pg_attrdef::adrelid), row->at(pg_attrdef::adnum)}));
    if (column != nullptr) column->set(pg_attribute::atthasdef, bool_value(false));
  }
  unit_.store.remove(row);
  return ok();
}

Status Dropper::remove() {
  // Indexes before their columns and tables, parts before wholes.
  for (std::size_t i = victims_.size(); i-- != 0;) {
    const Object object = victims_[i].object;
    SPG_TRY(remove_one(object));
    SPG_ASSIGN(const Vec<Row*> rows,
               unit_.store.find(StoredKey::depend_object, {oid_value(object.catalog), oid_value(object.oid)}));
    for (Row* row : rows)
      if (object.sub == 0 || row->int4(pg_depend::objsubid) == object.sub) unit_.store.remove(row);
    SPG_TRY(unit_.remove_comments(object));
  }
  return ok();
}

}  // namespace

Status Unit::remove_comments(const Object& object) {
  SPG_ASSIGN(const Vec<Row*> rows,
             store.find(StoredKey::description_object, {oid_value(object.oid), oid_value(object.catalog)}));
  for (Row* row : rows)
    if (object.sub == 0 || row->int4(pg_description::objsubid) == object.sub) store.remove(row);
  return ok();
}

Status Unit::drop_objects(std::span<const Object> roots, sql::DropBehavior behavior) {
  Dropper dropper(*this);
  SPG_TRY(dropper.collect(roots));
  SPG_TRY(dropper.report(behavior, roots.size()));
  return dropper.remove();
}

namespace {

struct KindWords {
  sql::ObjectKind kind;
  char relkind;
  std::string_view word, wrong;
  Sqlstate missing;
};
constexpr KindWords kinds[] = {
    {sql::ObjectKind::table, 'r', "table", "a table", sqlstate::undefined_table},
    {sql::ObjectKind::index, 'i', "index", "an index", sqlstate::undefined_object},
    {sql::ObjectKind::view, 'v', "view", "a view", sqlstate::undefined_table},
    {sql::ObjectKind::materialized_view, 'm', "materialized view", "a materialized view", sqlstate::undefined_table},
    {sql::ObjectKind::sequence, 'S', "sequence", "a sequence", sqlstate::undefined_table},
    {sql::ObjectKind::foreign_table, 'f', "foreign table", "a foreign table", sqlstate::undefined_table},
};

Status drop_relations(Unit& unit, const sql::Drop& statement, const KindWords& kind) {
  Vec<Object> roots(unit.arena);
  for (const sql::ObjectName& name : statement.names) {
    const std::string_view schema = name.name.size() > 1 ? name.name[name.name.size() - 2] : std::string_view();
    if (!schema.empty()) {
      SPG_ASSIGN(const Oid oid, unit.catalog.schema_oid(schema));
      if (oid == Oid::none) {
        if (!statement.if_exists)
          return Error::make(sqlstate::undefined_schema, "schema \"", schema, "\" does not exist");
        unit.notify(Severity::notice, sqlstate::successful_completion,
                    unit.arena.concat("schema \"", schema, "\" does not exist, skipping"));
        continue;
      }
    }
    SPG_ASSIGN(const Row* row, unit.find_relation(schema, name.name.back(), true));
    if (row == nullptr) {
      if (!statement.if_exists)
        return Error::make(kind.missing, kind.word, " \"", name.name.back(), "\" does not exist");
      unit.notify(Severity::notice, sqlstate::successful_completion,
                  unit.arena.concat(kind.word, " \"", name.name.back(), "\" does not exist, skipping"));
      continue;
    }
    if (row->character(pg_class::relkind) != kind.relkind) {
      std::string_view word;
      for (const KindWords& one : kinds)
        if (one.relkind == row->character(pg_class::relkind)) word = one.word;
      const bool vowel = word == "index";
      TextBuilder upper(unit.arena);
      for (const char c : word) upper.add(c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
      return Error::make(sqlstate::wrong_object_type, "\"", name.name.back(), "\" is not ", kind.wrong)
          .hint("Use DROP ", upper.view(), " to remove ", vowel ? "an " : "a ", word, ".");
    }
    SPG_TRY(unit.require_owner(*row));
    roots.push_back({pg_class::relation, row->oid(pg_class::oid), 0});
  }
  if (!roots.empty()) SPG_TRY(unit.drop_objects(roots.span(), statement.behavior));
  return unit.finish();
}

Status drop_schemas(Unit& unit, const sql::Drop& statement) {
  Vec<Object> roots(unit.arena);
  for (const sql::ObjectName& name : statement.names) {
    SPG_ASSIGN(const Oid oid, unit.catalog.schema_oid(name.name.back()));
    if (oid == Oid::none) {
      if (!statement.if_exists)
        return Error::make(sqlstate::undefined_schema, "schema \"", name.name.back(), "\" does not exist");
      unit.notify(Severity::notice, sqlstate::successful_completion,
                  unit.arena.concat("schema \"", name.name.back(), "\" does not exist, skipping"));
      continue;
    }
    SPG_ASSIGN(const Row* row, unit.store.find_one(StoredKey::namespace_oid, {oid_value(oid)}));
    if (row == nullptr)
      return Error::make(sqlstate::dependent_objects_still_exist, "cannot drop schema ", name.name.back(),
                         " because it is required by the database system");
    SPG_TRY(unit.require_owner(row->oid(pg_namespace::nspowner), "schema", name.name.back()));
    roots.push_back({pg_namespace::relation, oid, 0});
  }
  if (!roots.empty()) SPG_TRY(unit.drop_objects(roots.span(), statement.behavior));
  return unit.finish();
}

}  // namespace

Status drop(DdlContext& context, const sql::Drop& statement) {
  Unit unit(context);
  for (const KindWords& kind : kinds)
    if (kind.kind == statement.object) return drop_relations(unit, statement, kind);
  if (statement.object == sql::ObjectKind::schema) return drop_schemas(unit, statement);
  // Of the other kinds there are no user-made objects.
  for (const sql::ObjectName& name : statement.names) {
    if (name.name.empty())
      return Error::make(sqlstate::feature_not_supported, "DROP ", sql::object_word(statement.object),
                         " is not supported");
    TextBuilder word(unit.arena);
    for (const char c : sql::object_word(statement.object))
      word.add(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    if (!statement.if_exists)
      return Error::make(sqlstate::undefined_object, word.view(), " \"", name.name.back(), "\" does not exist");
    unit.notify(Severity::notice, sqlstate::successful_completion,
                unit.arena.concat(word.view(), " \"", name.name.back(), "\" does not exist, skipping"));
  }
  return ok();
}

}  // namespace spg::catalog
