#include "spg/wire/pg_writer.hpp"

#include "spg/base/assert.hpp"

namespace spg::wire::pg {
namespace {

enum class Authentication : std::int32_t { ok = 0, sasl = 10, sasl_continue = 11, sasl_final = 12 };

void authentication(Writer& writer, Authentication code, std::string_view data) {
  writer.begin('R');
  writer.buffer().append_be(static_cast<std::int32_t>(code));
  writer.buffer().append(data);
  writer.end();
}

std::string_view severity_text(Severity severity) {
  switch (severity) {
    case Severity::error: return "ERROR";
    case Severity::fatal: return "FATAL";
    case Severity::panic: return "PANIC";
    case Severity::warning: return "WARNING";
    case Severity::notice: return "NOTICE";
    case Severity::debug: return "DEBUG";
    case Severity::info: return "INFO";
    case Severity::log: return "LOG";
  }
  return "ERROR";
}

struct FieldCode {
  char code;
  ErrorField field;
};
// In the order in which PostgreSQL sends them; the position comes between these two groups.
constexpr FieldCode before_position[] = {
    {'M', ErrorField::message}, {'D', ErrorField::detail},    {'H', ErrorField::hint},
    {'W', ErrorField::context}, {'s', ErrorField::schema},    {'t', ErrorField::table},
    {'c', ErrorField::column},  {'d', ErrorField::data_type}, {'n', ErrorField::constraint}};

}  // namespace

void Writer::authentication_ok() { authentication(*this, Authentication::ok, {}); }
void Writer::authentication_sasl(std::string_view mechanism) {
  begin('R');
  out_->append_be(static_cast<std::int32_t>(Authentication::sasl));
  out_->append_string(mechanism);
  out_->append_byte('\0');  // the end of the list
  end();
}
void Writer::authentication_sasl_continue(std::string_view data) {
  authentication(*this, Authentication::sasl_continue, data);
}
void Writer::authentication_sasl_final(std::string_view data) {
  authentication(*this, Authentication::sasl_final, data);
}

void Writer::parameter_status(std::string_view name, std::string_view value) {
  begin('S');
  out_->append_string(name);
  out_->append_string(value);
  end();
}

void Writer::backend_key_data(std::uint32_t process_id, std::uint32_t secret_key) {
  begin('K');
  out_->append_be(process_id);
  out_->append_be(secret_key);
  end();
}

void Writer::ready_for_query(TransactionStatus status) {
  begin('Z');
  out_->append_byte(static_cast<char>(status));
  end();
}

void Writer::begin_row_description(std::size_t field_count) {
  begin('T');
  out_->append_be(static_cast<std::int16_t>(field_count));
}
void Writer::field(const Field& field) {
  out_->append_string(field.name);
  out_->append_be(field.table_oid);
  out_->append_be(field.column_number);
  out_->append_be(field.type_oid);
  out_->append_be(field.type_bytes);
  out_->append_be(field.type_modifier);
  out_->append_be(field.format);
}
void Writer::row_description(std::span<const Field> fields) {
  begin_row_description(fields.size());
  for (const Field& one : fields) field(one);
  end();
}

void Writer::parameter_description(std::span<const std::uint32_t> type_oids) {
  begin('t');
  out_->append_be(static_cast<std::int16_t>(type_oids.size()));
  for (const std::uint32_t oid : type_oids) out_->append_be(oid);
  end();
}

void Writer::complete(std::initializer_list<std::string_view> pieces) {
  begin('C');
  for (const auto piece : pieces) out_->append(piece);
  out_->append_byte('\0');
  end();
}

void Writer::copy_response(char type, std::int8_t format, std::span<const std::int16_t> columns) {
  begin(type);
  out_->append_be(format);
  out_->append_be(static_cast<std::int16_t>(columns.size()));
  for (const std::int16_t column : columns) out_->append_be(column);
  end();
}

void Writer::notification_response(std::uint32_t process_id, std::string_view channel, std::string_view payload) {
  begin('A');
  out_->append_be(process_id);
  out_->append_string(channel);
  out_->append_string(payload);
  end();
}

void Writer::report_field(char code, std::string_view text) {
  if (text.empty()) return;
  out_->append_byte(code);
  // A zero byte would end the field early and spoil the rest of the message.
  for (char c : text) out_->append_byte(c == '\0' ? ' ' : c);
  out_->append_byte('\0');
}

void Writer::report(char type, const Error& error, Severity severity) {
  SPG_DCHECK(error.failed());
  const auto code = sqlstate_text(error.code());
  begin(type);
  report_field('S', severity_text(severity));
  report_field('V', severity_text(severity));
  report_field('C', {code.data(), code.size()});
  if (error.message().empty()) {
    out_->append_byte('M');
    out_->append_byte('\0');
  }
  for (const auto& [letter, slot] : before_position) report_field(letter, error.field(slot));
  if (error.position() > 0) report_field('P', Piece(error.position()).text());
  report_field('q', error.field(ErrorField::internal_query));
  out_->append_byte('\0');
  end();
}

void Writer::error_response_v2(const Error& error) {
  out_->append(std::string_view("EFATAL:  "));
  out_->append(error.message());
  out_->append(std::string_view("\n\0", 2));
}

}  // namespace spg::wire::pg
