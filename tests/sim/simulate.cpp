// simulate [--seeds N] [--from S] [--steps N] [--trace] [--keep-going]: the simulation for as many seeds as one likes.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "sim/simulation.hpp"

int main(int argc, char** argv) {
  std::uint64_t seeds = 100, from = 1, found = 0;
  spg::sim::Options options;
  bool keeps_going = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto number = [&] { return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0; };
    if (word == "--seeds") seeds = number();
    else if (word == "--from") from = number();
    else if (word == "--steps") options.steps = static_cast<int>(number());
    else if (word == "--trace") options.prints = true;
    else if (word == "--keep-going") keeps_going = true;
    else {
      std::fprintf(stderr, "usage: simulate [--seeds N] [--from S] [--steps N] [--trace] [--keep-going]\n");
      return 2;
    }
  }
  spg::sim::Counts counts;
  for (std::uint64_t seed = from; seed < from + seeds; ++seed) {
    const spg::sim::Run run = spg::sim::simulate(seed, options);
    counts.add(run.counts);
    if (run.finding.empty()) continue;
    ++found;
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), run.finding.c_str());
    if (keeps_going) continue;
    if (!options.prints) std::printf("%s", run.trace_end.c_str());
    break;
  }
  std::printf("seeds %llu to %llu: %llu with a finding; %s\n", static_cast<unsigned long long>(from), static_cast<unsigned long long>(from + seeds - 1),
              static_cast<unsigned long long>(found), counts.text().c_str());
  return found == 0 ? 0 : 1;
}
