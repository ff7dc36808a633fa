// Simulation: whole SQL sessions on SimEnv, with the flusher, checkpoints, the clock, disk faults, vanishing clients and
// crashes chosen by one seed, and a model that tells what may be shown and what must be there afterwards.
//
// One thread. The same seed gives the same trace. Canaries break a promise on purpose; the checks must see it.
#pragma once
#include <cstdint>
#include <string>

namespace spg::sim {

enum class Canary : std::uint8_t {
  none,
  lying_sync,      ///< the disk says that it has synced, and has not
  early_replies,   ///< the harness lets replies go without waiting for their floor
  short_recovery,  ///< the log loses the last record that a client was told of
};

struct Options {
  int steps = 400;
  Canary canary = Canary::none;
  bool prints = false;   ///< the whole trace, to stdout
};

struct Counts {
  std::uint64_t statements = 0, commits = 0, releases = 0, waits = 0, deadlocks = 0, conflicts = 0, power_cuts = 0, kills = 0, faults = 0, checkpoints = 0,
                flushes = 0, vanished = 0, evicted_bytes = 0, cut_recoveries = 0, verified = 0, lost_commits = 0, undone_commits = 0, past_reads = 0, past_refusals = 0;
  void add(const Counts& other);
  std::string text() const;
};

struct Run {
  std::string finding;   ///< empty: nothing
  std::string trace_end; ///< what happened last
  std::uint64_t hash = 0;///< of the trace
  Counts counts;
};
Run simulate(std::uint64_t seed, const Options& options);

}  // namespace spg::sim
