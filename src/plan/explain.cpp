#include "spg/plan/explain.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "explain_tree.hpp"
#include "planner.hpp"
#include "spg/sql/deparse.hpp"

namespace spg::plan {

namespace {

class Explainer {
 public:
  Explainer(Arena& arena, catalog::Catalog& catalog, const Plan& plan, const ExplainOptions& options)
      : arena_(arena), catalog_(catalog), plan_(plan), options_(options), shown_(arena), filters_(arena), qualified_(options.verbose) {}
  /// How many relations the statement has: with one, outputs go without its name.
  void set_relations(unsigned count) { relations_ = count; }

  ExplainNode* show(const Node& node, std::string_view relationship = {}, std::string_view label = {}) {
    // PostgreSQL's nodes project and filter by themselves: what these do shows with the node below.
    if (node.kind == NodeKind::project) {
      if (outer_ == nullptr) outer_ = &node;
      ExplainNode* made = show(*as<Project>(node).input, relationship, label);
      ExplainNode* before = std::exchange(current_, made);
      subplans(as<Project>(node).expressions);
      current_ = before;
      return made;
    }
    if (node.kind == NodeKind::filter) {
      if (outer_ == nullptr) outer_ = &node;
      filters_.push_back(static_cast<const Filter*>(&node));
      return show(*as<Filter>(node).input, relationship, label);
    }
    Vec<const Filter*> own_filters(arena_);
    own_filters.append(filters_.span());
    filters_.clear();
    const Node& outermost = outer_ == nullptr ? node : *outer_;
    outer_ = nullptr;
    const bool is_root = current_ == nullptr;
    ExplainNode* made = new_node(relationship, label);
    ExplainNode* before = std::exchange(current_, made);
    title(node);
    costs(node, node.cost_start);
    actual(counters_of(outermost));
    if (options_.verbose) output(node, outermost);
    details(node);
    for (const Filter* one : own_filters) {
      const bool constant = node.kind == NodeKind::values && is_constant(one->condition);
      if (constant) condition("One-Time Filter", one->condition, names_of(node));
      else filter(*one, one->condition, names_of(*one));
    }
    if (is_root) side_writes();
    for (const Filter* one : own_filters) subplans(one->condition);
    children(node);
    current_ = before;
    return made;
  }

 private:
  ExplainNode* new_node(std::string_view relationship, std::string_view label) {
    auto* made = new (arena_.allocate(sizeof(ExplainNode), alignof(ExplainNode))) ExplainNode(arena_);
    made->relationship = relationship;
    made->label = label;
    return made;
  }
  std::string_view decimal(double number, int decimals) {
    char text[64];
    const auto end = std::to_chars(text, text + sizeof text, number, std::chars_format::fixed, decimals);
    return arena_.copy(std::string_view(text, static_cast<std::size_t>(end.ptr - text)));
  }
  static int width_of(const Node& node) {
    int width = 0;
    for (const OutputColumn& column : node.outputs)
      width += column.physical == Physical::string ? 32 : static_cast<int>(type::physical_bytes(column.physical));
    return width;
  }
  using Kind = ExplainProperty::Kind;
  void head(std::string_view label, std::string_view value, Kind kind = Kind::text) { current_->head.push_back({kind, label, value, {}}); }
  /// Empty without ANALYZE.
  const NodeCounters* counters_of(const Node& node) const {
    return node.id < options_.counters.size() ? &options_.counters[node.id] : nullptr;
  }
  void costs(const Node& node, double start) {
    if (!options_.costs) return;
    const auto start_text = decimal(start, 2), total = decimal(node.cost_total, 2);
    const auto rows = decimal(node.rows_estimate < 1 ? (node.rows_estimate > 0 ? 1 : 0) : node.rows_estimate, 0);
    const std::string_view width = arena_.concat(width_of(node));
    current_->cost = arena_.concat("  (cost=", start_text, "..", total, " rows=", rows, " width=", width, ")");
    head("Startup Cost", start_text, Kind::bare);
    head("Total Cost", total, Kind::bare);
    head("Plan Rows", rows, Kind::bare);
    head("Plan Width", width, Kind::bare);
  }
  void actual(const NodeCounters* did) {
    if (did == nullptr) return;
    const double loops = did->loops == 0 ? 1 : static_cast<double>(did->loops);
    const auto start = decimal(did->start_ms / loops, 3), total = decimal(did->total_ms / loops, 3);
    const auto rows = decimal(static_cast<double>(did->rows) / loops, 0);
    if (did->loops == 0) current_->actual = " (never executed)";
    else current_->actual = arena_.concat(" (actual ", options_.timing ? arena_.concat("time=", start, "..", total, " ") : std::string_view(),
                                          "rows=", rows, " loops=", did->loops, ")");
    if (options_.timing) {
      head("Actual Startup Time", start, Kind::bare);
      head("Actual Total Time", total, Kind::bare);
    }
    head("Actual Rows", rows, Kind::bare);
    head("Actual Loops", arena_.concat(did->loops), Kind::bare);
  }
  /// VERBOSE.
  void output(const Node& node, const Node& outermost) {
    if (outermost.outputs.empty()) return;
    const bool was = std::exchange(qualified_, relations_ > 1);
    Vec<std::string_view> names(arena_);
    if (&node == &outermost && node.kind == NodeKind::values && as<Values>(node).rows.size() == 1) {
      for (const Expr* expr : as<Values>(node).rows[0]) names.push_back(deparse_expr(arena_, catalog_, *expr, {}));
    } else {
      names = names_of(outermost);
    }
    qualified_ = was;
    list_detail("Output", names.span());
  }

