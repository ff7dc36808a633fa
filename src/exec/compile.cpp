#include "compile.hpp"

#include "eval.hpp"
#include "sets.hpp"
#include "window.hpp"
#include "spg/type/io.hpp"
#include "spg/type/numeric.hpp"
#include "spg/type/oids.hpp"

namespace spg::exec {
namespace {

using plan::Expr;
using plan::ExprKind;
using plan::NodeKind;
using Codes = std::span<const Code* const>;

constexpr int depth_max = 2000;
/// Reads of work tables are noted like reads of internal parameters: they change under whoever reads them.

class Compiler {
 public:
  Compiler(catalog::Catalog* catalog, Arena& arena, const Registry& registry)
      : catalog_(catalog), arena_(&arena), registry_(&registry), reads_(arena), materialized_(arena) {}

  Result<const Code*> expr(const Expr& expr);
  Result<const CompiledNode*> node(const plan::Node& node);
  std::uint32_t registers = 0, shared_count = 0, subquery_count = 0;

 private:
  Code* make(const Expr& from, Evaluate evaluate) {
    Code* code = arena_->make<Code>();
    code->evaluate = evaluate;
    code->expr = &from;
    code->physical = from.physical == Physical::none ? type::physical_of(from.type) : from.physical;
    code->slot = registers++;
    return code;
  }
  Result<const Code*> optional(const Expr* e) {
    if (e == nullptr) return static_cast<const Code*>(nullptr);
    return expr(*e);
  }
  Result<Codes> all(std::span<Expr* const> exprs) {
    auto* codes = arena_->array<const Code*>(exprs.size());
    for (std::size_t i = 0; i < exprs.size(); ++i) {
      if (i % 1024 == 1023) SPG_TRY(arena_->check());
      SPG_ASSIGN(codes[i], expr(*exprs[i]));
    }
    return Codes{codes, exprs.size()};
  }
  /// Sets the arguments of a code.
  Result<const Code*> with(Code* code, std::span<Expr* const> exprs) {
    SPG_ASSIGN(code->arguments, all(exprs));
    code->expressions = exprs;
    return static_cast<const Code*>(code);
  }
  Result<const Code*> one(Code* code, Expr* const& argument) { return with(code, {&argument, 1}); }
  Result<const Function*> function(Oid oid, const Expr& at);
  Status set_function(Code* code, Oid oid, const Expr& at);
  Result<const Code*> call(const plan::Call& call);
  Result<const Code*> row(const plan::Variadic& expr);
  Result<const Code*> choice(const plan::Case& expr);
  Result<const Code*> any_all(const plan::AnyAll& expr);
  Result<const Code*> in_list(const plan::InList& expr);
  Result<const Code*> subquery(const plan::SubqueryExpr& expr);
  Result<Codes> bindings(std::span<const plan::SubqueryExpr::Binding> bindings);
  const Code* membership_test(const Expr& at, const Function& function, Expr* scalar, Expr* element);
  Result<std::span<const SetCall>> set_calls(std::span<plan::Call* const> calls);
  Result<SetCall> set_call(const plan::Call& call);

  Result<const CompiledNode*> fill(CompiledNode* to);
  Status scan_columns(CompiledNode* to, Oid relation, std::span<const std::uint16_t> numbers);
  Result<std::span<const StoredColumn>> stored(Oid relation, std::span<const std::uint16_t> numbers,
                                               std::span<const plan::OutputColumn> outputs);
  Status index_keys(CompiledNode* to, Oid relation, IndexId index);
  Status aggregate(CompiledNode* to, const plan::Aggregate& node);
  Status window(CompiledNode* to, const plan::Window& node);
  Status modify(CompiledNode* to, const plan::Modify& node);
  /// Forgets reads of parameters that the construct itself sets.
  void bound(std::size_t since, std::span<const plan::SubqueryExpr::Binding> bindings);

