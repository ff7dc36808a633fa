#include "spg/net/reactor.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "wire/session.hpp"

using namespace spg;
using namespace spg::net;

namespace {

/// A handler of three functions.
struct Callbacks final : Handler {
  std::function<void(Stream&, std::string_view)> readable = [](Stream&, std::string_view) {};
  std::function<void(Stream&)> writable = [](Stream&) {};
  std::function<void(CloseReason)> closed = [](CloseReason) {};
  bool is_open = true;
  void on_readable(Stream& stream, Bytes bytes) override { readable(stream, as_text(bytes)); }
  void on_writable(Stream& stream) override { writable(stream); }
  void on_close(Stream&, CloseReason reason) override {
    is_open = false;
    closed(reason);
  }
};

struct OneHandler : Acceptor {
  explicit OneHandler(Handler& one) : handler(&one) {}
  Handler* on_accept(Stream& stream) override {
    accepted = &stream;
    return handler;
  }
  Handler* handler;
  Stream* accepted = nullptr;
};

/// A reactor that both ends of a connection live on, so that tests need no thread and no time.
struct Loop {
  Loop() { REQUIRE_FALSE(reactor.open().failed()); }
  Stream& connect(Acceptor& acceptor, Handler& client) {
    const auto port = reactor.listen({}, acceptor);
    REQUIRE(port);
    auto stream = reactor.connect({.port = *port}, client);
    REQUIRE(stream);
    return **stream;
  }
  void until(const std::function<bool()>& reached) {
    for (int rounds = 0; !reached(); ++rounds) {
      REQUIRE(rounds < 100000);
      reactor.run_once(1000);
    }
  }
  /// Closes all while the handlers are still there; the last call of a test that leaves streams open.
  void end() {
    reactor.stop();
    reactor.run();
    CHECK(reactor.stream_count() == 0);
  }
  Reactor reactor;
};

Callbacks echo() {
  Callbacks server;
  server.readable = [](Stream& stream, std::string_view text) { stream.output().append(text); };
  return server;
}

}  // namespace

TEST_CASE("bytes are echoed, and idle streams hold no buffer") {
  Loop loop;
  Callbacks server = echo(), client;
  std::string got;
  client.readable = [&](Stream&, std::string_view text) { got += text; };
  OneHandler acceptor(server);
  Stream& stream = loop.connect(acceptor, client);
  const std::string sent = test::random_bytes(300000, 8);
  stream.output().append(sent);
  stream.flush_soon();
  loop.until([&] { return got.size() == sent.size(); });
  CHECK(got == sent);
  CHECK(acceptor.accepted->peer().is_loopback);
  CHECK(std::string(acceptor.accepted->peer().text) == "127.0.0.1");
  CHECK(stream.output().held_bytes() + acceptor.accepted->output().held_bytes() == 0);
  CHECK(loop.reactor.stream_count() == 2);
  stream.close();
  loop.until([&] { return !server.is_open; });
  CHECK(loop.reactor.stream_count() == 0);
}

TEST_CASE("a slow reader pauses the producer instead of filling memory") {
  Loop loop;
  Callbacks server, client;
  const std::size_t limit = 256 * 1024, chunk = 64 * 1024, total = 64 << 20;
  std::size_t produced = 0, got = 0, most = 0, resumed = 0;
  const auto produce = [&](Stream& stream) {
    while (produced < total && !stream.is_over_output_limit()) {
      stream.output().append(std::string(chunk, static_cast<char>(produced / chunk)));
      produced += chunk;
    }
    most = std::max(most, stream.output().size());
  };
  server.readable = [&](Stream& stream, std::string_view) {
    stream.set_output_limit(limit);
    produce(stream);
  };
  server.writable = [&](Stream& stream) {
    ++resumed;
    produce(stream);
  };
  bool right = true;
  client.readable = [&](Stream&, std::string_view text) {
    for (char c : text) right = right && c == static_cast<char>(got++ / chunk);
  };
  OneHandler acceptor(server);
  Stream& stream = loop.connect(acceptor, client);
  stream.output().append(std::string_view("go"));
  stream.flush_soon();
  stream.pause_reading();
  for (int i = 0; i < 50; ++i) loop.reactor.run_once(0);
  CHECK(produced < total);
  stream.resume_reading();
  loop.until([&] { return got == total; });
  CHECK(right);
  CHECK(resumed > 0);
  CHECK(most <= limit + chunk);
  loop.end();
}

