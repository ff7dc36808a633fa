// The SQL suite's runner, for any environment: reads a file's records, asks them on a session and compares; every twenty
// records the database is closed (every forty after a checkpoint) and opened again. tools/record_slt.py tells what a file
// looks like. A line "# stay" keeps the session (settings, prepared statements) to the end of the file.
#pragma once
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "spg/db/instance.hpp"
#include "spg/db/session.hpp"
#include "support/text_sink.hpp"

namespace spg::test {

struct Answer {
  std::string error;  // SQLSTATE
  std::string message;
  std::string report;  // message, DETAIL, HINT, POSITION, CONTEXT: a line each
};

inline Answer answer_of(const Error& error) {
  const auto code = sqlstate_text(error.code());
  Answer answer{std::string(code.data(), 5), std::string(error.message()), std::string(error.message())};
  const auto add = [&](const char* word, std::string_view text) {
    if (!text.empty()) answer.report += "\n" + std::string(word) + ": " + std::string(text);
  };
  add("DETAIL", error.field(ErrorField::detail));
  add("HINT", error.field(ErrorField::hint));
  if (error.position() > 0) add("POSITION", std::to_string(error.position()));
  add("CONTEXT", error.field(ErrorField::context));
  std::string escaped;
  for (const char one : answer.report) escaped += one == '\t' ? std::string("\\t") : std::string(1, one);
  answer.report = escaped;
  return answer;
}

/// Runs a query to its end: a step that would block on a "reactor" goes on as a worker would.
/// `data` is what COPY FROM STDIN reads.
inline Answer ask(db::Session& session, test::TextSink& sink, txn::MachineControl& machine, const std::string& text,
           const std::string& data) {
  sink.clear();
  session.start_query(text);
  auto where = db::Where::reactor;
  for (;;) {
    auto progress = session.run(where);
    if (!progress) return answer_of(progress.error());
    switch (*progress) {
      case db::Progress::done: return {};
      case db::Progress::wants_copy_data:
        if (Status failed = session.copy_data(as_bytes(data))) return answer_of(failed);
        session.copy_done();
        break;
      case db::Progress::wants_worker: where = db::Where::worker; break;
      case db::Progress::waits_durable:
        if (Status failed = machine.wait_durable(session.floor())) return {"XXXXX", std::string(failed.message()), {}};
        break;
      default: return {"XXXXX", "waits for somebody in a test with one session", {}};
    }
  }
}

/// Time zones as the machine that runs the tests has them.
class HostZoneFiles final : public db::ZoneFiles {
 public:
  Result<Bytes> read(std::string_view name, Arena& arena) const override {
    std::ifstream file("/usr/share/zoneinfo/" + std::string(name), std::ios::binary);
    std::stringstream all;
    if (!(all << file.rdbuf())) return Error::make(sqlstate::undefined_file, "no time zone ", name);
    return as_bytes(arena.copy(all.str()));
  }
};

/// What a machine stands on. `restart`: the process ends and begins again; what is stored stays.
template <class Env>
struct Surroundings {
  typename Env::Storage& storage;
  typename Env::Clock clock{};
  typename Env::Alloc alloc{};
  typename Env::Random random{};
  void restart() {}
};

template <class Env>
struct World {
  World(Surroundings<Env>& on, const std::string& in, std::uint64_t checkpoint_bytes) : around(on), folder(in), checkpoint_log_bytes(checkpoint_bytes) {}
  Surroundings<Env>& around;
  std::string folder;
  std::uint64_t checkpoint_log_bytes;
  HostZoneFiles zone_files;
  std::unique_ptr<txn::Machine<Env>> machine;
  std::unique_ptr<db::Instance> instance;
  test::TextSink sink;
  std::unique_ptr<db::Session> session;

