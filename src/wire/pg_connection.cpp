#include "spg/wire/pg_connection.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "spg/wire/pg_messages.hpp"

namespace spg::wire::pg {
namespace {

// PostgreSQL's limits. The length word counts into the last two.
constexpr std::uint32_t startup_bytes_max = 10000, small_message_bytes_max = 10000, sasl_message_bytes_max = 1024;
constexpr std::uint32_t protocol_newest = 3u << 16;
constexpr std::uint32_t cancel_code = 1234u << 16 | 5678, ssl_code = 1234u << 16 | 5679, gss_code = 1234u << 16 | 5680;

Error protocol_error(std::string_view message) { return Error::make(sqlstate::protocol_violation, message); }

bool is_small(char type) {
  switch (type) {
    case 'Q':
    case 'F':
    case 'P':
    case 'B':
    case 'd': return false;
    default: return true;
  }
}

bool is_known(char type) {
  switch (type) {
    case 'Q':
    case 'F':
    case 'P':
    case 'B':
    case 'd':
    case 'C':
    case 'D':
    case 'E':
    case 'H':
    case 'S':
    case 'X':
    case 'c':
    case 'f': return true;
    default: return false;
  }
}

bool is_extended(char type) {
  switch (type) {
    case 'P':
    case 'B':
    case 'C':
    case 'D':
    case 'E':
    case 'H': return true;
    default: return false;
  }
}

bool is_protocol_option(std::string_view name) { return name.starts_with("_pq_."); }

/// NegotiateProtocolVersion: what we speak, and which of the client's protocol options we do not know (all of them).
void negotiate(Writer& writer, std::string_view pairs, std::int32_t unknown_count) {
  writer.begin('v');
  writer.buffer().append_be(protocol_newest);
  writer.buffer().append_be(unknown_count);
  for (bool is_name = true; !pairs.empty(); is_name = !is_name) {
    const std::size_t end = pairs.find('\0');
    if (is_name && is_protocol_option(pairs)) writer.buffer().append_string(pairs.substr(0, end));
    pairs.remove_prefix(end + 1);
  }
  writer.end();
}

}  // namespace

Connection::~Connection() {
  if (scram_ == nullptr) return;
  scram_->~ScramServer();
  std::free(scram_);
}

Bytes Connection::input() const { return kept_.empty() ? fed_ : kept_.view(); }

void Connection::consume(std::size_t bytes) {
  if (kept_.empty()) fed_ = fed_.subspan(bytes);
  else kept_.consume(bytes);
}

void Connection::feed(Bytes bytes) {
  SPG_DCHECK(fed_.empty());
  if (state_ == State::closed) return;
  if (kept_.empty()) fed_ = bytes;
  else kept_.append(bytes);
}

void Connection::put_back() { spent_ = 0; }

void Connection::settle() {
  consume(std::exchange(spent_, 0));
  drop_discarded();
  if (state_ == State::closed) kept_.reset();
  else kept_.append(fed_);
  fed_ = {};
  if (kept_.empty()) kept_.clear();
}

/// False while the message that is being dropped goes on.
bool Connection::drop_discarded() {
  if (discard_ == 0) return true;
  const std::size_t bytes = std::min(discard_, input().size());
  consume(bytes);
  discard_ -= bytes;
  return discard_ == 0;
}

Error Connection::fail_fatally(Error error) {
  fatal_pending_ = true;
  return error;
}

Result<bool> Connection::next(Event& event) {
  consume(std::exchange(spent_, 0));
  if (kept_.failed()) return fail_fatally(Error::out_of_memory());
  switch (state_) {
    case State::startup: return next_startup(event);
    case State::sasl_initial:
    case State::sasl_first:
    case State::sasl_final: return next_sasl(event);
    case State::ready:
    case State::copy_in: return next_message(event);
    case State::waiting_owner:
    case State::closed: return false;
  }
  return false;
}

// ---- start-up

Result<bool> Connection::next_startup(Event& event) {
  const Bytes bytes = input();
  if (bytes.size() < 4) return false;
  const auto length = load_be<std::uint32_t>(bytes.data());
  if (length < 8 || length > startup_bytes_max + 4)
    return fail_fatally(protocol_error("invalid length of startup packet"));
  if (bytes.size() < length) return false;
  spent_ = length;
  event = Event{};
  const auto code = load_be<std::uint32_t>(bytes.data() + 4);
  if (code == cancel_code) {
    state_ = State::closed;
    if (length != 16) return false;
    event.kind = EventKind::cancel;
    event.process_id = load_be<std::uint32_t>(bytes.data() + 8);
    event.secret_key = load_be<std::uint32_t>(bytes.data() + 12);
    return true;
  }
  if (code == ssl_code && !std::exchange(ssl_answered_, true)) {
    event.kind = EventKind::ssl_request;
    return true;
  }
  if (code == gss_code && !std::exchange(gss_answered_, true)) {
    event.kind = EventKind::gss_request;
    return true;
  }
  return read_startup(event, code, bytes.subspan(8, length - 8));
}

Result<bool> Connection::read_startup(Event& event, std::uint32_t version, Bytes packet) {
  const std::uint32_t major = version >> 16, minor = version & 0xffff;
  if (major != 3) {
    v2_client_ = major < 3;
    return fail_fatally(Error::make(sqlstate::feature_not_supported, "unsupported frontend protocol ", major, ".",
                                    minor, ": server supports 3.0 to 3.0"));
  }
  const std::string_view text = as_text(packet);
  std::size_t at = 0;
  std::int32_t unknown_count = 0;
  while (at < text.size() && text[at] != '\0') {
    const std::size_t name_end = text.find('\0', at);
    if (name_end == std::string_view::npos) break;
    const std::size_t value_end = text.find('\0', name_end + 1);
    if (value_end == std::string_view::npos) break;
    unknown_count += is_protocol_option(text.substr(at)) ? 1 : 0;
    at = value_end + 1;
  }
  if (at + 1 != text.size() || text[at] != '\0')
    return fail_fatally(protocol_error("invalid startup packet layout: expected terminator as last byte"));
  if (minor > 0 || unknown_count > 0) negotiate(writer_, text.substr(0, at), unknown_count);
  event.startup = StartupParameters(text.substr(0, at));
  if (event.startup.find("user").empty())
    return fail_fatally(Error::make(sqlstate::invalid_authorization_specification,
                                    "no PostgreSQL user name specified in startup packet"));
  state_ = State::waiting_owner;
  event.kind = EventKind::startup;
  return true;
}

void Connection::request_scram(std::string_view user, const ScramSetup& setup) {
  SPG_DCHECK(state_ == State::waiting_owner && scram_ == nullptr);
  void* memory = std::malloc(sizeof(ScramServer));
  if (memory == nullptr) {
    fatal(Error::out_of_memory());
    return;
  }
  scram_ = new (memory) ScramServer;
  scram_->start(user, setup);
  writer_.authentication_sasl(scram_mechanism);
  state_ = State::sasl_initial;
}

Result<bool> Connection::next_sasl(Event& event) {
  const Bytes bytes = input();
  if (bytes.empty()) return false;
  if (bytes[0] != std::byte{'p'})
    return fail_fatally(Error::make(sqlstate::protocol_violation, "expected SASL response, got message type ",
                                    static_cast<unsigned>(bytes[0])));
  if (bytes.size() < 5) return false;
  const auto length = load_be<std::uint32_t>(bytes.data() + 1);
  if (length < 4 || length > sasl_message_bytes_max) return fail_fatally(protocol_error("invalid message length"));
  if (bytes.size() < length + std::size_t{1}) return false;
  spent_ = length + std::size_t{1};
  event = Event{};
  Result<bool> answered = answer_sasl(event, bytes.subspan(5, length - 4));
  if (!answered) return fail_fatally(answered.take_error());
  return answered;
}

Result<bool> Connection::answer_sasl(Event& event, Bytes body) {
  if (state_ == State::sasl_initial) {
    MessageReader reader(body);
    const std::string_view mechanism = reader.string();
    const auto bytes = reader.number<std::int32_t>();
    const Bytes initial = bytes == -1 ? Bytes{} : reader.bytes(static_cast<std::uint32_t>(bytes));
    SPG_TRY(reader.finish());
    if (mechanism != scram_mechanism) return protocol_error("client selected an invalid SASL authentication mechanism");
    state_ = State::sasl_first;
    if (bytes == -1) {  // no initial response: an empty challenge asks for it
      writer_.authentication_sasl_continue({});
      return next(event);
    }
    body = initial;
  }
  if (state_ == State::sasl_first) {
    SPG_ASSIGN(const std::string_view answer, scram_->first(as_text(body)));
    writer_.authentication_sasl_continue(answer);
    state_ = State::sasl_final;
    return next(event);
  }
  SPG_ASSIGN(const std::string_view answer, scram_->final(as_text(body)));
  writer_.authentication_sasl_final(answer);
  state_ = State::waiting_owner;
  event.kind = EventKind::authenticated;
  return true;
}

void Connection::authenticated() {
  SPG_DCHECK(state_ == State::waiting_owner);
  if (scram_ != nullptr) {
    scram_->~ScramServer();
    std::free(std::exchange(scram_, nullptr));
  }
  writer_.authentication_ok();
  state_ = State::ready;
}

// ---- the session's messages

Status Connection::check_frame(const Frame& frame) {
  if (!is_known(frame.type)) {
    if (state_ != State::copy_in)
      return fail_fatally(Error::make(sqlstate::protocol_violation, "invalid frontend message type ",
                                      static_cast<unsigned>(static_cast<std::uint8_t>(frame.type))));
  }
  if (state_ == State::copy_in && frame.type != 'd' && frame.type != 'c' && frame.type != 'f' && frame.type != 'H' &&
      frame.type != 'S') {
    const auto type = static_cast<std::uint8_t>(frame.type);
    const char digits[] = {"0123456789ABCDEF"[type >> 4], "0123456789ABCDEF"[type & 15]};
    sync_lost_ = true;
    return fail_fatally(Error::make(sqlstate::protocol_violation, "unexpected message type 0x",
                                    std::string_view(digits, 2), " during COPY from stdin"));
  }
  if (frame.bytes < 4) return fail_fatally(protocol_error("invalid message length"));
  const std::uint32_t most =
      is_small(frame.type) ? std::min(small_message_bytes_max, limits_.message_bytes_max) : limits_.message_bytes_max;
  if (frame.bytes > most)
    return fail_fatally(Error::make(sqlstate::program_limit_exceeded, "message of ", frame.bytes,
                                    " bytes exceeds the limit of ", most, " bytes"));
  return ok();
}

/// Messages that are dropped unread, as they come in.
bool Connection::is_ignored(char type) const {
  if (state_ == State::copy_in) return type == 'H' || type == 'S';
  if (skipping_) return type != 'S' && type != 'X';
  return type == 'd' || type == 'c' || type == 'f';  // left over from a COPY that failed
}

Result<bool> Connection::next_message(Event& event) {
  while (drop_discarded()) {
    const Bytes bytes = input();
    if (bytes.size() < 5) {
      // An unknown type is told at once, whether or not its length ever comes.
      if (!bytes.empty() && !is_known(static_cast<char>(bytes[0])))
        return check_frame({static_cast<char>(bytes[0]), 4});
      return false;
    }
    const Frame frame{static_cast<char>(bytes[0]), load_be<std::uint32_t>(bytes.data() + 1)};
    SPG_TRY(check_frame(frame));
    if (is_ignored(frame.type)) {
      discard_ = frame.bytes + 1;
      continue;
    }
    if (bytes.size() < frame.bytes + 1) return false;
    spent_ = frame.bytes + 1;
    const Bytes body = bytes.subspan(5, frame.bytes - 4);
    event = Event{};
    return state_ == State::copy_in ? read_copy(event, frame.type, body) : read_message(event, frame.type, body);
  }
  return false;
}

Result<bool> Connection::read_copy(Event& event, char type, Bytes body) {
  switch (type) {
    case 'd':
      event.kind = EventKind::copy_data;
      event.data = body;
      return true;
    case 'c':
      state_ = State::ready;
      event.kind = EventKind::copy_done;
      return true;
    default: {
      MessageReader reader(body);
      event.text = reader.string();
      SPG_TRY(reader.finish());
      state_ = State::ready;
      event.kind = EventKind::copy_fail;
      return true;
    }
  }
}

Result<bool> Connection::read_message(Event& event, char type, Bytes body) {
  extended_ = is_extended(type);
  if (type == 'S') skipping_ = false;
  if (type == 'Q' || type == 'S' || type == 'F') ready_owed_ = true;
  if (type == 'X') {  // even with a body that should not be there
    event.kind = EventKind::terminate;
    state_ = State::closed;
    return true;
  }
  if (type == 'F') return Error::make(sqlstate::feature_not_supported, "fastpath function calls are not supported");
  SPG_TRY(read_body(event, type, body));
  return true;
}

void Connection::ready(TransactionStatus status) {
  ready_owed_ = false;
  if (state_ != State::closed) writer_.ready_for_query(status);
}

void Connection::error(const Error& error) {
  if (fatal_pending_ && !sync_lost_) {
    fatal(error);
    return;
  }
  if (state_ == State::closed) return;
  if (state_ != State::ready && state_ != State::copy_in) {
    fatal(error);
    return;
  }
  writer_.error_response(error);
  if (sync_lost_) {
    fatal(protocol_error("terminating connection because protocol synchronization was lost"));
    return;
  }
  state_ = State::ready;
  if (extended_) skipping_ = true;
}

void Connection::fatal(const Error& error) {
  if (state_ == State::closed) return;
  if (v2_client_) writer_.error_response_v2(error);
  else writer_.error_response(error, Severity::fatal);
  state_ = State::closed;
  ready_owed_ = false;
}

void Connection::begin_copy_in(std::int8_t format, std::span<const std::int16_t> columns) {
  SPG_DCHECK(state_ == State::ready);
  writer_.copy_in_response(format, columns);
  state_ = State::copy_in;
}

}  // namespace spg::wire::pg
