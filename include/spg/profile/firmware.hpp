// Firmware: the machine without threads and files: commits write and sync inline, Machine::tick() does background steps.
#pragma once
#include "spg/os/none/none.hpp"
#include "spg/txn/machine.hpp"
#include "spg/txn/transaction.hpp"

namespace spg {
extern template class txn::Machine<os::FirmwareEnv>;
extern template class txn::Transaction<os::FirmwareEnv>;
using FirmwareMachine = txn::Machine<os::FirmwareEnv>;
}  // namespace spg
