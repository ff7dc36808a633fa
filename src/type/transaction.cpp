#include "spg/type/transaction.hpp"

#include <algorithm>

namespace spg::type {
namespace {

constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr unsigned digit_of(char c) {
  return c >= '0' && c <= '9' ? static_cast<unsigned>(c - '0') : c >= 'a' && c <= 'f' ? static_cast<unsigned>(c - 'a' + 10)
         : c >= 'A' && c <= 'F' ? static_cast<unsigned>(c - 'A' + 10) : 16;
}

/// C's strtoull, which is what PostgreSQL's input goes by: `text` moves behind what was read; 0 and nothing moved when there
/// are no digits. Base 0: 0x is hexadecimal, a leading 0 octal.
std::uint64_t take_unsigned(std::string_view& text, unsigned base) {
  std::string_view rest = text;
  while (!rest.empty() && is_space(rest[0])) rest.remove_prefix(1);
  bool negative = false;
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  if (base == 0) {
    const bool is_hex = rest.size() > 2 && rest[0] == '0' && (rest[1] | 0x20) == 'x' && digit_of(rest[2]) < 16;
    base = is_hex ? 16 : !rest.empty() && rest[0] == '0' ? 8 : 10;
    if (is_hex) rest.remove_prefix(2);
  }
  if (rest.empty() || digit_of(rest[0]) >= base) return 0;
  std::uint64_t number = 0;
  bool too_large = false;
  for (; !rest.empty() && digit_of(rest[0]) < base; rest.remove_prefix(1))
    too_large = too_large || __builtin_mul_overflow(number, base, &number) || __builtin_add_overflow(number, digit_of(rest[0]), &number);
  text = rest;
  return too_large ? UINT64_MAX : negative ? 0 - number : number;
}

Error bad_snapshot(std::string_view text) {
  return Error::make(sqlstate::invalid_text_representation, "invalid input syntax for type pg_snapshot: \"", text, "\"");
}
bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::uint64_t parse_xid8(std::string_view text) { return take_unsigned(text, 0); }
std::uint32_t parse_xid(std::string_view text) { return static_cast<std::uint32_t>(take_unsigned(text, 0)); }

Result<std::uint64_t> parse_lsn(std::string_view text) {
  const auto bad = [&] { return Error::make(sqlstate::invalid_text_representation, "invalid input syntax for type pg_lsn: \"", text, "\""); };
  std::uint64_t halves[2] = {};
  std::string_view rest = text;
  for (std::uint64_t& half : halves) {
    if (&half != halves && !take(rest, '/')) return bad();
    std::size_t digits = 0;
    for (; !rest.empty() && digit_of(rest[0]) < 16; rest.remove_prefix(1), ++digits) half = half << 4 | digit_of(rest[0]);
    if (digits == 0 || digits > 8) return bad();
  }
  if (!rest.empty()) return bad();
  return halves[0] << 32 | halves[1];
}

void print_lsn(std::uint64_t lsn, TextBuilder& out) {
  const auto hex = [&](std::uint64_t half) {
    char digits[8];
    std::size_t at = sizeof digits;
    do digits[--at] = "0123456789ABCDEF"[half & 15]; while ((half >>= 4) != 0);
    out.add(std::string_view(digits + at, sizeof digits - at));
  };
  hex(lsn >> 32);
  out.add('/');
  hex(lsn & UINT32_MAX);
}

bool SnapshotReader::sees(std::uint64_t number) const {
  if (number < xmin()) return true;
  if (number >= xmax()) return false;
  std::size_t low = 0, high = count();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (xip(middle) < number) low = middle + 1; else high = middle;
  }
  return low == count() || xip(low) != number;
}

Result<std::string_view> parse_snapshot(std::string_view text, Arena& arena) {
  std::string_view rest = text;
  const std::uint64_t xmin = take_unsigned(rest, 10);
  if (!take(rest, ':')) return bad_snapshot(text);
  const std::uint64_t xmax = take_unsigned(rest, 10);
  if (!take(rest, ':') || xmin == 0 || xmax < xmin) return bad_snapshot(text);
  SnapshotBuilder made(arena);
  made.add(xmin);
  made.add(xmax);
  for (std::uint64_t last = 0; !rest.empty();) {
    const std::uint64_t number = take_unsigned(rest, 10);
    if (number < xmin || number >= xmax || number < last) return bad_snapshot(text);
    if (number != last) made.add(number);
    last = number;
    if (!take(rest, ',') && !rest.empty()) return bad_snapshot(text);
  }
  return made.body();
}

void print_snapshot(std::string_view body, TextBuilder& out) {
  const SnapshotReader snapshot(body);
  out.add(snapshot.xmin(), ":", snapshot.xmax(), ":");
  for (std::size_t i = 0; i < snapshot.count(); ++i) out.add(i == 0 ? "" : ",", snapshot.xip(i));
}

Result<std::string_view> receive_snapshot(ByteReader& from, Arena& arena) {
  const auto bad = [] { return Error::make(sqlstate::invalid_binary_representation, "invalid external pg_snapshot data"); };
  const auto count = from.be<std::int32_t>();
  if (count < 0) return bad();
  const auto xmin = from.be<std::uint64_t>(), xmax = from.be<std::uint64_t>();
  if (from.ok() && (xmin == 0 || xmax < xmin)) return bad();
  SnapshotBuilder made(arena);
  made.add(xmin);
  made.add(xmax);
  std::uint64_t last = 0;
  for (std::int32_t i = 0; i < count && from.ok(); ++i) {
    const auto number = from.be<std::uint64_t>();
    if (from.ok() && (number < last || number < xmin || number > xmax)) return bad();
    if (number != last) made.add(number);
    last = number;
  }
  return made.body();
}

void send_snapshot(std::string_view body, TextBuilder& out) {
  const SnapshotReader snapshot(body);
  const auto add_number = [&]<class N>(N value) {
    char raw[sizeof(N)];
    store_be<N>(raw, value);
    out.add(std::string_view(raw, sizeof raw));
  };
  add_number(static_cast<std::uint32_t>(snapshot.count()));
  add_number(snapshot.xmin());
  add_number(snapshot.xmax());
  for (std::size_t i = 0; i < snapshot.count(); ++i) add_number(snapshot.xip(i));
}

}  // namespace spg::type