  Status open() {
    around.restart();
    txn::MachineOptions options;
    const std::string database = folder + "/db", log = folder + "/wal";
    options.database_path = database;
    options.log_path = log;
    options.checkpoint_log_bytes = checkpoint_log_bytes;
    machine = std::make_unique<txn::Machine<Env>>(around.storage, around.clock, around.alloc, around.random, options);
    SPG_TRY(machine->open());
    db::InstanceOptions instance_options;
    instance_options.zone_files = &zone_files;
    SPG_ASSIGN(instance, db::Instance::open(*machine, instance_options));
    SPG_ASSIGN(session, db::Session::open(*instance, "bench", "postgres", sink));
    return ok();
  }
  void close() {
    session.reset();
    instance.reset();
    machine.reset();
  }
};

inline int failures = 0, records = 0;

template <class Env>
void run_file(const char* path, Surroundings<Env>& around, const std::string& folder, std::uint64_t checkpoint_log_bytes = std::uint64_t{256} << 20) {
  World<Env> world(around, folder, checkpoint_log_bytes);
  if (Status failed = world.open()) {
    std::printf("%s: could not open: %s\n", path, std::string(failed.message()).c_str());
    ++failures;
    return;
  }
  std::ifstream file(path);
  std::stringstream all;
  all << file.rdbuf();
  std::string text = all.str(), record;
  text += "\n\n";
  int number = 0;
  const bool reopen = text.find("# stay\n") == std::string::npos;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find("\n\n", at);
    if (end == std::string::npos) break;
    record = text.substr(at, end - at);
    at = end + 2;
    while (!record.empty() && (record[0] == '#' || record[0] == '\n')) record.erase(0, record.find('\n') == std::string::npos ? record.size() : record.find('\n') + 1);
    if (record.empty()) continue;
    ++records;
    const std::size_t line_end = record.find('\n');
    const std::string kind = record.substr(0, line_end);
    std::string sql = record.substr(line_end + 1), expected;
    if (const auto rule = sql.find("\n----"); rule != std::string::npos) {
      expected = sql.size() > rule + 6 ? sql.substr(rule + 6) : std::string();
      sql.resize(rule);
    }
    std::string data;
    if (const auto rule = sql.find("\n<<<<"); rule != std::string::npos) {
      data = sql.size() > rule + 6 ? sql.substr(rule + 6) + "\n" : std::string();
      sql.resize(rule);
    }
    const Answer answer = ask(*world.session, world.sink, *world.machine, sql, data);
    auto complain = [&](const std::string& what) {
      ++failures;
      std::printf("%s: %s\n  %s\n", path, sql.c_str(), what.c_str());
    };
    if (kind.starts_with("statement error")) {
      const std::string want = kind.size() > 16 ? kind.substr(16) : std::string();
      if (answer.error == want && !expected.empty() && answer.report != expected)
        complain("wanted:\n" + expected + "\n  got:\n" + answer.report);
      if (answer.error != want) complain("wanted error " + want + ", got " + (answer.error.empty() ? "success" : answer.error + " " + answer.message));
    } else if (!answer.error.empty()) {
      complain(answer.error + " " + answer.message);
    } else if (kind.starts_with("query")) {
      auto& lines = world.sink.lines;
      if (kind.find("rowsort") != std::string::npos) std::sort(lines.begin(), lines.end());
      std::string got;
      for (std::size_t i = 0; i < lines.size(); ++i) got += (i == 0 ? "" : "\n") + lines[i];
      if (got != expected) complain("wanted:\n" + expected + "\n  got:\n" + got);
    }
    if constexpr (!Env::Sync::has_threads)
      if (Status failed = world.machine->tick()) complain("tick: " + std::string(failed.message()));
    if (reopen && ++number % 20 == 0 && world.session->status() == db::BlockStatus::idle) {
      if (number % 40 == 0)
        if (Status failed = world.machine->checkpoint()) complain("checkpoint: " + std::string(failed.message()));
      world.close();
      if (Status failed = world.open()) {
        complain("reopening: " + std::string(failed.message()));
        return;
      }
    }
  }
  world.close();
}

/// The last word: what was run, and the exit code.
inline int verdict(const char* environment) {
  std::printf("%s: %d records, %d failed\n", environment, records, failures);
  return failures == 0 && records != 0 ? 0 : 1;
}

}  // namespace spg::test