  void relation(TextBuilder& line, Oid oid, std::string_view name, std::string_view alias) {
    line.add(" on ");
    auto found = oid == Oid::none || !options_.verbose ? Result<const catalog::Relation*>(nullptr) : catalog_.relation(oid);
    if (found && *found != nullptr)
      if (auto schema = catalog_.schema_name((*found)->schema)) {
        line.add(sql::quote_identifier(arena_, *schema), ".");
        head("Schema", arena_.copy(*schema));
      }
    line.add(sql::quote_identifier(arena_, name));
    if (!alias.empty() && alias != name) line.add(" ", sql::quote_identifier(arena_, alias));
    head("Alias", alias.empty() ? name : alias);
  }
  void scan(std::string_view type, std::string_view label, Oid oid, std::string_view name, std::string_view alias) {
    TextBuilder line(arena_);
    line.add(type);
    head(label, name);
    relation(line, oid, name, alias);
    current_->title = line.view();
    current_->type = type;
  }
  void index_scan(Oid oid, std::string_view relation_name, std::string_view alias, std::string_view index, bool backward) {
    TextBuilder line(arena_);
    line.add("Index Scan ", backward ? "Backward " : "", "using ", sql::quote_identifier(arena_, index));
    head("Scan Direction", backward ? "Backward" : "Forward");
    head("Index Name", index);
    head("Relation Name", relation_name);
    relation(line, oid, relation_name, alias);
    current_->title = line.view();
    current_->type = "Index Scan";
  }
  void join(std::string_view type, JoinType kind, std::string_view text) {
    current_->title = text;
    current_->type = type;
    const std::string_view words = join_words(kind);
    head("Join Type", words.empty() ? "Inner" : words.substr(1));
  }
  void named(std::string_view title, std::string_view type, std::string_view strategy = {}) {
    current_->title = title;
    current_->type = type;
    current_->strategy = strategy;
  }
  static std::string_view join_words(JoinType type) {
    switch (type) {
      case JoinType::left: return " Left";
      case JoinType::right: return " Right";
      case JoinType::full: return " Full";
      case JoinType::semi: return " Semi";
      case JoinType::anti:
      case JoinType::anti_null_aware: return " Anti";
      case JoinType::inner: break;
    }
    return "";
  }
  void title(const Node& node) {
    switch (node.kind) {
      case NodeKind::values:
        if (as<Values>(node).rows.size() == 1) return named("Result", "Result");
        head("Alias", "*VALUES*");
        return named("Values Scan on \"*VALUES*\"", "Values Scan");
      case NodeKind::table_scan: {
        const auto& one = as<TableScan>(node);
        return scan(one.sample != nullptr ? "Sample Scan" : "Seq Scan", "Relation Name", one.relation, one.relation_name, one.alias);
      }
      case NodeKind::index_scan: {
        const auto& one = as<IndexScan>(node);
        return index_scan(one.relation, one.relation_name, one.alias, one.index_name, one.backward);
      }
      case NodeKind::virtual_scan: {
        const auto& one = as<VirtualScan>(node);
        return scan("Virtual Scan", "Relation Name", one.relation, one.relation_name, one.alias);
      }
      case NodeKind::function_scan: {
        const auto& one = as<FunctionScan>(node);
        const catalog::Function* function = one.functions.empty() ? nullptr : catalog_.function(one.functions[0]->function);
        return scan("Function Scan", "Function Name", Oid::none, function == nullptr ? one.alias : function->name, one.alias);
      }
      case NodeKind::filter: return named("Filter", "Result");
      case NodeKind::project: return named("Result", "Result");
      case NodeKind::limit: return named("Limit", "Limit");
      case NodeKind::lock_rows: return named("LockRows", "LockRows");
      case NodeKind::sort: return named("Sort", "Sort");
      case NodeKind::distinct:
        if (as<Distinct>(node).sorted) return named("Unique", "Unique");
        return named("HashAggregate", "Aggregate", "Hashed");
      case NodeKind::window: return named("WindowAgg", "WindowAgg");
      case NodeKind::aggregate: {
        const std::string_view text = aggregate_title(as<Aggregate>(node));
        return named(text, "Aggregate", text == "Aggregate" ? "Plain" : text == "MixedAggregate" ? "Mixed" : "Hashed");
      }
      case NodeKind::hash_join: return join("Hash Join", as<HashJoin>(node).type, arena_.concat("Hash", join_words(as<HashJoin>(node).type), " Join"));
      case NodeKind::loop_join: return nested_loop(as<LoopJoin>(node).type);
      case NodeKind::index_join: return nested_loop(as<IndexJoin>(node).type);
      case NodeKind::append: return named("Append", "Append");
      case NodeKind::set_operation: {
        const auto& set = as<SetOperation>(node);
        const std::string_view command = arena_.concat(set.op == SetOperation::Op::intersect ? "Intersect" : "Except", set.all ? " All" : "");
        named(arena_.concat("HashSetOp ", command), "SetOp", "Hashed");
        return head("Command", command);
      }
      case NodeKind::recursive_union: return named("Recursive Union", "Recursive Union");
      case NodeKind::work_table: return scan("WorkTable Scan", "CTE Name", Oid::none, as<WorkTable>(node).name, as<WorkTable>(node).alias);
      case NodeKind::materialize: return named("Materialize", "Materialize");
      case NodeKind::cte_scan: return scan("CTE Scan", "CTE Name", Oid::none, as<CteScan>(node).name, as<CteScan>(node).alias);
      case NodeKind::project_set: return named("ProjectSet", "ProjectSet");
      case NodeKind::modify: {
        const auto& one = as<Modify>(node);
        static constexpr std::string_view verbs[] = {"Insert", "Update", "Delete", "Merge"};
        const std::string_view verb = verbs[static_cast<std::size_t>(one.op)];
        current_->operation = verb;
        scan(verb, "Relation Name", one.relation, one.relation_name, one.alias);
        current_->type = "ModifyTable";
        return;
      }
    }
  }
  void nested_loop(JoinType type) { join("Nested Loop", type, arena_.concat("Nested Loop", join_words(type), type == JoinType::inner ? "" : " Join")); }

