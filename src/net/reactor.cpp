#include "spg/net/reactor.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "spg/net/socket.hpp"

namespace spg::net {
namespace {

constexpr std::size_t read_buffer_bytes = 64 * 1024, spare_output_bytes_max = 256 * 1024;
constexpr std::size_t output_limit_default = 1024 * 1024;
constexpr Milliseconds linger_ms = 2000, accept_retry_ms = 100;
constexpr int events_per_round = 128;

Milliseconds monotonic_ms() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<Milliseconds>(time.tv_sec) * 1000 + time.tv_nsec / 1000000;
}

}  // namespace

struct Reactor::Listener : Source {
  Listener(Reactor& owner, int socket, Acceptor& accepts, std::span<Reactor* const> share)
      : Source{Kind::listener, socket}, reactor(&owner), acceptor(&accepts), reactors(share) {}
  Reactor* reactor;
  Acceptor* acceptor;
  std::span<Reactor* const> reactors;
  Listener* next = nullptr;
  std::size_t turn = 0;
  struct Retry : Timer {
    Retry(Timer::Run fire, Listener* one) : Timer(fire), listener(one) {}
    Listener* listener;
  };
  Retry retry{[](Timer& self) {
                Listener& listener = *static_cast<Retry&>(self).listener;
                if (!listener.reactor->watch(listener)) listener.reactor->arm(self, accept_retry_ms);
              },
              this};

  /// The reactor with the fewest streams; among equals, in turn.
  Reactor& next_reactor() {
    if (reactors.empty()) return *reactor;
    Reactor* best = nullptr;
    ++turn;
    for (std::size_t i = 0; i < reactors.size(); ++i) {
      Reactor* one = reactors[(turn + i) % reactors.size()];
      if (best == nullptr || one->stream_count() < best->stream_count()) best = one;
    }
    return *best;
  }
};

// ---- streams

Stream::Stream(Reactor& reactor, int socket, std::uint64_t id)
    : Source{Kind::stream, socket},
      reactor_(&reactor),
      output_limit_(output_limit_default),
      id_(id),
      linger_([](Timer& self) { static_cast<Linger&>(self).stream->linger_is_over(); }, this) {}

Stream::~Stream() { ::close(fd); }

void Stream::linger_is_over() {
  if (closing_) close_for(CloseReason::by_owner);
  else if (peer_ended_ && paused_by_owner_) close_for(CloseReason::by_peer);
}

PeerAddress Stream::peer() const { return peer_of(fd); }

void Stream::flush_soon() {
  if (flush_queued_ || dead_) return;
  flush_queued_ = true;
  next_in_round_ = reactor_->to_flush_;
  reactor_->to_flush_ = this;
}

void Stream::resume_reading() {
  paused_by_owner_ = false;
  // A flush that is due looks at what to watch when it knows whether all could be sent.
  if (!dead_ && !flush_queued_ && !reactor_->watch(*this)) close_for(CloseReason::io_error);
}

void Stream::close_when_sent() {
  closing_ = true;
  flush_soon();
}

void Stream::close_for(CloseReason reason) {
  if (dead_) return;
  dead_ = true;
  reason_ = reason;
  // One link serves both lists; a stream that is still to be flushed is found dead there.
  if (!flush_queued_) {
    next_in_round_ = reactor_->to_bury_;
    reactor_->to_bury_ = this;
  }
}

// ---- the loop

Reactor::Reactor() = default;

Reactor::~Reactor() {
  close_all();
  close_listeners();
  delete_closed_listeners();
  if (wake_.fd >= 0) ::close(wake_.fd);
  if (epoll_ >= 0) ::close(epoll_);
  std::free(read_buffer_);
}

Status Reactor::open() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wake_.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (epoll_ < 0 || wake_.fd < 0) return system_error("could not create an event loop");
  read_buffer_ = static_cast<std::byte*>(std::malloc(read_buffer_bytes));
  if (read_buffer_ == nullptr) return Error::out_of_memory();
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;  // every write to it is an event: nobody has to read it
  event.data.ptr = &wake_;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_.fd, &event) != 0) return system_error("could not watch an event");
  now_ = monotonic_ms();
  return ok();
}

