#include "spg/plan/explain.hpp"

#include <charconv>

#include "planner.hpp"
#include "spg/sql/deparse.hpp"

namespace spg::plan {

namespace {

class Explainer {
 public:
  Explainer(Arena& arena, catalog::Catalog& catalog, const Plan& plan, const ExplainOptions& options,
            Vec<std::string_view>& lines)
      : arena_(arena), catalog_(catalog), plan_(plan), options_(options), lines_(lines), shown_(arena), filters_(arena) {}

  void show(const Node& node, int indent, std::string_view label = {}) {
    if (node.kind == NodeKind::project) {
      // PostgreSQL's nodes project by themselves: the subqueries of the expressions show below the input.
      const bool is_root = lines_.empty();
      show(*as<Project>(node).input, indent, label);
      return subplans(as<Project>(node).expressions, is_root ? 2 : indent + (label.empty() ? 6 : 8));
    }
    if (node.kind == NodeKind::filter) {
      // Likewise they filter by themselves.
      filters_.push_back(static_cast<const Filter*>(&node));
      return show(*as<Filter>(node).input, indent, label);
    }
    Vec<const Filter*> own_filters(arena_);
    own_filters.append(filters_.span());
    filters_.clear();
    const bool is_root = lines_.empty();
    if (!label.empty()) {
      lines_.push_back(arena_.concat(blanks(indent), label));
      indent += 2;
    }
    TextBuilder line(arena_);
    if (!is_root) line.add(blanks(indent), "->  ");
    title(node, line);
    counters(node, line);
    lines_.push_back(line.view());
    const int below = is_root ? 2 : indent + 6;
    detail_indent_ = below;
    details(node);
    for (const Filter* one : own_filters) {
      const bool constant = node.kind == NodeKind::values && is_constant(one->condition);
      if (constant) condition("One-Time Filter", one->condition, names_of(node));
      else filter(*one, one->condition, names_of(*one));
    }
    if (is_root) side_writes(below);
    for (const Filter* one : own_filters) subplans(one->condition, below);
    children(node, below);
  }

 private:
  std::string_view blanks(int count) {
    TextBuilder out(arena_);
    for (int i = 0; i < count; ++i) out.add(" ");
    return out.view();
  }
  static void add_number(TextBuilder& out, double number, int decimals) {
    char text[64];
    const auto end = std::to_chars(text, text + sizeof text, number, std::chars_format::fixed, decimals);
    out.add(std::string_view(text, static_cast<std::size_t>(end.ptr - text)));
  }
  static int width_of(const Node& node) {
    int width = 0;
    for (const OutputColumn& column : node.outputs)
      width += column.physical == Physical::string ? 32 : static_cast<int>(type::physical_bytes(column.physical));
    return width;
  }
  void counters(const Node& node, TextBuilder& line) {
    if (options_.costs) {
      line.add("  (cost=");
      add_number(line, node.cost_start, 2);
      line.add("..");
      add_number(line, node.cost_total, 2);
      line.add(" rows=");
      add_number(line, node.rows_estimate < 1 ? (node.rows_estimate > 0 ? 1 : 0) : node.rows_estimate, 0);
      line.add(" width=", width_of(node), ")");
    }
    if (node.id >= options_.counters.size()) return;
    const NodeCounters& did = options_.counters[node.id];
    if (did.loops == 0) {
      line.add(" (never executed)");
      return;
    }
    line.add(" (actual ");
    if (options_.timing) {
      line.add("time=");
      add_number(line, did.start_ms / static_cast<double>(did.loops), 3);
      line.add("..");
      add_number(line, did.total_ms / static_cast<double>(did.loops), 3);
      line.add(" ");
    }
    line.add("rows=");
    add_number(line, static_cast<double>(did.rows) / static_cast<double>(did.loops), 0);
    line.add(" loops=", did.loops, ")");
  }

