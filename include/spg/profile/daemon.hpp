// Daemon: what spg-server is made of: the machine on the real system.
#pragma once
#include "spg/os/posix/posix.hpp"
#include "spg/txn/machine.hpp"
#include "spg/txn/transaction.hpp"

namespace spg {
extern template class txn::Machine<os::PosixEnv>;
extern template class txn::Transaction<os::PosixEnv>;
using DaemonMachine = txn::Machine<os::PosixEnv>;
}  // namespace spg
