// Paths of one table: which index serves which conditions, what a scan reads, how many rows come out.
#include "planner.hpp"

namespace spg::plan {

using catalog::Comparison;

double Planner::table_rows(const catalog::Relation& relation) {
  if (context_->view != nullptr && relation.table != TableId::none) {
    auto count = context_->view->row_count(relation.table);
    if (count) return static_cast<double>(*count);
  }
  return relation.row_estimate;
}

bool Planner::reads_range(Expr* expr, std::uint16_t wanted) {
  Vec<Column*> columns(*arena_);
  collect_columns(expr, columns);
  for (const Column* column : columns)
    if (column->relation == wanted) return true;
  return false;
}

/// The column that an expression is, seen through casts that change nothing.
const RangeColumn* Planner::column_of(Expr* expr, const RangeEntry* entry) {
  while (expr->kind == ExprKind::relabel && expr->physical == static_cast<Unary*>(expr)->argument->physical)
    expr = static_cast<Unary*>(expr)->argument;
  if (expr->kind != ExprKind::column || as<Column>(*expr).relation != entry->number) return nullptr;
  const RangeColumn& column = entry->columns[static_cast<std::size_t>(as<Column>(*expr).number - 1)];
  return column.stored == 0 ? nullptr : &column;
}

namespace {
bool is_integer(Oid type) { return type == oid::int2 || type == oid::int4 || type == oid::int8; }
std::int64_t integer_of(const type::Value& value) {
  switch (value.physical) {
    case Physical::int2: return value.as<std::int16_t>();
    case Physical::int4: return value.as<std::int32_t>();
    default: return value.as<std::int64_t>();
  }
}
bool is_stringlike(Oid type) { return type == oid::text || type == oid::varchar; }
}  // namespace

/// The value as one of the column's type with the same comparisons; null when there is none for sure.
Expr* Planner::as_column_type(Expr* value, const RangeColumn& column) {
  if (value->type == column.type || (is_stringlike(value->type) && is_stringlike(column.type))) return value;
  if (is_integer(value->type) && is_integer(column.type)) {
    const int from = static_cast<int>(type::physical_bytes(value->physical)),
              to = static_cast<int>(type::physical_bytes(column.physical));
    if (is_constant(value) && !is_null_constant(value)) {
      const std::int64_t number = integer_of(as<Constant>(*value).value);
      type::Value made;
      if (column.type == oid::int2 && number == static_cast<std::int16_t>(number))
        made = type::Value::of(Physical::int2, static_cast<std::int16_t>(number));
      else if (column.type == oid::int4 && number == static_cast<std::int32_t>(number))
        made = type::Value::of(Physical::int4, static_cast<std::int32_t>(number));
      else if (column.type == oid::int8) made = type::Value::of(Physical::int8, number);
      else return nullptr;
      return make_constant(*arena_, column.type, made, value->position);
    }
    if (from > to) return nullptr;
  }
  const catalog::Type *a = catalog_->type(value->type), *b = catalog_->type(column.type);
  const catalog::Cast* cast = catalog_->cast(value->type, column.type);
  if (a == nullptr || b == nullptr || cast == nullptr || cast->context != 'i' || a->category != b->category)
    return nullptr;
  if (a->category == 'S' || column.type == oid::float4) return nullptr;
  if (cast->method == 'b') {
    auto* made = make_expr<Unary>(*arena_, ExprKind::relabel, column.type, value->physical, value->position);
    made->argument = value;
    return made;
  }
  if (cast->method != 'f') return nullptr;
  const catalog::Function* function = catalog_->function(cast->function);
  if (function == nullptr || function->arguments.size() != 1) return nullptr;
  auto* made = make_expr<Call>(*arena_, ExprKind::call, column.type, column.physical, value->position);
  made->function = cast->function;
  made->arguments = span_of(*arena_, {value});
  return fold(made);
}

bool Planner::column_test(Expr* qual, const RangeEntry* entry, ColumnTest* test) {
  const auto flipped = [](Comparison comparison) {
    switch (comparison) {
      case Comparison::less: return Comparison::greater;
      case Comparison::less_equal: return Comparison::greater_equal;
      case Comparison::greater: return Comparison::less;
      case Comparison::greater_equal: return Comparison::less_equal;
      default: return comparison;
    }
  };
  const auto usable = [&](Expr* value) { return !reads_range(value, entry->number) && !is_volatile(value); };
  if (qual->kind == ExprKind::call && as<Call>(*qual).arguments.size() == 2 && qual->type == oid::boolean) {
    const auto& call = as<Call>(*qual);
    Comparison comparison = catalog_->comparison_of(call.function);
    if (comparison == Comparison::none || comparison == Comparison::not_equal) return false;
    const RangeColumn* column = column_of(call.arguments[0], entry);
    Expr* value = call.arguments[1];
    if (column == nullptr || !usable(value)) {
      column = column_of(call.arguments[1], entry);
      value = call.arguments[0];
      comparison = flipped(comparison);
      if (column == nullptr || !usable(value)) return false;
    }
    value = as_column_type(value, *column);
    if (value == nullptr) return false;
    *test = {column->stored, comparison, value, nullptr};
    return true;
  }
  if (qual->kind == ExprKind::column && qual->type == oid::boolean) {
    const RangeColumn* column = column_of(qual, entry);
    if (column == nullptr) return false;
    *test = {column->stored, Comparison::equal, make_bool(*arena_, true), nullptr};
    return true;
  }
  if (qual->kind == ExprKind::in_list && !as<InList>(*qual).negated) {
    const auto& list = as<InList>(*qual);
    const RangeColumn* column = column_of(list.scalar, entry);
    const catalog::Type* type = column == nullptr ? nullptr : catalog_->type(column->type);
    if (type == nullptr || type->array == Oid::none || catalog_->comparison_of(list.function) != Comparison::equal)
      return false;
    Vec<Expr*> items(*arena_);
    for (Expr* item : list.items) {
      if (!usable(item)) return false;
      Expr* value = as_column_type(item, *column);
      if (value == nullptr) return false;
      items.push_back(value);
    }
    auto* array = make_expr<Variadic>(*arena_, ExprKind::array, type->array, Physical::string, qual->position);
    array->arguments = items.span();
    *test = {column->stored, Comparison::equal, nullptr, fold(array)};
    return true;
  }
  if (qual->kind == ExprKind::any_of) {
    const auto& any = as<AnyAll>(*qual);
    const RangeColumn* column = column_of(any.scalar, entry);
    const catalog::Type* type = column == nullptr ? nullptr : catalog_->type(column->type);
    if (type == nullptr || !usable(any.array_value) || catalog_->comparison_of(any.function) != Comparison::equal)
      return false;
    const catalog::Type* list = catalog_->type(any.array_value->type);
    if (list == nullptr ||
        (list->element != column->type && !(is_stringlike(list->element) && is_stringlike(column->type))))
      return false;
    *test = {column->stored, Comparison::equal, nullptr, any.array_value};
    return true;
  }
  return false;
}

double Planner::selectivity(Expr* qual, const RangeEntry* entry, double rows) {
  switch (qual->kind) {
    case ExprKind::constant: return is_true_constant(qual) ? 1 : 0;
    case ExprKind::logical_and: {
      double product = 1;
      for (Expr* part : static_cast<Variadic*>(qual)->arguments) product *= selectivity(part, entry, rows);
      return product;
    }
    case ExprKind::logical_or: {
      double none = 1;
      for (Expr* part : static_cast<Variadic*>(qual)->arguments) none *= 1 - selectivity(part, entry, rows);
      return 1 - none;
    }
    case ExprKind::logical_not: return 1 - selectivity(static_cast<Unary*>(qual)->argument, entry, rows);
    case ExprKind::is_null: return 0.005;
    case ExprKind::is_not_null: return 0.995;
    default: break;
  }
  ColumnTest test;
  if (entry == nullptr || !column_test(qual, entry, &test)) {
    if (qual->kind == ExprKind::call) {
      const Comparison comparison = catalog_->comparison_of(as<Call>(*qual).function);
      if (comparison == Comparison::equal) return 0.005;
      if (comparison == Comparison::not_equal) return 0.995;
    }
    return 1.0 / 3;
  }
  double equal = rows > 200 ? 0.005 : rows > 1 ? 1 / rows : 1;
  if (entry->relation != nullptr)
    for (const catalog::IndexInfo& index : entry->relation->indexes)
      if (index.unique && index.columns.size() == 1 && index.columns[0] == test.stored && rows > 0)
        equal = 1 / (rows < 1 ? 1 : rows);
  if (test.any_of != nullptr) {
    const double count =
        test.any_of->kind == ExprKind::array ? static_cast<double>(as<Variadic>(*test.any_of).arguments.size()) : 10;
    return count * equal < 1 ? count * equal : 1;
  }
  return test.comparison == Comparison::equal ? equal : 1.0 / 3;
}

void Planner::scan_columns(RangeEntry* entry, Rel& rel, Vec<std::uint16_t>& numbers) {
  Vec<OutputColumn> outputs(*arena_);
  for (std::size_t i = 0; i < entry->columns.size(); ++i) {
    const RangeColumn& column = entry->columns[i];
    if (!column.used) continue;
    numbers.push_back(static_cast<std::uint16_t>(column.stored));
    rel.slots.push_back({entry->number, static_cast<std::int16_t>(i + 1)});
    OutputColumn output;
    output.name = column.name;
    output.type = column.type;
    output.typmod = column.typmod;
    output.collation = column.collation;
    output.physical = column.physical;
    output.origin_table = column.origin_table;
    output.origin_number = column.origin_number;
    outputs.push_back(output);
  }
  rel.node->outputs = outputs.span();
}

/// `rows`: what the sample leaves of them.
Result<TableScan::Sample*> Planner::sample(const SampleClause& clause, double* rows) {
  const Rel nothing = rel_of(arena_->make<Node>());
  auto* made = arena_->make<TableScan::Sample>();
  made->by_block = clause.by_block;
  SPG_ASSIGN(made->percent, resolve(simplify(clause.percent), nothing));
  SPG_ASSIGN(made->seed, resolve(simplify(clause.seed), nothing));
  double share = 0.1;
  if (made->percent->kind == ExprKind::constant && !as<Constant>(*made->percent).value.is_null)
    share = static_cast<double>(as<Constant>(*made->percent).value.as<float>()) / 100;
  if (share >= 0 && share <= 1) *rows *= share;
  return made;
}

Result<Rel> Planner::plan_table(RangeEntry* entry, std::span<Expr*> quals, const WantedOrder* order) {
  SPG_TRY(arena_->check());
  const catalog::Relation& relation = *entry->relation;
  if (relation.is_virtual || relation.table == TableId::none) {
    auto* scan = make_node<VirtualScan>(NodeKind::virtual_scan);
    Rel rel = rel_of(scan);
    Vec<std::uint16_t> numbers(*arena_);
    scan_columns(entry, rel, numbers);
    scan->relation = relation.oid;
    scan->relation_name = relation.name;
    scan->alias = entry->alias;
    scan->columns = numbers.span();
    double rows = relation.row_estimate > 0 ? relation.row_estimate : 100;
    Expr* filter = nullptr;
    for (Expr* qual : quals) {
      rows *= selectivity(qual, nullptr, rows);
      SPG_ASSIGN(Expr * resolved, resolve(qual, rel));
      filter = conjoin(*arena_, filter, resolved);
    }
    scan->filter = filter;
    scan->rows_estimate = rows;
    scan->cost_total = 10 + rows * 0.01;
    return rel;
  }
  const double total = table_rows(relation);
  double rows = total;
  Vec<ColumnTest> tests(*arena_);
  Vec<bool> is_test(*arena_);
  for (Expr* qual : quals) {
    rows *= selectivity(qual, entry, total);
    ColumnTest test;
    is_test.push_back(column_test(qual, entry, &test));
    tests.push_back(test);
  }
  if (rows < 1) rows = 1;
  const double seq_cost = total * 0.01 + total / 100 + static_cast<double>(quals.size()) * total * 0.0025;

  struct Choice {
    const catalog::IndexInfo* index = nullptr;
    Vec<std::size_t> prefix;  ///< positions of quals
    std::size_t low = SIZE_MAX, high = SIZE_MAX, any_of = SIZE_MAX;
    bool backward = false, ordered = false;
    double rows = 0, cost = 0;
  } best;
  double best_cost = seq_cost;
  const bool wants_order = order != nullptr && !order->keys.empty();
  if (wants_order) best_cost += total < 2 ? 0 : order->limited ? total * 0.05 : rows * 0.05;
  for (const catalog::IndexInfo& index : relation.indexes) {
    if (entry->sample != nullptr) break;  // a sample is of the table's blocks
    Choice choice;
    choice.index = &index;
    choice.prefix = Vec<std::size_t>(*arena_);
    double matched = 1;
    std::size_t part = 0;
    for (; part < index.columns.size(); ++part) {
      std::size_t found = SIZE_MAX;
      for (std::size_t q = 0; q < quals.size() && found == SIZE_MAX; ++q)
        if (is_test[q] && tests[q].any_of == nullptr && tests[q].stored == index.columns[part] &&
            tests[q].comparison == Comparison::equal)
          found = q;
      if (found == SIZE_MAX) break;
      choice.prefix.push_back(found);
      matched *= selectivity(quals[found], entry, total);
    }
    if (part < index.columns.size()) {
      for (std::size_t q = 0; q < quals.size(); ++q) {
        if (!is_test[q] || tests[q].stored != index.columns[part]) continue;
        if (tests[q].any_of != nullptr) {
          if (choice.any_of == SIZE_MAX) choice.any_of = q;
        } else if (tests[q].comparison == Comparison::less || tests[q].comparison == Comparison::less_equal) {
          if (choice.high == SIZE_MAX) choice.high = q;
        } else if (choice.low == SIZE_MAX) {
          choice.low = q;
        }
      }
      if (choice.any_of != SIZE_MAX) {
        choice.low = choice.high = SIZE_MAX;
        matched *= selectivity(quals[choice.any_of], entry, total);
      } else {
        if (choice.low != SIZE_MAX && choice.high != SIZE_MAX) matched *= 0.005 * (total < 200 ? 10 : 1);
        else if (choice.low != SIZE_MAX || choice.high != SIZE_MAX) matched *= 1.0 / 3;
      }
    }
    const bool whole_key = choice.prefix.size() == index.columns.size() && index.is_always_unique();
    choice.rows = whole_key ? 1 : matched * total;
    if (choice.rows < 1) choice.rows = 1;
    if (wants_order && choice.any_of == SIZE_MAX) {
      // The key columns after the prefix must be the sort keys, all in their direction or all against it.
      std::size_t at = choice.prefix.size();
      bool fits = true, forward = true;
      std::size_t used = 0;
      for (; used < order->keys.size() && fits; ++used) {
        const auto& key = order->keys[used];
        if (key.column->relation != entry->number) {
          fits = false;
          break;
        }
        const std::int16_t stored = entry->columns[static_cast<std::size_t>(key.column->number - 1)].stored;
        bool fixed = false;
        for (const std::size_t q : choice.prefix) fixed = fixed || tests[q].stored == stored;
        if (fixed) continue;
        if (at >= index.columns.size() || index.columns[at] != stored) {
          fits = index.is_always_unique() && at >= index.columns.size();
          if (!fits) break;
          continue;
        }
        const bool descending = at < index.descending.size() && index.descending[at] != 0;
        const bool nulls_first = at < index.nulls_first.size() && index.nulls_first[at] != 0;
        const bool same = key.descending == descending && key.nulls_first == nulls_first;
        const bool opposite = key.descending != descending && key.nulls_first != nulls_first;
        if (at == choice.prefix.size()) forward = same;
        fits = forward ? same : opposite;
        ++at;
      }
      choice.ordered = fits && used == order->keys.size();
      choice.backward = choice.ordered && !forward;
    }
    const bool narrows =
        !choice.prefix.empty() || choice.low != SIZE_MAX || choice.high != SIZE_MAX || choice.any_of != SIZE_MAX;
    if (!narrows && !(choice.ordered && order->limited)) continue;
    double fetched = choice.rows;
    if (choice.ordered && order->limited && !whole_key) fetched = fetched < 10 ? fetched : fetched * 0.1;
    choice.cost = 0.3 + fetched * 0.035;
    if (wants_order && !choice.ordered) choice.cost += choice.rows * 0.05;
    if (whole_key) choice.cost = 0;
    if (choice.cost < best_cost || (best.index != nullptr && choice.cost == best_cost && choice.rows < best.rows)) {
      best = choice;
      best_cost = choice.cost;
    }
  }

  if (best.index == nullptr) {
    auto* scan = make_node<TableScan>(NodeKind::table_scan);
    Rel rel = rel_of(scan);
    Vec<std::uint16_t> numbers(*arena_);
    scan_columns(entry, rel, numbers);
    scan->table = relation.table;
    scan->relation = relation.oid;
    scan->relation_name = relation.name;
    scan->alias = entry->alias;
    scan->columns = numbers.span();
    Vec<TableScan::Zone> zones(*arena_);
    Expr* filter = nullptr;
    for (std::size_t q = 0; q < quals.size(); ++q) {
      SPG_ASSIGN(Expr * resolved, resolve(quals[q], rel));
      filter = conjoin(*arena_, filter, resolved);
      if (!is_test[q] || tests[q].value == nullptr) continue;
      TableScan::Zone zone{static_cast<std::uint16_t>(tests[q].stored), txn::ZonePredicate::Op::equal, nullptr};
      switch (tests[q].comparison) {
        case Comparison::less: zone.op = txn::ZonePredicate::Op::less; break;
        case Comparison::less_equal: zone.op = txn::ZonePredicate::Op::less_equal; break;
        case Comparison::greater: zone.op = txn::ZonePredicate::Op::greater; break;
        case Comparison::greater_equal: zone.op = txn::ZonePredicate::Op::greater_equal; break;
        default: break;
      }
      if (tests[q].value->kind == ExprKind::subquery) continue;
      if (tests[q].value->physical == Physical::string) continue;  // ordered by collation or scale, not by bytes
      SPG_ASSIGN(zone.value, resolve(tests[q].value, rel));
      zones.push_back(zone);
    }
    if (entry->sample != nullptr) { SPG_ASSIGN(scan->sample, sample(*entry->sample, &rows)); }
    scan->filter = filter;
    scan->zones = zones.span();
    scan->rows_estimate = rows;
    scan->cost_total = seq_cost;
    return rel;
  }

  auto* scan = make_node<IndexScan>(NodeKind::index_scan);
  Rel rel = rel_of(scan);
  Vec<std::uint16_t> numbers(*arena_);
  scan_columns(entry, rel, numbers);
  scan->table = relation.table;
  scan->index = best.index->id;
  scan->relation = relation.oid;
  scan->index_relation = best.index->oid;
  scan->relation_name = relation.name;
  scan->alias = entry->alias;
  scan->index_name = best.index->name;
  scan->columns = numbers.span();
  scan->backward = best.backward;
  Vec<bool> implied(*arena_);
  implied.resize(quals.size());
  Vec<Expr*> prefix(*arena_);
  for (const std::size_t q : best.prefix) {
    SPG_ASSIGN(Expr * value, resolve(tests[q].value, rel));
    prefix.push_back(value);
    implied[q] = true;
  }
  scan->prefix = prefix.span();
  if (best.low != SIZE_MAX || best.high != SIZE_MAX) {
    // Bounds are given in the order of values: `low` is the smaller one whatever the index' direction.
    if (best.low != SIZE_MAX) {
      SPG_ASSIGN(scan->low, resolve(tests[best.low].value, rel));
      scan->low_inclusive = tests[best.low].comparison != Comparison::greater;
      implied[best.low] = true;
    }
    if (best.high != SIZE_MAX) {
      SPG_ASSIGN(scan->high, resolve(tests[best.high].value, rel));
      scan->high_inclusive = tests[best.high].comparison != Comparison::less;
      implied[best.high] = true;
    }
    scan->with_nulls = false;
  }
  if (best.any_of != SIZE_MAX) {
    SPG_ASSIGN(scan->any_of, resolve(tests[best.any_of].any_of, rel));
    implied[best.any_of] = true;
    scan->with_nulls = false;
  }
  Expr* filter = nullptr;
  for (std::size_t q = 0; q < quals.size(); ++q) {
    if (implied[q]) continue;
    SPG_ASSIGN(Expr * resolved, resolve(quals[q], rel));
    filter = conjoin(*arena_, filter, resolved);
  }
  scan->filter = filter;
  scan->rows_estimate = rows < best.rows ? rows : best.rows;
  scan->cost_start = 0.15;
  scan->cost_total = best.cost + 0.15;
  return rel;
}

}  // namespace spg::plan
