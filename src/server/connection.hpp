// Connection: one client: bytes from its stream, events from the protocol machine, activities of its session; and the
// places where it waits without blocking anybody (DESIGN 4).
//
//   running on the reactor -> waits for the turn, durability, room in the output, or a worker -> runs again
//
// While it waits its stream is not read. Everything here happens on the reactor's thread, but run_on_worker(): from
// start_worker(), the last thing that a call does, until done_post_ the reactor leaves session, wire and output alone.
// A session that waits for the turn is run again when it has come, when it was cancelled, and when its time is up.
#pragma once
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "spg/db/session.hpp"
#include "spg/net/reactor.hpp"
#include "spg/server/server.hpp"
#include "spg/server/wire_sink.hpp"
#include "spg/server/workers.hpp"
#include "spg/wire/pg_connection.hpp"

namespace spg::server {

/// What all connections of one reactor share.
struct ReactorState {
  db::Instance* instance = nullptr;
  Workers* workers = nullptr;
  const ServerOptions* options = nullptr;
  net::Reactor* reactor = nullptr;
  Bytes mock_secret;
  class Connection* holding = nullptr;          ///< those that hold replies back, by next_holding
  std::atomic<bool> has_waiting{false};         ///< the list is not empty: the flusher must tell
  class Connection* connections = nullptr;      ///< all, by next_open
  bool stopping = false;
};

class Connection final : public net::Handler {
 public:
  Connection(ReactorState& shared, net::Stream& stream);
  ~Connection();

  void on_readable(net::Stream& stream, Bytes bytes) override;
  void on_writable(net::Stream& stream) override;
  bool on_end(net::Stream& stream) override;
  void on_close(net::Stream& stream, net::CloseReason reason) override;

  /// Sends the replies of commits that have become durable.
  static void wake_durable(ReactorState& shared);
  /// 57P01 to everybody.
  static void shut_down_all(ReactorState& shared);

 private:
  /// Of replies that are kept back while what follows is executed, so much may gather.
  static constexpr std::size_t held_bytes_max = 1024 * 1024;
  enum class Waiting : std::uint8_t { nothing, turn, output, worker };
  /// What a worker does for it: run the session's activity, handle the next event (its catalog objects were cold), or the
  /// parts of a log-in that read shared catalogs.
  enum class Errand : std::uint8_t { run, event, find_role, open_session };
  void handle_events();
  Status handle(const wire::pg::Event& event, db::Where where);
  void start_up(const wire::pg::Event& event);
  Status find_role();
  void request_password();
  Status open_session();
  void log_in();
  Result<std::string_view> incoming_text(std::string_view text);
  Status bind(const wire::pg::Event& event, db::Where where);
  void wait_for_worker(Errand errand);
  Status errand_done();
  /// Runs the session's activity until it is done or waits.
  Status drive();
  Status take(Result<db::Progress> progress);
  void wait_for(Waiting what);
  void resume();
  void start_worker();
  void run_on_worker();
  void report(const Error& error);
  bool holds_too_much() const { return is_holding_ && out_.size() - sent_bytes_ > held_bytes_max; }
  std::size_t sendable();
  void flush();
  void hold();
  void stop_holding();
  void release();
  void ready();
  void watch_idle(bool begins);
  void shut_down();
  void bury();

  ReactorState& shared_;
  net::Stream* stream_;
  ByteBuffer out_;
  wire::pg::Connection wire_;
  WireSink sink_;
  std::unique_ptr<db::Session> session_;
  std::unique_ptr<char[]> user_, database_;
  std::optional<db::LoginRole> role_;  ///< null: no such role
  bool role_refused_ = false;          ///< may not log in from where it is
  struct StartSetting { std::string name, value; };
  std::vector<StartSetting> start_settings_;
  Waiting waiting_ = Waiting::nothing;
  bool active_ = false;       ///< an activity of the session is unfinished
  bool is_idle_ = false;      ///< the client was told that the session is ready, and has said nothing since
  bool resume_posted_ = false;  ///< done_post_ is on its way for Waiting::output
  bool on_worker_ = false;    ///< it was moved to the workers and stays there
  bool closed_ = false;       ///< the stream has gone; the object follows when the worker has let go
  bool shutting_down_ = false;
  // Replies that wait for the disk: out_ up to held_bytes_ may leave when held_floor_ is durable; what is behind needs a later
  // position. The first sent_bytes_ of out_ have left: they stay, as places in it are remembered, until all have.
  bool peer_ended_ = false;   ///< the stream goes with the last of them
  bool is_holding_ = false;   ///< in the list of those
  std::size_t sent_bytes_ = 0, held_bytes_ = 0;
  std::uint64_t held_floor_ = 0;
  Connection* next_holding_ = nullptr;
  Connection* next_open_ = nullptr;
  Connection* before_open_ = nullptr;
  /// A message or timer that knows its connection.
  template <class Base>
  struct Own : Base {
    Own(typename Base::Run what, Connection* connection) : Base(what), self(connection) {}
    Connection* self;
  };
  using WakePost = Own<net::Post>;
  using DonePost = Own<net::Post>;
  using Deadline = Own<net::Timer>;
  WakePost wake_post_;
  DonePost done_post_;
  struct WorkerJob : Job { Connection* self; } job_;
  Deadline log_in_deadline_, statement_deadline_, idle_deadline_;
  Errand errand_ = Errand::run;
  Result<db::Progress> worker_result_{db::Progress::done};
  Status errand_status_;
  MemoryBudget budget_;
  Arena arena_{budget_};
};

}  // namespace spg::server
