// The wire protocol: any bytes, fed whole and in pieces of a size that the first byte picks, are events or refused;
// both ways give the same replies.
#include <cstdint>
#include <cstdlib>

#include "wire/session.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const spg::crypto::ScramVerifier verifier =
      spg::crypto::make_scram_verifier("sesame", spg::as_bytes("0123456789abcdef"), 1);
  spg::test::ScriptedSession whole, pieces;
  for (auto* session : {&whole, &pieces}) {
    session->use_scram = (data[0] & 0x80) != 0;
    session->verifier = &verifier;
  }
  whole.feed(input);
  pieces.feed(input, 1 + data[0] % 32);
  if (whole.log != pieces.log || whole.sent() != pieces.sent()) std::abort();
  return 0;
}
