// Runs a fuzz target without libFuzzer: every file of the corpus folder, then mutations of them for --seconds=N.
// The seed of the mutations is printed; --seed=N replays it.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::string mutate(std::string input, const std::vector<std::string>& corpus, std::mt19937_64& random) {
  for (std::uint64_t n = 1 + random() % 6; n != 0; --n) {
    const std::size_t at = input.empty() ? 0 : random() % input.size();
    switch (random() % 6) {
      case 0: if (!input.empty()) input[at] = static_cast<char>(random()); break;
      case 1: if (!input.empty()) input[at] = static_cast<char>(input[at] ^ (1 << random() % 8)); break;
      case 2: if (!input.empty()) input.erase(at, 1 + random() % 8); break;
      case 3: input.insert(at, 1 + random() % 4, static_cast<char>(random())); break;
      case 4: if (!input.empty()) input.resize(at); break;
      default: {
        const std::string& other = corpus[random() % corpus.size()];
        if (!other.empty()) {
          const std::size_t from = random() % other.size();
          input.insert(at, other.substr(from, 1 + random() % 32));
        }
      }
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  double seconds = 0;
  std::uint64_t seed = 20261120;
  std::vector<std::string> corpus;
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "--seconds=", 10) == 0) seconds = std::atof(argv[i] + 10);
    else if (std::strncmp(argv[i], "--seed=", 7) == 0) seed = std::strtoull(argv[i] + 7, nullptr, 10);
    else {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i]))
        if (entry.is_regular_file()) {
          std::ifstream file(entry.path(), std::ios::binary);
          corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
        }
    }
  }
  if (corpus.empty()) { std::fprintf(stderr, "no corpus\n"); return 1; }
  for (const auto& input : corpus) run(input);
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  std::mt19937_64 random(seed);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  std::uint64_t runs = corpus.size();
  while (std::chrono::steady_clock::now() < end)
    for (int i = 0; i < 100; ++i, ++runs) run(mutate(corpus[random() % corpus.size()], corpus, random));
  std::printf("%llu inputs\n", static_cast<unsigned long long>(runs));
}
