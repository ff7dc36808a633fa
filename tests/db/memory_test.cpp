// Memory that runs out: the n-th allocation of the engine's Alloc, or of the statements' budgets, fails while a script
// with statements of all kinds runs. Whatever fails says 53200 (or is a consequence of what failed before), tables and
// indexes agree afterwards, and the script then runs as if nothing had been.
#include <catch2/catch.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "script.hpp"
#include "spg/os/sim/sim.hpp"

#include "spg/txn/bodies.inl.hpp"

using namespace spg;
using namespace spg::test;

namespace {

using SimDatabase = Database<os::SimEnv>;

struct Ran {
  std::string trace;   ///< rows and errors of every statement
  int memory_errors = 0;
  std::string unexpected;
};

Ran run_script(SimDatabase& database) {
  Ran ran;
  bool failed_before = false;
  for (const ScriptLine& line : fault_script) {
    const Answer answer = database.ask(line.text, line.copied);
    for (const std::string& row : database.sink.lines) ran.trace += row + "\n";
    ran.trace += answer.error + " " + answer.message + "\n";
    ran.memory_errors += answer.error == "53200";
    failed_before |= answer.error == "53200" || answer.error == "0A000";
    // What the script provokes, and what follows from a statement that failed before.
    static const std::set<std::string> provoked = {"", "53200", "23505", "22012", "23503", "42601", "42703", "0A000"};
    static const std::set<std::string> follows = {"25P02", "42P01", "3B001", "26000", "42P07", "42704", "25P01", "42701", "42P16", "42830", "2BP01"};
    if (!provoked.contains(answer.error) && !(failed_before && follows.contains(answer.error)))
      ran.unexpected += std::string(line.text) + ": " + answer.error + " " + answer.message + "\n";
  }
  if (database.session->status() != db::BlockStatus::idle) (void)database.ask("ROLLBACK");
  return ran;
}

std::string end_script(SimDatabase& database) {
  const Answer answer = database.ask(fault_script_end);
  return answer.error + answer.message;
}

/// Fails allocation 1, 2, ... in up to `runs` strides; `arm` sets the fault, `calls` is how many allocations one run does.
template <class Arm, class Disarm>
void fail_each(SimDatabase& database, std::uint64_t calls, int runs, const std::string& clean, Arm arm, Disarm disarm) {
  int failures = 0;
  const std::uint64_t stride = std::max<std::uint64_t>(1, calls / static_cast<std::uint64_t>(runs));
  for (std::uint64_t n = 1; n <= calls; n += stride) {
    CAPTURE(n, calls);
    arm(n);
    const Ran ran = run_script(database);
    disarm();
    failures += ran.memory_errors;
    REQUIRE(ran.unexpected == "");
    REQUIRE(index_faults(database, "p") == "");
    REQUIRE(index_faults(database, "c") == "");
    REQUIRE(end_script(database) == "");
  }
  CHECK(failures > 0);
  CHECK(run_script(database).trace == clean);
}

int runs_wanted() {
  const char* text = std::getenv("SPG_FAULT_RUNS");
  return text == nullptr ? 150 : std::atoi(text);
}

/// The script without the numbers that differ from run to run.
std::string clean_run(SimDatabase& database) {
  const Ran ran = run_script(database);
  REQUIRE(ran.unexpected == "");
  REQUIRE(ran.memory_errors == 0);
  REQUIRE(end_script(database) == "");
  return ran.trace;
}

}  // namespace

TEST_CASE("the n-th allocation of the engine fails") {
  os::SimStorage storage;
  SimDatabase database(storage);
  REQUIRE_FALSE(database.open());
  const std::string clean = clean_run(database);
  const std::uint64_t before = database.alloc.calls();
  CHECK(clean_run(database) == clean);
  const std::uint64_t calls = database.alloc.calls() - before;
  fail_each(database, calls, runs_wanted(), clean, [&](std::uint64_t n) { database.alloc.fail_at(n); }, [&] { database.alloc.fail_at(0); });
  database.close();
  CHECK(database.alloc.used_bytes() == 0);
}

TEST_CASE("the n-th charge of a statement's memory fails") {
  os::SimStorage storage;
  SimDatabase database(storage);
  REQUIRE_FALSE(database.open());
  const std::string clean = clean_run(database);
  MemoryBudget& memory = database.instance->memory();
  memory.fail_at(UINT64_MAX);
  CHECK(clean_run(database) == clean);
  const std::uint64_t calls = UINT64_MAX - memory.fails_in();
  fail_each(database, calls, runs_wanted(), clean, [&](std::uint64_t n) { memory.fail_at(n); }, [&] { memory.fail_at(0); });
  database.session.reset();
  CHECK(memory.used_bytes() == 0);
}
