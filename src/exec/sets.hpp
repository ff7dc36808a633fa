// What ANY, ALL and IN need beside their arguments.
#pragma once
#include "eval.hpp"

namespace spg::exec {

struct MembershipCode {
  const Code* test = nullptr;     ///< a call of the operator over (scalar, element); its own register
  const ValueSet* set = nullptr;  ///< IN over many constants with the type's own equality
  bool is_equality = false;       ///< the operator is equality of `compared`
  Oid compared{};
};

}  // namespace spg::exec
