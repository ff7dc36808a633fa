// encodings: what arrays of a block's 1024 values take and cost, by shape and width. Prints the form that is chosen, bits per value,
// and GB/s of decoded bytes; then the same for text: `cmake --build --preset release --target encodings && build/release/encodings`.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "spg/codec/alphabet.hpp"
#include "spg/codec/array_coding.hpp"
#include "spg/codec/lz4.hpp"

using namespace spg;
using namespace spg::codec;

namespace {

constexpr std::size_t count = array_values_max;
using Random = std::mt19937_64;

double seconds_of(const std::function<void()>& work) {
  using Clock = std::chrono::steady_clock;
  double best = 1e9;
  for (int round = 0; round < 7; ++round) {
    constexpr int times = 400;
    const auto start = Clock::now();
    for (int i = 0; i < times; ++i) work();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count() / times);
  }
  return best;
}

const char* name_of(ArrayForm form) {
  constexpr const char* names[] = {"plain", "constant", "frame", "delta", "runs", "dictionary", "decimal"};
  return names[static_cast<unsigned>(form)];
}

template <class N>
void measure(const char* name, ArrayContent content, const std::function<N(std::size_t, Random&)>& value) {
  Random random(1);
  alignas(64) N values[count], back[count];
  for (std::size_t i = 0; i < count; ++i) values[i] = value(i, random);
  const ArrayShape shape{count, sizeof(N), content};
  RecordBuffer bytes;
  const double encoding = seconds_of([&] { bytes.clear(); if (!encode_array(values, shape, bytes)) std::abort(); });
  const double decoding = seconds_of([&] { ByteReader reader(bytes.bytes()); if (!decode_array(reader, shape, back)) std::abort(); });
  if (std::memcmp(values, back, sizeof values) != 0) std::abort();
  std::size_t at = 0;
  const double finding = seconds_of([&] { for (int i = 0; i < 16; ++i) array_value(bytes.bytes(), shape, at = (at * 5 + 389) % count, back); }) / 16;
  std::printf("| %s | %zu | %s | %.2f | %.2f | %.2f | %.0f |\n", name, sizeof(N), name_of(static_cast<ArrayForm>(bytes.data()[0])),
              8.0 * static_cast<double>(bytes.size()) / count, 1e-9 * sizeof values / decoding, 1e-9 * sizeof values / encoding, 1e9 * finding);
}

template <class N>
void integers() {
  constexpr auto as = ArrayContent::integers;
  measure<N>("one value", as, [](std::size_t, Random&) { return N{42}; });
  measure<N>("0 .. 49", as, [](std::size_t, Random& random) { return static_cast<N>(random() % 50); });
  if constexpr (sizeof(N) >= 4) measure<N>("0 .. 99999", as, [](std::size_t, Random& random) { return static_cast<N>(random() % 100000); });
  if constexpr (sizeof(N) >= 2) measure<N>("serial numbers", as, [](std::size_t i, Random&) { return static_cast<N>(7000 + i); });
  if constexpr (sizeof(N) >= 4) measure<N>("ascending", as, [n = N{1000000}](std::size_t, Random& random) mutable { return n = static_cast<N>(n + static_cast<N>(random() % 1000)); });
  measure<N>("runs of 40", as, [](std::size_t i, Random&) { return static_cast<N>(static_cast<N>(i / 40) * N{0x3b} ^ N{0x55}); });
  measure<N>("7 far apart", as, [](std::size_t, Random& random) { return static_cast<N>(static_cast<N>(random() % 7) * static_cast<N>(0x123456789abcdef)); });
  measure<N>("any bits", as, [](std::size_t, Random& random) { if constexpr (sizeof(N) == 16) return static_cast<N>(static_cast<unsigned __int128>(random()) << 64 | random()); else return static_cast<N>(random()); });
}

/// A frame of a heap.
void measure_text(const char* name, const std::string& text) {
  const Bytes from = as_bytes(text);
  std::vector<std::byte> packed(lz4_bound(text.size())), back(text.size());
  const auto print = [&](const char* form, std::size_t size, double encoding, double decoding) {
    std::printf("| %s | %s | %.2f | %.2f | %.2f |\n", name, form, 8.0 * static_cast<double>(size) / static_cast<double>(text.size()),
                1e-9 * static_cast<double>(text.size()) / decoding, 1e-9 * static_cast<double>(text.size()) / encoding);
  };
  std::size_t size = lz4_compress(from, packed);
  print("LZ4", size, seconds_of([&] { (void)lz4_compress(from, packed); }), seconds_of([&] { if (!lz4_decompress({packed.data(), size}, back)) std::abort(); }));
  size = alphabet_pack(from, packed);
  if (size != 0) print("alphabet", size, seconds_of([&] { (void)alphabet_pack(from, packed); }), seconds_of([&] { if (!alphabet_unpack({packed.data(), size}, back)) std::abort(); }));
}

std::string text_of(const std::function<std::string(Random&)>& piece) {
  Random random(1);
  std::string text;
  while (text.size() < 4096) text += piece(random);
  text.resize(4096);
  return text;
}

}  // namespace

int main() {
  std::printf("| values | width | form | bits/value | decode GB/s | encode GB/s | one value, ns |\n| --- | --- | --- | --- | --- | --- | --- |\n");
  integers<std::int8_t>();
  integers<std::int16_t>();
  integers<std::int32_t>();
  integers<std::int64_t>();
  integers<__int128>();
  measure<double>("prices", ArrayContent::reals, [](std::size_t, Random& random) { return static_cast<double>(random() % 10000000) / 100; });
  measure<double>("measured, 3 digits", ArrayContent::reals, [](std::size_t i, Random& random) { return (20000.0 + static_cast<double>(i) + static_cast<double>(random() % 30)) / 1000; });
  measure<double>("any", ArrayContent::reals, [](std::size_t, Random& random) { return static_cast<double>(random()) / 3.0; });
  std::printf("\n| 4 KiB of text | form | bits/byte | decode GB/s | encode GB/s |\n| --- | --- | --- | --- | --- |\n");
  measure_text("words", text_of([](Random& random) { constexpr const char* words[] = {"carefully ", "final ", "deposits ", "sleep ", "above ", "the ", "regular ", "ideas. "}; return std::string(words[random() % 8]); }));
  measure_text("hexadecimal", text_of([](Random& random) { return std::string(1, "0123456789abcdef"[random() % 16]); }));
  measure_text("any bytes", text_of([](Random& random) { return std::string(1, static_cast<char>(random())); }));
}