  // --- details

  /// What each output of a node reads like.
  Vec<std::string_view> names_of(const Node& node) {
    Vec<std::string_view> names(arena_);
    const auto from_exprs = [&](std::span<Expr*> exprs, const Node* input) {
      Vec<std::string_view> below(arena_);
      if (input != nullptr) below = names_of(*input);
      for (const Expr* expr : exprs) names.push_back(deparse_expr(arena_, catalog_, *expr, below.span()));
    };
    const auto own = [&](std::string_view alias, Oid relation_oid, std::span<const std::uint16_t> numbers) {
      // A result may have renamed the outputs; conditions show the table's own names.
      auto table =
          relation_oid == Oid::none ? Result<const catalog::Relation*>(nullptr) : catalog_.relation(relation_oid);
      for (std::size_t i = 0; i < node.outputs.size(); ++i) {
        std::string_view name = node.outputs[i].name;
        if (table && *table != nullptr && i < numbers.size())
          for (const catalog::ColumnInfo& column : (*table)->columns)
            if (column.number == static_cast<std::int16_t>(numbers[i])) name = column.name;
        name = name.empty() ? std::string_view("ctid") : sql::quote_identifier(arena_, name);
        names.push_back(qualified_ ? arena_.concat(sql::quote_identifier(arena_, alias), ".", name) : name);
      }
    };
    const auto both = [&](const Node& left, const Node& right) {
      names = names_of(left);
      Vec<std::string_view> more = names_of(right);
      names.append(more.span());
    };
    switch (node.kind) {
      case NodeKind::table_scan:
        own(as<TableScan>(node).alias, as<TableScan>(node).relation, as<TableScan>(node).columns);
        break;
      case NodeKind::index_scan:
        own(as<IndexScan>(node).alias, as<IndexScan>(node).relation, as<IndexScan>(node).columns);
        break;
      case NodeKind::virtual_scan:
        own(as<VirtualScan>(node).alias, as<VirtualScan>(node).relation, as<VirtualScan>(node).columns);
        break;
      case NodeKind::function_scan: own(as<FunctionScan>(node).alias, Oid::none, {}); break;
      case NodeKind::cte_scan: own(as<CteScan>(node).alias, Oid::none, {}); break;
      case NodeKind::work_table: own(as<WorkTable>(node).alias, Oid::none, {}); break;
      case NodeKind::project: from_exprs(as<Project>(node).expressions, as<Project>(node).input); break;
      case NodeKind::project_set: from_exprs(as<ProjectSet>(node).expressions, as<ProjectSet>(node).input); break;
      case NodeKind::filter: return names_of(*as<Filter>(node).input);
      case NodeKind::limit: return names_of(*as<Limit>(node).input);
      case NodeKind::lock_rows: return names_of(*as<LockRows>(node).input);
      case NodeKind::sort: return names_of(*as<Sort>(node).input);
      case NodeKind::distinct: return names_of(*as<Distinct>(node).input);
      case NodeKind::materialize: return names_of(*as<Materialize>(node).input);
      case NodeKind::aggregate: {
        const auto& aggregate = as<Aggregate>(node);
        from_exprs(aggregate.keys, aggregate.input);
        const Vec<std::string_view> below = names_of(*aggregate.input);
        for (const AggregateCall& call : aggregate.aggregates)
          names.push_back(aggregate_text(call, below, {names.data(), names.size()}));
        for (const auto keys : aggregate.groupings) {
          Vec<std::string_view> shown(arena_);
          for (const std::uint32_t key : keys) shown.push_back(names[key]);
          names.push_back(arena_.concat("GROUPING(", joined(shown.span()), ")"));
        }
        break;
      }
      case NodeKind::window: {
        const Vec<std::string_view> below = names_of(*as<Window>(node).input);
        names.append({below.begin(), below.size()});
        for (const WindowCall& call : as<Window>(node).calls) names.push_back(window_call(call, below));
        break;
      }
      case NodeKind::hash_join: {
        const auto& join = as<HashJoin>(node);
        if (join.type == JoinType::semi || join.type == JoinType::anti || join.type == JoinType::anti_null_aware)
          return names_of(*join.left);
        both(*join.left, *join.right);
        break;
      }
      case NodeKind::loop_join: both(*as<LoopJoin>(node).left, *as<LoopJoin>(node).right); break;
      case NodeKind::index_join: {
        const auto& join = as<IndexJoin>(node);
        names = names_of(*join.left);
        for (std::size_t i = names.size(); i < node.outputs.size(); ++i)
          names.push_back(arena_.concat(sql::quote_identifier(arena_, join.alias), ".",
                                        sql::quote_identifier(arena_, node.outputs[i].name)));
        break;
      }
      default:
        for (const OutputColumn& column : node.outputs) names.push_back(sql::quote_identifier(arena_, column.name));
        break;
    }
    while (names.size() < node.outputs.size()) names.push_back("?");
    return names;
  }

