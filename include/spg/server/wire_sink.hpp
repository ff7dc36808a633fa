// WireSink: a session's answers as messages of PostgreSQL's protocol, in the client's encoding.
#pragma once
#include "spg/db/sink.hpp"
#include "spg/wire/pg_writer.hpp"

namespace spg::server {

enum class ClientEncoding : std::uint8_t { utf8, latin1, sql_ascii };

class WireSink final : public db::ResultSink {
 public:
  explicit WireSink(wire::pg::Writer& writer) : writer_(&writer), arena_(budget_), text_(arena_) {}

  void describe_rows(std::span<const plan::OutputColumn> columns, std::span<const std::int16_t> formats) override;
  void no_data() override { writer_->no_data(); }
  void describe_parameters(std::span<const Oid> types) override;
  Status rows(const type::Batch& batch, std::span<const plan::OutputColumn> columns, std::span<const std::int16_t> formats,
              const type::TextSettings& settings) override;
  void command_complete(std::string_view tag) override { writer_->command_complete(tag); }
  void empty_query() override { writer_->empty_query_response(); }
  void portal_suspended() override { writer_->portal_suspended(); }
  void notice(db::NoticeSeverity severity, const Error& notice) override;
  void setting(std::string_view name, std::string_view value) override;
  void begin_copy_in(std::size_t columns) override { copy_in_columns_ = static_cast<int>(columns); }
  void begin_copy_out(std::size_t columns) override;
  Status copy_out(Bytes line) override;
  void end_copy_out() override { writer_->copy_done(); }
  std::size_t mark() const override { return writer_->buffer().size(); }
  void rewind(std::size_t mark) override { writer_->buffer().truncate(mark); }
  bool is_full() const override { return writer_->buffer().size() >= full_bytes; }

  /// COPY FROM STDIN has begun: the columns, once; -1 otherwise. (The connection, not the writer, opens that state.)
  int take_copy_in() { return std::exchange(copy_in_columns_, -1); }
  ClientEncoding encoding() const { return encoding_; }

 private:
  static constexpr std::size_t full_bytes = 256 * 1024;
  Status value(const plan::OutputColumn& column, const type::Vector& vector, std::size_t row, bool binary, const type::TextSettings& settings);
  void trim_arena();
  wire::pg::Writer* writer_;
  ClientEncoding encoding_ = ClientEncoding::utf8;
  int copy_in_columns_ = -1;
  MemoryBudget budget_;
  Arena arena_;
  TextBuilder text_;
};

}  // namespace spg::server
