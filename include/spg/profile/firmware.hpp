// Firmware: the machine without threads and files: commits write and sync inline, Machine::tick() does background steps.
#pragma once
#include "spg/os/none/none.hpp"
#include "spg/txn/machine.hpp"
#include "spg/txn/transaction.hpp"
#ifdef SPG_HEADER_ONLY
#include "spg/txn/bodies.inl.hpp"
#endif

namespace spg {
#ifndef SPG_HEADER_ONLY  // else: as templates are without it, in every translation unit
extern template class txn::Machine<os::FirmwareEnv>;
extern template class txn::Transaction<os::FirmwareEnv>;
#endif
using FirmwareMachine = txn::Machine<os::FirmwareEnv>;
}  // namespace spg
