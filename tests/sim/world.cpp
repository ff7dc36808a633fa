#include "sim/world.hpp"

#include <algorithm>
#include <cstdio>

#include "support/verify.hpp"

namespace spg::sim {

Status World::open() {
  txn::MachineOptions machine_options;
  machine_options.database_path = "d/db";
  machine_options.log_path = "d/wal";
  machine_options.checkpoint_log_bytes = 6000;  // for tick()
  machine_options.piece_bytes = 24;             // transactions of some rows are written ahead
  machine_options.compaction = {4, 20'000};
  machine_options.changes_in_memory_max = 100;  // and are spilled
  machine_options.unspilled_bytes_max = 150;
  machine_options.history_seconds = history_seconds;
  moments.clear();
  if (is_audited) machine_options.audit.path = "d/audit";
  machine = std::make_unique<Machine>(disk, clock, alloc, random, machine_options);
  SPG_TRY(machine->open());
  SPG_ASSIGN(instance, db::Instance::open(*machine, {}));
  databases = {DatabaseId::shared};
  for (const char* name : {"postgres", "bench"}) {
    SPG_ASSIGN(const DatabaseId id, instance->find_database(name));
    databases.push_back(id);
  }
  return ok();
}

std::uint64_t World::newest_commit() const {
  std::uint64_t position = 0;
  for (const DatabaseId id : databases) position = std::max(position, machine->lineage(id)->tip()->log_end);
  return position;
}

void World::note(const std::string& line) {
  for (const char one : line) hash = (hash ^ static_cast<unsigned char>(one)) * 0x100000001b3u;
  hash = (hash ^ '\n') * 0x100000001b3u;
  if (options.prints) std::printf("%s\n", line.c_str());
  recent.push_back(line);
  if (recent.size() > 60) recent.pop_front();
}

void World::find(const std::string& what) {
  if (!finding.empty()) return;
  finding = what;
  note("FOUND " + what);
}

std::size_t World::commit_at(std::uint64_t position) const {
  std::size_t at = newest();
  while (at > 0 && history[at].position > position) --at;
  return at;
}

bool World::has_fallen_back() {
  const std::size_t before = history.size();
  while (history.size() > 1 && machine->is_lost(history.back().position)) history.pop_back();
  if (history.size() == before) return false;
  note("fallen back to " + std::to_string(history.back().position));
  if (machine->is_lost(told)) find("a client was told of the commit at " + std::to_string(told) + ", which is undone");
  counts.undone_commits += before - history.size();
  return true;
}

void World::number_as_in_files() {
  for (Commit& commit : history) commit.position = machine->log().in_files(commit.position);
  told = machine->log().in_files(told);
  claimed = machine->log().in_files(claimed);
}

std::vector<std::string> World::ask(std::string_view text) {
  auto lines = answer(text);
  return lines ? std::move(*lines) : std::vector<std::string>{std::string(lines.error().message())};
}

Result<std::vector<std::string>> World::answer(std::string_view text) {
  test::TextSink sink;
  SPG_ASSIGN(auto session, db::Session::open(*instance, "bench", "postgres", sink));
  session->start_query(text);
  for (;;) {
    SPG_ASSIGN(const db::Progress progress, session->run(db::Where::worker));
    if (progress == db::Progress::done) break;
    if (progress == db::Progress::waits_durable) SPG_TRY(machine->wait_durable(session->floor()));
    if (progress == db::Progress::waits_turn) return Error::make(sqlstate::internal_error, "waits for somebody, though there is nobody");
  }
  std::sort(sink.lines.begin(), sink.lines.end());
  return sink.lines;
}

void World::note_moment() {
  clock.advance_ns(2000);
  moments.push_back({machine->clock_us(), history.back().position});
  clock.advance_ns(2000);
}

void World::check_past() {
  if (moments.empty()) return;
  const Moment& moment = moments[chance.below(moments.size())];
  const Operation operation{Kind::select_table, static_cast<int>(chance.below(table_count))};
  const std::int64_t second = moment.time_us / 1'000'000, us = moment.time_us % 1'000'000;
  char time[64];
  const std::int64_t day = second / 86400, left = second % 86400;
  std::snprintf(time, sizeof time, "J%lld %02lld:%02lld:%02lld.%06lld+00", static_cast<long long>(day + 2'451'545), static_cast<long long>(left / 3600),
                static_cast<long long>(left / 60 % 60), static_cast<long long>(left % 60), static_cast<long long>(us));
  const std::string text = sql_of(operation) + " AS OF SYSTEM TIME '" + time + "'";
  const auto got = answer(text);
  const bool is_kept = history_seconds != 0 && moment.time_us >= machine->clock_us() - std::int64_t{1'000'000} * history_seconds;
  ++(got ? counts.past_reads : counts.past_refusals);
  note("the past, " + std::string(time) + ": " + (got ? std::to_string(got->size()) + " rows" : std::string(got.error().message())));
  if (!got) {
    if (!is_faulty && !disk.power_is_cut() && (is_kept || got.error().code() != sqlstate::snapshot_too_old)) find(text + " fails: " + std::string(got.error().message()));
    return;
  }
  const std::vector<std::string> expected = evaluate(operation, history[commit_at(moment.position)].state).lines;
  if (*got == expected) return;
  std::string found = text + " answers";
  for (const std::string& line : *got) found += " | " + line;
  found += "; expected";
  for (const std::string& line : expected) found += " | " + line;
  find(found);
}

void World::check_recovered() {
  // A checkpoint contains the log up to where it began, which may be behind the last commit: behind what never committed.
  const std::uint64_t end = newest_commit();
  const std::size_t at = commit_at(end);
  note("recovered up to " + std::to_string(end) + " of " + std::to_string(history.back().position));
  if (end < told) return find("a client was told of the commit at " + std::to_string(told) + "; recovered up to " + std::to_string(end));
  if (const std::uint64_t found = machine->log().position(); found < claimed)
    return find("the log was called durable up to " + std::to_string(claimed) + "; recovered up to " + std::to_string(found));
  counts.lost_commits += newest() - at;
  history.resize(at + 1);
  claimed = machine->log().durable();
  if ((counts.power_cuts + counts.kills) % 3 == 0) {
    ++counts.verified;
    if (const std::string faults = test::faults_of(*machine); !faults.empty()) return find("after recovery there are faults: " + faults);
  }
  if (is_audited) check_audit();
  const State& state = history.back().state;
  const auto check = [&](const Operation& operation) {
    const std::vector<std::string> got = ask(sql_of(operation)), expected = evaluate(operation, state).lines;
    if (got == expected) return;
    std::string text = "after recovery " + sql_of(operation) + " answers";
    for (const std::string& line : got) text += " | " + line;
    text += "; expected";
    for (const std::string& line : expected) text += " | " + line;
    find(text);
  };
  for (int table = 0; table < static_cast<int>(table_count); ++table) check({Kind::select_table, table});
  for (int index = 0; index < 3; ++index) check({Kind::select_index, index});
  check({Kind::count_keys, -1000, 1000000});
  check({Kind::select_sum});
  if (ask("SELECT count(*) FROM race WHERE k > -1000") != std::vector<std::string>{std::to_string(state.rows(Table::race).size())}) find("the index of race does not agree with it");
  const std::string extra = ask("SELECT count(*) FROM pg_class WHERE relname = 'wide_extra'")[0];
  if (extra != (state.has_extra_index ? "1" : "0")) find("wide_extra is there " + extra + " times");
  if (state.has_extra_index && ask("SELECT count(*) FROM wide WHERE c > -1") != std::vector<std::string>{std::to_string(state.rows(Table::wide).size())}) find("wide_extra does not agree with its table");
}

void World::check_audit() {
  auto file = disk.open("d/audit", policy::OpenMode::read);
  if (!file) return find("there is no audit log");
  const auto read = [&](std::uint64_t at, MutableBytes into) { return file->read_at(at, into); };
  log::AuditWalk walk(read, *file->size());
  if (auto header = walk.open(); !header) return find(std::string(header.error().message()));
  std::size_t at = 0;
  for (log::AuditEntry entry;;) {
    auto more = walk.next(entry);
    if (!more) return find(std::string(more.error().message()));
    if (!*more) break;
    std::size_t statements = 0;
    const auto body = log::read_audit_body(entry.body, [&](const log::AuditStatement& one) { statements += one.text.empty() ? 0 : 1; });
    if (statements == 0 || body->user != "bench" || body->database != "postgres") return find("audit log entry " + std::to_string(entry.number) + " says nothing");
    if (++at >= history.size() || history[at].position != entry.lsn.counter)
      return find("audit log entry " + std::to_string(entry.number) + " is of the commit at " + std::to_string(entry.lsn.counter) + ", the history says " +
                  (at < history.size() ? std::to_string(history[at].position) : "nothing"));
  }
  if (at != newest()) find("the audit log ends behind commit " + std::to_string(at) + " of " + std::to_string(newest()));
}

}  // namespace spg::sim
