// Runs tests/sql/*.slt on a session over one of the environments: run_sql ENV FILE ...
//   memory   files in RAM        posix   real files in a temporary folder, reopened in the middle of every file
//   sim      the simulator: objects are "not resident" at random, so that every read path meets "would block"
// tools/record_slt.py tells what a file looks like. A line "# stay" keeps the session (settings, prepared statements) to
// the end of the file: without it the database is opened anew after every 20 records.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "spg/db/instance.hpp"
#include "spg/db/session.hpp"
#include "spg/os/sim/sim.hpp"
#include "spg/profile/daemon.hpp"
#include "spg/profile/memory.hpp"
#include "support/text_sink.hpp"

#include "spg/txn/transaction.inl.hpp"

using namespace spg;

namespace {

struct Answer {
  std::string error;  // SQLSTATE
  std::string message;
  std::string report;  // message, DETAIL, HINT, POSITION, CONTEXT: a line each
};

Answer answer_of(const Error& error) {
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
Answer ask(db::Session& session, test::TextSink& sink, txn::MachineControl& machine, const std::string& text,
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

template <class Env>
struct World {
  World(typename Env::Storage& on, const std::string& in) : storage(on), folder(in) {}
  typename Env::Storage& storage;
  typename Env::Clock clock;
  typename Env::Alloc alloc;
  typename Env::Random random;
  std::string folder;
  std::unique_ptr<txn::Machine<Env>> machine;
  std::unique_ptr<db::Instance> instance;
  test::TextSink sink;
  std::unique_ptr<db::Session> session;

  Status open() {
    txn::MachineOptions options;
    const std::string database = folder + "/db", log = folder + "/wal";
    options.database_path = database;
    options.log_path = log;
    machine = std::make_unique<txn::Machine<Env>>(storage, clock, alloc, random, options);
    SPG_TRY(machine->open());
    SPG_ASSIGN(instance, db::Instance::open(*machine, {}));
    SPG_ASSIGN(session, db::Session::open(*instance, "bench", "postgres", sink));
    return ok();
  }
  void close() {
    session.reset();
    instance.reset();
    machine.reset();
  }
};

int failures = 0, records = 0;

template <class Env>
void run_file(const char* path, typename Env::Storage& storage, const std::string& folder, bool reopen) {
  World<Env> world(storage, folder);
  if (Status failed = world.open()) {
    std::printf("%s: could not open: %s\n", path, std::string(failed.message()).c_str());
    ++failures;
    return;
  }
  if constexpr (std::is_same_v<Env, os::SimEnv>) world.random.set_cold_one_in(50);
  std::ifstream file(path);
  std::stringstream all;
  all << file.rdbuf();
  std::string text = all.str(), record;
  text += "\n\n";
  int number = 0;
  reopen = reopen && text.find("# stay\n") == std::string::npos;
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

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string environment = argv[1];
  for (int i = 2; i < argc; ++i) {
    if (environment == "memory") {
      os::MemoryStorage storage;
      run_file<os::MemoryEnv>(argv[i], storage, "d", true);
    } else if (environment == "posix") {
      char folder[] = "/tmp/spg-sql-XXXXXX";
      if (::mkdtemp(folder) == nullptr) return 1;
      os::PosixStorage storage;
      run_file<os::PosixEnv>(argv[i], storage, folder, true);
      if (std::system(("rm -rf " + std::string(folder)).c_str()) != 0) return 1;
    } else {
      os::SimStorage storage;
      run_file<os::SimEnv>(argv[i], storage, "d", true);
    }
  }
  std::printf("%s: %d records, %d failed\n", environment.c_str(), records, failures);
  return failures == 0 ? 0 : 1;
}