void Reactor::run() {
  while (!stop_.load(std::memory_order_acquire)) run_once(-1);
  inbox_.run_all();
  close_all();
}

void Reactor::stop() {
  stop_.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_.fd, &one, sizeof one));
}

void Reactor::post(Post& post) {
  // Pairs with run_once(): either this put is seen before the reactor sleeps, or the sleeper is seen here.
  if (!inbox_.put(post) || !sleeping_.exchange(false, std::memory_order_seq_cst)) return;
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_.fd, &one, sizeof one));
}

void Reactor::run_once(Milliseconds wait_ms) {
  const Milliseconds due = timers_.next_due();
  if (due != Timer::never) {
    const Milliseconds left = std::max<Milliseconds>(0, due - monotonic_ms());
    wait_ms = wait_ms < 0 ? left : std::min(wait_ms, left);
  }
  if (to_flush_ != nullptr || to_bury_ != nullptr) wait_ms = 0;  // queued from outside a round
  epoll_event events[events_per_round];
  sleeping_.store(true, std::memory_order_seq_cst);
  if (!inbox_.empty()) wait_ms = 0;
  const int count =
      epoll_wait(epoll_, events, events_per_round, static_cast<int>(std::min<Milliseconds>(wait_ms, INT32_MAX)));
  sleeping_.store(false, std::memory_order_relaxed);
  now_ = monotonic_ms();
  for (int i = 0; i < count; ++i) {
    auto* source = static_cast<Source*>(events[i].data.ptr);
    switch (source->kind) {
      case Source::Kind::wake: break;
      case Source::Kind::listener: accept_from(*static_cast<Listener*>(source)); break;
      case Source::Kind::stream: handle_stream(*static_cast<Stream*>(source), events[i].events); break;
    }
  }
  inbox_.run_all();
  timers_.run_due(now_);
  finish_round();
}

/// Sends what posts and timers produced, then buries the dead: no event of the round refers to them any more.
void Reactor::finish_round() {
  delete_closed_listeners();
  while (to_flush_ != nullptr || to_bury_ != nullptr) {
    if (to_flush_ != nullptr) {
      Stream& stream = *to_flush_;
      to_flush_ = std::exchange(stream.next_in_round_, nullptr);
      stream.flush_queued_ = false;
      if (!stream.dead_) {
        flush(stream);
        continue;
      }
      stream.next_in_round_ = std::exchange(to_bury_, &stream);
      continue;
    }
    Stream& stream = *to_bury_;
    to_bury_ = std::exchange(stream.next_in_round_, nullptr);
    bury(stream);
  }
}

void Reactor::handle_stream(Stream& stream, std::uint32_t events) {
  if (stream.dead_) return;
  if ((events & EPOLLOUT) != 0) {
    flush(stream);
    if (stream.dead_) return;
  }
  if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (events & EPOLLIN) == 0) {
    stream.close_for(CloseReason::by_peer);
    return;
  }
  if ((events & EPOLLIN) == 0) {
    if ((events & EPOLLRDHUP) == 0 || !stream.paused_by_owner_) return;
    stream.peer_ended_ = true;
    if (!watch(stream, Pause::now) || !arm(stream.linger_, linger_ms)) stream.close_for(CloseReason::by_peer);
    return;
  }
  if (stream.lingers_) {
    drain(stream);
    return;
  }
  // Data while paused: only now is it worth a system call to stop watching.
  if (stream.paused_by_owner_ || stream.paused_by_output_ || stream.closing_) {
    if (!watch(stream, Pause::now)) stream.close_for(CloseReason::io_error);
    return;
  }
  read(stream);
}