  /// `below` names the input's columns, `keys` the node's outputs so far.
  std::string_view aggregate_text(const AggregateCall& call, std::span<const std::string_view> below,
                                  std::span<const std::string_view> keys) {
    const catalog::Function* function = catalog_.function(call.function);
    const bool ordered_set =
        catalog::aggregate_form(call.function).kind != catalog::AggregateForm::Kind::normal;
    const auto list = [&](std::span<Expr* const> exprs, std::span<const std::string_view> names) {
      Vec<std::string_view> texts(arena_);
      for (const Expr* expr : exprs) texts.push_back(deparse_expr(arena_, catalog_, *expr, names));
      return joined(texts.span());
    };
    Vec<std::string_view> orders(arena_);
    for (const AggregateCall::Order& order : call.order_by)
      orders.push_back(arena_.concat(deparse_expr(arena_, catalog_, *order.value, below), order_words(order.descending, order.nulls_first)));
    TextBuilder text(arena_);
    text.add(function == nullptr ? std::string_view("?") : function->name, "(", call.distinct ? "DISTINCT " : "");
    if (ordered_set) {
      text.add(list(call.direct, keys), ") WITHIN GROUP (ORDER BY ", joined(orders.span()), ")");
    } else {
      text.add(call.arguments.empty() ? "*" : list(call.arguments, below));
      if (!orders.empty()) text.add(" ORDER BY ", joined(orders.span()));
      text.add(")");
    }
    if (call.filter != nullptr) text.add(" FILTER (WHERE ", deparse_expr(arena_, catalog_, *call.filter, below), ")");
    return text.view();
  }
  static std::string_view order_words(bool descending, bool nulls_first) {
    if (descending) return nulls_first ? " DESC" : " DESC NULLS LAST";
    return nulls_first ? " NULLS FIRST" : "";
  }
  /// Whether an output is computed by a node below, which then has it in parentheses.
  static bool is_computed(const Node& node, std::uint32_t output) {
    const auto of = [](const Expr* expr, const Node* input) {
      if (expr->kind != ExprKind::column) return !is_constant(expr);
      return input != nullptr && is_computed(*input, as<Column>(*expr).place);
    };
    switch (node.kind) {
      case NodeKind::project: return of(as<Project>(node).expressions[output], as<Project>(node).input);
      case NodeKind::project_set: return of(as<ProjectSet>(node).expressions[output], as<ProjectSet>(node).input);
      case NodeKind::filter: return is_computed(*as<Filter>(node).input, output);
      case NodeKind::limit: return is_computed(*as<Limit>(node).input, output);
      case NodeKind::lock_rows: return is_computed(*as<LockRows>(node).input, output);
      case NodeKind::sort: return is_computed(*as<Sort>(node).input, output);
      case NodeKind::distinct: return is_computed(*as<Distinct>(node).input, output);
      case NodeKind::aggregate: {
        const auto& aggregate = as<Aggregate>(node);
        return output >= aggregate.keys.size() || of(aggregate.keys[output], aggregate.input);
      }
      case NodeKind::window: {
        const Node& input = *as<Window>(node).input;
        return output >= input.outputs.size() || is_computed(input, output);
      }
      default: return false;
    }
  }
  std::string_view window_call(const WindowCall& call, const Vec<std::string_view>& below) {
    const std::span<const std::string_view> names{below.data(), below.size()};
    const catalog::Function* function = catalog_.function(call.function);
    TextBuilder text(arena_);
    text.add(function == nullptr ? std::string_view("?") : function->name, "(");
    if (call.arguments.empty() && call.is_aggregate) text.add("*");
    for (std::size_t i = 0; i < call.arguments.size(); ++i)
      text.add(i == 0 ? "" : ", ", deparse_expr(arena_, catalog_, *call.arguments[i], names));
    text.add(")");
    if (call.filter != nullptr) text.add(" FILTER (WHERE ", deparse_expr(arena_, catalog_, *call.filter, names), ")");
    text.add(" OVER (?)");
    return text.view();
  }

