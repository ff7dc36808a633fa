#include "spg/server/wire_sink.hpp"

#include <charconv>

#include "spg/codec/utf8.hpp"
#include "spg/type/io.hpp"
#include "spg/type/oids.hpp"

namespace spg::server {
namespace {

std::int16_t format_at(std::span<const std::int16_t> formats, std::size_t column) {
  return formats.empty() ? std::int16_t{0} : formats.size() == 1 ? formats[0] : formats[column];
}

/// pg_type.typlen of the types that have a fixed one.
std::int16_t type_bytes(Oid type) {
  switch (type::physical_of(type)) {
    case type::Physical::boolean: return 1;
    case type::Physical::int2: return type == type::oid::character ? 1 : 2;
    case type::Physical::int4: case type::Physical::float4: return 4;
    case type::Physical::int8: case type::Physical::float8: return 8;
    case type::Physical::interval: case type::Physical::uuid: return 16;
    default: return type == type::oid::name ? 64 : type == type::oid::timetz ? 12 : -1;
  }
}

template <class N>
void print_number(wire::pg::Writer& writer, N number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  writer.value(std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

}  // namespace

void WireSink::describe_rows(std::span<const plan::OutputColumn> columns, std::span<const std::int16_t> formats) {
  writer_->begin_row_description(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const plan::OutputColumn& column = columns[i];
    writer_->field({column.name, raw(column.origin_table), column.origin_number, raw(column.type), type_bytes(column.type), column.typmod, format_at(formats, i)});
  }
  writer_->end_row_description();
}

void WireSink::describe_parameters(std::span<const Oid> types) {
  static_assert(sizeof(Oid) == sizeof(std::uint32_t));
  writer_->parameter_description({reinterpret_cast<const std::uint32_t*>(types.data()), types.size()});
}

Status WireSink::value(const plan::OutputColumn& column, const type::Vector& vector, std::size_t row, bool binary, const type::TextSettings& settings) {
  if (vector.is_null(row)) { writer_->null_value(); return ok(); }
  if (!binary) {
    // The types that fill most results, without a detour.
    if (column.type == type::oid::int4) { print_number(*writer_, vector.value<std::int32_t>(row)); return ok(); }
    if (column.type == type::oid::int8) { print_number(*writer_, vector.value<std::int64_t>(row)); return ok(); }
    if (encoding_ != ClientEncoding::latin1 && (column.type == type::oid::text || column.type == type::oid::varchar)) {
      writer_->value(vector.value<type::StringRef>(row).view());
      return ok();
    }
  }
  text_.resize(0);
  const type::Value one = type::value_of(vector, row);
  if (binary) type::send(column.type, one, text_);
  else type::output(column.type, one, text_, settings);
  const bool is_text = !binary || column.type == type::oid::text || column.type == type::oid::varchar || column.type == type::oid::bpchar || column.type == type::oid::name;
  if (encoding_ == ClientEncoding::latin1 && is_text) {
    SPG_ASSIGN(const std::string_view converted, codec::utf8_to_latin1(text_.view(), arena_));
    writer_->value(converted);
    return ok();
  }
  writer_->value(text_.view());
  return ok();
}

Status WireSink::rows(const type::Batch& batch, std::span<const plan::OutputColumn> columns, std::span<const std::int16_t> formats,
                      const type::TextSettings& settings) {
  for (std::uint32_t i = 0; i < batch.selected.count; ++i) {
    const std::uint32_t row = batch.selected[i];
    writer_->begin_row(columns.size());
    for (std::size_t c = 0; c < columns.size(); ++c) {
      Status failed = value(columns[c], batch.columns[c], row, format_at(formats, c) == 1, settings);
      if (failed) { writer_->abandon(); return failed; }
    }
    writer_->end_row();
  }
  trim_arena();
  return ok();
}

void WireSink::trim_arena() {
  if (arena_.held_bytes() <= 64 * 1024) return;
  arena_.release();
  text_ = TextBuilder(arena_);
}

void WireSink::notice(db::NoticeSeverity severity, const Error& notice) {
  using wire::pg::Severity;
  constexpr Severity severities[] = {Severity::notice, Severity::warning, Severity::info, Severity::log, Severity::debug};
  writer_->notice_response(notice, severities[static_cast<std::size_t>(severity)]);
}

void WireSink::setting(std::string_view name, std::string_view value) {
  if (name == "client_encoding")
    encoding_ = value == "LATIN1" ? ClientEncoding::latin1 : value == "SQL_ASCII" ? ClientEncoding::sql_ascii : ClientEncoding::utf8;
  writer_->parameter_status(name, value);
}

Status WireSink::copy_out(Bytes line) {
  if (encoding_ == ClientEncoding::latin1) {
    SPG_ASSIGN(const std::string_view text, codec::utf8_to_latin1(as_text(line), arena_));
    line = as_bytes(text);
  }
  writer_->copy_data(line);
  trim_arena();
  return ok();
}

void WireSink::begin_copy_out(std::size_t columns) {
  std::int16_t formats[1664] = {};
  writer_->copy_out_response(0, {formats, columns});
}

}  // namespace spg::server
