// Memory: the machine with its files in RAM: spg-server --ephemeral.
#pragma once
#include "spg/os/memory/memory.hpp"
#include "spg/txn/machine.hpp"
#include "spg/txn/transaction.hpp"

namespace spg {
extern template class txn::Machine<os::MemoryEnv>;
extern template class txn::Transaction<os::MemoryEnv>;
}  // namespace spg
