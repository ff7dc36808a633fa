#include "decimal.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace spg::type::decimal {

Error overflow() { return Error::make(sqlstate::numeric_value_out_of_range, "value overflows numeric format"); }

Decimal load(const Numeric& value, Arena& arena) {
  Decimal result;
  const std::string_view body = value.body.view();
  if (body.size() < 4) {
    if (value.is_special()) {
      result.kind = value.is_nan() ? Kind::nan : Kind::infinity;
      result.negative = (value.head() & 0x3fff) == 2;
    }
    return result;
  }
  const std::uint16_t head = value.head();
  result.negative = (head >> 14) == 1;
  result.dscale = head & 0x3fff;
  result.weight = load_le<std::int16_t>(body.data() + 2);
  const int count = static_cast<int>((body.size() - 4) / 2);
  if (value.is_zero()) return result;
  Digit* digits = result.allocate(count, arena);
  // Bytes from disk may be no digits: they count as 0, which no algorithm trips over.
  for (int i = 0; i < count; ++i) {
    const auto digit = load_le<std::uint16_t>(body.data() + 4 + 2 * i);
    digits[i] = digit < base ? static_cast<Digit>(digit) : Digit{0};
  }
  if (digits[count - 1] == 0) strip(result);
  return result;
}

Result<Numeric> store(const Decimal& value, Arena& arena) {
  if (value.kind != Kind::finite) {
    char raw[2];
    store_le<std::uint16_t>(raw, static_cast<std::uint16_t>(0x8000 + (value.kind == Kind::nan ? 0
                                                                      : value.negative        ? 2
                                                                                              : 1)));
    return Numeric{StringRef(std::string_view(raw, 2))};
  }
  if (value.weight > weight_max || value.weight < -weight_max - 1 || value.dscale > numeric_scale_max)
    return overflow();
  const std::size_t bytes = 4 + 2 * static_cast<std::size_t>(value.count);
  char small[StringRef::inline_bytes_max];
  char* to = bytes <= sizeof small ? small : static_cast<char*>(arena.allocate(bytes, 2));
  const bool negative = value.negative && value.count != 0;
  store_le<std::uint16_t>(to, static_cast<std::uint16_t>((negative ? 0x4000 : 0) | value.dscale));
  store_le<std::int16_t>(to + 2, static_cast<std::int16_t>(value.count == 0 ? 0 : value.weight));
  const Digit* digits = value.digits();
  for (int i = 0; i < value.count; ++i) store_le<Digit>(to + 4 + 2 * i, digits[i]);
  return Numeric{StringRef(std::string_view(to, bytes))};
}

void strip(Decimal& value) {
  Digit* digits = value.digits();
  while (value.count > 0 && digits[value.count - 1] == 0) --value.count;
  int leading = 0;
  while (leading < value.count && digits[leading] == 0) ++leading;
  if (leading != 0) {
    value.count -= leading;
    value.weight -= leading;
    std::copy(digits + leading, digits + leading + value.count, digits);
  }
  if (value.count == 0) { value.weight = 0; value.negative = false; }
}

Decimal from_int128(Int128 value, Arena& arena) {
  Decimal result;
  result.negative = value < 0;
  auto rest = static_cast<unsigned __int128>(value);
  if (result.negative) rest = 0 - rest;
  Digit reversed[10];
  int count = 0;
  while (rest > UINT64_MAX) {
    reversed[count++] = static_cast<Digit>(rest % base);
    rest /= base;
  }
  for (auto low = static_cast<std::uint64_t>(rest); low != 0; low /= base)
    reversed[count++] = static_cast<Digit>(low % base);
  Digit* digits = result.allocate(count, arena);
  for (int i = 0; i < count; ++i) digits[i] = reversed[count - 1 - i];
  result.weight = count - 1;
  strip(result);
  return result;
}

