// Daemon: what spg-server is made of: the machine on the real system.
#pragma once
#include "spg/os/posix/posix.hpp"
#include "spg/txn/machine.hpp"
#include "spg/txn/transaction.hpp"
#ifdef SPG_HEADER_ONLY
#include "spg/txn/bodies.inl.hpp"
#endif

namespace spg {
#ifndef SPG_HEADER_ONLY  // else: as templates are without it, in every translation unit
extern template class txn::Machine<os::PosixEnv>;
extern template class txn::Transaction<os::PosixEnv>;
#endif
using DaemonMachine = txn::Machine<os::PosixEnv>;
}  // namespace spg
