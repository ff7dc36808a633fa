// What a PostgreSQL client asked for: the events that pg_connection.hpp makes of its messages. Plain views into the
// input; valid until the next call of the connection. Lists are read in place; their layout has been checked.
#pragma once
#include <cstdint>
#include <optional>

#include "spg/base/bytes.hpp"

namespace spg::wire::pg {

enum class EventKind : std::uint8_t {
  none,
  ssl_request,    ///< answer with deny_encryption()
  gss_request,    ///< answer with deny_encryption()
  cancel,         ///< process_id, secret_key; nothing may be answered, the connection closes
  startup,        ///< startup; answer with request_scram(), or authenticated() for trusted clients, or fatal()
  authenticated,  ///< the SCRAM exchange succeeded; send parameters, key data and ReadyForQuery
  query,          ///< text
  parse,          ///< name (of the statement), text, parameter_types
  bind,           ///< portal, name (of the statement), formats, parameters, result_formats
  describe,       ///< target, name
  execute,        ///< portal, max_rows (0 or less: all)
  close,          ///< target, name
  sync,           ///< ReadyForQuery is owed
  flush,          ///< what is in the output must be sent now
  copy_data,      ///< data
  copy_done,
  copy_fail,  ///< text: the client's reason
  terminate,
};

enum class Target : char { statement = 'S', portal = 'P' };

/// Names and values of the startup packet, without the protocol options (_pq_.*).
class StartupParameters {
 public:
  StartupParameters() = default;
  explicit StartupParameters(std::string_view text) : text_(text) {}
  /// Takes the next pair; false at the end.
  bool next(std::string_view& name, std::string_view& value);
  /// Empty when absent. Of several, the last counts.
  std::string_view find(std::string_view name) const;

 private:
  std::string_view text_;
};

/// `count` big-endian numbers.
template <class N>
class NumberList {
 public:
  NumberList() = default;
  NumberList(const std::byte* at, std::size_t count) : at_(at), count_(count) {}
  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  N operator[](std::size_t index) const { return load_be<N>(at_ + index * sizeof(N)); }

 private:
  const std::byte* at_ = nullptr;
  std::size_t count_ = 0;
};

/// The format of the value number `index` by Bind's rule: no codes mean text, one is for all. 0 is text, 1 binary.
inline std::int16_t format_of(const NumberList<std::int16_t>& formats, std::size_t index) {
  return formats.empty() ? std::int16_t{0} : formats[formats.size() == 1 ? 0 : index];
}

/// The parameter values of a Bind message, in order.
class ParameterList {
 public:
  ParameterList() = default;
  ParameterList(const std::byte* at, std::size_t count) : at_(at), count_(count) {}
  std::size_t size() const { return count_; }
  /// Takes the next value; nullopt is NULL. Requires: not called more than size() times.
  std::optional<Bytes> next() {
    const auto bytes = load_be<std::int32_t>(at_);
    at_ += 4;
    if (bytes < 0) return std::nullopt;
    const std::byte* const value = at_;
    at_ += bytes;
    return Bytes{value, static_cast<std::size_t>(bytes)};
  }

 private:
  const std::byte* at_ = nullptr;
  std::size_t count_ = 0;
};

struct Event {
  EventKind kind = EventKind::none;
  Target target = Target::statement;
  std::int32_t max_rows = 0;
  std::uint32_t process_id = 0, secret_key = 0;
  std::string_view name, portal, text;
  Bytes data;
  StartupParameters startup;
  NumberList<std::uint32_t> parameter_types;
  NumberList<std::int16_t> formats, result_formats;
  ParameterList parameters;
};

}  // namespace spg::wire::pg