TEST_CASE("a peer that ends while its stream is paused is noticed, but not at once") {
  Loop loop;
  Callbacks server, client;
  auto reason = CloseReason::shut_down;
  server.closed = [&](CloseReason why) { reason = why; };
  server.readable = [](Stream& stream, std::string_view) { stream.pause_reading(); };
  OneHandler acceptor(server);
  Stream& stream = loop.connect(acceptor, client);
  stream.output().append("a question");
  stream.flush_soon();
  loop.until([&] { return acceptor.accepted != nullptr; });
  const bool sends_more = GENERATE(false, true);
  if (sends_more) {
    stream.output().append("and another");
    stream.flush_soon();
    loop.reactor.run_once(50);
  }
  stream.close_when_sent();  // shuts its side down and waits, as a client does that has gone without a word
  const Milliseconds begin = loop.reactor.now();
  loop.until([&] { return !server.is_open; });
  CHECK(reason == CloseReason::by_peer);
  CHECK(loop.reactor.now() - begin >= 1000);
  loop.end();
}

TEST_CASE("a paused stream hears nothing until it is resumed, and loses nothing") {
  Loop loop;
  Callbacks server, client;
  std::string got;
  server.readable = [&](Stream& stream, std::string_view text) {
    got += text;
    stream.pause_reading();
  };
  OneHandler acceptor(server);
  Stream& stream = loop.connect(acceptor, client);
  const auto send = [&](std::string_view text) {
    stream.output().append(text);
    stream.flush_soon();
  };
  send("one");
  loop.until([&] { return got == "one"; });
  send("two");
  for (int i = 0; i < 20; ++i) loop.reactor.run_once(0);
  CHECK(got == "one");
  acceptor.accepted->resume_reading();
  loop.until([&] { return got == "onetwo"; });
  stream.close();
  acceptor.accepted->resume_reading();
  loop.until([&] { return !server.is_open; });
}

TEST_CASE("last words reach a peer that has sent more than was read") {
  Loop loop;
  Callbacks server, client;
  std::string got;
  CloseReason reason{};
  server.readable = [&](Stream& stream, std::string_view) {
    stream.output().append(std::string_view("FATAL"));
    stream.close_when_sent();
  };
  client.readable = [&](Stream&, std::string_view text) { got += text; };
  client.closed = [&](CloseReason why) { reason = why; };
  OneHandler acceptor(server);
  Stream& stream = loop.connect(acceptor, client);
  stream.output().append(std::string(3 << 20, 'x'));
  stream.flush_soon();
  loop.until([&] { return !client.is_open && !server.is_open; });
  CHECK(got == "FATAL");
  CHECK(reason == CloseReason::by_peer);
}

TEST_CASE("a refused connection closes, and stop closes what is left") {
  Loop loop;
  Callbacks client, other;
  CloseReason reason{};
  struct Refuse : Acceptor {
    Handler* on_accept(Stream&) override { return nullptr; }
  } refuse;
  loop.connect(refuse, client);
  loop.until([&] { return !client.is_open; });
  CHECK(loop.reactor.stream_count() == 0);
  Callbacks server = echo();
  OneHandler acceptor(server);
  other.closed = [&](CloseReason why) { reason = why; };
  loop.connect(acceptor, other);
  loop.until([&] { return acceptor.accepted != nullptr; });
  loop.reactor.stop();
  loop.reactor.run();
  CHECK_FALSE(other.is_open);
  CHECK_FALSE(server.is_open);
  CHECK(reason == CloseReason::shut_down);
}

TEST_CASE("a taken port and an impossible address are told plainly") {
  Loop loop, second;
  Callbacks server;
  OneHandler acceptor(server);
  const auto port = loop.reactor.listen({}, acceptor);
  REQUIRE(port);
  const auto taken = second.reactor.listen({.port = *port}, acceptor);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code() == sqlstate::object_in_use);
  CHECK(taken.error().message() ==
        "could not listen on address \"127.0.0.1\", port " + std::to_string(*port) + ": Address already in use");
  loop.reactor.close_listeners();
  loop.reactor.run_once(0);
  CHECK(second.reactor.listen({.port = *port}, acceptor));
  const auto wrong = second.reactor.listen({.address = "nowhere"}, acceptor);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code() == sqlstate::invalid_parameter_value);
  CHECK(second.reactor.listen({.address = "*"}, acceptor));
}

