// Arrays of texts and of integers from text and from the wire: what is read prints and reads back the same.
#include <cstdint>

#include "spg/type/io.hpp"
#include "spg/type/oids.hpp"
#include "spg/type/order.hpp"

using namespace spg;
using namespace spg::type;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  MemoryBudget budget;
  Arena arena(budget);
  const TextSettings settings;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  for (const Oid type : {oid::text_array, oid::int4_array}) {
    const auto check = [&](const Value& value) {
      TextBuilder out(arena), key(arena), bytes(arena);
      output(type, value, out, settings);
      auto back = input(type, out.view(), -1, settings, arena);
      SPG_ASSERT(back && compare(type, *back, value) == 0 && hash(type, *back) == hash(type, value));
      append_key({type, false, false}, value, key);
      SPG_ASSERT(key_bytes({type, false, false}, as_bytes(key.view())) == key.size());
      send(type, value, bytes);
      auto received = receive(type, as_bytes(bytes.view()), -1, arena);
      SPG_ASSERT(!received || compare(type, *received, value) == 0);
    };
    if (auto value = input(type, text, -1, settings, arena)) check(*value);
    if (auto value = receive(type, as_bytes(text), -1, arena)) check(*value);
  }
  return 0;
}
