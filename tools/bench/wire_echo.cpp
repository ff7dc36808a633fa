// What reactor and protocol cost without a database: answers pgbench's SELECT script with canned rows, as
// shared/tools/echo_pg.cpp does with hand-written parsing. Compare the two on one machine, in one run:
//
//   build/release/wire_echo PORT THREADS
//   pgbench -h 127.0.0.1 -p PORT -n -s 10 -f pgbench/select.sql -M prepared -c 16 -j 2 -T 5 postgres
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "spg/net/reactor.hpp"
#include "spg/wire/pg_connection.hpp"

namespace {

using namespace spg;
using namespace spg::wire::pg;

struct EchoSession final : net::Handler {
  explicit EchoSession(net::Stream& stream) : connection(stream.output()) {}

  void on_readable(net::Stream& stream, Bytes bytes) override {
    connection.feed(bytes);
    for (Event event;;) {
      const Result<bool> got = connection.next(event);
      if (got && !*got) break;
      if (got) answer(event);
      else connection.error(got.error());
      if (connection.ready_owed()) connection.ready(TransactionStatus::idle);
    }
    connection.settle();
    if (connection.closed()) stream.close_when_sent();
  }
  void on_close(net::Stream&, net::CloseReason) override { delete this; }

  void answer(const Event& event) {
    Writer& writer = connection.writer();
    switch (event.kind) {
      case EventKind::ssl_request:
      case EventKind::gss_request: connection.deny_encryption(); break;
      case EventKind::startup:
        connection.authenticated();
        writer.parameter_status("server_version", "15.0");
        writer.parameter_status("client_encoding", "UTF8");
        writer.parameter_status("standard_conforming_strings", "on");
        writer.backend_key_data(1, 1);
        connection.ready(TransactionStatus::idle);
        break;
      case EventKind::parse: writer.parse_complete(); break;
      case EventKind::bind: writer.bind_complete(); break;
      case EventKind::describe: {
        const Field field{.name = "abalance", .type_oid = 23, .type_bytes = 4};
        writer.row_description({&field, 1});
        break;
      }
      case EventKind::execute:
        writer.begin_row(1);
        writer.value("0");
        writer.end_row();
        writer.command_complete("SELECT 1");
        break;
      case EventKind::query: writer.command_complete("SET"); break;
      default: break;
    }
  }

  Connection connection;
};

struct EchoAcceptor : net::Acceptor {
  net::Handler* on_accept(net::Stream& stream) override { return new EchoSession(stream); }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: wire_echo PORT THREADS\n"), 2;
  const auto count = static_cast<std::size_t>(std::atoi(argv[2]));
  const auto reactors = std::make_unique<net::Reactor[]>(count);
  std::vector<net::Reactor*> all;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(&reactors[i]);
    if (reactors[i].open().failed()) return 1;
  }
  EchoAcceptor acceptor;
  const auto port = reactors[0].listen({.port = static_cast<std::uint16_t>(std::atoi(argv[1]))}, acceptor, all);
  if (!port)
    return std::fprintf(stderr, "%.*s\n", static_cast<int>(port.error().message().size()),
                        port.error().message().data()),
           1;
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < count; ++i) threads.emplace_back([&reactors, i] { reactors[i].run(); });
  reactors[0].run();
  for (auto& thread : threads) thread.join();
}
