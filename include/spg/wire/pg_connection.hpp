// Connection: the server's side of PostgreSQL's protocol v3 as a pure state machine: bytes in, events out, replies into
// an output buffer. Owns no socket, thread or clock; one thread at a time.
//
//   connection.feed(received);                            // borrowed until settle()
//   for (Event event; ;) {
//     Result<bool> got = connection.next(event);
//     if (got && !*got) break;                            // more bytes are needed
//     if (got) session.handle(event); else { session.fail(); connection.error(got.error()); }
//     if (connection.ready_owed()) connection.ready(session.status());
//   }
//   connection.settle();                                  // keeps what was not consumed
//   send(output); if (connection.closed()) close();
//
// A session that parks in the middle leaves the loop after settle() and enters it again, without feed(), when it is
// woken.
//
//            feed/next                   request_scram        SASL 'p'            SASL 'p'
//   startup -----------> waiting_owner ----------------> sasl_* ---------> sasl_final -----> waiting_owner
//                              | authenticated()
//                              v        begin_copy_in()
//                            ready <----------------------> copy_in          any --fatal, terminate, cancel--> closed
//                                     done, fail, error()
//
// Rules that the machine keeps for its owner: message lengths are checked before anything is buffered, and memory grows
// only with bytes that arrived; an error in the extended protocol skips to the next Sync, and what is skipped is not
// even buffered; CopyData after a failed COPY is dropped; protocol errors come out of next() as an Error, in order with
// the events, so that the owner can abort its transaction before it passes them to error().
#pragma once
#include <cstdint>
#include <span>

#include "spg/base/byte_buffer.hpp"
#include "spg/base/result.hpp"
#include "spg/wire/pg_event.hpp"
#include "spg/wire/pg_scram.hpp"
#include "spg/wire/pg_writer.hpp"

namespace spg::wire::pg {

struct ConnectionLimits {
  /// For Query, Parse, Bind and CopyData; the others are held to 10 000 as in PostgreSQL.
  std::uint32_t message_bytes_max = 0x3ffffffe;
};

class Connection {
 public:
  /// The buffer receives all replies and must outlive the connection.
  explicit Connection(ByteBuffer& out, ConnectionLimits limits = {}) : writer_(out), limits_(limits) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Hands over received bytes; they must stay until settle(). Requires: settle() since the last feed().
  void feed(Bytes bytes);
  /// Fills the event and returns true, or returns false when there is none until more bytes come, or an error that the
  /// owner must pass to error(). Ends the life of the previous event's views.
  Result<bool> next(Event& event);
  /// The last event comes once more from next(): its owner could not handle it where it was. Requires: a Parse, Bind
  /// or Describe event that was not answered.
  void put_back();
  /// Copies what has not been consumed, so that the fed bytes may go. Ends the life of the last event's views. An idle
  /// connection holds no memory after it.
  void settle();

  Writer& writer() { return writer_; }

  // Answers to the startup events
  void deny_encryption() { writer_.deny_encryption(); }
  /// Asks the client for its password by SCRAM-SHA-256.
  void request_scram(std::string_view user, const ScramSetup& setup);
  /// The client is who it says: AuthenticationOk. Parameters, key data and ready() follow.
  void authenticated();

  /// Sends ReadyForQuery and takes the debt off.
  void ready(TransactionStatus status);
  /// True after a Query, a Sync and what PostgreSQL answers like them: once all replies to it are written, ready() is
  /// due.
  bool ready_owed() const { return ready_owed_ && state_ != State::copy_in; }
  /// Reports an error of the current message and does what the protocol asks then: skip to Sync, leave COPY, or close.
  void error(const Error& error);
  /// Reports and closes.
  void fatal(const Error& error);
  /// CopyInResponse; from here CopyData, CopyDone and CopyFail are events.
  void begin_copy_in(std::int8_t format, std::span<const std::int16_t> columns);

  bool closed() const { return state_ == State::closed; }
  bool in_copy() const { return state_ == State::copy_in; }
  bool skips_to_sync() const { return skipping_; }
  /// Bytes fed and not yet consumed.
  std::size_t pending_bytes() const { return input().size(); }
  std::size_t held_bytes() const { return kept_.held_bytes(); }

 private:
  enum class State : std::uint8_t {
    startup,
    waiting_owner,
    sasl_initial,
    sasl_first,
    sasl_final,
    ready,
    copy_in,
    closed
  };
  struct Frame {
    char type;
    std::size_t bytes;  ///< length word and body, without the type
  };

  Bytes input() const;
  void consume(std::size_t bytes);
  bool drop_discarded();
  Error fail_fatally(Error error);
  Result<bool> next_startup(Event& event);
  Result<bool> read_startup(Event& event, std::uint32_t version, Bytes packet);
  Result<bool> next_sasl(Event& event);
  Result<bool> answer_sasl(Event& event, Bytes body);
  Result<bool> next_message(Event& event);
  Status check_frame(const Frame& frame);
  bool is_ignored(char type) const;
  Result<bool> read_copy(Event& event, char type, Bytes body);
  Result<bool> read_message(Event& event, char type, Bytes body);

  Writer writer_;
  ConnectionLimits limits_;
  State state_ = State::startup;
  bool ready_owed_ = false;
  bool skipping_ = false;       ///< an extended-protocol message failed; everything up to Sync is dropped
  bool extended_ = false;       ///< the current message belongs to the extended protocol
  bool fatal_pending_ = false;  ///< the error that next() returned ends the connection
  bool sync_lost_ = false;      ///< ... and is followed by PostgreSQL's second, fatal one
  bool ssl_answered_ = false, gss_answered_ = false, v2_client_ = false;
  Bytes fed_;  ///< borrowed; consumed from the front. Used when nothing is kept
  ByteBuffer kept_;
  std::size_t spent_ = 0;    ///< bytes of the message that the last event's views lie in
  std::size_t discard_ = 0;  ///< bytes still to come of a message that is being dropped
  ScramServer* scram_ = nullptr;
};

}  // namespace spg::wire::pg