Decimal from_int(std::int64_t value) {
  Decimal result;
  result.negative = value < 0;
  auto rest = static_cast<std::uint64_t>(value);
  if (result.negative) rest = 0 - rest;
  Digit reversed[5];
  int count = 0;
  for (; rest != 0; rest /= base) reversed[count++] = static_cast<Digit>(rest % base);
  for (int i = 0; i < count; ++i) result.own[i] = reversed[count - 1 - i];
  result.count = count;
  result.weight = count - 1;
  strip(result);
  return result;
}

int compare_magnitude(const Decimal& a, const Decimal& b) {
  if (a.count == 0 || b.count == 0) return (a.count != 0) - (b.count != 0);
  if (a.weight != b.weight) return a.weight < b.weight ? -1 : 1;
  const Digit *x = a.digits(), *y = b.digits();
  const int least = std::min(a.count, b.count);
  for (int i = 0; i < least; ++i)
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  return a.count < b.count ? -1 : a.count > b.count;
}

int compare(const Decimal& a, const Decimal& b) {
  const auto rank = [](const Decimal& value) {
    return value.kind == Kind::nan ? 2 : value.kind == Kind::infinity ? (value.negative ? -1 : 1) : 0;
  };
  const int rank_a = rank(a), rank_b = rank(b);
  if (rank_a != rank_b) return rank_a < rank_b ? -1 : 1;
  if (rank_a != 0) return 0;
  const int sign_a = a.sign(), sign_b = b.sign();
  if (sign_a != sign_b) return sign_a < sign_b ? -1 : 1;
  return sign_a < 0 ? compare_magnitude(b, a) : compare_magnitude(a, b);
}

namespace {

Decimal add_magnitudes(const Decimal& a, const Decimal& b, Arena& arena) {
  Decimal result;
  result.weight = std::max(a.weight, b.weight) + 1;
  const int low = std::min(a.weight - a.count, b.weight - b.count) + 1;
  const int count = result.weight - low + 1;
  Digit* to = result.allocate(count, arena);
  int carry = 0;
  for (int i = count - 1; i >= 0; --i) {
    const int w = result.weight - i;
    carry += a.at_weight(w) + b.at_weight(w);
    const bool over = carry >= base;
    to[i] = static_cast<Digit>(over ? carry - base : carry);
    carry = over;
  }
  return result;
}

/// |a| - |b|. Requires: |a| >= |b|.
Decimal sub_magnitudes(const Decimal& a, const Decimal& b, Arena& arena) {
  Decimal result;
  result.weight = std::max(a.weight, b.weight);
  const int low = std::min(a.weight - a.count, b.weight - b.count) + 1;
  const int count = result.weight - low + 1;
  Digit* to = result.allocate(count, arena);
  int borrow = 0;
  for (int i = count - 1; i >= 0; --i) {
    const int w = result.weight - i;
    borrow += a.at_weight(w) - b.at_weight(w);
    const bool under = borrow < 0;
    to[i] = static_cast<Digit>(under ? borrow + base : borrow);
    borrow = under ? -1 : 0;
  }
  return result;
}

Decimal add_signed(const Decimal& a, const Decimal& b, bool negative_b, Arena& arena) {
  Decimal result;
  if (b.count == 0) {
    result = a;
  } else if (a.count == 0) {
    result = b;
    result.negative = negative_b;
  } else if (a.negative == negative_b) {
    result = add_magnitudes(a, b, arena);
    result.negative = a.negative;
  } else if (compare_magnitude(a, b) >= 0) {
    result = sub_magnitudes(a, b, arena);
    result.negative = a.negative;
  } else {
    result = sub_magnitudes(b, a, arena);
    result.negative = negative_b;
  }
  result.dscale = std::max(a.dscale, b.dscale);
  strip(result);
  return result;
}

}  // namespace

Decimal add(const Decimal& a, const Decimal& b, Arena& arena) { return add_signed(a, b, b.negative, arena); }
Decimal sub(const Decimal& a, const Decimal& b, Arena& arena) { return add_signed(a, b, !b.negative, arena); }

