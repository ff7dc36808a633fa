// Client: one session with a generator of transactions, and what it has been shown.
#pragma once
#include "sim/world.hpp"

namespace spg::sim {

class Client {
 public:
  Client(World& world, int number) : world_(world), number_(number) {}

  bool is_connected() const { return session_ != nullptr; }
  bool is_idle() const { return !is_running_ && !block_.is_open; }
  bool is_running() const { return is_running_; }
  bool holds_replies() const { return !held_.empty(); }
  /// Whether a step of it makes a difference now. A client that waits for a lock moves when it is woken or a time-out is due.
  bool can_move() const;
  bool can_begin() const { return !is_running_ && (pipelines_ || held_.empty()); }
  std::uint64_t time_left_ns() const { return is_running_ && wait_ == db::Progress::waits_turn ? session_->time_left_ns() : UINT64_MAX; }
  /// For the trace.
  std::string describe() const;
  void connect();
  /// Goes on with its statement, or sends the next one. `is_last`: it ends what it has begun, and begins nothing.
  void move(bool is_last);
  /// Lets go what may leave.
  void release();
  void cancel();
  void vanish();
  /// Commits have been undone (World::has_fallen_back).
  void fall_back();

 private:
  struct Reply { std::uint64_t floor, told; std::string text; };
  struct Read { Operation operation; std::vector<std::string> lines; std::vector<Effect> effects; };
  struct Block {
    bool is_open = false, has_failed = false, has_snapshot = false;
    /// It has inserted a key that its snapshot has, too: it sees both rows, as in PostgreSQL, which the model cannot say.
    bool sees_key_twice = false;
    int isolation = 0;
    std::vector<Effect> effects;
    struct Mark { int name; std::size_t effects; };
    std::vector<Mark> marks;
    std::vector<std::size_t> snapshots;   ///< the commits that it may be reading as of
    std::vector<Read> reads;
    std::uint64_t seen = 0;
  };

  Operation some_operation();
  void plan_more();
  Operation next_operation(bool is_last);
  void start(const Operation& operation);
  void run();
  void send();
  void ended();
  void settle();
  static void keep_answered(Outcome& outcome, const std::vector<std::string>& got);
  void settle_rows();
  void settle_control();
  void settle_error(const Error& error);
  bool is_allowed(const std::string& code) const;
  std::vector<std::size_t> possible_states() const;
  State state_for(std::size_t at) const;
  bool is_newest(const Outcome& outcome, std::size_t at) const;
  void committed();
  void answered(const std::string& text, bool has_failed);
  void let_go(const Reply& reply);
  std::string name() const { return "c" + std::to_string(number_) + " "; }
  std::vector<std::string> lines() const;

  World& world_;
  int number_;
  test::TextSink sink_;
  std::unique_ptr<db::Session> session_;
  bool holds_ = true, pipelines_ = false, is_synchronous_ = true, has_lock_timeout_ = false;
  std::deque<Operation> plan_;
  Block block_;
  std::size_t low_ = 0;                    ///< it has been shown this commit: never an older one again
  // the running statement
  bool is_running_ = false, is_settled_ = false, has_committed_ = false, has_waited_ = false, is_cancelled_ = false, is_synchronous_statement_ = true;
  bool may_be_doomed_ = false;             ///< commits have been undone since the transaction began
  bool reads_undone_ = false;              ///< it has answered what is undone: all that it can do is fail
  enum class Stage : std::uint8_t { query, execute, sync } stage_ = Stage::query;   ///< the last two: the extended protocol
  Operation operation_;
  db::Progress wait_ = db::Progress::done;
  db::Where where_ = db::Where::reactor;
  std::size_t attempt_from_ = 0;           ///< the newest commit when the attempt that may have succeeded began
  std::deque<Reply> held_;
};

}  // namespace spg::sim
