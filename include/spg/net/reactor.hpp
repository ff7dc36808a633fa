// Reactor: one thread's event loop over epoll: listeners, connections (Stream), timers, and work posted by other
// threads. With os/ the only code that touches sockets.
//
// Level-triggered, one recv per readable event into a buffer that all streams of the reactor share, then one send after
// the handler has answered everything that came. So a round trip costs epoll_wait, recv and send, an idle stream holds
// no buffer, and pipelined messages share one packet. Pausing a stream costs a system call only if its peer goes on
// sending.
//
// Threads: post(), stop() and stream_count() from any thread; everything else, Streams and callbacks included, on the
// thread that is inside run() (or, before and after, on the only thread that knows the reactor). Ownership: the reactor
// owns its streams and listeners; handlers belong to whoever made them and hear on_close last.
#pragma once
#include <atomic>
#include <cstdint>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "spg/base/byte_buffer.hpp"
#include "spg/base/result.hpp"
#include "spg/net/inbox.hpp"
#include "spg/net/timer.hpp"

namespace spg::net {

class Reactor;
class Stream;

enum class CloseReason : std::uint8_t { by_peer, by_owner, io_error, out_of_memory, shut_down };

/// What happens to one connection.
class Handler {
 public:
  /// Bytes have come; they lie in the reactor's buffer and end with the call. What is in stream.output() at its end is
  /// sent.
  virtual void on_readable(Stream& stream, Bytes bytes) = 0;
  /// The output, which had been above the limit, has drained: go on producing.
  virtual void on_writable(Stream&) {}
  /// The peer sends no more. True: the last answers have not been given yet, and the owner closes the stream after them;
  /// it is closed anyway when that takes long.
  virtual bool on_end(Stream& stream) { (void)stream; return false; }
  /// The last call; the stream dies after it, the handler may delete itself.
  virtual void on_close(Stream& stream, CloseReason reason) = 0;

 protected:
  ~Handler() = default;
};

/// Makes the handlers of accepted connections; called on the thread of the reactor that got the stream, so it must bear
/// several threads when there are several reactors. Null refuses. A handler may write to the stream's output at once.
class Acceptor {
 public:
  virtual Handler* on_accept(Stream& stream) = 0;

 protected:
  ~Acceptor() = default;
};

/// What epoll hands back.
struct Source {
  enum class Kind : std::uint8_t { wake, listener, stream };
  Kind kind;
  int fd = -1;
};

struct PeerAddress {
  char text[46] = {};  ///< numeric IPv4 or IPv6
  std::uint16_t port = 0;
  bool is_loopback = false;
};

class Stream : private Source {
 public:
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  ByteBuffer& output() { return output_; }
  /// Sends at the end of the loop's round what was put into output() outside of on_readable (by a post or a timer).
  void flush_soon();
  /// No on_readable until resumed: for sessions that wait for a lock, a sync, a worker. A peer that ends meanwhile is taken
  /// for gone after two seconds (by_peer): it may have said all it wanted to and still wait for its answer.
  void pause_reading() { paused_by_owner_ = true; }
  void resume_reading();
  /// Closes before the loop goes on; unsent output is lost.
  void close() { close_for(CloseReason::by_owner); }
  /// Closes when the output has been sent and the peer has seen it (or two seconds have gone by).
  void close_when_sent();
  /// Above this much output waiting, reading stops; on_writable comes when it is below half.
  void set_output_limit(std::size_t bytes) { output_limit_ = bytes; }
  bool is_over_output_limit() const { return output_.size() > output_limit_; }

  Reactor& reactor() { return *reactor_; }
  std::uint64_t id() const { return id_; }
  PeerAddress peer() const;

 private:
  friend class Reactor;
  Stream(Reactor& reactor, int socket, std::uint64_t id);
  ~Stream();
  void close_for(CloseReason reason);
  void linger_is_over();

