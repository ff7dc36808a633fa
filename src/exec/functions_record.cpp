// The record module: comparisons of records, and a field of one.
#include "kernels.hpp"
#include "spg/type/record.hpp"

namespace spg::exec {
namespace {

using type::RecordReader;

/// What a call holds for a field by number (plan's record_field_function); no function of PostgreSQL's.
constexpr std::uint16_t record_field[] = {1}, is_null_oid[] = {4}, is_not_null_oid[] = {5};

Error dissimilar(Oid a, Oid b, std::size_t column) {
  const auto name = [](Oid type) {
    const type::TypeInfo* info = type::find_type(type);
    return info == nullptr ? std::string_view("???") : info->name;
  };
  const auto brackets = [](Oid type) {
    const type::TypeInfo* info = type::find_type(type);
    return info != nullptr && info->format == type::Format::array ? "[]" : "";
  };
  return Error::make(sqlstate::datatype_mismatch, "cannot compare dissimilar column types ", name(a), brackets(a),
                     " and ", name(b), brackets(b), " at record column ", column);
}

/// As type::compare, but an error where it comes to fields of unequal types, as PostgreSQL has it.
Result<int> compare_records(const StringRef& a, const StringRef& b) {
  RecordReader x(a), y(b);
  Oid p{}, q{};
  Value u, v;
  std::size_t column = 1;
  for (; x.next(&p, &u) && y.next(&q, &v); ++column) {
    if (p != q) return dissimilar(p, q, column);
    int order = 0;
    if (u.is_null || v.is_null) {
      order = int{u.is_null} - int{v.is_null};
    } else if (p == type::oid::record) {
      SPG_ASSIGN(order, compare_records(u.as<StringRef>(), v.as<StringRef>()));
    } else {
      order = type::compare(p, u, v);
    }
    if (order != 0) return order < 0 ? -1 : 1;
  }
  if (x.size() != y.size())
    return Error::make(sqlstate::datatype_mismatch, "cannot compare record types with different numbers of columns");
  return 0;
}

template <Compare cmp>
Result<bool> record_is(StringRef a, StringRef b) {
  SPG_ASSIGN(const int order, compare_records(a, b));
  return holds<cmp>(order);
}

std::optional<Value> field(StringRef record, std::int32_t number) {
  RecordReader reader(record);
  Oid type{};
  Value value;
  for (std::int32_t i = 0; i < number; ++i)
    if (!reader.next(&type, &value)) return std::nullopt;
  if (value.is_null) return std::nullopt;
  return value;
}

/// Whether all fields are null, or none is. A record that is null itself is so in all of them.
template <bool null>
bool all_fields(Value record) {
  if (record.is_null) return null;
  RecordReader reader(record.as<StringRef>());
  Oid type{};
  Value value;
  while (reader.next(&type, &value))
    if (value.is_null != null) return false;
  return true;
}

constexpr FunctionEntry record_functions[] = {
    {proc::record_eq, equality(call<record_is<Compare::eq>>())},
    {proc::record_ne, call<record_is<Compare::ne>>()},
    {proc::record_lt, call<record_is<Compare::lt>>()},
    {proc::record_le, call<record_is<Compare::le>>()},
    {proc::record_gt, call<record_is<Compare::gt>>()},
    {proc::record_ge, call<record_is<Compare::ge>>()},
    {proc::btrecordcmp, call<compare_records>()},
    {record_field, call<field>()},
    {is_null_oid, call<all_fields<true>>()},
    {is_not_null_oid, call<all_fields<false>>()},
};

}  // namespace

namespace module {
const Module record{record_functions, {}};
}

}  // namespace spg::exec
