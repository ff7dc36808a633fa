// Printer: the deparser's state. Private to src/sql.
#pragma once
#include "spg/sql/ddl.hpp"
#include "spg/sql/deparse.hpp"
#include "spg/sql/utility.hpp"

namespace spg::sql {

class Printer {
 public:
  explicit Printer(Arena& arena) : arena_(&arena), out_(arena) {}
  std::string_view text() const { return out_.view(); }

  void expr(const Expr& node);
  void constant(const Expr& node);
  void type(const TypeName& node);
  /// False for the kinds that have no canonical text.
  bool statement(const Statement& node);

 private:
  template <class... Pieces>
  Printer& put(const Pieces&... pieces) { out_.add(pieces...); return *this; }
  Printer& name(Name name) { out_.add(quote_identifier(*arena_, name)); return *this; }
  Printer& string(std::string_view text) { out_.add(quote_literal(*arena_, text)); return *this; }
  template <class List, class Each>
  void join(const List& items, std::string_view separator, Each each) {
    bool first = true;
    for (const auto& item : items) {
      if (!first) put(separator);
      first = false;
      each(item);
    }
  }
  void names(const Vec<Name>& list) { join(list, ", ", [this](Name one) { name(one); }); }
  void paren_names(const Vec<Name>& list) { put("("); names(list); put(")"); }
  void qualified(const QualifiedName& list) { join(list, ".", [this](Name one) { name(one); }); }
  void exprs(const Vec<Expr*>& list) { join(list, ", ", [this](const Expr* one) { expr(*one); }); }
  void paren_exprs(const Vec<Expr*>& list) { put("("); exprs(list); put(")"); }
  void operator_name(const OperatorName& op);
  void literal(const Literal& node);
  void operand(const Expr& node);
  void call(const FunctionCall& node);
  bool call_by_syntax(const FunctionCall& node);
  void sublink(const Sublink& node);
  void indirection(const Indirection& node);
  void steps(const Vec<Step>& steps);
  void sort(const Vec<SortItem>& items);
  void window(const WindowDef& window);
  void frame(const WindowDef& window);
  void bound(FrameBound bound, const Expr* offset);

  void select(const Select& node);
  void select_body(const Select& node);
  void select_tail(const Select& node);
  void set_operand(const Select& node);
  void with(const With* with);
  void common_table(const CommonTable& table);
  void targets(const Vec<Target>& items);
  enum class GroupWhere : std::uint8_t { clause, element, set };  ///< of GROUP BY, ROLLUP or CUBE, GROUPING SETS
  void group_keys(const Expr& expr, GroupWhere where);
  void group(const GroupItem& item, GroupWhere where);
  void from(const Vec<FromItem*>& items);
  void from_item(const FromItem& item);
  void table(const TableRef& table);
  void alias(const Alias* alias);
  void function_ref(const FunctionRef& item);
  void column_definitions(const Vec<ColumnDef*>& columns);
  void insert(const Insert& node);
  void conflict(const OnConflict& node);
  void update(const Update& node);
  void remove(const Delete& node);
  void merge(const Merge& node);
  void assign_target(const AssignTarget& target);
  void assign_targets(const Vec<AssignTarget>& targets);
  void assignments(const Vec<Assignment>& items);
  void overriding(Overriding overriding);
  void where(const Expr* condition);
  void returning(const Vec<Target>& items);

  void options(const Vec<Option>& options);
  void option_value(const Node& value);
  void sequence_options(const Vec<Option>& options);
  void create_table(const CreateTable& node);
  void create_table_as(const CreateTableAs& node);
  void create_index(const CreateIndex& node);
  void create_view(const CreateView& node);
  void column(const ColumnDef& column);
  void constraint(const Constraint& node, bool of_table);
  void references(const Constraint& node);
  void index_elements(const Vec<IndexElement*>& elements);
  void index_element(const IndexElement& element);
  void partition_spec(const PartitionSpec& spec);
  void partition_bound(const PartitionBound& bound);
  void on_commit(OnCommit on_commit);
  void transaction(const Transaction& node);
  bool drop(const Drop& node);

  Arena* arena_;
  TextBuilder out_;
};

}  // namespace spg::sql
