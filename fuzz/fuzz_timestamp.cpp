// Dates, times and intervals from text: what is read prints, and what is printed in ISO style reads back the same.
#include <cstdint>

#include "spg/type/datetime.hpp"
#include "spg/type/datetime_math.hpp"

using namespace spg;
using namespace spg::type;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  MemoryBudget budget;
  Arena arena(budget);
  TextSettings settings;
  settings.date_order = static_cast<DateOrder>(size % 3);
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (auto value = parse_timestamp(text, settings)) {
    TextBuilder out(arena);
    print_timestamp(*value, out, settings);
    auto back = parse_timestamp(out.view(), settings);
    SPG_ASSERT(back && *back == *value);
    (void)timestamp_add(*value, {1, 1, 1});
    (void)truncate_timestamp("week", *value);
  }
  if (auto value = parse_date(text, settings)) {
    TextBuilder out(arena);
    print_date(*value, out, settings);
    auto back = parse_date(out.view(), settings);
    SPG_ASSERT(back && *back == *value);
  }
  if (auto value = parse_interval(text, settings)) {
    TextBuilder out(arena);
    print_interval(*value, out, settings);
  }
  (void)parse_timestamptz(text, settings);
  (void)parse_timetz(text, settings);
  (void)TimeZone::read(as_bytes(text), "x", arena);
  return 0;
}