  void detail(std::string_view label, std::string_view text) { current_->details.push_back({Kind::text, label, text, {}}); }
  void list_detail(std::string_view label, std::span<const std::string_view> texts) {
    auto* items = arena_.array<std::string_view>(texts.size());
    std::copy(texts.begin(), texts.end(), items);
    current_->details.push_back({Kind::list, label, {}, {items, texts.size()}});
  }
  void text_detail(std::string_view label, std::string_view text) { current_->details.push_back({Kind::text, label, text, {}, true, false}); }
  void figure(std::string_view label, std::uint64_t value) { current_->details.push_back({Kind::bare, label, arena_.concat(value), {}, false}); }
  /// Rows that a condition has removed, a loop. The text form leaves out that there were none.
  void removed(std::string_view label, std::uint64_t rows, std::uint64_t loops) {
    const double each = static_cast<double>(rows) / static_cast<double>(loops == 0 ? 1 : loops);
    current_->details.push_back({Kind::bare, label, decimal(each, 0), {}, rows != 0});
  }
  static std::uint64_t in_kb(std::uint64_t bytes) { return (bytes + 1023) / 1024; }
  void condition(std::string_view label, const Expr* expr, const Vec<std::string_view>& names) {
    if (expr == nullptr) return;
    detail(label, deparse_expr(arena_, catalog_, *expr, {names.data(), names.size()}));
  }
  void sampling(const TableScan::Sample& sample) {
    TextBuilder text(arena_);
    text.add(sample.by_block ? "system (" : "bernoulli (", deparse_expr(arena_, catalog_, *sample.percent, {}), ")");
    if (sample.seed != nullptr) text.add(" REPEATABLE (", deparse_expr(arena_, catalog_, *sample.seed, {}), ")");
    detail("Sampling", text.view());
  }
  void filter(const Node& node, const Expr* expr, const Vec<std::string_view>& names) {
    condition("Filter", expr, names);
    if (expr == nullptr) return;
    if (const NodeCounters* did = counters_of(node)) removed("Rows Removed by Filter", did->removed_by_filter, did->loops);
  }
  void index_condition(const catalog::IndexInfo* index, std::string_view alias, std::span<Expr*> prefix,
                       const IndexScan* scan, const Vec<std::string_view>& names, const catalog::Relation* table) {
    std::size_t parts = 0;
    const auto column_name = [&](std::size_t part) -> std::string_view {
      if (index == nullptr || table == nullptr || part >= index->columns.size()) return "?";
      for (const catalog::ColumnInfo& column : table->columns)
        if (column.number == index->columns[part]) {
          const std::string_view name = sql::quote_identifier(arena_, column.name);
          return qualified_ && !alias.empty() ? arena_.concat(sql::quote_identifier(arena_, alias), ".", name) : name;
        }
      return "?";
    };
    TextBuilder all(arena_);
    const auto add = [&](std::size_t part, std::string_view op, const Expr& value, std::string_view after) {
      all.add(parts++ == 0 ? "" : " AND ", "(", column_name(part), " ", op, after.empty() ? " " : "",
              deparse_expr(arena_, catalog_, value, {names.data(), names.size()}), after, ")");
    };
    for (std::size_t i = 0; i < prefix.size(); ++i) add(i, "=", *prefix[i], "");
    if (scan != nullptr) {
      if (scan->any_of != nullptr) add(prefix.size(), "= ANY (", *scan->any_of, ")");
      if (scan->low != nullptr) add(prefix.size(), scan->low_inclusive ? ">=" : ">", *scan->low, "");
      if (scan->high != nullptr) add(prefix.size(), scan->high_inclusive ? "<=" : "<", *scan->high, "");
    }
    if (parts == 0) return;
    detail("Index Cond", parts == 1 ? all.view() : arena_.concat("(", all.view(), ")"));
  }
  struct Found {
    const catalog::Relation* table = nullptr;
    const catalog::IndexInfo* index = nullptr;
  };
  Found find_index(Oid relation, IndexId id) {
    Found found;
    auto table = catalog_.relation(relation);
    if (!table || *table == nullptr) return found;
    found.table = *table;
    for (const catalog::IndexInfo& index : found.table->indexes)
      if (index.id == id) found.index = &index;
    return found;
  }
  void details(const Node& node) {
    switch (node.kind) {
      case NodeKind::table_scan:
        if (as<TableScan>(node).sample != nullptr) sampling(*as<TableScan>(node).sample);
        filter(node, as<TableScan>(node).filter, names_of(node));
        if (const NodeCounters* did = counters_of(node); did != nullptr && !as<TableScan>(node).zones.empty() && did->loops != 0) blocks(*did);
        break;
      case NodeKind::virtual_scan: filter(node, as<VirtualScan>(node).filter, names_of(node)); break;
      case NodeKind::index_scan: {
        const auto& scan = as<IndexScan>(node);
        const Vec<std::string_view> names = names_of(node);
        const Found found = find_index(scan.relation, scan.index);
        index_condition(found.index, scan.alias, scan.prefix, &scan, names, found.table);
        filter(node, scan.filter, names);
        break;
      }
      case NodeKind::sort: {
        const Vec<std::string_view> names = names_of(*as<Sort>(node).input);
        Vec<std::string_view> keys(arena_);
        for (const SortKey& key : as<Sort>(node).keys) {
          const bool computed = is_computed(*as<Sort>(node).input, key.column);
          keys.push_back(arena_.concat(computed ? "(" : "", names[key.column], computed ? ")" : "", order_words(key.descending, key.nulls_first)));
        }
        list_detail("Sort Key", keys.span());
        if (const NodeCounters* did = counters_of(node)) sorted(*did);
        break;
      }
      case NodeKind::distinct: {
        if (as<Distinct>(node).sorted) break;
        const Vec<std::string_view> names = names_of(*as<Distinct>(node).input);
        Vec<std::string_view> listed(arena_);
        const auto keys = as<Distinct>(node).keys;
        for (std::uint32_t i = 0; i < names.size(); ++i)
          if (keys.empty() || std::find(keys.begin(), keys.end(), i) != keys.end()) listed.push_back(names[i]);
        list_detail("Group Key", listed.span());
        hashed(counters_of(node));
        break;
      }
      case NodeKind::aggregate: {
        const auto& aggregate = as<Aggregate>(node);
        if (!aggregate.sets.empty()) {
          group_keys(aggregate);
        } else if (!aggregate.keys.empty()) {
          const auto keys = key_names(aggregate);
          list_detail("Group Key", keys.span());
        }
        if (!aggregate.keys.empty()) hashed(counters_of(node));
        break;
      }
      case NodeKind::hash_join: {
        const auto& join = as<HashJoin>(node);
        const bool was = qualified_;
        qualified_ = true;
        const Vec<std::string_view> left = names_of(*join.left), right = names_of(*join.right);
        TextBuilder text(arena_);
        for (std::size_t i = 0; i < join.keys.size(); ++i)
          text.add(i == 0 ? "" : " AND ", "(",
                   deparse_expr(arena_, catalog_, *join.keys[i].left, {left.data(), left.size()}), " = ",
                   deparse_expr(arena_, catalog_, *join.keys[i].right, {right.data(), right.size()}), ")");
        detail("Hash Cond", join.keys.size() == 1 ? text.view() : arena_.concat("(", text.view(), ")"));
        Vec<std::string_view> both(arena_);
        both.append({left.data(), left.size()});
        both.append({right.data(), right.size()});
        condition("Join Filter", join.residual, both);
        join_filter(node, join.residual);
        qualified_ = was;
        break;
      }
      case NodeKind::loop_join: {
        const bool was = qualified_;
        qualified_ = true;
        condition("Join Filter", as<LoopJoin>(node).condition, names_of(node));
        join_filter(node, as<LoopJoin>(node).condition);
        qualified_ = was;
        break;
      }
      case NodeKind::modify:
        if (as<Modify>(node).on_conflict != nullptr) conflict(*as<Modify>(node).on_conflict);
        break;
      default: break;
    }
  }
  void join_filter(const Node& node, const Expr* expr) {
    if (const NodeCounters* did = counters_of(node); did != nullptr && expr != nullptr)
      removed("Rows Removed by Join Filter", did->removed_by_join_filter, did->loops);
  }
  /// SPG's own: what min and max of blocks have spared.
  void blocks(const NodeCounters& did) {
    if (did.blocks_pruned != 0) text_detail("Blocks", arena_.concat("read=", did.blocks, " pruned=", did.blocks_pruned));
    figure("Blocks Read", did.blocks);
    figure("Blocks Pruned", did.blocks_pruned);
  }
  void sorted(const NodeCounters& did) {
    if (did.sorted == NodeCounters::Sorted::no) return;
    const std::string_view method = did.sorted == NodeCounters::Sorted::top_n ? "top-N heapsort" : "quicksort";
    text_detail("Sort Method", arena_.concat(method, "  Memory: ", in_kb(did.memory_bytes), "kB"));
    current_->details.push_back({Kind::text, "Sort Method", method, {}, false});
    figure("Sort Space Used", in_kb(did.memory_bytes));
    current_->details.push_back({Kind::text, "Sort Space Type", "Memory", {}, false});
  }
  void hashed(const NodeCounters* did) {
    if (did == nullptr || did->memory_bytes == 0) return;
    text_detail("Batches", arena_.concat("1  Memory Usage: ", in_kb(did->memory_bytes), "kB"));
    figure("HashAgg Batches", 1);
    figure("Peak Memory Usage", in_kb(did->memory_bytes));
    figure("Disk Usage", 0);
  }
  static std::string_view aggregate_title(const Aggregate& node) {
    if (node.sets.empty()) return node.keys.empty() ? "Aggregate" : "HashAggregate";
    std::size_t empty = 0;
    for (const auto set : node.sets) empty += set.empty();
    return empty == node.sets.size() ? "Aggregate" : empty != 0 ? "MixedAggregate" : "HashAggregate";
  }
  Vec<std::string_view> key_names(const Aggregate& node) {
    const Vec<std::string_view> names = names_of(*node.input);
    Vec<std::string_view> keys(arena_);
    for (const Expr* key : node.keys) keys.push_back(deparse_expr(arena_, catalog_, *key, {names.data(), names.size()}));
    return keys;
  }
  std::string_view joined(std::span<const std::string_view> texts) {
    TextBuilder text(arena_);
    for (std::size_t i = 0; i < texts.size(); ++i) text.add(i == 0 ? "" : ", ", texts[i]);
    return text.view();
  }
  /// Sets with keys are hashed; the empty ones are one group each.
  void group_keys(const Aggregate& node) {
    const Vec<std::string_view> names = key_names(node);
    for (const auto set : node.sets) {
      if (set.empty()) continue;
      Vec<std::string_view> keys(arena_);
      for (const std::uint32_t key : set) keys.push_back(names[key]);
      list_detail("Hash Key", keys.span());
    }
    for (const auto set : node.sets)
      if (set.empty()) detail("Group Key", "()");
  }
  void conflict(const Modify::OnConflict& clause) {
    detail("Conflict Resolution", clause.updates ? "UPDATE" : "NOTHING");
    TextBuilder names(arena_);
    for (std::size_t i = 0; i < clause.arbiter_names.size(); ++i)
      names.add(i == 0 ? "" : ", ", sql::quote_identifier(arena_, clause.arbiter_names[i]));
    if (!clause.arbiter_names.empty()) detail("Conflict Arbiter Indexes", names.view());
    if (clause.where != nullptr) detail("Conflict Filter", deparse_expr(arena_, catalog_, *clause.where, clause.names));
  }