Decimal mul(const Decimal& a, const Decimal& b, Arena& arena) {
  Decimal result;
  result.dscale = a.dscale + b.dscale;
  if (a.count == 0 || b.count == 0) return result;
  const Decimal& less = a.count < b.count ? a : b;
  const Decimal& more = a.count < b.count ? b : a;
  const int count = a.count + b.count;
  std::uint32_t small[2 * own_digits_max];
  std::uint32_t* sums =
      count <= 2 * own_digits_max ? small : arena.array<std::uint32_t>(static_cast<std::size_t>(count));
  std::fill(sums, sums + count, 0u);
  const Digit *x = less.digits(), *y = more.digits();
  // A column takes 42 products of 9999 x 9999 before 32 bits run over, so carries are moved up every 40 rows.
  const auto carry_up = [&] {
    std::uint32_t carry = 0;
    for (int i = count - 1; i >= 0; --i) {
      carry += sums[i];
      sums[i] = carry % base;
      carry /= base;
    }
  };
  // A giant product that is given up is wrong; whoever asked for it checks the arena, too.
  const int check_rows = more.count < 1024 ? INT32_MAX : 1 + (1 << 22) / more.count;
  for (int i = 0, rows = 0; i < less.count; ++i) {
    if (i % check_rows == check_rows - 1 && arena.check().failed()) break;
    const auto factor = static_cast<std::uint32_t>(x[i]);
    if (factor == 0) continue;
    if (++rows == 40) { carry_up(); rows = 1; }
    std::uint32_t* column = sums + i + 1;
    for (int j = 0; j < more.count; ++j) column[j] += factor * static_cast<std::uint32_t>(y[j]);
  }
  carry_up();
  Digit* to = result.allocate(count, arena);
  for (int i = 0; i < count; ++i) to[i] = static_cast<Digit>(sums[i]);
  result.weight = a.weight + b.weight + 1;
  result.negative = a.negative != b.negative;
  strip(result);
  return result;
}

namespace {
/// The value without the digits below 10000^-groups: good enough as an operand of a rounded product.
Decimal clip(const Decimal& a, int digits_kept) {
  Decimal result = a;
  if (result.count > digits_kept) {
    result.count = std::max(digits_kept, 0);
    const Digit* digits = result.digits();
    while (result.count > 0 && digits[result.count - 1] == 0) --result.count;
    if (result.count == 0) { result.weight = 0; result.negative = false; }
  }
  return result;
}
}  // namespace

Decimal mul_round(const Decimal& a, const Decimal& b, int scale, Arena& arena) {
  const int wanted = a.weight + b.weight + 2 + (scale + group - 1) / group + 3;
  return round(mul(clip(a, wanted), clip(b, wanted), arena), scale, arena);
}

namespace {

Decimal at_scale(const Decimal& a, int scale, bool up, Arena& arena) {
  Decimal result;
  result.dscale = std::max(scale, 0);
  result.negative = a.negative;
  // Decimal digits kept, counted from the start of digit 0.
  const int kept = (a.weight + 1) * group + scale;
  if (a.count == 0 || kept < 0) { result.negative = false; return result; }
  if (kept >= a.count * group) {
    const std::int32_t dscale = result.dscale;
    result = a;
    result.dscale = dscale;
    return result;
  }
  const int whole = kept / group, part = kept % group;
  const Digit* from = a.digits();
  const int count = whole + (part != 0);
  Digit* to = result.allocate(count + 1, arena);
  to[0] = 0;
  std::copy(from, from + count, to + 1);
  result.weight = a.weight + 1;
  constexpr int units[] = {1, 1000, 100, 10};
  bool carry = false;
  if (part == 0) {
    carry = up && from[whole] >= base / 2;
  } else {
    const int unit = units[part];
    const int rest = to[count] % unit;
    to[count] = static_cast<Digit>(to[count] - rest);
    if (up && rest >= unit / 2) {
      const int raised = to[count] + unit;
      carry = raised >= base;
      to[count] = static_cast<Digit>(carry ? raised - base : raised);
      if (carry) {
        for (int i = count - 1; carry; --i) {
          carry = to[i] == base - 1;
          to[i] = static_cast<Digit>(carry ? 0 : to[i] + 1);
        }
      }
    }
  }
  if (part == 0)
    for (int i = count; carry; --i) { carry = to[i] == base - 1; to[i] = static_cast<Digit>(carry ? 0 : to[i] + 1); }
  strip(result);
  return result;
}

}  // namespace

