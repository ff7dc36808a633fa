#include "spg/server/server.hpp"

#include <new>
#include <string>

#include "connection.hpp"

namespace spg::server {
namespace {

class ServerImpl;

/// One reactor, its thread and what its connections share.
struct Loop {
  net::Reactor reactor;
  ReactorState state;
  os::StdSync::Thread thread;
  struct DurablePost : net::Post {
    explicit DurablePost(Loop* l) : net::Post([](net::Post& post) { Connection::wake_durable(static_cast<DurablePost&>(post).loop->state); }), loop(l) {}
    Loop* loop;
  } durable_post{this};
};

/// Accepted connections; runs on the reactor that got the stream.
class Doorkeeper final : public net::Acceptor {
 public:
  explicit Doorkeeper(ServerImpl& server) : server_(server) {}
  net::Handler* on_accept(net::Stream& stream) override;

 private:
  ServerImpl& server_;
};

class ServerImpl final : public Server {
 public:
  ServerImpl(db::Instance& instance, const ServerOptions& options) : instance_(instance), options_(options), doorkeeper_(*this) {
    if (options_.reactors == 0) options_.reactors = 1;
    instance.machine().fill_random(mock_secret_);
  }
  Status open() {
    loops_ = std::make_unique<Loop[]>(options_.reactors);
    reactors_ = std::make_unique<net::Reactor*[]>(options_.reactors);
    for (unsigned i = 0; i < options_.reactors; ++i) {
      SPG_TRY(loops_[i].reactor.open());
      reactors_[i] = &loops_[i].reactor;
      ReactorState& state = loops_[i].state;
      state.instance = &instance_;
      state.workers = &workers_;
      state.options = &options_;
      state.reactor = reactors_[i];
      state.mock_secret = mock_secret_;
    }
    return workers_.start(options_.workers);
  }
  Result<std::uint16_t> listen() override {
    return loops_[0].reactor.listen({options_.address, options_.port, 1024}, doorkeeper_, {reactors_.get(), options_.reactors});
  }
  void run() override {
    for (unsigned i = 1; i < options_.reactors; ++i)
      if (loops_[i].thread.start([](void* loop) { static_cast<Loop*>(loop)->reactor.run(); }, &loops_[i])) stop();
    loops_[0].reactor.run();
    for (unsigned i = 1; i < options_.reactors; ++i) loops_[i].thread.join();
    workers_.stop();
    // The workers' last posts end the connections whose statements they ran.
    for (unsigned i = 0; i < options_.reactors; ++i) loops_[i].reactor.run_posts();
  }
  void stop() override {
    for (unsigned i = 0; i < options_.reactors; ++i) {
      Loop& loop = loops_[i];
      loop.reactor.post_call([&loop] {
        loop.reactor.close_listeners();
        Connection::shut_down_all(loop.state);
        loop.reactor.stop();
      });
    }
  }
  void durable_moved() override {
    for (unsigned i = 0; i < options_.reactors; ++i)
      if (loops_[i].state.has_waiting.load(std::memory_order_seq_cst)) loops_[i].reactor.post(loops_[i].durable_post);
  }
  Loop* loop_of(net::Reactor& reactor) {
    for (unsigned i = 0; i < options_.reactors; ++i)
      if (&loops_[i].reactor == &reactor) return &loops_[i];
    return nullptr;
  }
  bool is_full() const {
    std::size_t streams = 0;
    for (unsigned i = 0; i < options_.reactors; ++i) streams += loops_[i].reactor.stream_count();
    return streams > options_.connections_max;
  }

 private:
  db::Instance& instance_;
  ServerOptions options_;
  Doorkeeper doorkeeper_;
  std::byte mock_secret_[32];
  std::unique_ptr<Loop[]> loops_;
  std::unique_ptr<net::Reactor*[]> reactors_;
  Workers workers_;
};

net::Handler* Doorkeeper::on_accept(net::Stream& stream) {
  Loop* loop = server_.loop_of(stream.reactor());
  if (server_.is_full()) {
    wire::pg::Writer(stream.output()).error_response(Error::make(sqlstate::too_many_connections, "sorry, too many clients already"), wire::pg::Severity::fatal);
    return nullptr;
  }
  return new (std::nothrow) Connection(loop->state, stream);
}

}  // namespace

Result<std::unique_ptr<Server>> Server::make(db::Instance& instance, const ServerOptions& options) {
  auto server = std::make_unique<ServerImpl>(instance, options);
  SPG_TRY(server->open());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace spg::server
