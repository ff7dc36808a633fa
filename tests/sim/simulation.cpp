#include "sim/simulation.hpp"

#include <algorithm>

#include "sim/client.hpp"
#include "spg/log/frame.hpp"


namespace spg::sim {
namespace {

/// A disk with the tables on it, made once.
const os::SimStorage& first_disk(std::uint64_t& position) {
  struct Made {
    Made() : world(0, {}) {
      Status failed = world.open();
      if (failed) world.find(std::string(failed.message()));
      if (failed) return;
      world.history.push_back({0, first_state()});
      for (const std::string& text : first_script())
        if (const auto answer = world.ask(text); !answer.empty()) world.find(answer[0]);
      position = world.newest_commit();
      world.close();
    }
    World world;
    std::uint64_t position = 0;
  };
  static const Made made;
  position = made.world.is_over() ? 0 : made.position;
  return made.world.disk;
}

class Simulation {
 public:
  Simulation(std::uint64_t seed, const Options& options) : world_(seed, options) {}
  ~Simulation() { clients_.clear(); }
  Run run();

 private:
  os::SimChance& chance() { return world_.chance; }
  bool one_in(std::uint64_t n) { return chance().below(n) == 0; }
  void start();
  void step();
  bool move_somebody(bool is_last);
  void flush();
  void checkpoint();
  void advance_clock(std::uint64_t ns);
  void watch();
  void crash(bool power);
  void recover();
  void drop_last_told();
  void finish();