TEST_CASE("posts from other threads run on the reactor's thread, all of them and in each sender's order") {
  Loop loop;
  constexpr int threads = 4, calls = 2000;
  std::vector<int> last(threads, -1);
  int ran = 0;
  bool ordered = true, right_thread = true;
  const auto home = std::this_thread::get_id();
  std::vector<std::thread> senders;
  for (int t = 0; t < threads; ++t)
    senders.emplace_back([&, t] {
      for (int i = 0; i < calls; ++i)
        loop.reactor.post_call([&, t, i] {
          auto& before = last[static_cast<std::size_t>(t)];
          ordered = ordered && before == i - 1;
          before = i;
          ++ran;
          right_thread = right_thread && std::this_thread::get_id() == home;
        });
    });
  loop.until([&] { return ran == threads * calls; });
  for (auto& sender : senders) sender.join();
  CHECK(ordered);
  CHECK(right_thread);
}

TEST_CASE("a timer of the reactor fires and ends the wait") {
  Loop loop;
  static bool fired;
  fired = false;
  Timer timer([](Timer&) { fired = true; });
  loop.reactor.arm(timer, 1);
  while (!fired) loop.reactor.run_once(-1);
  CHECK_FALSE(timer.armed());
}

namespace {
/// A server of scripted PostgreSQL sessions, one per stream.
struct PgHandler final : Handler {
  test::ScriptedSession session;
  void on_readable(Stream& stream, Bytes bytes) override {
    session.feed(as_text(bytes));
    stream.output().append(session.out.view());
    session.out.clear();
    if (session.connection.closed()) stream.close_when_sent();
  }
  void on_close(Stream&, CloseReason) override { delete this; }
};
struct PgAcceptor : Acceptor {
  std::atomic<int> accepted{0};
  Handler* on_accept(Stream&) override {
    ++accepted;
    return new PgHandler;
  }
};
}  // namespace

TEST_CASE("sessions on several reactors answer pipelines, and connections spread evenly") {
  Reactor reactors[2];
  Reactor* const all[] = {&reactors[0], &reactors[1]};
  for (auto* one : all) REQUIRE_FALSE(one->open().failed());
  PgAcceptor acceptor;
  const auto port = reactors[0].listen({}, acceptor, all);
  REQUIRE(port);
  std::thread threads[] = {std::thread([&] { reactors[0].run(); }), std::thread([&] { reactors[1].run(); })};
  constexpr int clients = 8, statements = 200;
  Loop loop;
  int finished = 0;
  std::vector<std::unique_ptr<Callbacks>> handlers;
  std::vector<std::string> got(clients);
  for (int i = 0; i < clients; ++i) {
    handlers.push_back(std::make_unique<Callbacks>());
    std::string& text = got[static_cast<std::size_t>(i)];
    handlers.back()->readable = [&text](Stream&, std::string_view bytes) { text += bytes; };
    handlers.back()->closed = [&](CloseReason) { ++finished; };
    auto stream = loop.reactor.connect({.port = *port}, *handlers.back());
    REQUIRE(stream);
    (*stream)->output().append(test::hello() + test::client_bytes([](test::ClientWriter& w) {
                                 for (int n = 0; n < statements; ++n) {
                                   w.parse("", "select");
                                   w.bind("", "");
                                   w.execute("");
                                   w.sync();
                                 }
                               }));
    (*stream)->flush_soon();
  }
  std::string expected = "R....|ZI|";
  for (int n = 0; n < statements; ++n) expected += "1|2|CSELECT 0.|ZI|";
  const auto whole = [&](const std::string& bytes) { return bytes.size() >= 9 && test::shown(bytes) == expected; };
  loop.until([&] { return std::all_of(got.begin(), got.end(), whole); });
  CHECK(acceptor.accepted == clients);
  CHECK(reactors[0].stream_count() + reactors[1].stream_count() == clients);
  CHECK(reactors[1].stream_count() >= 2);
  for (auto* one : all) one->stop();
  for (auto& thread : threads) thread.join();
  loop.until([&] { return finished == clients; });
}
