// Catalog: names and OIDs to objects, for binder, planner, exec and the utility statements (DESIGN 2, "The catalog is data").
//
// Built-in objects (types, functions, operators, casts: generated from PostgreSQL 15) are constant tables in the binary.
// User objects are rows of internal tables in the same store, read through the seam and cached by catalog stamp. A Catalog
// belongs to one session; what it returns lives until the catalog stamp changes (cache) or for ever (built-ins).
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "spg/base/arena.hpp"
#include "spg/base/ids.hpp"
#include "spg/txn/view.hpp"
#include "spg/type/vector.hpp"

namespace spg::catalog {

namespace ns {  // namespaces with fixed OIDs
inline constexpr Oid pg_catalog{11}, pg_toast{99}, public_schema{2200}, information_schema{13207};
}

struct Type {
  Oid oid{};
  std::string_view name;
  Oid schema{};
  std::int16_t length = 0;       ///< typlen
  bool by_value = false;
  char kind = 'b';               ///< typtype
  char category = 'U';           ///< typcategory
  bool preferred = false;
  Oid element{}, array{};        ///< typelem, typarray
  Oid collation{};
  Oid relation{};                ///< typrelid
  std::uint32_t typmod_in = 0;   ///< whether it takes modifiers
  Oid base{};                    ///< typbasetype, of domains
  char alignment = 'i', storage = 'p';
};

struct Function {
  Oid oid{};
  std::string_view name;
  Oid schema{};
  Oid result{};
  std::span<const Oid> arguments;         ///< input arguments
  Oid variadic{};                         ///< element type of a VARIADIC last argument
  char kind = 'f';                        ///< prokind: f, a, w, p
  char volatility = 'i';
  bool strict = true;
  bool returns_set = false;
  std::uint16_t defaults = 0;             ///< trailing arguments with defaults
  std::span<const std::string_view> argument_names;  ///< may be empty
  std::span<const Oid> out_types;         ///< of OUT/TABLE columns, when there are several
  std::span<const std::string_view> out_names;
  std::string_view default_text;          ///< SQL expressions of the defaults, comma-separated
};

/// How an aggregate is called: pg_aggregate's aggkind and aggnumdirectargs.
struct AggregateForm {
  enum class Kind : std::uint8_t { normal, ordered_set, hypothetical } kind = Kind::normal;
  std::uint8_t direct_arguments = 0;      ///< of hypothetical ones: as many as there are ordered ones
};
AggregateForm aggregate_form(Oid function);

struct Operator {
  Oid oid{};
  std::string_view name;
  Oid schema{};
  Oid left{}, right{}, result{};          ///< left none = prefix
  Oid function{};
  Oid commutator{}, negator{};
  bool can_merge = false, can_hash = false;
};

struct Cast {
  Oid source{}, target{};
  Oid function{};                         ///< none: see method
  char context = 'e';                     ///< i implicit, a assignment, e explicit
  char method = 'f';                      ///< f function, b binary-coercible, i through text I/O
};

/// What the planner needs to know of a B-tree operator family: which operator of (left, right) is which comparison.
enum class Comparison : std::uint8_t { none, less, less_equal, equal, greater_equal, greater, not_equal };

struct ColumnInfo {
  std::int16_t number = 0;
  std::string_view name;
  Oid type{};
  std::int32_t typmod = -1;
  Oid collation{};
  type::Physical physical = type::Physical::none;  ///< as stored; numeric(p,s) may be scaled (type/numeric.hpp)
  bool not_null = false;
  bool has_default = false;
  bool dropped = false;
  std::string_view default_text;          ///< SQL expression
};

struct IndexInfo {
  Oid oid{};
  IndexId id{};
  std::string_view name;
  std::span<const std::int16_t> columns;  ///< key columns
  std::span<const std::uint8_t> descending, nulls_first;
  bool unique = false, primary = false;
  bool immediate = true;                  ///< false: within a transaction, two rows may have the same key
  Oid constraint{};                       ///< pg_constraint row, if it backs one
  /// Whether no two rows of whatever version have the same key: what plans may count on.
  bool is_always_unique() const { return unique && immediate; }
  std::span<const Oid> classes{};         ///< operator classes of the key columns
};

enum class CheckOption : std::uint8_t { none, local, cascaded };

/// What a view is: see plan/view.hpp for the text.
struct ViewInfo {
  std::string_view text;                  ///< the bound query, independent of names and of the search path
  Oid rule{};                             ///< its pg_rewrite row
  bool security_barrier = false, security_invoker = false;
  CheckOption check = CheckOption::none;
};

struct Relation {
  Oid oid{};
  std::string_view name;
  Oid schema{};
  char kind = 'r';                        ///< relkind: r, v, i, S, t
  TableId table{};                        ///< none: a virtual relation
  bool is_virtual = false;                ///< computed: rows come from VirtualRelation
  Oid owner{};
  char persistence = 'p';
  std::span<const ColumnInfo> columns;    ///< by number, dropped ones included
  std::span<const IndexInfo> indexes;
  double row_estimate = 0;
  const ViewInfo* view = nullptr;         ///< of a user's view
};

class Catalog {
 public:
  virtual ~Catalog() = default;

  // --- built-in objects (and, later, user-made ones)
  virtual const Type* type(Oid oid) = 0;
  /// Unqualified names go through the search path.
  virtual const Type* type(std::string_view schema, std::string_view name) = 0;
  virtual const Function* function(Oid oid) = 0;
  /// All functions of the name, in search-path order.
  virtual std::span<const Function* const> functions(std::string_view schema, std::string_view name) = 0;
  virtual const Operator* operator_(Oid oid) = 0;
  virtual std::span<const Operator* const> operators(std::string_view schema, std::string_view name) = 0;
  virtual const Cast* cast(Oid source, Oid target) = 0;
  /// Which comparison a function or operator of the default B-tree families stands for.
  virtual Comparison comparison_of(Oid operator_oid) = 0;
  /// The default B-tree operator of a type for a comparison (e.g. equality for joins, less for sorts); null when there is none.
  virtual const Operator* comparison(Oid left, Oid right, Comparison comparison) = 0;

  // --- relations
  /// Null when there is none. Unqualified names go through the search path (pg_catalog first).
  virtual Result<const Relation*> relation(std::string_view schema, std::string_view name) = 0;
  virtual Result<const Relation*> relation(Oid oid) = 0;
  virtual Result<Oid> schema_oid(std::string_view name) = 0;     ///< none when absent
  virtual Result<std::string_view> schema_name(Oid oid) = 0;

  // --- the reg* types (is_reg_type): names as OIDs. Quoting, folding, "-" and digits are PostgreSQL's.
  virtual Result<Oid> reg_in(Oid type, std::string_view text, Arena& arena) = 0;
  virtual Result<std::string_view> reg_out(Oid type, Oid value, Arena& arena) = 0;
};

/// The types whose text is a name of the catalog: regclass, regtype, regproc, regprocedure, regnamespace, regrole.
bool is_reg_type(Oid type);

/// How a type lies in batches and chunks, for every type of the registry. Fixed by the type alone (numeric is a string in
/// batches; a table stores numeric(p,s) columns scaled only where ColumnInfo::physical says so).
type::Physical physical_of(const Type& type);

}  // namespace spg::catalog
