// LZ4: any bytes decode within their bounds or are refused; what was compressed comes back.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "spg/codec/lz4.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const spg::Bytes input{reinterpret_cast<const std::byte*>(data), size};
  std::vector<std::byte> decoded(size == 0 ? 0 : data[0] * std::size_t{16});
  static_cast<void>(spg::codec::lz4_decompress(input.subspan(size == 0 ? 0 : 1), decoded));
  std::vector<std::byte> packed(spg::codec::lz4_bound(size)), back(size);
  packed.resize(spg::codec::lz4_compress(input, packed));
  if (packed.empty() || !spg::codec::lz4_decompress(packed, back)) std::abort();
  if (size != 0 && std::memcmp(back.data(), data, size) != 0) std::abort();
  return 0;
}