  // --- children

  void subplans(const Expr* expr) {
    if (expr == nullptr) return;
    if (expr->kind == ExprKind::subquery && as<SubqueryExpr>(*expr).plan != nullptr) {
      const bool once = as<SubqueryExpr>(*expr).bindings.empty();
      const std::string_view label = arena_.concat(once ? "InitPlan " : "SubPlan ", ++subplan_count_);
      current_->children.push_back(show(*as<SubqueryExpr>(*expr).plan, once ? "InitPlan" : "SubPlan", label));
    }
    for_each_part(const_cast<Expr*>(expr), [&](Expr*& part) { subplans(part); });
  }
  void subplans(std::span<Expr*> exprs) {
    for (const Expr* expr : exprs) subplans(expr);
  }
  void child(const Node* node, std::string_view relationship = "Outer") { current_->children.push_back(show(*node, relationship)); }
  /// Statements of WITH that write belong to the whole statement.
  void side_writes() {
    for (const Plan::SideWrite& write : plan_.side_writes) {
      shown_.push_back(write.rows);
      current_->children.push_back(show(*write.rows->input, "InitPlan", arena_.concat("CTE ", write.name)));
    }
  }
  void children(const Node& node) {
    switch (node.kind) {
      case NodeKind::values:
        for (const std::span<Expr*> row : as<Values>(node).rows) subplans(row);
        break;
      case NodeKind::table_scan: subplans(as<TableScan>(node).filter); break;
      case NodeKind::index_scan:
        subplans(as<IndexScan>(node).prefix);
        subplans(as<IndexScan>(node).filter);
        break;
      case NodeKind::limit: child(as<Limit>(node).input); break;
      case NodeKind::lock_rows: child(as<LockRows>(node).input); break;
      case NodeKind::sort: child(as<Sort>(node).input); break;
      case NodeKind::distinct: child(as<Distinct>(node).input); break;
      case NodeKind::aggregate: child(as<Aggregate>(node).input); break;
      case NodeKind::window: {
        const auto& window = as<Window>(node);
        child(window.input);
        for (const WindowCall& call : window.calls) {
          subplans(call.arguments);
          subplans(call.filter);
        }
        for (const WindowFrame& frame : window.frames) {
          subplans(frame.start_offset);
          subplans(frame.end_offset);
        }
        break;
      }
      case NodeKind::project_set: child(as<ProjectSet>(node).input); break;
      case NodeKind::materialize: child(as<Materialize>(node).input); break;
      case NodeKind::modify: {
        const auto& modify = as<Modify>(node);
        child(modify.input);
        if (modify.on_conflict != nullptr) subplans(modify.on_conflict->values);
        if (modify.on_conflict != nullptr) subplans(modify.on_conflict->where);
        for (const Modify::Action& action : modify.actions) {
          subplans(action.condition);
          subplans(action.values);
        }
        subplans(modify.returning);
        break;
      }
      case NodeKind::hash_join: {
        const auto& join = as<HashJoin>(node);
        child(join.left);
        hash(join);
        break;
      }
      case NodeKind::loop_join:
        child(as<LoopJoin>(node).left);
        child(as<LoopJoin>(node).right, "Inner");
        break;
      case NodeKind::index_join: {
        const auto& join = as<IndexJoin>(node);
        child(join.left);
        probe(join);
        break;
      }
      case NodeKind::append:
        for (const Node* input : as<Append>(node).inputs) child(input, "Member");
        break;
      case NodeKind::set_operation:
        child(as<SetOperation>(node).left);
        child(as<SetOperation>(node).right, "Member");
        break;
      case NodeKind::recursive_union:
        child(as<RecursiveUnion>(node).initial);
        child(as<RecursiveUnion>(node).step, "Inner");
        break;
      case NodeKind::cte_scan: {
        const Materialize* source = as<CteScan>(node).source;
        for (const Node* seen : shown_)
          if (seen == source) return;
        shown_.push_back(source);
        current_->children.push_back(show(*source->input, "InitPlan", arena_.concat("CTE ", as<CteScan>(node).name)));
        break;
      }
      default: break;
    }
  }
  void hash(const HashJoin& join) {
    ExplainNode* made = new_node("Inner", {});
    ExplainNode* before = std::exchange(current_, made);
    named("Hash", "Hash");
    costs(*join.right, join.right->cost_total);
    if (const NodeCounters* built = counters_of(*join.right)) {
      NodeCounters at_once = *built;
      at_once.start_ms = at_once.total_ms;
      actual(&at_once);
    }
    if (options_.verbose) output(*join.right, *join.right);
    if (const NodeCounters* did = counters_of(join); did != nullptr && did->hash_buckets != 0) {
      text_detail("Buckets", arena_.concat(did->hash_buckets, "  Batches: 1  Memory Usage: ", in_kb(did->memory_bytes), "kB"));
      figure("Hash Buckets", did->hash_buckets);
      figure("Hash Batches", 1);
      figure("Peak Memory Usage", in_kb(did->memory_bytes));
    }
    child(join.right);
    current_ = before;
    current_->children.push_back(made);
  }
  void probe(const IndexJoin& join) {
    ExplainNode* made = new_node("Inner", {});
    ExplainNode* before = std::exchange(current_, made);
    index_scan(join.relation, join.relation_name, join.alias, join.index_name, false);
    const NodeCounters* did = counters_of(join);
    if (did != nullptr) {
      // It is no operator of its own: its time is a part of the join's.
      const auto rows = decimal(static_cast<double>(did->probed_rows - did->removed_by_filter) / static_cast<double>(did->probes == 0 ? 1 : did->probes), 0);
      current_->actual = did->probes == 0 ? std::string_view(" (never executed)") : arena_.concat(" (actual rows=", rows, " loops=", did->probes, ")");
      head("Actual Rows", rows, Kind::bare);
      head("Actual Loops", arena_.concat(did->probes), Kind::bare);
    }
    const bool was = std::exchange(qualified_, true);
    const Found found = find_index(join.relation, join.index);
    const Vec<std::string_view> left = names_of(*join.left), all = names_of(join);
    qualified_ = was;
    index_condition(found.index, join.alias, join.keys, nullptr, left, found.table);
    qualified_ = true;
    condition("Filter", join.residual, all);
    qualified_ = was;
    if (did != nullptr && join.residual != nullptr) removed("Rows Removed by Filter", did->removed_by_filter, did->probes);
    current_ = before;
    current_->children.push_back(made);
  }

