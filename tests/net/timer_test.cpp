#include "spg/net/timer.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <vector>

#include "spg/net/inbox.hpp"

using namespace spg::net;

namespace {
struct Noted : Timer {
  Noted(int number, std::vector<int>& log)
      : Timer([](Timer& self) {
          auto& one = static_cast<Noted&>(self);
          one.fired->push_back(one.id);
        }),
        id(number),
        fired(&log) {}
  int id;
  std::vector<int>* fired;
};
}  // namespace

TEST_CASE("timers fire in order of their time, once, and not before") {
  std::vector<int> fired;
  TimerHeap heap;
  Noted a(1, fired), b(2, fired), c(3, fired);
  CHECK(heap.next_due() == Timer::never);
  heap.arm(a, 30);
  heap.arm(b, 10);
  heap.arm(c, 20);
  CHECK(heap.next_due() == 10);
  heap.run_due(9);
  CHECK(fired.empty());
  heap.run_due(20);
  CHECK(fired == std::vector<int>{2, 3});
  CHECK_FALSE(b.armed());
  heap.run_due(100);
  heap.run_due(200);
  CHECK(fired == std::vector<int>{2, 3, 1});
}

TEST_CASE("re-arming moves a timer either way; disarmed ones do not fire") {
  std::vector<int> fired;
  TimerHeap heap;
  Noted a(1, fired), b(2, fired), c(3, fired);
  heap.arm(a, 10);
  heap.arm(a, 50);
  heap.arm(b, 40);
  heap.arm(b, 5);
  heap.arm(c, 7);
  heap.disarm(c);
  CHECK_FALSE(c.armed());
  heap.run_due(49);
  CHECK(fired == std::vector<int>{2});
  CHECK(a.armed());
  heap.run_due(50);
  CHECK(fired == std::vector<int>{2, 1});
  heap.arm(c, 60);
  heap.remove(c);
  heap.run_due(100);
  CHECK(fired.size() == 2);
  CHECK(heap.size() == 0);
}

TEST_CASE("a thousand timers, armed, moved and removed at random, fire as a sorted list would") {
  std::mt19937_64 random(7);
  std::vector<int> fired;
  TimerHeap heap;
  std::vector<std::unique_ptr<Noted>> timers;
  std::vector<Milliseconds> wanted;
  for (int i = 0; i < 1000; ++i) {
    timers.push_back(std::make_unique<Noted>(i, fired));
    wanted.push_back(static_cast<Milliseconds>(random() % 100000));
    heap.arm(*timers.back(), wanted.back());
  }
  for (int i = 0; i < 2000; ++i) {
    const std::size_t one = random() % 1000;
    if (random() % 3 == 0) {
      heap.remove(*timers[one]);
      wanted[one] = Timer::never;
    } else {
      wanted[one] = static_cast<Milliseconds>(random() % 100000);
      heap.arm(*timers[one], wanted[one]);
    }
  }
  for (Milliseconds now = 0; now <= 100000; now += 500) {
    fired.clear();
    heap.run_due(now);
    std::vector<int> expected;
    for (int i = 0; i < 1000; ++i)
      if (wanted[static_cast<std::size_t>(i)] <= now) {
        expected.push_back(i);
        wanted[static_cast<std::size_t>(i)] = Timer::never;
      }
    std::sort(fired.begin(), fired.end());
    CHECK(fired == expected);
  }
  CHECK(heap.size() == 0);
}

TEST_CASE("posts run oldest first, and a post that is queued already is not queued twice") {
  static std::vector<int> ran;
  ran.clear();
  struct One : Post {
    explicit One(int n) : Post([](Post& self) { ran.push_back(static_cast<One&>(self).number); }), number(n) {}
    int number;
  };
  Inbox inbox;
  One a(1), b(2);
  CHECK(inbox.put(a));
  CHECK_FALSE(inbox.put(b));
  CHECK_FALSE(inbox.put(a));
  CHECK(inbox.run_all() == 2);
  CHECK(ran == std::vector<int>{1, 2});
  CHECK(inbox.put(a));
  CHECK(inbox.run_all() == 1);
  CHECK(inbox.run_all() == 0);
}
