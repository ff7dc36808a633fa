#include "spg/exec/function.hpp"

namespace spg::exec {

Registry::Registry(std::span<const Module* const> modules) {
  for (const Module* module : modules) {
    for (const FunctionEntry& entry : module->functions)
      for (const std::uint16_t oid : entry.oids) functions_[oid] = &entry;
    for (const AggregateEntry& entry : module->aggregates)
      for (const std::uint16_t oid : entry.oids) aggregates_[oid] = &entry;
  }
}

const Function* Registry::function(Oid oid) const {
  return raw(oid) < oids_max && functions_[raw(oid)] != nullptr ? &functions_[raw(oid)]->function : nullptr;
}
const AggregateFunction* Registry::aggregate(Oid oid) const {
  return raw(oid) < oids_max && aggregates_[raw(oid)] != nullptr ? &aggregates_[raw(oid)]->aggregate : nullptr;
}

const Registry& standard_functions() {
  static const Module* const modules[] = {&module::core,     &module::text,    &module::numeric,
                                          &module::datetime, &module::array,   &module::record,  &module::session,
                                          &module::transaction, &module::catalog, &module::pattern,
                                          &module::aggregates, &module::ordered_aggregates, &module::windows};
  static const Registry registry(modules);
  return registry;
}

}  // namespace spg::exec