  Reactor* reactor_;
  Handler* handler_ = nullptr;
  ByteBuffer output_;
  std::size_t output_limit_;
  std::uint64_t id_;
  Stream *before_ = nullptr, *after_ = nullptr;  ///< among the reactor's streams
  Stream* next_in_round_ = nullptr;              ///< of those to flush, or to bury
  struct Linger : Timer {
    Linger(Timer::Run fire, Stream* one) : Timer(fire), stream(one) {}
    Stream* stream;
  };
  Linger linger_;
  std::uint32_t interest_ = 0;  ///< what epoll watches now
  CloseReason reason_ = CloseReason::by_owner;
  bool paused_by_owner_ = false, paused_by_output_ = false, flush_queued_ = false;
  bool closing_ = false;  ///< to be closed once everything is sent
  bool lingers_ = false;  ///< all sent and shut down; waits for the peer
  bool peer_ended_ = false;  ///< noticed in a pause
  bool dead_ = false;
};

struct ListenOptions {
  const char* address = "127.0.0.1";  ///< numeric, "localhost", or "*" for all
  std::uint16_t port = 0;             ///< 0: any free one
  int backlog = 1024;
};

class Reactor {
 public:
  Reactor();
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  /// Before anything else. 58030 when the system refuses (no file descriptors).
  Status open();
  /// Accepts here and spreads the connections over `reactors` (empty: this one), the one with the fewest first. Returns
  /// the port. 55006 when the port is taken, 22023 for an address that is none, 58030 otherwise. The span must outlive
  /// run().
  Result<std::uint16_t> listen(const ListenOptions& options, Acceptor& acceptor,
                               std::span<Reactor* const> reactors = {});
  /// Connects to a numeric address (for tests and tools; waits for the connection).
  Result<Stream*> connect(const ListenOptions& peer, Handler& handler);
  /// Takes over a connected, non-blocking socket.
  Result<Stream*> adopt(int socket, Handler* handler);

  /// Handles events until stop(), then closes all streams.
  void run();
  /// One round: waits up to `wait_ms` (negative: until something happens).
  void run_once(Milliseconds wait_ms);
  void stop();
  /// After run() has returned: runs what other threads have posted since.
  void run_posts() { inbox_.run_all(); }
  /// Stops accepting; streams go on. For draining.
  void close_listeners();

  void post(Post& post);
  /// Runs a closure on the reactor's thread. False when there is no memory.
  template <class F>
  bool post_call(F&& call) {
    struct Call : Post {
      explicit Call(F&& c)
          : Post([](Post& self) {
              auto& one = static_cast<Call&>(self);
              one.call();
              delete &one;
            }),
            call(std::forward<F>(c)) {}
      std::decay_t<F> call;
    };
    auto* one = new (std::nothrow) Call(std::forward<F>(call));
    if (one == nullptr) return false;
    post(*one);
    return true;
  }

  bool arm(Timer& timer, Milliseconds after) { return timers_.arm(timer, now_ + after); }
  void disarm(Timer& timer) { timers_.disarm(timer); }
  void remove(Timer& timer) { timers_.remove(timer); }
  /// The monotonic clock at the start of the round.
  Milliseconds now() const { return now_; }
  std::size_t stream_count() const { return stream_count_.load(std::memory_order_relaxed); }

 private:
  friend class Stream;
  struct Listener;

  void handle_stream(Stream& stream, std::uint32_t events);
  void read(Stream& stream);
  void drain(Stream& stream);
  void flush(Stream& stream);
  void finish_round();
  void all_sent(Stream& stream);
  void give_back_output(Stream& stream);
  enum class Pause : std::uint8_t { lazy, now };
  bool watch(Stream& stream, Pause pause = Pause::lazy);
  void bury(Stream& stream);
  void accept_from(Listener& listener);
  void take(int socket, Acceptor& acceptor);
  bool watch(Listener& listener);
  void delete_closed_listeners();
  void close_all();

  int epoll_ = -1;
  Source wake_{Source::Kind::wake};
  Inbox inbox_;
  TimerHeap timers_;
  Milliseconds now_ = 0;
  std::byte* read_buffer_ = nullptr;
  ByteBuffer spare_output_;  ///< lent to the stream that is answering
  Stream *streams_ = nullptr, *to_flush_ = nullptr, *to_bury_ = nullptr;
  Listener *listeners_ = nullptr, *closed_listeners_ = nullptr;
  std::uint64_t next_id_ = 1;
  std::atomic<std::size_t> stream_count_{0};
  std::atomic<bool> stop_{false};
  std::atomic<bool> sleeping_{false};  ///< in epoll_wait, or about to: a post must wake it
};

}  // namespace spg::net
