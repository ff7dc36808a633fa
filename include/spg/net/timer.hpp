// Timers of one reactor: a binary heap of links that live inside what they time. One thread; owns only the heap's
// array.
//
// Timeouts are armed far more often than they fire, and nearly always to a later time than before. Re-arming to a later
// time is therefore a single store: the heap learns of it when the earlier time comes.
#pragma once
#include <cstddef>
#include <cstdint>

namespace spg::net {

using Milliseconds = std::int64_t;  ///< of the monotonic clock, or a span of it

struct Timer {
  using Run = void (*)(Timer& self);
  explicit Timer(Run what) : run(what) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  bool armed() const { return place != not_placed && wanted != never; }

  static constexpr std::size_t not_placed = SIZE_MAX;
  static constexpr Milliseconds never = INT64_MAX;
  Run run;
  Milliseconds due = never;     ///< the heap's order
  Milliseconds wanted = never;  ///< when it is to run; never before `due`
  std::size_t place = not_placed;
};

class TimerHeap {
 public:
  TimerHeap() = default;
  TimerHeap(const TimerHeap&) = delete;
  TimerHeap& operator=(const TimerHeap&) = delete;
  ~TimerHeap();

  /// False when there is no memory for one more; the timer is not armed then.
  bool arm(Timer& timer, Milliseconds at);
  /// Keeps its place until that comes up: O(1). Use remove() before a timer goes away.
  void disarm(Timer& timer) { timer.wanted = Timer::never; }
  void remove(Timer& timer);
  /// Runs what is due; a timer that runs may arm, disarm or remove any.
  void run_due(Milliseconds now);
  /// When run_due() should be called next; never when nothing is armed.
  Milliseconds next_due() const { return count_ == 0 ? Timer::never : heap_[0]->due; }
  std::size_t size() const { return count_; }

 private:
  void put(std::size_t place, Timer* timer);
  void sift_up(std::size_t place);
  void sift_down(std::size_t place);
  Timer** heap_ = nullptr;
  std::size_t count_ = 0, capacity_ = 0;
};

}  // namespace spg::net
