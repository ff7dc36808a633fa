// Hashing and equality of key columns.
#pragma once
#include "spg/base/arena.hpp"
#include "spg/base/ids.hpp"
#include "vectors.hpp"

namespace spg::exec {

/// How values of a key column are compared. Integers of different widths and floats of either width compare by value,
/// so that the two sides of a join need no casts.
enum class KeyKind : std::uint8_t { integer, floating, text, general };

struct KeyType {
  Oid type{};
  KeyKind kind = KeyKind::general;
  bool is_unsigned = false;  ///< oid and kin
  static KeyType of(Oid type);
};

std::span<const KeyType> key_types(Arena& arena, std::span<const Oid> types);

/// Folds a column into the hashes of the selected rows (hashes[i] is of rows[i]). NULL hashes like any value.
void hash_column(const KeyType& type, const Vector& column, Selection rows, std::uint64_t* hashes, bool first);

/// Both not null; either may be of another width for integers and floats.
bool keys_equal(const KeyType& type, Physical a_physical, const std::byte* a, Physical b_physical, const std::byte* b);

/// Values as KeyKind integer, floating and text compare them.
std::int64_t load_integer(Physical physical, bool is_unsigned, const std::byte* from);
double load_float(Physical physical, const std::byte* from);
std::uint64_t hash_text(const StringRef& text);

}  // namespace spg::exec
