// Canary of the crash points, and a word on their number. The 20,000 of a test run are the program `crash_points`.
#include <catch2/catch.hpp>

#include "sim/crash_points.hpp"

using namespace spg;

TEST_CASE("crash points: a disk that only says it has synced is found") {
  sim::CrashOptions options;
  options.points = 2000;
  options.lying_sync = true;
  sim::CrashCounts counts;
  const std::string finding = sim::find_crash(options, counts);
  CAPTURE(finding, counts.points);
  CHECK(finding.find("--workload ") != std::string::npos);
}

TEST_CASE("crash points: a round has every workload of up to three statements") {
  sim::CrashOptions options;
  options.points = 300;
  sim::CrashCounts counts;
  const std::string finding = sim::find_crash(options, counts);
  CHECK(finding == "");
  CHECK(counts.points == 300);
  CHECK(counts.cut_recoveries > 20);
  CHECK(counts.second_recoveries > 50);
}
