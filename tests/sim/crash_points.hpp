// Crash points: every workload of up to three statements of a small alphabet, with a power cut at every call that changes the
// disk, a fate of what was not synced (four rounds have every one), and for every tenth a second cut during recovery (facts/reliability.md, R1, R2).
//
// Checked after recovery: the table is as after the last acknowledged statement, or as after the one that was cut; it
// verifies without fault; and what a second recovery makes of it is the same. Nothing is random but what unsynced data
// becomes, which the round's seed decides.
#pragma once
#include <cstdint>
#include <string>

namespace spg::sim {

struct CrashOptions {
  std::uint64_t points = 20'000;   ///< a round of all workloads and cuts has some 16,000
  std::uint64_t seed = 1;          ///< of the first round
  bool lying_sync = false;         ///< the canary
};

struct CrashCounts {
  std::uint64_t points = 0, workloads = 0, cut_recoveries = 0, second_recoveries = 0, rounds = 0;
};

/// The first finding, with what makes it again; empty when there is none.
std::string find_crash(const CrashOptions& options, CrashCounts& counts);
/// One point again: what a finding names.
std::string crash_once(std::uint64_t seed, const std::string& workload, std::uint64_t cut, const std::string& survival, std::uint64_t number);

}  // namespace spg::sim
