// Decimal: the unpacked working form of a numeric (type/numeric.hpp), for use inside the room's sources.
//
// Up to `own_digits_max` digits lie in the object itself; longer ones in the arena of the calculation. A Decimal is
// built once (allocate, fill, finish) and is then read-only, so that copies may share digits. One thread.
#pragma once
#include <cstdint>
#include <cstring>

#include "spg/type/numeric.hpp"

namespace spg::type::decimal {

using Digit = std::int16_t;
inline constexpr int base = 10000;
inline constexpr int group = 4;  ///< decimal digits per Digit
inline constexpr int own_digits_max = 24;
inline constexpr int min_significant = 16;   ///< PostgreSQL's least significant digits of inexact results
inline constexpr int display_scale_max = 1000;
inline constexpr int result_scale_max = 2000;
inline constexpr int weight_max = 32767;

enum class Kind : std::uint8_t { finite, nan, infinity };

struct Decimal {
  Kind kind = Kind::finite;
  bool negative = false;
  std::int32_t weight = 0;  ///< power of 10000 of digit 0; 0 for zero
  std::int32_t dscale = 0;
  std::int32_t count = 0;
  Digit* far = nullptr;
  Digit own[own_digits_max];

  Decimal() {}
  Decimal(const Decimal& other) { assign(other); }
  Decimal& operator=(const Decimal& other) { if (this != &other) assign(other); return *this; }

  Digit* digits() { return far != nullptr ? far : own; }
  const Digit* digits() const { return far != nullptr ? far : own; }
  int digit(int i) const { return i >= 0 && i < count ? digits()[i] : 0; }
  /// Digit of weight w (0 outside).
  int at_weight(int w) const { return digit(weight - w); }
  bool is_zero() const { return kind == Kind::finite && count == 0; }
  int sign() const { return is_zero() ? 0 : negative ? -1 : 1; }

  Digit* allocate(int size, Arena& arena) {
    count = size;
    far = size <= own_digits_max ? nullptr : arena.array<Digit>(static_cast<std::size_t>(size));
    return digits();
  }

 private:
  void assign(const Decimal& other) {
    kind = other.kind; negative = other.negative; weight = other.weight; dscale = other.dscale; count = other.count;
    far = other.far;
    if (far == nullptr && count > 0) std::memcpy(own, other.own, static_cast<std::size_t>(count) * sizeof(Digit));
  }
};

Decimal load(const Numeric& value, Arena& arena);
/// Packs; 22003 "value overflows numeric format" past the limits.
Result<Numeric> store(const Decimal& value, Arena& arena);
Error overflow();

Decimal from_int(std::int64_t value);
Decimal from_int128(Int128 value, Arena& arena);
/// Drops leading and trailing zero digits.
void strip(Decimal& value);
int compare(const Decimal& a, const Decimal& b);
int compare_magnitude(const Decimal& a, const Decimal& b);
Decimal add(const Decimal& a, const Decimal& b, Arena& arena);
Decimal sub(const Decimal& a, const Decimal& b, Arena& arena);
Decimal mul(const Decimal& a, const Decimal& b, Arena& arena);
/// The product with only so many digits computed as a result of `scale` decimals needs, rounded.
Decimal mul_round(const Decimal& a, const Decimal& b, int scale, Arena& arena);
/// Quotient to `scale` decimals. Requires: b not zero.
enum class Rounding : std::uint8_t { half_away, truncate };
Decimal div(const Decimal& a, const Decimal& b, int scale, Rounding rounding, Arena& arena);
int div_scale(const Decimal& a, const Decimal& b);
Decimal round(const Decimal& a, int scale, Arena& arena);
Decimal trunc(const Decimal& a, int scale, Arena& arena);
double to_double(const Decimal& a);  ///< finite; may give infinity
bool is_integer(const Decimal& a);
bool to_int64(const Decimal& a, std::int64_t* to);  ///< rounds; false when out of range

Decimal sqrt(const Decimal& a, int scale, Arena& arena);
Result<Decimal> exp(const Decimal& a, int scale, Arena& arena);
Decimal ln(const Decimal& a, int scale, Arena& arena);
int estimate_ln_weight(const Decimal& a, Arena& arena);

void print(const Decimal& value, TextBuilder& out);

}  // namespace spg::type::decimal
