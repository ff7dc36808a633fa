// Seeds of the simulation, and the canaries that show that it sees. Many seeds: the program `simulate`.
#include <catch2/catch.hpp>

#include "sim/simulation.hpp"

using namespace spg;
using sim::Canary;

namespace {

/// The first seed whose run finds something; 0 if none does.
std::uint64_t first_found(Canary canary, std::uint64_t seeds, std::string& finding) {
  sim::Options options;
  options.canary = canary;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    finding = simulate(seed, options).finding;
    if (!finding.empty()) return seed;
  }
  return 0;
}
bool is_about_a_crash(const std::string& finding) { return finding.find("recovered up to") != std::string::npos || finding.find("opened") != std::string::npos; }

}  // namespace

TEST_CASE("sessions, flusher, faults and crashes by seed") {
  sim::Counts counts;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const sim::Run run = sim::simulate(seed, {});
    counts.add(run.counts);
    INFO("simulate --from " << seed << " --seeds 1 --trace\n" << run.trace_end);
    REQUIRE(run.finding == "");
  }
  INFO(counts.text());
  // What the seeds are for does happen.
  CHECK(counts.commits > 2000);
  CHECK(counts.waits > 500);
  CHECK(counts.deadlocks > 10);
  CHECK(counts.conflicts > 200);
  CHECK(counts.power_cuts > 200);
  CHECK(counts.cut_recoveries > 100);
  CHECK(counts.kills > 50);
  CHECK(counts.verified > 50);
  CHECK(counts.faults > 50);
  CHECK(counts.lost_commits > 100);
}

TEST_CASE("a seed gives the same trace and the same disk each time") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    REQUIRE(sim::simulate(seed, {}).hash == sim::simulate(seed, {}).hash);
  }
  REQUIRE(sim::simulate(1, {}).hash != sim::simulate(2, {}).hash);
}

TEST_CASE("canary: a disk that does not sync is found") {
  std::string finding;
  REQUIRE(first_found(Canary::lying_sync, 20, finding) != 0);
  REQUIRE(is_about_a_crash(finding));
}

TEST_CASE("canary: replies that leave before their floor is durable are found after a crash") {
  std::string finding;
  REQUIRE(first_found(Canary::early_replies, 20, finding) != 0);
  CAPTURE(finding);
  REQUIRE(finding.find("a client was told of the commit") == 0);
}

TEST_CASE("canary: a log that loses the last acknowledged record is found") {
  std::string finding;
  REQUIRE(first_found(Canary::short_recovery, 20, finding) != 0);
  REQUIRE(is_about_a_crash(finding));
}
