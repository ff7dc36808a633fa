// World: one database on a simulated disk, the commits that it has taken, and what clients know. No threads: the simulation
// decides who moves.
#pragma once
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "sim/model.hpp"
#include "sim/simulation.hpp"
#include "spg/db/instance.hpp"
#include "spg/db/session.hpp"
#include "spg/os/sim/sim.hpp"
#include "spg/txn/machine.hpp"
#include "support/text_sink.hpp"

namespace spg {
extern template class log::Log<os::SimEnv::Storage, os::SimEnv::Sync>;  // machine.cpp
extern template class txn::Machine<os::SimEnv>;  // machine.cpp
}

namespace spg::sim {

using Machine = txn::Machine<os::SimEnv>;

struct World {
  /// Those of odd seeds have an audit log, every third keeps history.
  World(std::uint64_t seed, const Options& of)
      : options(of), is_audited(seed % 2 == 1), history_seconds(seed % 3 == 0 ? 2 : 0), chance(seed), random(seed ^ 0x5eed) {}
  ~World() { close(); }

  Status open();
  void close() {
    instance.reset();
    machine.reset();
  }
  void note(const std::string& line);
  /// The first one stays.
  void find(const std::string& what);
  bool is_over() const { return !finding.empty(); }
  std::size_t newest() const { return history.size() - 1; }
  /// The last commit whose record ends at or before the position.
  std::size_t commit_at(std::uint64_t position) const;
  /// Behind the newest commit. Pieces of those to come may lie behind it.
  std::uint64_t newest_commit() const;
  /// Takes what the machine has undone, after a write of the log that failed, out of the history. True when there is any.
  bool has_fallen_back();
  /// The machine ends: positions are those in the log's files from here on.
  void number_as_in_files();
  /// Rows of a query without parameters by a session of its own, sorted; an error as its text.
  std::vector<std::string> ask(std::string_view text);
  Result<std::vector<std::string>> answer(std::string_view text);
  /// The moment is one that check_past() may ask for.
  void note_moment();
  /// A table as of a moment before now.
  void check_past();
  /// The database as it is after recovery against the history, which is then cut to what has survived.
  void check_recovered();
  /// The audit log has one entry for each commit of the history, in its order, and no other.
  void check_audit();

  Options options;
  bool is_audited;
  std::uint32_t history_seconds;
  struct Moment { std::int64_t time_us; std::uint64_t position; };
  std::vector<Moment> moments;       ///< and up to where was committed then; since the database was opened
  os::SimChance chance;
  os::SimStorage disk;
  os::SimClock clock;
  os::SimAlloc alloc;
  os::SimRandom random;
  std::unique_ptr<Machine> machine;
  std::unique_ptr<db::Instance> instance;
  std::vector<DatabaseId> databases;
  std::vector<Commit> history;
  std::uint64_t told = 0;            ///< log position up to which clients have been told of something
  std::uint64_t claimed = 0;         ///< log position that the machine has called durable
  bool is_faulty = false;            ///< the disk has been told to fail since the database was opened
  int next_value = 1;                ///< unique in a run
  std::string finding;
  std::uint64_t hash = 0xcbf29ce484222325u;
  std::deque<std::string> recent;    ///< the end of the trace
  Counts counts;
};

}  // namespace spg::sim
