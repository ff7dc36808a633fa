#include "spg/catalog/builtin.hpp"

#include <algorithm>

#include "spg/type/io.hpp"

namespace spg::catalog {

namespace {
/// Binary search in a table sorted by `key`; null when absent.
template <class T, class Key, class KeyOf>
const T* search(const T* table, std::size_t count, const Key& key, KeyOf key_of) {
  const T* end = table + count;
  const T* found = std::lower_bound(table, end, key, [&](const T& a, const Key& b) { return key_of(a) < b; });
  return found != end && key_of(*found) == key ? found : nullptr;
}
template <class T>
const T* search_oid(const T* table, std::size_t count, Oid oid) {
  return search(table, count, raw(oid), [](const T& entry) { return raw(entry.oid); });
}
/// In an array of positions sorted by (name, schema).
template <class T>
const T* search_name(const T* table, const std::uint16_t* order, std::size_t count, Oid schema, std::string_view name) {
  const std::uint16_t* end = order + count;
  const std::uint16_t* found = std::lower_bound(order, end, name, [&](std::uint16_t at, std::string_view wanted) {
    const int by_name = table[at].name.compare(wanted);
    return by_name != 0 ? by_name < 0 : raw(table[at].schema) < raw(schema);
  });
  return found != end && table[*found].name == name && table[*found].schema == schema ? &table[*found] : nullptr;
}
/// All entries of a name in an array of pointers sorted by name.
template <class T>
std::span<const T* const> search_all(const T* const* order, std::size_t count, std::string_view name) {
  const auto range = std::equal_range(order, order + count, name, [](const auto& a, const auto& b) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(a)>, std::string_view>) return a < b->name;
    else return a->name < b;
  });
  return {range.first, range.second};
}
}  // namespace

type::Physical physical_of(const Type& type) {
  return type::physical_of(type.base != Oid::none && type::find_type(type.oid) == nullptr ? type.base : type.oid);
}

AggregateForm aggregate_form(Oid function) {
  using Kind = AggregateForm::Kind;
  switch (raw(function)) {
    case 3972:  // percentile_disc
    case 3978:
    case 3974:  // percentile_cont
    case 3976:
    case 3980:
    case 3982: return {Kind::ordered_set, 1};
    case 3984: return {Kind::ordered_set, 0};  // mode
    case 3986:  // rank
    case 3988:  // percent_rank
    case 3990:  // cume_dist
    case 3992:  // dense_rank
      return {Kind::hypothetical, 1};
    default: return {};
  }
}

namespace builtin {

const Rows* find_rows(Oid relation) {
  const Rows* const* found =
      search(row_sets, row_set_count, raw(relation), [](const Rows* rows) { return raw(rows->relation); });
  return found == nullptr ? nullptr : *found;
}

bool RowReader::next(std::span<std::string_view> fields) {
  if (text_.empty()) return false;
  const std::size_t end = text_.find('\n');
  std::string_view line = text_.substr(0, end);
  text_.remove_prefix(end + 1);
  for (std::string_view& field : fields) {
    const std::size_t tab = line.find('\t');
    field = line.substr(0, tab);
    line = tab == std::string_view::npos ? std::string_view() : line.substr(tab + 1);
  }
  return true;
}

std::uint32_t number_of(std::string_view field) {
  std::uint32_t value = 0;
  for (const char c : field) value = value * 10 + static_cast<std::uint32_t>(c - '0');
  return value;
}
std::string_view unescape(std::string_view field, Arena& arena) {
  if (field.find('\\') == std::string_view::npos) return field;
  char* out = arena.array<char>(field.size());
  std::size_t size = 0;
  for (std::size_t i = 0; i < field.size(); ++i) {
    char c = field[i];
    if (c == '\\' && i + 1 < field.size()) {
      c = field[++i];
      switch (c) {
        case 'n': c = '\n'; break;
        case 't': c = '\t'; break;
        case 'r': c = '\r'; break;
        case 'b': c = '\b'; break;
        case 'f': c = '\f'; break;
        case 'v': c = '\v'; break;
        default: break;
      }
    }
    out[size++] = c;
  }
  return {out, size};
}

const Type* find_type(Oid oid) { return search_oid(types, type_count, oid); }
const Type* find_type(Oid schema, std::string_view name) {
  return search_name(types, types_by_name, type_count, schema, name);
}
const Function* find_function(Oid oid) { return search_oid(functions, function_count, oid); }
std::span<const Function* const> find_functions(std::string_view name) {
  return search_all(functions_by_name, function_count, name);
}
const Operator* find_operator(Oid oid) { return search_oid(operators, operator_count, oid); }
std::span<const Operator* const> find_operators(std::string_view name) {
  return search_all(operators_by_name, operator_count, name);
}
const Relation* find_relation(Oid oid) { return search_oid(relations, relation_count, oid); }
const Relation* find_relation(Oid schema, std::string_view name) {
  return search_name(relations, relations_by_name, relation_count, schema, name);
}

const Cast* find_cast(Oid source, Oid target) {
  const std::uint64_t key = std::uint64_t{raw(source)} << 32 | raw(target);
  return search(casts, cast_count, key,
                [](const Cast& cast) { return std::uint64_t{raw(cast.source)} << 32 | raw(cast.target); });
}

Comparison comparison_of(Oid oid) {
  const ComparisonMeaning* found = search(comparison_meanings, comparison_meaning_count, raw(oid),
                                          [](const ComparisonMeaning& entry) { return entry.oid; });
  return found == nullptr ? Comparison::none : static_cast<Comparison>(found->strategy);
}

namespace {
struct ComparisonKey {
  std::uint32_t left, right, strategy;
  auto operator<=>(const ComparisonKey&) const = default;
};
}  // namespace

Oid comparable(Oid oid) {
  const Type* type = find_type(oid);
  if (type == nullptr) return oid;
  if (type->kind == 'd') return comparable(type->base);
  if (type->name == "varchar") return Oid{25};
  if (type->name == "cidr") return Oid{869};
  if (type->name == "aclitem" || type->name == "_aclitem") return oid;
  if (type->name.starts_with("reg") && type->by_value) return Oid{26};
  if (type->length == -1 && type->element != Oid::none && type->category == 'A' && !type->name.ends_with("vector"))
    return Oid{2277};
  switch (type->kind) {
    case 'e': return Oid{3500};
    case 'c': return Oid{2249};
    case 'r': return Oid{3831};
    case 'm': return Oid{4537};
    default: return oid;
  }
}

const Operator* comparison(Oid left, Oid right, Comparison comparison) {
  const auto find = [&](Oid a, Oid b) {
    return search(comparisons, comparison_count, ComparisonKey{raw(a), raw(b), static_cast<std::uint32_t>(comparison)},
                  [](const ComparisonEntry& entry) {
                    return ComparisonKey{entry.left, entry.right, entry.strategy};
                  });
  };
  const ComparisonEntry* found = find(left, right);
  if (found == nullptr) found = find(comparable(left), comparable(right));
  return found == nullptr ? nullptr : find_operator(Oid{found->operator_oid});
}

}  // namespace builtin
}  // namespace spg::catalog