  void relation(TextBuilder& line, std::string_view name, std::string_view alias) {
    line.add(" on ", sql::quote_identifier(arena_, name));
    if (!alias.empty() && alias != name) line.add(" ", sql::quote_identifier(arena_, alias));
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
  void title(const Node& node, TextBuilder& line) {
    switch (node.kind) {
      case NodeKind::values:
        line.add(as<Values>(node).rows.size() == 1 ? "Result" : "Values Scan on \"*VALUES*\"");
        break;
      case NodeKind::table_scan:
        line.add(as<TableScan>(node).sample != nullptr ? "Sample Scan" : "Seq Scan");
        relation(line, as<TableScan>(node).relation_name, as<TableScan>(node).alias);
        break;
      case NodeKind::index_scan: {
        const auto& scan = as<IndexScan>(node);
        line.add("Index Scan ", scan.backward ? "Backward " : "", "using ",
                 sql::quote_identifier(arena_, scan.index_name));
        relation(line, scan.relation_name, scan.alias);
        break;
      }
      case NodeKind::virtual_scan:
        line.add("Virtual Scan");
        relation(line, as<VirtualScan>(node).relation_name, as<VirtualScan>(node).alias);
        break;
      case NodeKind::function_scan: {
        const auto& scan = as<FunctionScan>(node);
        const catalog::Function* function =
            scan.functions.empty() ? nullptr : catalog_.function(scan.functions[0]->function);
        line.add("Function Scan");
        relation(line, function == nullptr ? scan.alias : function->name, scan.alias);
        break;
      }
      case NodeKind::filter: line.add("Filter"); break;
      case NodeKind::project: line.add("Result"); break;
      case NodeKind::limit: line.add("Limit"); break;
      case NodeKind::lock_rows: line.add("LockRows"); break;
      case NodeKind::sort: line.add("Sort"); break;
      case NodeKind::distinct: line.add(as<Distinct>(node).sorted ? "Unique" : "HashAggregate"); break;
      case NodeKind::aggregate: line.add(aggregate_title(as<Aggregate>(node))); break;
      case NodeKind::window: line.add("WindowAgg"); break;
      case NodeKind::hash_join: line.add("Hash", join_words(as<HashJoin>(node).type), " Join"); break;
      case NodeKind::loop_join: {
        const JoinType type = as<LoopJoin>(node).type;
        line.add("Nested Loop", join_words(type), type == JoinType::inner ? "" : " Join");
        break;
      }
      case NodeKind::index_join: {
        const JoinType type = as<IndexJoin>(node).type;
        line.add("Nested Loop", join_words(type), type == JoinType::inner ? "" : " Join");
        break;
      }
      case NodeKind::append: line.add("Append"); break;
      case NodeKind::set_operation: {
        const auto& set = as<SetOperation>(node);
        line.add("HashSetOp ", set.op == SetOperation::Op::intersect ? "Intersect" : "Except", set.all ? " All" : "");
        break;
      }
      case NodeKind::recursive_union: line.add("Recursive Union"); break;
      case NodeKind::work_table:
        line.add("WorkTable Scan");
        relation(line, as<WorkTable>(node).name, as<WorkTable>(node).alias);
        break;
      case NodeKind::materialize: line.add("Materialize"); break;
      case NodeKind::cte_scan:
        line.add("CTE Scan");
        relation(line, as<CteScan>(node).name, as<CteScan>(node).alias);
        break;
      case NodeKind::project_set: line.add("ProjectSet"); break;
      case NodeKind::modify: {
        const auto& modify = as<Modify>(node);
        static constexpr std::string_view verbs[] = {"Insert", "Update", "Delete", "Merge"};
        line.add(verbs[static_cast<std::size_t>(modify.op)]);
        relation(line, modify.relation_name, modify.alias);
        break;
      }
    }
  }

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

  void detail(std::string_view label, std::string_view text) {
    TextBuilder line(arena_);
    for (int i = 0; i < detail_indent_; ++i) line.add(" ");
    line.add(label, ": ", text);
    lines_.push_back(line.view());
  }
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
    if (expr != nullptr && node.id < options_.counters.size() && options_.counters[node.id].removed_by_filter != 0)
      detail("Rows Removed by Filter", arena_.concat(options_.counters[node.id].removed_by_filter));
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
        TextBuilder text(arena_);
        for (std::size_t i = 0; i < as<Sort>(node).keys.size(); ++i) {
          const SortKey& key = as<Sort>(node).keys[i];
          const bool computed = is_computed(*as<Sort>(node).input, key.column);
          text.add(i == 0 ? "" : ", ", computed ? "(" : "", names[key.column], computed ? ")" : "",
                   order_words(key.descending, key.nulls_first));
        }
        detail("Sort Key", text.view());
        break;
      }
      case NodeKind::distinct: {
        if (as<Distinct>(node).sorted) break;
        const Vec<std::string_view> names = names_of(*as<Distinct>(node).input);
        TextBuilder text(arena_);
        bool first = true;
        const auto keys = as<Distinct>(node).keys;
        for (std::uint32_t i = 0; i < names.size(); ++i) {
          bool listed = keys.empty();
          for (const std::uint32_t key : keys) listed = listed || key == i;
          if (!listed) continue;
          text.add(first ? "" : ", ", names[i]);
          first = false;
        }
        detail("Group Key", text.view());
        break;
      }
      case NodeKind::aggregate: {
        const auto& aggregate = as<Aggregate>(node);
        if (!aggregate.sets.empty()) {
          group_keys(aggregate);
        } else if (!aggregate.keys.empty()) {
          const auto keys = key_names(aggregate);
          detail("Group Key", joined(keys.span()));
        }
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
        qualified_ = was;
        break;
      }
      case NodeKind::loop_join: {
        const bool was = qualified_;
        qualified_ = true;
        condition("Join Filter", as<LoopJoin>(node).condition, names_of(node));
        qualified_ = was;
        break;
      }
      case NodeKind::modify:
        if (as<Modify>(node).on_conflict != nullptr) conflict(*as<Modify>(node).on_conflict);
        break;
      default: break;
    }
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
      detail("Hash Key", joined(keys.span()));
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

