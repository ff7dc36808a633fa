// ResultSink: where a session's answers go: wire messages in the server, rows in the embedded API.
#pragma once
#include "spg/base/result.hpp"
#include "spg/plan/node.hpp"
#include "spg/type/settings.hpp"

namespace spg::db {

enum class NoticeSeverity : std::uint8_t { notice, warning, info, log, debug };

class ResultSink {
 public:
  /// The columns of the rows that follow. `formats`: 0 text, 1 binary; empty = all text, one = for all.
  virtual void describe_rows(std::span<const plan::OutputColumn> columns, std::span<const std::int16_t> formats) = 0;
  virtual void no_data() = 0;
  virtual void describe_parameters(std::span<const Oid> types) = 0;
  /// Selected rows of a batch, valid during the call. 22P05 when a value has no form in the client's encoding.
  virtual Status rows(const type::Batch& batch, std::span<const plan::OutputColumn> columns, std::span<const std::int16_t> formats,
                      const type::TextSettings& settings) = 0;
  virtual void command_complete(std::string_view tag) = 0;
  virtual void empty_query() = 0;
  virtual void portal_suspended() = 0;
  virtual void notice(NoticeSeverity severity, const Error& notice) = 0;
  virtual void setting(std::string_view name, std::string_view value) = 0;
  virtual void begin_copy_in(std::size_t columns) = 0;
  virtual void begin_copy_out(std::size_t columns) = 0;
  /// 22P05 as for rows().
  virtual Status copy_out(Bytes line) = 0;
  virtual void end_copy_out() = 0;
  /// A statement that must run again elsewhere takes back what it has answered: rewind(mark()).
  virtual std::size_t mark() const = 0;
  virtual void rewind(std::size_t mark) = 0;
  /// Whether the session should pause before the next batch.
  virtual bool is_full() const = 0;

 protected:
  ~ResultSink() = default;
};

}  // namespace spg::db
