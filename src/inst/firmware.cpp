// The machine on FirmwareEnv, compiled once.
#include "spg/os/none/none.hpp"
#include "spg/txn/transaction.inl.hpp"

template class spg::txn::Machine<spg::os::FirmwareEnv>;
template class spg::txn::Transaction<spg::os::FirmwareEnv>;
