// The machine on MemoryEnv, compiled once.
#include "spg/os/memory/memory.hpp"
#include "spg/txn/transaction.inl.hpp"

template class spg::txn::Machine<spg::os::MemoryEnv>;
template class spg::txn::Transaction<spg::os::MemoryEnv>;
