// The machine on PosixEnv, compiled once.
#include "spg/os/posix/posix.hpp"
#include "spg/txn/transaction.inl.hpp"

template class spg::txn::Machine<spg::os::PosixEnv>;
template class spg::txn::Transaction<spg::os::PosixEnv>;
