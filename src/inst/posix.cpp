// The machine on PosixEnv, compiled once.
#include "spg/os/posix/posix.hpp"
#include "spg/txn/recovery.inl.hpp"
#include "spg/txn/restore.inl.hpp"
#include "spg/txn/transaction.inl.hpp"

template class spg::txn::Machine<spg::os::PosixEnv>;
template class spg::txn::Transaction<spg::os::PosixEnv>;
template spg::Result<spg::txn::Recovered> spg::txn::recover_database<spg::os::PosixEnv>(spg::os::PosixStorage&, spg::os::SystemClock&, spg::os::ExtentAlloc&,
                                                                                     spg::os::SystemRandom&, const spg::txn::RecoveryPlan&);
template spg::Result<spg::txn::Recovered> spg::txn::restore_database<spg::os::PosixEnv>(spg::os::PosixStorage&, spg::os::SystemClock&, spg::os::ExtentAlloc&,
                                                                                     spg::os::SystemRandom&, const spg::txn::RestorePlan&,
                                                                                     spg::FunctionRef<spg::Status(const spg::store::BackupProgress&)>);