Decimal round(const Decimal& a, int scale, Arena& arena) { return at_scale(a, scale, true, arena); }
Decimal trunc(const Decimal& a, int scale, Arena& arena) { return at_scale(a, scale, false, arena); }

int div_scale(const Decimal& a, const Decimal& b) {
  const int first_a = a.digit(0), first_b = b.digit(0);
  int weight = a.weight - b.weight;
  if (first_a <= first_b) --weight;
  int scale = min_significant - weight * group;
  scale = std::max({scale, a.dscale, b.dscale, 0});
  return std::min(scale, display_scale_max);
}

Decimal div(const Decimal& a, const Decimal& b, int scale, Rounding rounding, Arena& arena) {
  Decimal result;
  result.dscale = std::max(scale, 0);
  if (a.count == 0) return result;
  const int weight = a.weight - b.weight;
  // Quotient digits down to the scale, and one more that decides the rounding.
  const int count = weight + 1 + (scale + group - 1) / group + 1;
  if (count <= 0) return result;
  const Digit *x = a.digits(), *y = b.digits();
  Digit* to = result.allocate(count, arena);
  result.weight = weight;
  result.negative = a.negative != b.negative;
  if (b.count <= 3) {
    std::uint64_t divisor = 0;
    for (int i = 0; i < b.count; ++i) divisor = divisor * base + static_cast<std::uint64_t>(y[i]);
    std::uint64_t rest = 0;
    // Digit i of the quotient has weight a.weight - b.weight - i: bring down b.count - 1 digits before the first.
    for (int i = 0; i < b.count - 1; ++i) rest = rest * base + static_cast<std::uint64_t>(i < a.count ? x[i] : 0);
    for (int i = 0; i < count; ++i) {
      const int next = i + b.count - 1;
      rest = rest * base + static_cast<std::uint64_t>(next < a.count ? x[next] : 0);
      to[i] = static_cast<Digit>(rest / divisor);
      rest %= divisor;
    }
  } else {
    // Knuth's algorithm D: both scaled so that the divisor's first digit is at least half the base.
    const int scale_up = base / (y[0] + 1);
    const int n = b.count;
    const int m = count + n;
    Digit small[4 * own_digits_max];
    Digit* u = m + 1 + n <= 4 * own_digits_max ? small : arena.array<Digit>(static_cast<std::size_t>(m + 1 + n));
    Digit* v = u + m + 1;
    int carry = 0;
    for (int i = m; i >= 1; --i) {
      carry += (i - 1 < a.count ? x[i - 1] : 0) * scale_up;
      u[i] = static_cast<Digit>(carry % base);
      carry /= base;
    }
    u[0] = static_cast<Digit>(carry);
    carry = 0;
    for (int i = n - 1; i >= 0; --i) {
      carry += y[i] * scale_up;
      v[i] = static_cast<Digit>(carry % base);
      carry /= base;
    }
    const int check_rows = n < 1024 ? INT32_MAX : 1 + (1 << 22) / n;
    for (int i = 0; i < count; ++i) {
      if (i % check_rows == check_rows - 1 && arena.check().failed()) {  // as in mul()
        std::fill(to + i, to + count, Digit{0});
        break;
      }
      const int head = u[i] * base + u[i + 1];
      int guess = head / v[0], rest = head % v[0];
      while (guess >= base || guess * v[1] > rest * base + u[i + 2]) {
        --guess;
        rest += v[0];
        if (rest >= base) break;
      }
      int borrow = 0;
      for (int j = n - 1; j >= 0; --j) {
        int value = u[i + j + 1] - guess * v[j] - borrow;
        borrow = 0;
        if (value < 0) {
          borrow = (-value + base - 1) / base;
          value += borrow * base;
        }
        u[i + j + 1] = static_cast<Digit>(value);
      }
      const int top = u[i] - borrow;
      u[i] = 0;
      if (top < 0) {
        --guess;
        int back = 0;
        for (int j = n - 1; j >= 0; --j) {
          back += u[i + j + 1] + v[j];
          u[i + j + 1] = static_cast<Digit>(back >= base ? back - base : back);
          back = back >= base;
        }
      }
      to[i] = static_cast<Digit>(guess);
    }
  }
  const std::int32_t dscale = result.dscale;
  strip(result);
  result.dscale = dscale;
  return rounding == Rounding::half_away ? round(result, scale, arena) : trunc(result, scale, arena);
}

