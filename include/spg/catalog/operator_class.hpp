// The built-in operator classes: what orders the keys of an index.
#pragma once
#include <string_view>

#include "spg/base/function_ref.hpp"
#include "spg/base/ids.hpp"

namespace spg::catalog {

/// One row of pg_opclass. Classes of one family and input type order keys alike.
struct OperatorClass {
  Oid oid{}, method{}, family{}, input{};
  std::string_view name;
  bool is_default = false;
};
/// The first class that is wanted; OID 0 when there is none.
OperatorClass find_operator_class(FunctionRef<bool(const OperatorClass&)> wanted);

inline constexpr Oid btree_method{403};

}  // namespace spg::catalog
