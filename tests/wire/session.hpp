// A scripted session behind a wire::pg::Connection: it writes down every event and answers in a fixed way.
#pragma once
#include <string>
#include <vector>

#include "spg/wire/pg_client.hpp"
#include "spg/wire/pg_connection.hpp"
#include "support/bytes.hpp"

namespace spg::test {

using namespace spg::wire::pg;

struct ScriptedSession {
  explicit ScriptedSession(ConnectionLimits limits = {}) : connection(out, limits) {}

  ByteBuffer out;
  Connection connection;
  std::string log;  // one line per event or error
  const crypto::ScramVerifier* verifier = nullptr;
  bool use_scram = false;

  /// Feeds the bytes in pieces, each in memory of its own, so that a view that is kept too long is a fault under asan.
  void feed(std::string_view bytes, std::size_t piece = SIZE_MAX) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) feed_one(bytes.substr(0, piece));
  }
  void feed_one(std::string_view bytes) {
    const std::vector<char> copy(bytes.begin(), bytes.end());
    connection.feed(as_bytes({copy.data(), copy.size()}));
    for (Event event;;) {
      const Result<bool> got = connection.next(event);
      if (got && !*got) break;
      if (got) handle(event);
      else {
        log += "error " + std::string(got.error().message()) + "\n";
        connection.error(got.error());
      }
      if (connection.ready_owed()) connection.ready(TransactionStatus::idle);
    }
    connection.settle();
  }
  std::string sent() const { return std::string(as_text(out.view())); }
  void forget() {
    out.clear();
    log.clear();
  }

  void fail() { connection.error(Error::make(sqlstate::syntax_error, "no")); }
  void handle(const Event& event) {
    switch (event.kind) {
      case EventKind::none: log += "none\n"; break;
      case EventKind::ssl_request:
        log += "ssl\n";
        connection.deny_encryption();
        break;
      case EventKind::gss_request:
        log += "gss\n";
        connection.deny_encryption();
        break;
      case EventKind::cancel:
        log += "cancel " + std::to_string(event.process_id) + " " + std::to_string(event.secret_key) + "\n";
        break;
      case EventKind::startup: start(event); break;
      case EventKind::authenticated:
        log += "authenticated\n";
        connection.authenticated();
        connection.ready(TransactionStatus::idle);
        break;
      case EventKind::query: query(event); break;
      case EventKind::parse:
        log += "parse " + std::string(event.name) + ":" + std::string(event.text);
        for (std::size_t i = 0; i < event.parameter_types.size(); ++i)
          log += " " + std::to_string(event.parameter_types[i]);
        log += "\n";
        event.text == "fail" ? fail() : connection.writer().parse_complete();
        break;
      case EventKind::bind: bind(event); break;
      case EventKind::describe:
        log += std::string("describe ") + static_cast<char>(event.target) + " " + std::string(event.name) + "\n";
        connection.writer().no_data();
        break;
      case EventKind::execute:
        log += "execute " + std::string(event.portal) + " " + std::to_string(event.max_rows) + "\n";
        if (event.portal == "copy") connection.begin_copy_in(0, {});
        else connection.writer().command_complete("SELECT ", 0);
        break;
      case EventKind::close:
        log += std::string("close ") + static_cast<char>(event.target) + " " + std::string(event.name) + "\n";
        connection.writer().close_complete();
        break;
      case EventKind::sync: log += "sync\n"; break;
      case EventKind::flush: log += "flush\n"; break;
      case EventKind::copy_data:
        log += "data " + std::string(as_text(event.data)) + "\n";
        if (as_text(event.data) == "bad") fail();
        break;
      case EventKind::copy_done:
        log += "done\n";
        connection.writer().command_complete("COPY ", 1);
        break;
      case EventKind::copy_fail:
        log += "copy_fail " + std::string(event.text) + "\n";
        fail();
        break;
      case EventKind::terminate: log += "terminate\n"; break;
    }
  }
  void start(const Event& event) {
    log += "startup";
    StartupParameters rest = event.startup;
    for (std::string_view name, value; rest.next(name, value);)
      log += " " + std::string(name) + "=" + std::string(value);
    log += "\n";
    if (use_scram) {
      ScramSetup setup;
      setup.verifier = verifier;
      setup.mock_secret = as_bytes("secret of the server");
      for (std::size_t i = 0; i < setup.nonce.size(); ++i) setup.nonce[i] = static_cast<std::byte>(i);
      connection.request_scram(event.startup.find("user"), setup);
      return;
    }
    connection.authenticated();
    connection.ready(TransactionStatus::idle);
  }
  void query(const Event& event) {
    log += "query " + std::string(event.text) + "\n";
    if (event.text == "fail") fail();
    else if (event.text == "copy") connection.begin_copy_in(0, {});
    else connection.writer().command_complete("SELECT ", 1);
  }
  void bind(const Event& event) {
    log += "bind " + std::string(event.portal) + ":" + std::string(event.name);
    ParameterList values = event.parameters;
    for (std::size_t i = 0; i < event.parameters.size(); ++i) {
      const auto value = values.next();
      log += format_of(event.formats, i) == 1 ? " b" : " t";
      log += value ? "'" + std::string(as_text(*value)) + "'" : std::string("NULL");
    }
    for (std::size_t i = 0; i < event.result_formats.size(); ++i) log += " r" + std::to_string(event.result_formats[i]);
    log += "\n";
    connection.writer().bind_complete();
  }
};

/// What a client writes, as a string.
template <class Write>
std::string client_bytes(Write write) {
  ByteBuffer buffer;
  ClientWriter writer(buffer);
  write(writer);
  return std::string(as_text(buffer.view()));
}
inline std::string hello() {
  return client_bytes([](ClientWriter& w) { w.startup({{"user", "u"}, {"database", "d"}}); });
}

/// A server's messages as "<type><body>|", zero bytes as dots.
inline std::string shown(std::string_view bytes) {
  ClientParser parser;
  parser.feed(as_bytes(bytes));
  std::string text;
  while (true) {
    auto message = parser.next();
    if (!message || !*message) break;
    text += (*message)->type;
    for (char c : as_text((*message)->body)) text += c == '\0' ? '.' : c;
    text += '|';
  }
  return text;
}

}  // namespace spg::test