  catalog::Catalog* catalog_;
  Arena* arena_;
  const Registry* registry_;
  Vec<std::uint32_t> reads_;  ///< internal parameters read so far and not yet bound
  struct Known {
    const plan::Node* node;
    const CompiledNode* compiled;
  };
  Vec<Known> materialized_;
  int depth_ = 0;
};

Error not_supported(std::string_view name, std::int32_t position) {
  Error error = Error::make(sqlstate::feature_not_supported, "function ", name, " is not supported");
  return position >= 0 ? std::move(error).at(position + 1) : std::move(error);
}

Result<const Function*> Compiler::function(Oid oid, const Expr& at) {
  const Function* found = registry_->function(oid);
  if (found != nullptr) return found;
  const catalog::Function* known = catalog_ == nullptr ? nullptr : catalog_->function(oid);
  if (known == nullptr) return not_supported(arena_->concat("with OID ", raw(oid)), at.position);
  TextBuilder name(*arena_);
  name.add(known->name, "(");
  for (std::size_t i = 0; i < known->arguments.size(); ++i) {
    const type::TypeInfo* type = type::find_type(known->arguments[i]);
    const catalog::Type* other = type == nullptr ? catalog_->type(known->arguments[i]) : nullptr;
    name.add(i == 0 ? "" : ", ", type != nullptr ? type->name : other != nullptr ? other->name : "?");
    if (type != nullptr && type->format == type::Format::array) name.add("[]");
  }
  name.add(")");
  return not_supported(name.view(), at.position);
}

Status Compiler::set_function(Code* code, Oid oid, const Expr& at) {
  SPG_ASSIGN(const Function* found, function(oid, at));
  if (found->kernel == nullptr)
    return Error::make(sqlstate::feature_not_supported,
                       "set-valued function called in context that cannot accept a set");
  code->kernel = found->kernel;
  code->sees_nulls = found->sees_nulls;
  code->is_volatile = found->is_volatile;
  return ok();
}

Result<const Code*> Compiler::call(const plan::Call& expr) {
  if (expr.function == Oid::none) return with(make(expr, eval_io_cast), expr.arguments);
  Code* code = make(expr, eval_call);
  SPG_TRY(set_function(code, expr.function, expr));
  return with(code, expr.arguments);
}

/// Records hold what they are of; of domains the values of their base types.
Result<const Code*> Compiler::row(const plan::Variadic& expr) {
  Code* code = make(expr, eval_row);
  auto* types = arena_->array<Oid>(expr.arguments.size() + 1);
  for (std::size_t i = 0; i < expr.arguments.size(); ++i) {
    types[i] = expr.arguments[i]->type;
    const catalog::Type* known = catalog_ == nullptr ? nullptr : catalog_->type(types[i]);
    if (known != nullptr && known->base != Oid::none) types[i] = known->base;
  }
  code->extra = types;
  return with(code, expr.arguments);
}

Result<const Code*> Compiler::choice(const plan::Case& expr) {
  Code* code = make(expr, eval_case);
  Vec<Expr*> parts(*arena_, expr.whens.size() * 2 + 1);
  for (const auto& when : expr.whens) {
    parts.push_back(when.condition);
    parts.push_back(when.result);
  }
  if (expr.otherwise != nullptr) parts.push_back(expr.otherwise);
  return with(code, parts.span());
}

/// The operator as a code of its own, whose arguments are handed in.
const Code* Compiler::membership_test(const Expr& at, const Function& function, Expr* scalar, Expr* element) {
  Code* code = make(at, eval_call);
  code->physical = Physical::boolean;
  code->kernel = function.kernel;
  code->sees_nulls = function.sees_nulls;
  code->is_volatile = function.is_volatile;
  auto* types = arena_->array<Expr*>(2);
  types[0] = scalar;
  types[1] = element;
  code->expressions = {types, 2};
  return code;
}

Result<const Code*> Compiler::any_all(const plan::AnyAll& expr) {
  SPG_ASSIGN(const Function* found, function(expr.function, expr));
  Code* code = make(expr, eval_any_all);
  auto* how = arena_->make<MembershipCode>();
  Expr* element = arena_->make<Expr>(*expr.array_value);
  const type::TypeInfo* array = type::find_type(expr.array_value->type);
  element->type = array == nullptr ? Oid::none : array->element;
  element->physical = type::physical_of(element->type);
  how->test = membership_test(expr, *found, expr.scalar, element);
  how->is_equality = found->is_equality;
  how->compared = element->type;
  code->extra = how;
  auto* parts = arena_->array<Expr*>(2);
  parts[0] = expr.scalar;
  parts[1] = expr.array_value;
  return with(code, {parts, 2});
}

Result<const Code*> Compiler::in_list(const plan::InList& expr) {
  SPG_ASSIGN(const Function* found, function(expr.function, expr));
  Code* code = make(expr, eval_in_list);
  auto* how = arena_->make<MembershipCode>();
  bool all_constant = found->is_equality && expr.items.size() > 4;
  for (const Expr* item : expr.items)
    all_constant = all_constant && item->kind == ExprKind::constant && item->physical == expr.scalar->physical;
  if (all_constant) {
    auto* set = new (arena_->allocate(sizeof(ValueSet), alignof(ValueSet)))
        ValueSet(expr.items[0]->type, expr.items.size(), *arena_);
    for (std::size_t i = 0; i < expr.items.size(); ++i) {
      if (i % 4096 == 4095) SPG_TRY(arena_->check());
      set->add(plan::as<plan::Constant>(*expr.items[i]).value);
    }
    how->set = set;  // the items themselves are not looked at any more
  }
  how->test = membership_test(expr, *found, expr.scalar, expr.items.empty() ? expr.scalar : expr.items[0]);
  code->extra = how;
  Vec<Expr*> parts(*arena_, expr.items.size() + 1);
  parts.push_back(expr.scalar);
  if (how->set == nullptr) parts.append(std::span<Expr* const>(expr.items.data(), expr.items.size()));
  return with(code, parts.span());
}

Result<Codes> Compiler::bindings(std::span<const plan::SubqueryExpr::Binding> list) {
  auto* codes = arena_->array<const Code*>(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) { SPG_ASSIGN(codes[i], expr(*list[i].value)); }
  return Codes{codes, list.size()};
}

void Compiler::bound(std::size_t since, std::span<const plan::SubqueryExpr::Binding> list) {
  std::size_t kept = since;
  for (std::size_t i = since; i < reads_.size(); ++i) {
    bool is_bound = false;
    for (const auto& binding : list) is_bound = is_bound || binding.parameter == reads_[i];
    if (!is_bound) reads_[kept++] = reads_[i];
  }
  while (reads_.size() > kept) reads_.pop_back();
}

Result<const Code*> Compiler::subquery(const plan::SubqueryExpr& expr) {
  Code* code = make(expr, evaluate_subquery);
  auto* sub = arena_->make<CompiledSubquery>();
  sub->expr = &expr;
  sub->number = subquery_count++;
  // What the bindings read, they read of the outer row's world; what plan and test read beyond the bindings makes the
  // result depend on parameters that someone further out sets.
  SPG_ASSIGN(sub->bindings, bindings(expr.bindings));
  const std::size_t since = reads_.size();
  SPG_ASSIGN(sub->node, node(*expr.plan));
  bound(since, expr.bindings);
  sub->depends = reads_.size() > since;
  if (expr.test != nullptr) {
    SPG_ASSIGN(sub->test, this->expr(*expr.test));
    const std::size_t columns = expr.plan->outputs.size();
    Vec<plan::SubqueryExpr::Binding> own(*arena_);
    for (std::size_t i = 0; i < columns; ++i)
      own.push_back({expr.first_row_param + static_cast<std::uint32_t>(i), nullptr});
    bound(since, own.span());
  }
  code->subquery = sub;
  return static_cast<const Code*>(code);
}

Result<const Code*> Compiler::expr(const Expr& e) {
  struct Depth {
    int& depth;
    explicit Depth(int& d) : depth(d) { ++depth; }
    ~Depth() { --depth; }
  } guard(depth_);
  if (depth_ > depth_max) return Error::make(sqlstate::statement_too_complex, "stack depth limit exceeded");
  SPG_TRY(arena_->check());
  switch (e.kind) {
    case ExprKind::constant: {
      Code* code = make(e, eval_constant);
      code->value = plan::as<plan::Constant>(e).value;
      code->is_constant = true;
      if (code->value.is_null) code->value.physical = code->physical;
      return static_cast<const Code*>(code);
    }
    case ExprKind::column: {
      Code* code = make(e, eval_column);
      code->place = plan::as<plan::Column>(e).place;
      return static_cast<const Code*>(code);
    }
    case ExprKind::parameter: {
      const auto& parameter = plan::as<plan::Parameter>(e);
      Code* code = make(e, parameter.internal ? eval_internal_parameter : eval_parameter);
      code->place = parameter.number;
      if (parameter.internal) reads_.push_back(parameter.number);
      return static_cast<const Code*>(code);
    }
    case ExprKind::call: return call(plan::as<plan::Call>(e));
    case ExprKind::relabel: return one(make(e, eval_relabel), plan::as<plan::Unary>(e).argument);
    case ExprKind::logical_and: return with(make(e, eval_and), plan::as<plan::Variadic>(e).arguments);
    case ExprKind::logical_or: return with(make(e, eval_or), plan::as<plan::Variadic>(e).arguments);
    case ExprKind::logical_not: return one(make(e, eval_not), plan::as<plan::Unary>(e).argument);
    case ExprKind::is_null:
    case ExprKind::is_not_null:
    case ExprKind::is_true:
    case ExprKind::is_not_true:
    case ExprKind::is_false:
    case ExprKind::is_not_false:
    case ExprKind::is_unknown:
    case ExprKind::is_not_unknown: return one(make(e, eval_is), plan::as<plan::Unary>(e).argument);
    case ExprKind::distinct_from:
    case ExprKind::not_distinct_from:
    case ExprKind::null_if: {
      const auto& c = plan::as<plan::Call>(e);
      Code* code = make(e, e.kind == ExprKind::null_if ? eval_null_if : eval_distinct_from);
      SPG_TRY(set_function(code, c.function, e));
      return with(code, c.arguments);
    }
    case ExprKind::case_when: return choice(plan::as<plan::Case>(e));
    case ExprKind::coalesce: return with(make(e, eval_coalesce), plan::as<plan::Variadic>(e).arguments);
    case ExprKind::greatest:
    case ExprKind::least: {
      Code* code = make(e, eval_greatest_least);
      code->compared = e.type;
      return with(code, plan::as<plan::Variadic>(e).arguments);
    }
    case ExprKind::any_of:
    case ExprKind::all_of: return any_all(plan::as<plan::AnyAll>(e));
    case ExprKind::in_list: return in_list(plan::as<plan::InList>(e));
    case ExprKind::subquery: return subquery(plan::as<plan::SubqueryExpr>(e));
    case ExprKind::array: return with(make(e, eval_array), plan::as<plan::Variadic>(e).arguments);
    case ExprKind::row: return row(plan::as<plan::Variadic>(e));
    case ExprKind::row_id:
    case ExprKind::grouping:
    case ExprKind::default_marker: break;
  }
  return Error::make(sqlstate::internal_error, "unexpected expression kind ", static_cast<int>(e.kind), " in a plan");
}

// --- nodes ----------------------------------------------------------------------------------------------------------

Result<std::span<const StoredColumn>> Compiler::stored(Oid relation, std::span<const std::uint16_t> numbers,
                                                       std::span<const plan::OutputColumn> outputs) {
  const catalog::Relation* found = nullptr;
  if (catalog_ != nullptr && relation != Oid::none) { SPG_ASSIGN(found, catalog_->relation(relation)); }
  auto* columns = arena_->array<StoredColumn>(numbers.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    StoredColumn column;
    column.number = numbers[i];
    if (i < outputs.size()) {
      column.type = outputs[i].type;
      column.typmod = outputs[i].typmod;
      column.physical = outputs[i].physical;
    }
    if (found != nullptr)
      for (const catalog::ColumnInfo& info : found->columns)
        if (info.number == static_cast<std::int16_t>(numbers[i])) {
          column.type = info.type;
          column.typmod = info.typmod;
          column.physical = info.physical;
        }
    if (column.physical == Physical::none) column.physical = type::physical_of(column.type);
    if (column.is_scaled()) column.scale = static_cast<std::uint8_t>(type::NumericTypmod::of(column.typmod).scale);
    columns[i] = column;
  }
  return std::span<const StoredColumn>{columns, numbers.size()};
}

Status Compiler::scan_columns(CompiledNode* to, Oid relation, std::span<const std::uint16_t> numbers) {
  std::span<const plan::OutputColumn> outputs = to->node->outputs;
  if (outputs.size() > numbers.size())
    outputs = outputs.last(numbers.size());  // an index join's: behind the left side's
  SPG_ASSIGN(to->columns, stored(relation, numbers, outputs));
  return ok();
}

Status Compiler::index_keys(CompiledNode* to, Oid relation, IndexId index) {
  if (catalog_ == nullptr || relation == Oid::none) return ok();
  SPG_ASSIGN(const catalog::Relation* found, catalog_->relation(relation));
  if (found == nullptr) return ok();
  for (const catalog::IndexInfo& info : found->indexes) {
    if (info.id != index) continue;
    auto* numbers = arena_->array<std::uint16_t>(info.columns.size());
    for (std::size_t i = 0; i < info.columns.size(); ++i) numbers[i] = static_cast<std::uint16_t>(info.columns[i]);
    SPG_ASSIGN(to->keys, stored(relation, {numbers, info.columns.size()}, {}));
  }
  return ok();
}

Result<SetCall> Compiler::set_call(const plan::Call& expr) {
  SetCall result;
  result.call = &expr;
  SPG_ASSIGN(result.function, function(expr.function, expr));
  SPG_ASSIGN(result.arguments, all(expr.arguments));
  const catalog::Function* known = catalog_ == nullptr ? nullptr : catalog_->function(expr.function);
  if (known != nullptr && known->out_types.size() > 1)
    result.columns = static_cast<std::uint32_t>(known->out_types.size());
  return result;
}

Result<std::span<const SetCall>> Compiler::set_calls(std::span<plan::Call* const> calls) {
  auto* results = arena_->array<SetCall>(calls.size());
  for (std::size_t i = 0; i < calls.size(); ++i) { SPG_ASSIGN(results[i], set_call(*calls[i])); }
  return std::span<const SetCall>{results, calls.size()};
}

Status Compiler::aggregate(CompiledNode* to, const plan::Aggregate& node) {
  SPG_ASSIGN(to->codes, all(node.keys));
  auto* results = arena_->array<CompiledAggregate>(node.aggregates.size());
  for (std::size_t i = 0; i < node.aggregates.size(); ++i) {
    const plan::AggregateCall& call = node.aggregates[i];
    CompiledAggregate& made = *new (&results[i]) CompiledAggregate{};
    made.call = &call;
    made.function = registry_->aggregate(call.function);
    if (made.function == nullptr) {
      const catalog::Function* known = catalog_ == nullptr ? nullptr : catalog_->function(call.function);
      return not_supported(known == nullptr ? "?" : arena_->concat(known->name, "()"), -1);
    }
    SPG_ASSIGN(made.arguments, all(call.arguments));
    SPG_ASSIGN(made.direct, all(call.direct));
    SPG_ASSIGN(made.filter, optional(call.filter));
    auto* order = arena_->array<const Code*>(call.order_by.size());
    for (std::size_t k = 0; k < call.order_by.size(); ++k) { SPG_ASSIGN(order[k], expr(*call.order_by[k].value)); }
    made.order = {order, call.order_by.size()};
  }
  to->extra = results;
  return ok();
}

Status Compiler::window(CompiledNode* to, const plan::Window& node) {
  auto* made = arena_->make<CompiledWindow>();
  auto* frames = arena_->array<CompiledWindowFrame>(node.frames.size());
  for (std::size_t i = 0; i < node.frames.size(); ++i) {
    CompiledWindowFrame& frame = *new (&frames[i]) CompiledWindowFrame{};
    frame.frame = &node.frames[i];
    SPG_ASSIGN(frame.start_offset, optional(node.frames[i].start_offset));
    SPG_ASSIGN(frame.end_offset, optional(node.frames[i].end_offset));
  }
  auto* calls = arena_->array<CompiledWindowCall>(node.calls.size());
  for (std::size_t i = 0; i < node.calls.size(); ++i) {
    const plan::WindowCall& call = node.calls[i];
    CompiledWindowCall& one = *new (&calls[i]) CompiledWindowCall{};
    one.call = &call;
    if (call.is_aggregate) one.aggregate = registry_->aggregate(call.function);
    if (call.is_aggregate ? one.aggregate == nullptr : !is_window_function(call.function)) {
      const catalog::Function* known = catalog_ == nullptr ? nullptr : catalog_->function(call.function);
      return not_supported(known == nullptr ? "?" : arena_->concat(known->name, "()"), -1);
    }
    SPG_ASSIGN(one.arguments, all(call.arguments));
    SPG_ASSIGN(one.filter, optional(call.filter));
  }
  made->frames = {frames, node.frames.size()};
  made->calls = {calls, node.calls.size()};
  to->extra = made;
  return ok();
}

/// Whether a Modify's input may yield one row of the table twice.
bool yields_unique_rows(const plan::Node& node) {
  switch (node.kind) {
    case NodeKind::table_scan:
    case NodeKind::index_scan: return true;
    case NodeKind::filter: return yields_unique_rows(*plan::as<plan::Filter>(node).input);
    case NodeKind::project: return yields_unique_rows(*plan::as<plan::Project>(node).input);
    case NodeKind::limit: return yields_unique_rows(*plan::as<plan::Limit>(node).input);
    case NodeKind::lock_rows: return yields_unique_rows(*plan::as<plan::LockRows>(node).input);
    case NodeKind::sort: return yields_unique_rows(*plan::as<plan::Sort>(node).input);
    default: return false;
  }
}

Status Compiler::modify(CompiledNode* to, const plan::Modify& node) {
  SPG_ASSIGN(to->left, this->node(*node.input));
  Vec<plan::OutputColumn> outputs(*arena_);
  const auto describe = [&](std::span<const std::uint16_t> numbers) {
    outputs.clear();
    for (const std::uint16_t number : numbers) {
      plan::OutputColumn& column = outputs.emplace_back();
      for (const auto& row_column : node.row_columns)
        if (row_column.number == number) {
          column.type = row_column.type;
          column.typmod = row_column.typmod;
          column.physical = type::column_physical_of(row_column.type, row_column.typmod);
        }
    }
  };
  describe(node.columns);
  SPG_ASSIGN(to->columns, stored(node.relation, node.columns, outputs.span()));
  describe(node.returning_columns);
  SPG_ASSIGN(to->returned, stored(node.relation, node.returning_columns, outputs.span()));
  SPG_ASSIGN(to->more, all(node.returning));
  Vec<plan::Expr*> checks(*arena_);
  for (const plan::Modify::Check& check : node.checks) checks.push_back(check.condition);
  SPG_ASSIGN(to->codes, all(checks.span()));
  if (node.on_conflict != nullptr) {
    auto* conflict = arena_->make<CompiledConflict>();
    describe(node.on_conflict->existing_columns);
    SPG_ASSIGN(conflict->existing, stored(node.relation, node.on_conflict->existing_columns, outputs.span()));
    describe(node.on_conflict->columns);
    SPG_ASSIGN(conflict->columns, stored(node.relation, node.on_conflict->columns, outputs.span()));
    SPG_ASSIGN(conflict->values, all(node.on_conflict->values));
    SPG_ASSIGN(conflict->where, optional(node.on_conflict->where));
    to->extra = conflict;
  }
  if (node.op == plan::Modify::Op::merge) {
    auto* merge = arena_->make<CompiledMerge>();
    auto* actions = arena_->array<CompiledMerge::Action>(node.actions.size());
    for (std::size_t i = 0; i < node.actions.size(); ++i) {
      CompiledMerge::Action& action = *new (&actions[i]) CompiledMerge::Action{};
      describe(node.actions[i].columns);
      SPG_ASSIGN(action.columns, stored(node.relation, node.actions[i].columns, outputs.span()));
      SPG_ASSIGN(action.values, all(node.actions[i].values));
      SPG_ASSIGN(action.condition, optional(node.actions[i].condition));
    }
    merge->actions = {actions, node.actions.size()};
    to->extra = merge;
  }
  to->unique_rows = node.op == plan::Modify::Op::insert || yields_unique_rows(*node.input);
  return ok();
}

Result<const CompiledNode*> Compiler::node(const plan::Node& n) {
  if (n.kind == NodeKind::materialize)
    for (const Known& known : materialized_)
      if (known.node == &n) {
        reads_.append(known.compiled->reads);
        return known.compiled;
      }
  if (depth_ > depth_max) return Error::make(sqlstate::statement_too_complex, "stack depth limit exceeded");
  ++depth_;
  auto* made = arena_->make<CompiledNode>();
  made->node = &n;
  // Registers are numbered per node: an operator's frame holds those of its own expressions.
  const std::uint32_t outer = registers;
  registers = 0;
  const std::size_t since = reads_.size();
  auto result = fill(made);
  made->registers = registers;
  registers = outer;
  // What writes in WITH is run once, whatever happens around it.
  const bool writes = n.kind == NodeKind::materialize && plan::as<plan::Materialize>(n).input->kind == NodeKind::modify;
  made->depends = reads_.size() > since && !writes;
  if (n.kind == NodeKind::materialize && made->depends) {
    Vec<std::uint32_t> reads(*arena_);
    reads.append(reads_.span().subspan(since));
    made->reads = reads.span();
  }
  --depth_;
  if (result.has_value() && n.kind == NodeKind::materialize) {
    made->number = shared_count++;
    materialized_.push_back({&n, made});
  }
  return result;
}

Result<const CompiledNode*> Compiler::fill(CompiledNode* to) {
  const plan::Node& n = *to->node;
  const auto done = [&]() -> Result<const CompiledNode*> { return static_cast<const CompiledNode*>(to); };
  switch (n.kind) {
    case NodeKind::values: {
      const auto& values = plan::as<plan::Values>(n);
      Vec<const Code*> codes(*arena_);
      for (const auto& row : values.rows) {
        SPG_ASSIGN(const Codes row_codes, all(row));
        codes.append(row_codes);
      }
      to->codes = codes.span();
      return done();
    }
    case NodeKind::table_scan: {
      const auto& scan = plan::as<plan::TableScan>(n);
      SPG_TRY(scan_columns(to, scan.relation, scan.columns));
      SPG_ASSIGN(to->condition, optional(scan.filter));
      if (scan.sample != nullptr) {
        SPG_ASSIGN(to->count, expr(*scan.sample->percent));
        SPG_ASSIGN(to->offset, optional(scan.sample->seed));
      }
      Vec<const Code*> zones(*arena_);
      Vec<std::uint16_t> numbers(*arena_);
      for (const auto& zone : scan.zones) {
        const Code* value = nullptr;
        if (zone.value != nullptr) { SPG_ASSIGN(value, expr(*zone.value)); }
        zones.push_back(value);
        numbers.push_back(zone.column);
      }
      to->codes = zones.span();
      SPG_ASSIGN(to->keys, stored(scan.relation, numbers.span(), {}));
      return done();
    }
    case NodeKind::index_scan: {
      const auto& scan = plan::as<plan::IndexScan>(n);
      SPG_TRY(scan_columns(to, scan.relation, scan.columns));
      SPG_TRY(index_keys(to, scan.relation, scan.index));
      SPG_ASSIGN(to->condition, optional(scan.filter));
      SPG_ASSIGN(to->codes, all(scan.prefix));
      SPG_ASSIGN(to->low, optional(scan.low));
      SPG_ASSIGN(to->high, optional(scan.high));
      SPG_ASSIGN(to->any_of, optional(scan.any_of));
      return done();
    }
    case NodeKind::virtual_scan: {
      SPG_ASSIGN(to->condition, optional(plan::as<plan::VirtualScan>(n).filter));
      return done();
    }
    case NodeKind::function_scan: {
      const auto& scan = plan::as<plan::FunctionScan>(n);
      SPG_ASSIGN(const std::span<const SetCall> calls, set_calls(scan.functions));
      if (calls.size() == 1)  // the plan's outputs know better, when the catalog knows of no columns
        const_cast<SetCall&>(calls[0]).columns = static_cast<std::uint32_t>(n.outputs.size() - scan.with_ordinality);
      to->extra = calls.data();
      return done();
    }
    case NodeKind::project_set: {
      const auto& project = plan::as<plan::ProjectSet>(n);
      SPG_ASSIGN(to->left, node(*project.input));
      auto* calls = arena_->array<SetCall>(project.expressions.size());
      auto* codes = arena_->array<const Code*>(project.expressions.size());
      for (std::size_t i = 0; i < project.expressions.size(); ++i) {
        new (&calls[i]) SetCall{};
        codes[i] = nullptr;
        const Expr& e = *project.expressions[i];
        if (e.kind == ExprKind::call && plan::as<plan::Call>(e).returns_set) {
          SPG_ASSIGN(calls[i], set_call(plan::as<plan::Call>(e)));
        } else {
          SPG_ASSIGN(codes[i], expr(e));
        }
      }
      to->codes = {codes, project.expressions.size()};
      to->extra = calls;
      return done();
    }
    case NodeKind::filter: {
      const auto& filter = plan::as<plan::Filter>(n);
      SPG_ASSIGN(to->left, node(*filter.input));
      SPG_ASSIGN(to->condition, expr(*filter.condition));
      return done();
    }
    case NodeKind::project: {
      const auto& project = plan::as<plan::Project>(n);
      if (project.input != nullptr) { SPG_ASSIGN(to->left, node(*project.input)); }
      SPG_ASSIGN(to->codes, all(project.expressions));
      return done();
    }
    case NodeKind::limit: {
      const auto& limit = plan::as<plan::Limit>(n);
      SPG_ASSIGN(to->left, node(*limit.input));
      SPG_ASSIGN(to->count, optional(limit.count));
      SPG_ASSIGN(to->offset, optional(limit.offset));
      return done();
    }
    case NodeKind::lock_rows: {
      const auto& lock = plan::as<plan::LockRows>(n);
      SPG_ASSIGN(to->left, node(*lock.input));
      SPG_ASSIGN(to->count, optional(lock.count));
      SPG_ASSIGN(to->offset, optional(lock.offset));
      return done();
    }
    case NodeKind::sort: {
      const auto& sort = plan::as<plan::Sort>(n);
      SPG_ASSIGN(to->left, node(*sort.input));
      SPG_ASSIGN(to->count, optional(sort.limit));
      return done();
    }
    case NodeKind::distinct: {
      SPG_ASSIGN(to->left, node(*plan::as<plan::Distinct>(n).input));
      return done();
    }
    case NodeKind::aggregate: {
      SPG_ASSIGN(to->left, node(*plan::as<plan::Aggregate>(n).input));
      SPG_TRY(aggregate(to, plan::as<plan::Aggregate>(n)));
      return done();
    }
    case NodeKind::window: {
      SPG_ASSIGN(to->left, node(*plan::as<plan::Window>(n).input));
      SPG_TRY(window(to, plan::as<plan::Window>(n)));
      return done();
    }
    case NodeKind::hash_join: {
      const auto& join = plan::as<plan::HashJoin>(n);
      SPG_ASSIGN(to->left, node(*join.left));
      SPG_ASSIGN(to->right, node(*join.right));
      Vec<Expr*> left(*arena_), right(*arena_);
      for (const auto& key : join.keys) {
        left.push_back(key.left);
        right.push_back(key.right);
      }
      SPG_ASSIGN(to->codes, all(left.span()));
      SPG_ASSIGN(to->more, all(right.span()));
      SPG_ASSIGN(to->condition, optional(join.residual));
      return done();
    }
    case NodeKind::loop_join: {
      const auto& join = plan::as<plan::LoopJoin>(n);
      SPG_ASSIGN(to->left, node(*join.left));
      SPG_ASSIGN(to->codes, bindings(join.bindings));
      const std::size_t since = reads_.size();
      SPG_ASSIGN(to->right, node(*join.right));
      SPG_ASSIGN(to->condition, optional(join.condition));
      bound(since, join.bindings);
      return done();
    }
    case NodeKind::index_join: {
      const auto& join = plan::as<plan::IndexJoin>(n);
      SPG_ASSIGN(to->left, node(*join.left));
      SPG_TRY(scan_columns(to, join.relation, join.columns));
      SPG_TRY(index_keys(to, join.relation, join.index));
      SPG_ASSIGN(to->codes, all(join.keys));
      SPG_ASSIGN(to->condition, optional(join.residual));
      return done();
    }
    case NodeKind::append: {
      const auto& append = plan::as<plan::Append>(n);
      auto* inputs = arena_->array<const CompiledNode*>(append.inputs.size());
      for (std::size_t i = 0; i < append.inputs.size(); ++i) { SPG_ASSIGN(inputs[i], node(*append.inputs[i])); }
      to->inputs = {inputs, append.inputs.size()};
      return done();
    }
    case NodeKind::set_operation: {
      SPG_ASSIGN(to->left, node(*plan::as<plan::SetOperation>(n).left));
      SPG_ASSIGN(to->right, node(*plan::as<plan::SetOperation>(n).right));
      return done();
    }
    case NodeKind::recursive_union: {
      SPG_ASSIGN(to->left, node(*plan::as<plan::RecursiveUnion>(n).initial));
      const std::size_t since = reads_.size();
      SPG_ASSIGN(to->right, node(*plan::as<plan::RecursiveUnion>(n).step));
      const plan::SubqueryExpr::Binding own{work_table_bit | plan::as<plan::RecursiveUnion>(n).slot, nullptr};
      bound(since, {&own, 1});
      return done();
    }
    case NodeKind::work_table: reads_.push_back(work_table_bit | plan::as<plan::WorkTable>(n).slot); return done();
    case NodeKind::materialize: {
      SPG_ASSIGN(to->left, node(*plan::as<plan::Materialize>(n).input));
      return done();
    }
    case NodeKind::cte_scan: {
      SPG_ASSIGN(to->left, node(*plan::as<plan::CteScan>(n).source));
      return done();
    }
    case NodeKind::modify: {
      SPG_TRY(modify(to, plan::as<plan::Modify>(n)));
      return done();
    }
  }
  return Error::make(sqlstate::internal_error, "unexpected node kind ", static_cast<int>(n.kind), " in a plan");
}

}  // namespace

Result<const CompiledPlan*> compile(const plan::Plan& plan, catalog::Catalog& catalog, Arena& arena,
                                    const Registry& registry) {
  Compiler compiler(&catalog, arena, registry);
  auto* made = arena.make<CompiledPlan>();
  made->plan = &plan;
  SPG_ASSIGN(made->root, compiler.node(*plan.root));
  auto* side_writes = arena.array<const CompiledNode*>(plan.side_writes.size());
  for (std::size_t i = 0; i < plan.side_writes.size(); ++i) {
    SPG_ASSIGN(side_writes[i], compiler.node(*plan.side_writes[i].rows));
  }
  made->side_writes = {side_writes, plan.side_writes.size()};
  made->internal_parameters = plan.internal_parameters;
  made->work_tables = plan.work_tables;
  made->shared_count = compiler.shared_count;
  made->subquery_count = compiler.subquery_count;
  SPG_TRY(arena.check());
  return static_cast<const CompiledPlan*>(made);
}

Result<const Code*> compile_expression(const plan::Expr& expr, Arena& arena, const Registry& registry,
                                       std::uint32_t& registers) {
  Compiler compiler(nullptr, arena, registry);
  SPG_ASSIGN(const Code* code, compiler.expr(expr));
  registers = compiler.registers;
  return code;
}

}  // namespace spg::exec
