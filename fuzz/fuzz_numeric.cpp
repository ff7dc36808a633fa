// Numerics from text and from the wire: whatever is read prints, reads back the same, and survives arithmetic.
#include <cstdint>

#include "spg/type/numeric.hpp"
#include "spg/type/numeric_sum.hpp"

using namespace spg;
using namespace spg::type;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  MemoryBudget budget(16 << 20);
  Arena arena(budget);
  const std::string_view text{reinterpret_cast<const char*>(data), size > 400 ? 400 : size};
  const auto check = [&](const Numeric& value) {
    SPG_ASSERT(numeric_is_valid(as_bytes(value.body.view())));
    TextBuilder printed(arena);
    print_numeric(value, printed);
    auto back = parse_numeric(printed.view(), arena);
    SPG_ASSERT(back && numeric_compare(*back, value) == 0 && numeric_hash(*back) == numeric_hash(value));
    if (printed.size() > 400) return;
    auto sum = numeric_add(value, value, arena);
    if (sum) SPG_ASSERT(numeric_compare(*numeric_sub(*sum, value, arena), value) == 0 || value.is_special());
    auto root = numeric_sqrt(value, arena);
    if (root && !root->is_special()) SPG_ASSERT(numeric_is_valid(as_bytes(root->body.view())));
    const Numeric three = numeric_from_int8(3, arena);
    auto quotient = numeric_div(value, three, arena);
    if (quotient) SPG_ASSERT(numeric_is_valid(as_bytes(quotient->body.view())));
    NumericSum total;
    total.add(value, arena);
    SPG_ASSERT(total.sum(arena) && numeric_compare(*total.sum(arena), value) == 0);
  };
  if (auto value = parse_numeric(text, arena)) check(*value);
  ByteReader reader(as_bytes(text));
  if (auto value = receive_numeric(reader, arena)) check(*value);
  return 0;
}
