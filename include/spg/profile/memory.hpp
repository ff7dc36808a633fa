// Memory: the machine with its files in RAM: spg-server --ephemeral.
#pragma once
#include "spg/os/memory/memory.hpp"
#include "spg/txn/machine.hpp"
#include "spg/txn/transaction.hpp"
#ifdef SPG_HEADER_ONLY
#include "spg/txn/bodies.inl.hpp"
#endif

namespace spg {
#ifndef SPG_HEADER_ONLY  // else: as templates are without it, in every translation unit
extern template class txn::Machine<os::MemoryEnv>;
extern template class txn::Transaction<os::MemoryEnv>;
#endif
}  // namespace spg
