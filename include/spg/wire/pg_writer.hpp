// Writer: the messages that a PostgreSQL server sends, appended to an output buffer (protocol 3.0, byte-exact with
// PostgreSQL 15). Owns nothing; belongs to the thread that owns the buffer. Errors show as the buffer's failed().
//
// Rows are written in place and cost a few stores per value:
//   writer.begin_row(2);
//   writer.value(bytes);                             // a value that is there already
//   writer.begin_value(); format_into(writer.buffer()); writer.end_value();
//   writer.end_row();
#pragma once
#include <cstdint>
#include <initializer_list>
#include <span>

#include "spg/base/byte_buffer.hpp"
#include "spg/base/error.hpp"
#include "spg/base/piece.hpp"

namespace spg::wire::pg {

enum class Severity : std::uint8_t { error, fatal, panic, warning, notice, debug, info, log };
enum class TransactionStatus : char { idle = 'I', block = 'T', failed = 'E' };

/// A column of a RowDescription.
struct Field {
  std::string_view name;
  std::uint32_t table_oid = 0;
  std::int16_t column_number = 0;
  std::uint32_t type_oid = 0;
  std::int16_t type_bytes = -1;
  std::int32_t type_modifier = -1;
  std::int16_t format = 0;
};

class Writer {
 public:
  explicit Writer(ByteBuffer& out) : out_(&out) {}
  ByteBuffer& buffer() { return *out_; }

  // Start-up
  void deny_encryption() { out_->append_byte('N'); }
  void authentication_ok();
  void authentication_sasl(std::string_view mechanism);
  void authentication_sasl_continue(std::string_view data);
  void authentication_sasl_final(std::string_view data);
  void parameter_status(std::string_view name, std::string_view value);
  void backend_key_data(std::uint32_t process_id, std::uint32_t secret_key);
  void ready_for_query(TransactionStatus status);

  // Results
  void begin_row_description(std::size_t field_count);
  void field(const Field& field);
  void end_row_description() { end(); }
  void row_description(std::span<const Field> fields);
  void parameter_description(std::span<const std::uint32_t> type_oids);
  void begin_row(std::size_t column_count) {
    begin('D');
    out_->append_be(static_cast<std::int16_t>(column_count));
  }
  void value(Bytes bytes) {
    out_->append_be(static_cast<std::int32_t>(bytes.size()));
    out_->append(bytes);
  }
  void value(std::string_view text) { value(as_bytes(text)); }
  void null_value() { out_->append_be(std::int32_t{-1}); }
  void begin_value() {
    value_at_ = out_->size();
    out_->append_be(std::int32_t{0});
  }
  void end_value() { out_->patch_be(value_at_, static_cast<std::int32_t>(out_->size() - value_at_ - 4)); }
  void end_row() { end(); }
  /// Takes back the row, or any message, that was begun and not ended.
  void abandon() { out_->truncate(message_at_); }
  /// command_complete("INSERT 0 ", 5)
  template <class... Pieces>
  void command_complete(const Pieces&... pieces) {
    complete({Piece(pieces).text()...});
  }
  void empty_query_response() { bare('I'); }
  void parse_complete() { bare('1'); }
  void bind_complete() { bare('2'); }
  void close_complete() { bare('3'); }
  void no_data() { bare('n'); }
  void portal_suspended() { bare('s'); }

  // COPY. The formats are one per column; empty when the columns are not known.
  void copy_in_response(std::int8_t format, std::span<const std::int16_t> columns) {
    copy_response('G', format, columns);
  }
  void copy_out_response(std::int8_t format, std::span<const std::int16_t> columns) {
    copy_response('H', format, columns);
  }
  void copy_both_response(std::int8_t format, std::span<const std::int16_t> columns) {
    copy_response('W', format, columns);
  }
  void copy_data(Bytes bytes) {
    begin_copy_data();
    out_->append(bytes);
    end();
  }
  void begin_copy_data() { begin('d'); }
  void end_copy_data() { end(); }
  void copy_done() { bare('c'); }

  // Asynchronous
  void error_response(const Error& error, Severity severity = Severity::error) { report('E', error, severity); }
  void notice_response(const Error& notice, Severity severity = Severity::notice) { report('N', notice, severity); }
  void notification_response(std::uint32_t process_id, std::string_view channel, std::string_view payload);
  /// Error in the form of protocol 2, for clients that speak nothing newer.
  void error_response_v2(const Error& error);

  /// Any message: begin, append to buffer(), end.
  void begin(char type) {
    message_at_ = out_->size();
    out_->append_byte(type);
    out_->append_be(std::int32_t{0});
  }
  void end() { out_->patch_be(message_at_ + 1, static_cast<std::int32_t>(out_->size() - message_at_ - 1)); }

 private:
  void bare(char type) {
    out_->append_byte(type);
    out_->append_be(std::int32_t{4});
  }
  void complete(std::initializer_list<std::string_view> pieces);
  void copy_response(char type, std::int8_t format, std::span<const std::int16_t> columns);
  void report(char type, const Error& error, Severity severity);
  void report_field(char code, std::string_view text);

  ByteBuffer* out_;
  std::size_t message_at_ = 0, value_at_ = 0;
};

}  // namespace spg::wire::pg
