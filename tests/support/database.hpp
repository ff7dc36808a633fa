// A database with one session over an environment of one's choice, and ask(): a statement run to its end.
#pragma once
#include <memory>
#include <string>

#include "spg/db/instance.hpp"
#include "spg/db/session.hpp"
#include "spg/txn/machine.hpp"
#include "support/text_sink.hpp"

namespace spg::test {

struct Answer {
  std::string error;  ///< SQLSTATE; empty for success
  std::string message;
};

inline Answer answer_of(const Error& error) {
  const auto code = sqlstate_text(error.code());
  return {std::string(code.data(), 5), std::string(error.message())};
}

template <class Env>
struct Database {
  explicit Database(typename Env::Storage& on) : storage(on) {}
  ~Database() { close(); }

  Status open() {
    options.database_path = path;
    options.log_path = "d/wal";
    machine = std::make_unique<txn::Machine<Env>>(storage, clock, alloc, random, options);
    SPG_TRY(machine->open());
    SPG_ASSIGN(instance, db::Instance::open(*machine, instance_options));
    return connect();
  }
  Status connect() {
    session.reset();
    SPG_ASSIGN(session, db::Session::open(*instance, "bench", "postgres", sink));
    return ok();
  }
  void close() {
    session.reset();
    instance.reset();
    machine.reset();
  }

  /// A step that would block on a "reactor" goes on as a worker would. `copied` is what COPY FROM STDIN reads.
  Answer ask(std::string_view text, std::string_view copied = {}) {
    sink.clear();
    session->start_query(text);
    auto where = db::Where::reactor;
    for (;;) {
      auto progress = session->run(where);
      if (!progress) return answer_of(progress.error());
      switch (*progress) {
        case db::Progress::done: return {};
        case db::Progress::output_full: sink.send(); break;
        case db::Progress::wants_worker:
          where = db::Where::worker;
          moved_after_output += !sink.sent.empty();
          break;
        case db::Progress::waits_durable:
          if (Status failed = machine->wait_durable(session->floor())) {
            auto told = session->run(where);  // the session says what that means for its client
            return told ? Answer{"XXXXX", std::string(failed.message())} : answer_of(told.error());
          }
          break;
        case db::Progress::wants_copy_data:
          for (std::size_t at = 0; at < copied.size(); at += 100)
            if (Status failed = session->copy_data(as_bytes(copied.substr(at, 100)))) return answer_of(failed);
          session->copy_done();
          break;
        case db::Progress::waits_turn: return {"XXXXX", "waits for somebody in a test with one session"};
      }
    }
  }
  /// The rows of a query, one a line; the error instead if there is one.
  std::string rows(std::string_view text) {
    const Answer answer = ask(text);
    if (!answer.error.empty()) return answer.error + " " + answer.message;
    std::string all;
    sink.send();
    for (const std::string& line : sink.sent) all += line + "\n";
    return all;
  }

  const char* path = "d/db";
  int moved_after_output = 0;  ///< how often a statement went to a worker when a part of its answer had left
  txn::MachineOptions options;
  db::InstanceOptions instance_options;
  typename Env::Storage& storage;
  typename Env::Clock clock;
  typename Env::Alloc alloc;
  typename Env::Random random;
  TextSink sink;
  std::unique_ptr<txn::Machine<Env>> machine;
  std::unique_ptr<db::Instance> instance;
  std::unique_ptr<db::Session> session;
};

}  // namespace spg::test