  World world_;
  std::vector<std::unique_ptr<Client>> clients_;
  // How often what happens: drawn for each run, so that some go without it.
  std::uint64_t flush_weight_ = 4, checkpoint_one_in_ = 100, crash_one_in_ = 100, fault_one_in_ = 0, vanish_one_in_ = 100;
};

void Simulation::start() {
  std::uint64_t position = 0;
  world_.disk.copy_from(first_disk(position));
  world_.disk.ignore_syncs(world_.options.canary == Canary::lying_sync);
  world_.history.push_back({position, first_state()});
  world_.told = world_.claimed = position;
  if (position == 0) return world_.find("the tables could not be made");
  world_.random.set_cold_one_in(one_in(2) ? 0 : 20 + chance().below(60));
  static constexpr std::uint64_t rates[] = {25, 100, 400};
  flush_weight_ = 1 + chance().below(8);
  checkpoint_one_in_ = rates[chance().below(3)];
  crash_one_in_ = rates[chance().below(3)] + 50;
  vanish_one_in_ = rates[chance().below(3)] * 2;
  fault_one_in_ = one_in(3) ? 100 : 0;
  const std::uint64_t count = 2 + chance().below(5);
  for (std::uint64_t number = 1; number <= count; ++number) clients_.push_back(std::make_unique<Client>(world_, static_cast<int>(number)));
  recover();
}

/// One of those who can move does. False when nobody can.
bool Simulation::move_somebody(bool is_last) {
  std::vector<Client*> ready;
  for (auto& client : clients_) {
    if (!client->is_connected()) continue;
    if (client->can_move() || (client->can_begin() && !(is_last && client->is_idle()))) ready.push_back(client.get());
  }
  if (ready.empty()) return false;
  Client& chosen = *ready[chance().below(ready.size())];
  chosen.move(is_last);
  return true;
}

void Simulation::flush() {
  ++world_.counts.flushes;
  const bool ticks = one_in(4);
  Status failed = ticks ? world_.machine->tick() : world_.machine->flush();
  world_.note(std::string(ticks ? "tick" : "flush") + (failed ? " fails: " + std::string(failed.message()) : " up to " + std::to_string(world_.machine->log().durable())));
  if (failed && !world_.is_faulty && !world_.disk.power_is_cut()) world_.find("the flush fails: " + std::string(failed.message()));
}

void Simulation::checkpoint() {
  ++world_.counts.checkpoints;
  Status failed = world_.machine->checkpoint();
  world_.note("checkpoint" + (failed ? " fails: " + std::string(failed.message()) : std::string()));
  if (failed && !world_.is_faulty && !world_.disk.power_is_cut()) world_.find("the checkpoint fails: " + std::string(failed.message()));
}

void Simulation::advance_clock(std::uint64_t ns) {
  world_.clock.advance_ns(ns);
  world_.note("the clock moves by " + std::to_string(ns / 1'000'000) + " ms");
}

/// After each step: what the machine claims, and whether the power has gone in the middle of it.
void Simulation::watch() {
  if (world_.has_fallen_back())
    for (auto& client : clients_) client->fall_back();
  if (world_.disk.power_is_cut()) return crash(true);
  world_.claimed = std::max(world_.claimed, world_.machine->log().durable());
  if (one_in(8)) world_.note_moment();
  if (world_.machine->log_is_broken() && one_in(20)) crash(one_in(2));
}

void Simulation::step() {
  Client& one = *clients_[chance().below(clients_.size())];
  if (one_in(crash_one_in_)) {
    switch (chance().below(4)) {
      case 0: return crash(true);
      case 1: return crash(false);
      default:
        world_.note("the power will go");
        world_.disk.cut_power_at(1 + chance().below(12));
        return one_in(2) ? checkpoint() : flush();
    }
  }
  if (fault_one_in_ != 0 && one_in(fault_one_in_)) {
    world_.is_faulty = true;
    ++world_.counts.faults;
    if (one_in(3)) {
      world_.note("memory will be short for once");
      return world_.alloc.fail_at(1 + chance().below(60));
    }
    const bool full = one_in(2), for_good = one_in(3);
    world_.note(std::string("the disk will ") + (full ? "be full" : "fail") + (for_good ? " for good" : ""));
    return world_.disk.fail_at(1 + chance().below(8), full ? sqlstate::disk_full : sqlstate::io_error, for_good);
  }
  if (one_in(checkpoint_one_in_)) return checkpoint();
  if (one_in(30)) {
    const std::size_t bytes = world_.machine->objects().evict(one_in(2) ? SIZE_MAX : 10'000);
    world_.counts.evicted_bytes += bytes;
    return world_.note("evicted " + std::to_string(bytes) + " bytes");
  }
  if (one_in(vanish_one_in_)) {
    ++world_.counts.vanished;
    return one.vanish();
  }
  if (one_in(20)) return world_.check_past();
  if (one_in(80) && one.is_connected() && one.is_running()) return one.cancel();
  if (one_in(12)) return advance_clock(1'000'000 * (1 + chance().below(one_in(3) ? 1500 : 50)));
  if (!one.is_connected()) return one.connect();
  const std::uint64_t what = chance().below(40);
  if (what < flush_weight_) return flush();
  if (what < 12) return one.release();
  if (!move_somebody(false)) {
    // All wait: for time, or for the flusher.
    for (auto& client : clients_) client->release();
    if (one_in(2)) flush();
    else advance_clock(400'000'000);
  }
}

/// The canary: the log ends before the last record that a client was told of.
void Simulation::drop_last_told() {
  const std::size_t at = world_.commit_at(world_.told);
  if (at == 0) return;
  const std::uint64_t start = world_.history[at - 1].position;
  char name[64];
  std::snprintf(name, sizeof name, "d/wal.%08llu", static_cast<unsigned long long>(start / log::file_data_bytes));
  auto file = world_.disk.open(name, policy::OpenMode::write);
  if (!file) return;
  (void)file->resize(log::file_header_bytes + start % log::file_data_bytes);
  (void)file->sync();
}

void Simulation::crash(bool power) {
  world_.note(power ? "POWER CUT" : "KILLED");
  ++(power ? world_.counts.power_cuts : world_.counts.kills);
  const bool loses_power = power || world_.disk.power_is_cut();
  world_.disk.end_process();
  for (auto& client : clients_) client->vanish();
  (void)world_.has_fallen_back();
  world_.number_as_in_files();
  world_.close();
  if (world_.disk.begin_process() != 0) return world_.find("the disk is written to after the end");
  world_.disk.cut_power_at(0);
  world_.disk.fail_at(0, sqlstate::io_error);
  world_.alloc.fail_at(0);
  if (loses_power) world_.disk.power_cycle(chance(), static_cast<os::Survival>(chance().below(3)));
  if (world_.options.canary == Canary::short_recovery) drop_last_told();
  recover();
}

/// Opens the database, in spite of a power cut or two meanwhile.
void Simulation::recover() {
  world_.is_faulty = false;
  for (int tries = 0;; ++tries) {
    if (tries < 3 && one_in(3)) world_.disk.cut_power_at(1 + chance().below(14));
    Status failed = world_.open();
    if (world_.disk.power_is_cut()) {
      world_.note("the power goes during recovery");
      ++world_.counts.cut_recoveries;
      world_.close();
      world_.disk.power_cycle(chance(), static_cast<os::Survival>(chance().below(3)));
      continue;
    }
    world_.disk.cut_power_at(0);
    if (failed) return world_.find("the database cannot be opened: " + std::string(failed.message()));
    return world_.check_recovered();
  }
}

/// All that has begun ends: nobody waits for ever. Then the last crash.
void Simulation::finish() {
  world_.note("the end begins");
  int idle_rounds = 0;
  for (int rounds = 0; !world_.is_over(); ++rounds) {
    if (one_in(6)) flush();
    watch();
    for (auto& client : clients_) client->release();
    const bool moves = !world_.is_over() && move_somebody(true);
    watch();
    const bool all_done = std::all_of(clients_.begin(), clients_.end(), [](const auto& client) { return !client->is_connected() || (client->is_idle() && !client->holds_replies()); });
    if (all_done || world_.is_over()) break;
    if (moves) { idle_rounds = 0; continue; }
    flush();
    watch();
    advance_clock(1'100'000'000);
    if (++idle_rounds < 10) continue;
    for (auto& client : clients_) world_.note(client->describe());
    for (const std::string& line : world_.ask("SELECT pid, granted, locktype, mode, relation, page, tuple FROM pg_locks ORDER BY 1, 2")) world_.note(line);
    world_.find("somebody waits for ever");
    if (rounds == 20000) world_.find("the clients do not come to an end");
  }
  if (!world_.is_over()) crash(true);
}

Run Simulation::run() {
  start();
  for (int left = world_.options.steps; left > 0 && !world_.is_over(); --left) {
    step();
    if (!world_.is_over()) watch();
  }
  if (!world_.is_over()) finish();
  world_.note("the disk: " + std::to_string(world_.disk.fingerprint()));
  Run result{world_.finding, {}, world_.hash, world_.counts};
  for (const std::string& line : world_.recent) result.trace_end += line + "\n";
  return result;
}

}  // namespace

void Counts::add(const Counts& other) {
  const auto sum = [&](std::uint64_t Counts::* one) { this->*one += other.*one; };
  for (auto one : {&Counts::statements, &Counts::commits, &Counts::releases, &Counts::waits, &Counts::deadlocks, &Counts::conflicts, &Counts::power_cuts, &Counts::kills,
                   &Counts::faults, &Counts::checkpoints, &Counts::flushes, &Counts::vanished, &Counts::cut_recoveries, &Counts::verified, &Counts::lost_commits, &Counts::undone_commits, &Counts::past_reads,
                   &Counts::past_refusals})
    sum(one);
}

std::string Counts::text() const {
  const auto part = [](const char* name, std::uint64_t count) { return std::string(name) + " " + std::to_string(count) + ", "; };
  return part("statements", statements) + part("commits", commits) + part("replies", releases) + part("waits", waits) + part("deadlocks", deadlocks) +
         part("40001", conflicts) + part("flushes", flushes) + part("checkpoints", checkpoints) + part("power cuts", power_cuts) +
         part("during recovery", cut_recoveries) + part("recoveries verified", verified) + part("kills", kills) + part("disk faults", faults) + part("vanished", vanished) +
         part("commits undone after a failed write", undone_commits) + part("reads of the past", past_reads) +
         part("refused", past_refusals) + "unacknowledged commits lost " + std::to_string(lost_commits);
}

Run simulate(std::uint64_t seed, const Options& options) { return Simulation(seed, options).run(); }

}  // namespace spg::sim
