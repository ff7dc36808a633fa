// The bodies of a client's messages, from bytes to event, with PostgreSQL's words for what is wrong with them. Pure
// functions on untrusted input; nothing is allocated.
#pragma once
#include "spg/base/result.hpp"
#include "spg/wire/pg_event.hpp"

namespace spg::wire::pg {

/// Reads fields in order and keeps the first failure.
class MessageReader {
 public:
  explicit MessageReader(Bytes body) : body_(body) {}

  template <class N>
  N number() {
    const Bytes field = bytes(sizeof(N));
    return field.empty() ? N{} : load_be<N>(field.data());
  }
  Bytes bytes(std::size_t count) {
    if (fault_ != Fault::none || body_.size() - at_ < count) {
      fail(Fault::short_data);
      return {};
    }
    at_ += count;
    return body_.subspan(at_ - count, count);
  }
  /// Up to a zero byte, which is taken too.
  std::string_view string();
  /// A single byte.
  char byte();
  const std::byte* place() const { return body_.data() + at_; }
  bool failed() const { return fault_ != Fault::none; }
  /// The failure, or the bytes that are too many; success otherwise.
  Status finish() const;

 private:
  enum class Fault : std::uint8_t { none, short_data, bad_string, no_data };
  void fail(Fault fault) {
    if (fault_ == Fault::none) fault_ = fault;
  }
  Bytes body_;
  std::size_t at_ = 0;
  Fault fault_ = Fault::none;
};

/// Fills the event from the body of a Q, P, B, D, E, C, S or H message.
Status read_body(Event& event, char type, Bytes body);

}  // namespace spg::wire::pg