bool is_integer(const Decimal& a) { return a.count <= a.weight + 1; }

bool to_int64(const Decimal& a, std::int64_t* to) {
  *to = 0;
  if (a.count == 0) return true;
  if (a.weight < -1 || a.weight > 4) return a.weight < 0;
  Int128 value = 0;
  for (int w = a.weight; w >= 0; --w) value = value * base + a.at_weight(w);
  if (a.at_weight(-1) >= base / 2) ++value;
  if (a.negative) value = -value;
  if (value > INT64_MAX || value < INT64_MIN) return false;
  *to = static_cast<std::int64_t>(value);
  return true;
}

void print(const Decimal& value, TextBuilder& out) {
  if (value.kind == Kind::nan) { out.add("NaN"); return; }
  if (value.negative && (value.count != 0 || value.kind != Kind::finite)) out.add("-");
  if (value.kind == Kind::infinity) { out.add("Infinity"); return; }
  const int before = value.weight < 0 || value.count == 0 ? 1 : (value.weight + 1) * group;
  const std::size_t start = out.size();
  const int groups_after = (value.dscale + group - 1) / group;
  out.resize(start + static_cast<std::size_t>(before + 1 + groups_after * group));
  char* to = out.data() + start;
  const auto put = [&to](int digit) {
    to[0] = static_cast<char>('0' + digit / 1000);
    to[1] = static_cast<char>('0' + digit / 100 % 10);
    to[2] = static_cast<char>('0' + digit / 10 % 10);
    to[3] = static_cast<char>('0' + digit % 10);
    to += 4;
  };
  if (before == 1) {
    *to++ = '0';
  } else {
    for (int w = value.weight; w >= 0; --w) put(value.at_weight(w));
    char* first = out.data() + start;
    int zeros = 0;
    while (zeros < before - 1 && first[zeros] == '0') ++zeros;
    if (zeros != 0) {
      std::copy(first + zeros, to, first);
      to -= zeros;
    }
  }
  if (value.dscale > 0) {
    *to++ = '.';
    char* point = to;
    for (int i = 1; i <= groups_after; ++i) put(value.count == 0 ? 0 : value.at_weight(-i));
    to = point + value.dscale;
  }
  out.resize(static_cast<std::size_t>(to - out.data()));
}

double to_double(const Decimal& a) {
  if (a.count == 0) return 0;
  // Twenty digits of base 10000 are far more than decides the rounding of a double, save for exact ties; a sticky digit
  // keeps those right.
  char text[4 * own_digits_max + 32];
  char* to = text;
  const int used = std::min<int>(a.count, own_digits_max - 1);
  const Digit* digits = a.digits();
  for (int i = 0; i < used; ++i) {
    const int d = digits[i];
    *to++ = static_cast<char>('0' + d / 1000);
    *to++ = static_cast<char>('0' + d / 100 % 10);
    *to++ = static_cast<char>('0' + d / 10 % 10);
    *to++ = static_cast<char>('0' + d % 10);
  }
  int exponent = (a.weight - used + 1) * group;
  if (a.count > used) { *to++ = '1'; --exponent; }
  *to++ = 'e';
  to = std::to_chars(to, text + sizeof text, exponent).ptr;
  double value = 0;
  const auto parsed = std::from_chars(text, to, value);
  if (parsed.ec == std::errc::result_out_of_range && exponent > 0) value = HUGE_VAL;
  return a.negative ? -value : value;
}

}  // namespace spg::type::decimal