  Arena& arena_;
  catalog::Catalog& catalog_;
  const Plan& plan_;
  const ExplainOptions& options_;
  Vec<const Node*> shown_;
  Vec<const Filter*> filters_;  ///< waiting for the node that they filter
  const Node* outer_ = nullptr;        ///< the first of the projections and filters above the node that is to come
  ExplainNode* current_ = nullptr;     ///< what is being described
  int subplan_count_ = 0;
  unsigned relations_ = 0;
  bool qualified_;
};

/// Relations of a plan, without those in expressions.
unsigned relations_below(const Node* node) {
  if (node == nullptr) return 0;
  switch (node->kind) {
    case NodeKind::values: return as<Values>(*node).rows.size() > 1;
    case NodeKind::table_scan: case NodeKind::index_scan: case NodeKind::virtual_scan: case NodeKind::function_scan: case NodeKind::cte_scan:
    case NodeKind::work_table: return 1;
    case NodeKind::filter: return relations_below(as<Filter>(*node).input);
    case NodeKind::project: return relations_below(as<Project>(*node).input);
    case NodeKind::project_set: return relations_below(as<ProjectSet>(*node).input);
    case NodeKind::limit: return relations_below(as<Limit>(*node).input);
    case NodeKind::sort: return relations_below(as<Sort>(*node).input);
    case NodeKind::distinct: return relations_below(as<Distinct>(*node).input);
    case NodeKind::aggregate: return relations_below(as<Aggregate>(*node).input);
    case NodeKind::lock_rows: return relations_below(as<LockRows>(*node).input);
    case NodeKind::materialize: return relations_below(as<Materialize>(*node).input);
    case NodeKind::hash_join: return relations_below(as<HashJoin>(*node).left) + relations_below(as<HashJoin>(*node).right);
    case NodeKind::loop_join: return relations_below(as<LoopJoin>(*node).left) + relations_below(as<LoopJoin>(*node).right);
    case NodeKind::index_join: return relations_below(as<IndexJoin>(*node).left) + 1;
    case NodeKind::modify: return relations_below(as<Modify>(*node).input) + (as<Modify>(*node).op == Modify::Op::insert);
    default: return 2;
  }
}

Vec<ExplainProperty> summary_of(Arena& arena, const ExplainOptions& options) {
  using Kind = ExplainProperty::Kind;
  Vec<ExplainProperty> summary(arena);
  const auto time = [&](std::string_view label, double ms) {
    char text[64];
    const auto end = std::to_chars(text, text + sizeof text, ms, std::chars_format::fixed, 3);
    const auto number = arena.copy(std::string_view(text, static_cast<std::size_t>(end.ptr - text)));
    summary.push_back({Kind::text, label, arena.concat(number, " ms"), {}, true, false});
    summary.push_back({Kind::bare, label, number, {}, false});
  };
  if (!options.settings.empty()) {
    auto* items = arena.array<std::string_view>(options.settings.size());
    for (std::size_t i = 0; i < options.settings.size(); ++i)
      items[i] = arena.concat(options.settings[i].name, " = '", options.settings[i].value, "'");
    summary.push_back({Kind::list, "Settings", {}, {items, options.settings.size()}});
  }
  if (options.summary) time("Planning Time", options.planning_ms);
  // There are no triggers; who reads the structure looks for them.
  if (!options.counters.empty()) summary.push_back({Kind::nothing, "Triggers", {}, {}, false});
  if (options.summary && !options.counters.empty()) {
    const std::uint64_t kb = (options.memory_bytes + 1023) / 1024;
    summary.push_back({Kind::text, "Memory", arena.concat(kb, "kB"), {}, true, false});
    summary.push_back({Kind::bare, "Memory Used", arena.concat(kb), {}, false});
    time("Execution Time", options.execution_ms);
  }
  return summary;
}

}  // namespace

void explain(Arena& arena, catalog::Catalog& catalog, const Plan& plan, const ExplainOptions& options,
             Vec<std::string_view>& lines) {
  Explainer explainer(arena, catalog, plan, options);
  if (options.verbose) explainer.set_relations(relations_below(plan.root));
  const ExplainNode* root = explainer.show(*plan.root);
  print_explained(arena, *root, summary_of(arena, options).span(), options.format, lines);
}

}  // namespace spg::plan