void Reactor::read(Stream& stream) {
  const ssize_t got = ::recv(stream.fd, read_buffer_, read_buffer_bytes, 0);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) stream.close_for(CloseReason::io_error);
    return;
  }
  if (got == 0) {
    const bool stays = stream.handler_->on_end(stream);
    stream.peer_ended_ = stream.paused_by_owner_ = stays;
    if (!stays || !watch(stream, Pause::now) || !arm(stream.linger_, linger_ms)) stream.close_for(CloseReason::by_peer);
    return;
  }
  if (stream.output_.held_bytes() == 0) stream.output_.swap(spare_output_);
  stream.handler_->on_readable(stream, {read_buffer_, static_cast<std::size_t>(got)});
  if (!stream.dead_) flush(stream);
}

/// An idle stream holds no buffer: the reactor keeps one, to be lent again, and frees the others.
void Reactor::give_back_output(Stream& stream) {
  stream.output_.clear(spare_output_bytes_max);
  if (spare_output_.held_bytes() == 0) stream.output_.swap(spare_output_);
  else stream.output_.reset();
}

/// Reads what a peer still sends to a stream that has said its last word.
void Reactor::drain(Stream& stream) {
  const ssize_t got = ::recv(stream.fd, read_buffer_, read_buffer_bytes, 0);
  if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return;
  stream.close_for(CloseReason::by_owner);
}

void Reactor::flush(Stream& stream) {
  ByteBuffer& output = stream.output_;
  if (output.failed()) {
    stream.close_for(CloseReason::out_of_memory);
    return;
  }
  if (output.size() > stream.output_limit_) stream.paused_by_output_ = true;
  while (!output.empty()) {
    const ssize_t sent = ::send(stream.fd, output.view().data(), output.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) break;
      stream.close_for(errno == EPIPE || errno == ECONNRESET ? CloseReason::by_peer : CloseReason::io_error);
      return;
    }
    const bool all = static_cast<std::size_t>(sent) == output.size();
    output.consume(static_cast<std::size_t>(sent));
    if (!all) break;  // the kernel's buffer is full; EPOLLOUT tells when it is not
  }
  if (output.empty()) {
    all_sent(stream);
    return;
  }
  if (stream.paused_by_output_ && output.size() <= stream.output_limit_ / 2) {
    stream.paused_by_output_ = false;
    stream.handler_->on_writable(stream);
    stream.flush_soon();
  }
  if (!stream.dead_ && !watch(stream)) stream.close_for(CloseReason::io_error);
}

void Reactor::all_sent(Stream& stream) {
  if (stream.output_.held_bytes() != 0) give_back_output(stream);
  if (stream.closing_ && !stream.lingers_) {
    // A close with unread input would reset the connection and could overtake the last words.
    stream.lingers_ = true;
    ::shutdown(stream.fd, SHUT_WR);
    if (!arm(stream.linger_, linger_ms)) stream.close_for(CloseReason::by_owner);
  }
  const bool was_over = std::exchange(stream.paused_by_output_, false);
  if (!watch(stream)) {
    stream.close_for(CloseReason::io_error);
    return;
  }
  if (was_over && !stream.closing_) {
    stream.handler_->on_writable(stream);
    if (!stream.output_.empty()) stream.flush_soon();
  }
}

/// Makes epoll watch what the stream needs. A pause leaves EPOLLIN on until data really comes in one (handle_stream),
/// so that the usual one, a session waiting for its sync, costs nothing. From then on only the peer's end is of interest.
bool Reactor::watch(Stream& stream, Pause pause) {
  const bool paused = (stream.paused_by_owner_ || stream.paused_by_output_ || stream.closing_) && !stream.lingers_;
  std::uint32_t input = EPOLLIN;
  if (paused && pause == Pause::lazy) input = stream.interest_ & (EPOLLIN | EPOLLRDHUP);
  if (paused && pause == Pause::now) input = stream.peer_ended_ ? 0u : std::uint32_t{EPOLLRDHUP};
  const std::uint32_t interest = input | (stream.output_.empty() ? 0u : std::uint32_t{EPOLLOUT});
  if (interest == stream.interest_) return true;
  epoll_event event{};
  event.events = interest;
  event.data.ptr = static_cast<Source*>(&stream);
  stream.interest_ = interest;
  return epoll_ctl(epoll_, EPOLL_CTL_MOD, stream.fd, &event) == 0;
}

