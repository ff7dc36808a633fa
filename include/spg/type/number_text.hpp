// Numbers and booleans <-> text, with PostgreSQL's accepted spellings, output forms and errors.
// Pure functions, usable from any thread. Parsers accept surrounding white space. Errors: 22P02 for what is no number,
// 22003 for what does not fit. Printing appends to the caller's builder.
#pragma once
#include <cstdint>
#include <string_view>

#include "spg/base/arena.hpp"
#include "spg/base/result.hpp"

namespace spg::type {

Result<bool> parse_bool(std::string_view text);
Result<std::int16_t> parse_int2(std::string_view text);
Result<std::int32_t> parse_int4(std::string_view text);
Result<std::int64_t> parse_int8(std::string_view text);
/// Also takes negative numbers, which wrap, as PostgreSQL's does.
Result<std::uint32_t> parse_oid(std::string_view text);
Result<float> parse_float4(std::string_view text);
Result<double> parse_float8(std::string_view text);

inline void print_bool(bool value, TextBuilder& out) { out.add(value ? "t" : "f"); }
inline void print_int2(std::int16_t value, TextBuilder& out) { out.add(value); }
inline void print_int4(std::int32_t value, TextBuilder& out) { out.add(value); }
inline void print_int8(std::int64_t value, TextBuilder& out) { out.add(value); }
inline void print_oid(std::uint32_t value, TextBuilder& out) { out.add(value); }

/// The most bytes that a printed float takes.
inline constexpr std::size_t float_text_bytes_max = 32;
/// `extra_digits` is the setting extra_float_digits: above 0 the shortest text that reads back to the same value, else
/// that many digits fewer than the type's guaranteed 15 (6 for float4).
void print_float4(float value, TextBuilder& out, int extra_digits = 1);
void print_float8(double value, TextBuilder& out, int extra_digits = 1);
/// Writes `digits` significant digits in the style of printf's %g; returns the size. `to` holds float_text_bytes_max.
std::size_t format_general(double value, int digits, char* to);

}  // namespace spg::type
