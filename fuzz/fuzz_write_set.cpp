// Write sets of the log: any bytes are changes or XX001; every value that a decoded change names can be read.
#include <cstdint>
#include <cstdlib>

#include "spg/txn/write_set.hpp"
#include "spg/type/io.hpp"

using namespace spg;

static std::uint64_t sum = 0;  // of all bytes of values: sanitizers see them read

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  MemoryBudget budget;
  Arena arena(budget);
  ByteReader reader({reinterpret_cast<const std::byte*>(data), size});
  while (reader.ok() && !reader.at_end()) {
    txn::Change change(arena);
    if (Status failed = txn::decode_change(reader, arena, change)) {
      if (failed.code() != sqlstate::data_corrupted) std::abort();
      return 0;
    }
    for (const std::uint64_t rowid : change.rowids) sum += rowid;
    for (const table::ColumnInput& column : change.columns)
      for (std::uint32_t row = 0; row < change.rows; ++row) {
        if (column.values.is_null(row)) continue;
        const type::Value value = type::value_of(column.values, row);
        sum += static_cast<std::uint64_t>(value.bytes[0]);
        if (value.physical == type::Physical::string)
          for (const char c : value.as<type::StringRef>().view()) sum += static_cast<unsigned char>(c);
      }
  }
  return 0;
}