void Reactor::bury(Stream& stream) {
  timers_.remove(stream.linger_);
  epoll_ctl(epoll_, EPOLL_CTL_DEL, stream.fd, nullptr);
  if (stream.handler_ != nullptr) stream.handler_->on_close(stream, stream.reason_);
  (stream.before_ == nullptr ? streams_ : stream.before_->after_) = stream.after_;
  if (stream.after_ != nullptr) stream.after_->before_ = stream.before_;
  stream_count_.fetch_sub(1, std::memory_order_relaxed);
  delete &stream;
}

void Reactor::close_all() {
  for (Stream* stream = streams_; stream != nullptr; stream = stream->after_) stream->close_for(CloseReason::shut_down);
  finish_round();
}

// ---- connections

Result<Stream*> Reactor::adopt(int socket, Handler* handler) {
  auto* stream = new (std::nothrow) Stream(*this, socket, next_id_++);
  if (stream == nullptr) {
    ::close(socket);
    return Error::out_of_memory();
  }
  epoll_event event{};
  event.events = stream->interest_ = EPOLLIN;
  event.data.ptr = static_cast<Source*>(stream);
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) {
    Error error = system_error("could not watch a connection");
    delete stream;
    return error;
  }
  stream->handler_ = handler;
  stream->after_ = streams_;
  if (streams_ != nullptr) streams_->before_ = stream;
  streams_ = stream;
  stream_count_.fetch_add(1, std::memory_order_relaxed);
  return stream;
}

void Reactor::take(int socket, Acceptor& acceptor) {
  auto adopted = adopt(socket, nullptr);
  if (!adopted) return;  // closed already; the peer sees it
  Stream& stream = **adopted;
  stream.handler_ = acceptor.on_accept(stream);
  if (stream.handler_ == nullptr) stream.close();
  else if (!stream.output_.empty()) stream.flush_soon();
}

bool Reactor::watch(Listener& listener) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = static_cast<Source*>(&listener);
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, listener.fd, &event) == 0;
}

void Reactor::accept_from(Listener& listener) {
  for (int i = 0; i < events_per_round && listener.fd >= 0; ++i) {
    const int socket = accept_one(listener.fd);
    if (socket < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN) return;
      // Out of descriptors or memory: stop listening for a while instead of spinning.
      epoll_ctl(epoll_, EPOLL_CTL_DEL, listener.fd, nullptr);
      arm(listener.retry, accept_retry_ms);
      return;
    }
    Reactor& target = listener.next_reactor();
    Acceptor* const acceptor = listener.acceptor;
    if (&target == this) take(socket, *acceptor);
    else if (!target.post_call([&target, socket, acceptor] { target.take(socket, *acceptor); })) ::close(socket);
  }
}

Result<std::uint16_t> Reactor::listen(const ListenOptions& options, Acceptor& acceptor,
                                      std::span<Reactor* const> reactors) {
  SPG_ASSIGN(const BoundSocket bound, listen_on(options));
  auto* listener = new (std::nothrow) Listener(*this, bound.fd, acceptor, reactors);
  if (listener == nullptr) {
    ::close(bound.fd);
    return Error::out_of_memory();
  }
  listener->next = std::exchange(listeners_, listener);
  if (!watch(*listener)) return system_error("could not watch a listening socket");
  return bound.port;
}

Result<Stream*> Reactor::connect(const ListenOptions& peer, Handler& handler) {
  SPG_ASSIGN(const int socket, connect_to(peer));
  return adopt(socket, &handler);
}

void Reactor::close_listeners() {
  while (listeners_ != nullptr) {
    Listener* const listener = listeners_;
    listeners_ = listener->next;
    timers_.remove(listener->retry);
    ::close(std::exchange(listener->fd, -1));
    listener->next = std::exchange(closed_listeners_, listener);  // an event of this round may still name it
  }
}

void Reactor::delete_closed_listeners() {
  while (closed_listeners_ != nullptr) {
    Listener* const listener = closed_listeners_;
    closed_listeners_ = listener->next;
    delete listener;
  }
}

}  // namespace spg::net
