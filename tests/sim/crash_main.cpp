// crash_points [--points N] [--seed S]: crash points until there are so many. One again, as a finding names it:
// crash_points --seed S --workload WORD --cut N --survival none|all|torn|reordered --point N
#include <cstdio>
#include <cstdlib>
#include <string>

#include "sim/crash_points.hpp"

#ifdef __GLIBC__
#include <malloc.h>
#endif

int main(int argc, char** argv) {
#ifdef __GLIBC__
  // Each point copies a disk of some megabytes: their pages need not come from the system anew.
  mallopt(M_MMAP_THRESHOLD, 1 << 28);
  mallopt(M_TRIM_THRESHOLD, 1 << 28);
#endif
  spg::sim::CrashOptions options;
  std::string workload, survival = "none";
  std::uint64_t cut = 0, point = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto number = [&] { return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0; };
    const auto text = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
    if (word == "--points") options.points = number();
    else if (word == "--seed") options.seed = number();
    else if (word == "--workload") workload = text();
    else if (word == "--cut") cut = number();
    else if (word == "--survival") survival = text();
    else if (word == "--point") point = number();
    else {
      std::fprintf(stderr, "usage: crash_points [--points N] [--seed S] [--workload WORD --cut N --survival S --point N]\n");
      return 2;
    }
  }
  if (!workload.empty()) {
    const std::string finding = spg::sim::crash_once(options.seed, workload, cut, survival, point);
    std::printf("%s\n", finding.empty() ? "nothing found" : finding.c_str());
    return finding.empty() ? 0 : 1;
  }
  spg::sim::CrashCounts counts;
  const std::string finding = spg::sim::find_crash(options, counts);
  if (!finding.empty()) std::printf("%s\n", finding.c_str());
  const auto print = [](const char* what, std::uint64_t count) { std::printf("%llu %s, ", static_cast<unsigned long long>(count), what); };
  print("crash points", counts.points);
  print("workloads", counts.workloads);
  print("cuts during recovery", counts.cut_recoveries);
  print("second recoveries", counts.second_recoveries);
  std::printf("%s\n", finding.empty() ? "nothing found" : "FOUND");
  return finding.empty() ? 0 : 1;
}
