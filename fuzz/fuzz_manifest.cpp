// Manifests: any bytes, with their checksum made right, are a manifest or refused; one that is taken prints to bytes that mean
// the same.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "spg/crypto/crc32c.hpp"
#include "spg/store/manifest.hpp"

using namespace spg;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::byte> bytes(size);
  if (size != 0) std::memcpy(bytes.data(), data, size);
  (void)store::decode_manifest(bytes);
  if (size < 4) return 0;
  store_le(bytes.data() + size - 4, crypto::crc32c(0, {bytes.data(), size - 4}));
  auto manifest = store::decode_manifest(bytes);
  if (!manifest) {
    if (manifest.error().code() != sqlstate::data_corrupted && manifest.error().code() != sqlstate::feature_not_supported) std::abort();
    return 0;
  }
  RecordBuffer printed, again;
  if (store::encode_manifest(*manifest, printed)) std::abort();
  auto reread = store::decode_manifest(printed.bytes());
  if (!reread || store::encode_manifest(*reread, again)) std::abort();
  if (as_text(printed.bytes()) != as_text(again.bytes())) std::abort();
  return 0;
}
