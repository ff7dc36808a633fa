// The machine on SimEnv, instantiated once for the simulation.
#include "sim/world.hpp"
#include "spg/txn/transaction.hpp"

#include "spg/txn/bodies.inl.hpp"

namespace spg::txn {
template class Machine<os::SimEnv>;
template class Transaction<os::SimEnv>;
}  // namespace spg::txn