  void subplans(const Expr* expr, int indent) {
    if (expr == nullptr) return;
    if (expr->kind == ExprKind::subquery && as<SubqueryExpr>(*expr).plan != nullptr) {
      const bool once = as<SubqueryExpr>(*expr).bindings.empty();
      show(*as<SubqueryExpr>(*expr).plan, indent, arena_.concat(once ? "InitPlan " : "SubPlan ", ++subplan_count_));
    }
    for_each_part(const_cast<Expr*>(expr), [&](Expr*& part) { subplans(part, indent); });
  }
  void subplans(std::span<Expr*> exprs, int indent) {
    for (const Expr* expr : exprs) subplans(expr, indent);
  }
  void child(const Node* node, int indent) { show(*node, indent); }
  /// Statements of WITH that write belong to the whole statement.
  void side_writes(int indent) {
    for (const Plan::SideWrite& write : plan_.side_writes) {
      shown_.push_back(write.rows);
      show(*write.rows->input, indent, arena_.concat("CTE ", write.name));
    }
  }
  void children(const Node& node, int indent) {
    switch (node.kind) {
      case NodeKind::values:
        for (const std::span<Expr*> row : as<Values>(node).rows) subplans(row, indent);
        break;
      case NodeKind::table_scan: subplans(as<TableScan>(node).filter, indent); break;
      case NodeKind::index_scan:
        subplans(as<IndexScan>(node).prefix, indent);
        subplans(as<IndexScan>(node).filter, indent);
        break;
      case NodeKind::limit: child(as<Limit>(node).input, indent); break;
      case NodeKind::lock_rows: child(as<LockRows>(node).input, indent); break;
      case NodeKind::sort: child(as<Sort>(node).input, indent); break;
      case NodeKind::distinct: child(as<Distinct>(node).input, indent); break;
      case NodeKind::aggregate: child(as<Aggregate>(node).input, indent); break;
      case NodeKind::window: {
        const auto& window = as<Window>(node);
        child(window.input, indent);
        for (const WindowCall& call : window.calls) {
          subplans(call.arguments, indent);
          subplans(call.filter, indent);
        }
        for (const WindowFrame& frame : window.frames) {
          subplans(frame.start_offset, indent);
          subplans(frame.end_offset, indent);
        }
        break;
      }
      case NodeKind::project_set: child(as<ProjectSet>(node).input, indent); break;
      case NodeKind::materialize: child(as<Materialize>(node).input, indent); break;
      case NodeKind::modify: {
        const auto& modify = as<Modify>(node);
        child(modify.input, indent);
        if (modify.on_conflict != nullptr) subplans(modify.on_conflict->values, indent);
        if (modify.on_conflict != nullptr) subplans(modify.on_conflict->where, indent);
        for (const Modify::Action& action : modify.actions) {
          subplans(action.condition, indent);
          subplans(action.values, indent);
        }
        subplans(modify.returning, indent);
        break;
      }
      case NodeKind::hash_join: {
        const auto& join = as<HashJoin>(node);
        child(join.left, indent);
        hash(*join.right, indent);
        break;
      }
      case NodeKind::loop_join:
        child(as<LoopJoin>(node).left, indent);
        child(as<LoopJoin>(node).right, indent);
        break;
      case NodeKind::index_join: {
        const auto& join = as<IndexJoin>(node);
        child(join.left, indent);
        probe(join, indent);
        break;
      }
      case NodeKind::append:
        for (const Node* input : as<Append>(node).inputs) child(input, indent);
        break;
      case NodeKind::set_operation:
        child(as<SetOperation>(node).left, indent);
        child(as<SetOperation>(node).right, indent);
        break;
      case NodeKind::recursive_union:
        child(as<RecursiveUnion>(node).initial, indent);
        child(as<RecursiveUnion>(node).step, indent);
        break;
      case NodeKind::cte_scan: {
        const Materialize* source = as<CteScan>(node).source;
        for (const Node* seen : shown_)
          if (seen == source) return;
        shown_.push_back(source);
        show(*source->input, indent, arena_.concat("CTE ", as<CteScan>(node).name));
        break;
      }
      default: break;
    }
  }
  void line_at(int indent, std::string_view text) {
    TextBuilder line(arena_);
    line.add(blanks(indent), "->  ", text);
    lines_.push_back(line.view());
  }
  void hash(const Node& right, int indent) {
    TextBuilder text(arena_);
    text.add("Hash");
    if (options_.costs) {
      text.add("  (cost=");
      add_number(text, right.cost_total, 2);
      text.add("..");
      add_number(text, right.cost_total, 2);
      text.add(" rows=");
      add_number(text, right.rows_estimate, 0);
      text.add(" width=", width_of(right), ")");
    }
    line_at(indent, text.view());
    show(right, indent + 6);
  }
  void probe(const IndexJoin& join, int indent) {
    TextBuilder text(arena_);
    text.add("Index Scan using ", sql::quote_identifier(arena_, join.index_name));
    relation(text, join.relation_name, join.alias);
    line_at(indent, text.view());
    detail_indent_ = indent + 6;
    const bool was = qualified_;
    qualified_ = true;
    const Found found = find_index(join.relation, join.index);
    const Vec<std::string_view> left = names_of(*join.left), all = names_of(join);
    qualified_ = false;
    index_condition(found.index, {}, join.keys, nullptr, left, found.table);
    qualified_ = true;
    condition("Filter", join.residual, all);
    qualified_ = was;
  }

  Arena& arena_;
  catalog::Catalog& catalog_;
  const Plan& plan_;
  const ExplainOptions& options_;
  Vec<std::string_view>& lines_;
  Vec<const Node*> shown_;
  Vec<const Filter*> filters_;  ///< waiting for the node that they filter
  int detail_indent_ = 2;
  int subplan_count_ = 0;
  bool qualified_ = false;
};

}  // namespace

void explain(Arena& arena, catalog::Catalog& catalog, const Plan& plan, const ExplainOptions& options,
             Vec<std::string_view>& lines) {
  Explainer explainer(arena, catalog, plan, options, lines);
  explainer.show(*plan.root, 0);
}

}  // namespace spg::plan
