// What verification finds, as text: one fault a line, nothing for what is sound.
#pragma once
#include <string>

#include "spg/os/sim/sim.hpp"
#include "spg/txn/verify.hpp"

namespace spg::test {

struct Faults final : txn::VerifyReport {
  void fault(const txn::VerifyFault& fault) override {
    text += std::string(fault.file) + (fault.file.empty() ? "" : " at " + std::to_string(fault.offset) + " ");
    if (fault.table != TableId::none) text += "(database " + std::to_string(raw(fault.database)) + ", table " + std::to_string(raw(fault.table)) + ") ";
    text += std::string(fault.what) + "\n";
  }
  void table(const txn::VerifiedTable& one) override {
    ++tables;
    rows += one.rows;
    entries += one.entries;
  }
  void log(const txn::VerifiedLog& one) override { log_records = one.records; }

  std::string text;
  std::uint64_t tables = 0, rows = 0, entries = 0, log_records = 0;
};

/// Of all versions of a running machine.
template <class Machine>
std::string faults_of(Machine& machine) {
  Faults faults;
  if (Status failed = txn::verify_versions(machine, faults)) faults.text += "verification fails: " + std::string(failed.message()) + "\n";
  return faults.text;
}

inline txn::MachineOptions read_only_options(std::size_t memory_bytes = SIZE_MAX) {
  txn::MachineOptions options;
  options.database_path = "d/db";
  options.log_path = "d/wal";
  options.read_only = true;
  options.hot_tier_bytes = memory_bytes;
  return options;
}

/// As `spg verify` looks at a database that nobody has open: the files, then what recovery makes of them.
template <class Machine>
void verify_all(os::SimStorage& storage, Faults& faults, std::size_t memory_bytes = SIZE_MAX) {
  if (Status failed = txn::verify_files<os::SimStorage, os::NoSync>(storage, "d/db", "d/wal", faults)) faults.text += std::string(failed.message()) + "\n";
  os::SimClock clock;
  os::SimAlloc alloc;
  os::SimRandom random;
  {
    Machine machine(storage, clock, alloc, random, read_only_options(memory_bytes));
    if (Status failed = machine.open()) faults.text += "recovery: " + std::string(failed.message()) + "\n";
    if (Status failed = txn::verify_versions(machine, faults, memory_bytes)) faults.text += std::string(failed.message()) + "\n";
  }
  if (alloc.used_bytes() != 0) faults.text += "verification keeps memory\n";
}

}  // namespace spg::test
