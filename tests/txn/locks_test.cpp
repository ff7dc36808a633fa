#include "spg/txn/locks.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace spg;
using namespace spg::txn;

namespace {

struct Session : LockOwner {
  explicit Session(std::uint32_t id) {
    process_id = id;
    transaction = 1000 + id;
    context = this;
    wake = [](LockOwner& owner) { ++static_cast<Session*>(owner.context)->woken; };
  }
  int woken = 0;
};

const LockTag table{DatabaseId{5}, LockSpace::table, 100, 0}, block{DatabaseId{5}, LockSpace::row, 100, 7}, key{DatabaseId{5}, LockSpace::key, 3, 99},
    advisory{DatabaseId{5}, LockSpace::advisory, 1, 42};

template <class Mode>
LockResult ask(LockTable& locks, Session& session, const LockTag& tag, Mode mode, std::uint16_t slot = 0, std::uint32_t level = 1, LockWait wait = LockWait::wait) {
  return locks.request(session, tag, slot, static_cast<std::uint8_t>(mode), level, wait);
}

}  // namespace

TEST_CASE("table locks conflict as PostgreSQL's table 13.2 says") {
  // Rows and columns: access share ... access exclusive; x: conflict.
  const char* const matrix[8] = {".......x", "......xx", "....xxxx", "...xxxxx", "..xx.xxx", "..xxxxxx", ".xxxxxxx", "xxxxxxxx"};
  for (int held = 0; held < 8; ++held)
    for (int wanted = 0; wanted < 8; ++wanted) {
      LockTable locks;
      Session a(1), b(2);
      REQUIRE(ask(locks, a, table, held) == LockResult::granted);
      const auto got = ask(locks, b, table, wanted, 0, 1, LockWait::no_wait);
      CHECK((got == LockResult::not_available) == (matrix[held][wanted] == 'x'));
      locks.release_above(a, 0);
      locks.release_above(b, 0);
      CHECK(locks.is_empty());
    }
}

TEST_CASE("row locks conflict as PostgreSQL's table 13.3 says, and by row") {
  const char* const matrix[4] = {"...x", "..xx", ".xxx", "xxxx"};
  for (int held = 0; held < 4; ++held)
    for (int wanted = 0; wanted < 4; ++wanted) {
      LockTable locks;
      Session a(1), b(2);
      REQUIRE(ask(locks, a, block, held, 3) == LockResult::granted);
      CHECK((ask(locks, b, block, wanted, 3, 1, LockWait::no_wait) == LockResult::not_available) == (matrix[held][wanted] == 'x'));
      CHECK(ask(locks, b, block, wanted, 4, 1, LockWait::no_wait) == LockResult::granted);
      locks.release_above(a, 0);
      locks.release_above(b, 0);
    }
}

TEST_CASE("whoever has found a key in the way waits for the row's writer, not for those who only lock it") {
  LockTable locks;
  Session a(1), b(2), c(3);
  REQUIRE(ask(locks, a, block, RowLock::update, 1) == LockResult::granted);
  CHECK(ask(locks, b, block, RowLock::settled, 1) == LockResult::granted);
  REQUIRE(ask(locks, a, block, RowLock::no_key_write, 2) == LockResult::granted);
  CHECK(ask(locks, c, block, RowLock::settled, 2) == LockResult::must_wait);
  locks.release_above(a, 0);
  CHECK(c.woken == 1);
  locks.release_above(b, 0);
  locks.release_above(c, 0);
  CHECK(locks.is_empty());
}

TEST_CASE("requests are granted first-come, and by whoever releases") {
  LockTable locks;
  Session a(1), b(2), c(3), d(4);
  REQUIRE(ask(locks, a, table, TableLock::row_exclusive) == LockResult::granted);
  REQUIRE(ask(locks, b, table, TableLock::access_exclusive) == LockResult::must_wait);
  // It fits the holder, but not the one that waits before it.
  REQUIRE(ask(locks, c, table, TableLock::row_exclusive) == LockResult::must_wait);
  REQUIRE(ask(locks, d, table, TableLock::access_share) == LockResult::must_wait);
  REQUIRE(locks.access_exclusive_count() == 1);
  // Who holds it already does not wait for those that wait for him.
  CHECK(ask(locks, a, table, TableLock::share_row_exclusive) == LockResult::granted);
  locks.release_above(a, 0);
  CHECK((b.woken == 1 && c.woken == 0 && d.woken == 0));
  CHECK(ask(locks, b, table, TableLock::access_exclusive) == LockResult::held);
  locks.release_above(b, 0);
  CHECK((c.woken == 1 && d.woken == 1));
  locks.release_above(c, 0);
  locks.release_above(d, 0);
  CHECK(locks.is_empty());
  CHECK(locks.access_exclusive_count() == 0);
}

TEST_CASE("a request that is given up lets those behind it in") {
  LockTable locks;
  Session a(1), b(2), c(3);
  REQUIRE(ask(locks, a, key, SimpleLock::share) == LockResult::granted);
  REQUIRE(ask(locks, b, key, SimpleLock::exclusive) == LockResult::must_wait);
  REQUIRE(ask(locks, c, key, SimpleLock::share) == LockResult::must_wait);
  locks.stop_waiting(b);
  CHECK(c.woken == 1);
  CHECK(ask(locks, c, key, SimpleLock::share) == LockResult::held);
  locks.release_above(a, 0);
  locks.release_above(c, 0);
  CHECK(locks.is_empty());
}

TEST_CASE("locks taken since a savepoint go with it, unless it was released") {
  LockTable locks;
  Session a(1), b(2);
  REQUIRE(ask(locks, a, block, RowLock::write, 1, 1) == LockResult::granted);
  REQUIRE(ask(locks, a, block, RowLock::write, 2, 2) == LockResult::granted);
  REQUIRE(ask(locks, a, block, RowLock::write, 3, 3) == LockResult::granted);
  locks.lower_to(a, 2);  // the inner one is released
  REQUIRE(ask(locks, b, block, RowLock::write, 3) == LockResult::must_wait);
  locks.release_above(a, 1);
  CHECK(b.woken == 1);
  CHECK(ask(locks, b, block, RowLock::write, 2, 1, LockWait::no_wait) == LockResult::granted);
  CHECK(ask(locks, b, block, RowLock::write, 1, 1, LockWait::no_wait) == LockResult::not_available);
  locks.release_above(a, 0);
  locks.release_above(b, 0);
  CHECK(locks.is_empty());
}

TEST_CASE("advisory locks count, outlast their transaction when they are the session's, and come once to who has waited") {
  LockTable locks;
  Session a(1), b(2);
  REQUIRE(ask(locks, a, advisory, SimpleLock::exclusive, 0, LockOwner::session_level) == LockResult::granted);
  REQUIRE(ask(locks, a, advisory, SimpleLock::exclusive, 0, LockOwner::session_level) == LockResult::held);
  locks.release_above(a, 0);
  REQUIRE(ask(locks, b, advisory, SimpleLock::exclusive, 0, LockOwner::session_level) == LockResult::must_wait);
  CHECK(locks.release_one(a, advisory, 1, LockOwner::session_level));
  CHECK(b.woken == 0);
  CHECK(locks.release_one(a, advisory, 1, LockOwner::session_level));
  CHECK_FALSE(locks.release_one(a, advisory, 1, LockOwner::session_level));
  CHECK(b.woken == 1);
  CHECK(ask(locks, b, advisory, SimpleLock::exclusive, 0, LockOwner::session_level) == LockResult::granted);
  CHECK(locks.release_one(b, advisory, 1, LockOwner::session_level));
  CHECK(locks.is_empty());
}

TEST_CASE("cycles of waiting sessions are found, over locks of different kinds") {
  LockTable locks;
  Session a(11), b(12), c(13), d(14);
  REQUIRE(ask(locks, a, block, RowLock::write, 1) == LockResult::granted);
  REQUIRE(ask(locks, b, table, TableLock::exclusive) == LockResult::granted);
  REQUIRE(ask(locks, c, advisory, SimpleLock::exclusive) == LockResult::granted);
  REQUIRE(ask(locks, a, table, TableLock::row_exclusive) == LockResult::must_wait);
  REQUIRE(ask(locks, b, advisory, SimpleLock::exclusive) == LockResult::must_wait);
  CHECK_FALSE(locks.check_deadlock(a));
  CHECK_FALSE(locks.check_deadlock(b));
  REQUIRE(ask(locks, c, block, RowLock::write, 1) == LockResult::must_wait);
  REQUIRE(ask(locks, d, block, RowLock::update, 1) == LockResult::must_wait);  // waits for the cycle, and is not in it
  CHECK_FALSE(locks.check_deadlock(d));
  Status found = locks.check_deadlock(c);
  REQUIRE(found.failed());
  CHECK(found.code() == sqlstate::t_r_deadlock_detected);
  const std::string detail(found.field(ErrorField::detail));
  CHECK(detail.find("Process 13 waits for ShareLock on transaction 1011; blocked by process 11.") == 0);
  CHECK(detail.find("Process 11 waits for RowExclusiveLock on relation 100 of database 5; blocked by process 12.") != std::string::npos);
  CHECK(detail.find("Process 12 waits for ExclusiveLock on advisory lock [5,0,42,1]; blocked by process 13.") != std::string::npos);
  std::vector<std::uint32_t> blockers;
  locks.each_blocker(12, [&](std::uint32_t one) { blockers.push_back(one); });
  CHECK(blockers == std::vector<std::uint32_t>{13});
  for (Session* one : {&a, &b, &c, &d}) locks.release_above(*one, 0);
  CHECK(locks.is_empty());
}

TEST_CASE("who has a lock goes before those who wait for it, and waits for none of them") {
  LockTable locks;
  Session a(1), b(2), c(3);
  REQUIRE(ask(locks, b, block, RowLock::no_key_write, 1) == LockResult::granted);
  REQUIRE(ask(locks, a, block, RowLock::key_share, 1) == LockResult::granted);
  REQUIRE(ask(locks, c, block, RowLock::write, 1) == LockResult::must_wait);
  REQUIRE(ask(locks, a, block, RowLock::no_key_write, 1) == LockResult::must_wait);
  CHECK_FALSE(locks.check_deadlock(a));
  CHECK_FALSE(locks.check_deadlock(c));
  std::vector<std::uint32_t> blockers;
  locks.each_blocker(1, [&](std::uint32_t one) { blockers.push_back(one); });
  CHECK(blockers == std::vector<std::uint32_t>{2});
  locks.release_above(b, 0);
  CHECK(a.woken == 1);
  CHECK(c.woken == 0);
  locks.release_above(a, 0);
  CHECK(c.woken == 1);
  locks.release_above(c, 0);
  CHECK(locks.is_empty());
}

TEST_CASE("numbers are drawn once, and for those only who are told of") {
  LockTable locks;
  Session a(1), b(2), c(3);
  a.transaction = b.transaction = c.transaction = 0;
  std::uint64_t last = 500;
  locks.set_numbers([](void* number) { return ++*static_cast<std::uint64_t*>(number); }, &last);
  REQUIRE(ask(locks, c, table, TableLock::row_exclusive) == LockResult::granted);
  REQUIRE(ask(locks, a, block, RowLock::write, 1) == LockResult::granted);
  REQUIRE(ask(locks, b, block, RowLock::write, 1) == LockResult::must_wait);
  CHECK(last == 500);
  for (int times = 0; times < 2; ++times) {
    int seen = 0;
    locks.each([&](const LockFact& fact) {
      ++seen;
      const Session& owner = fact.process_id == 1 ? a : fact.process_id == 2 ? b : c;
      CHECK(fact.transaction == owner.transaction);
      CHECK(fact.blocker == (fact.granted ? 0 : a.transaction));
    });
    CHECK(seen == 3);
    CHECK(last == 502);
    CHECK(a.transaction + b.transaction == 501 + 502);
    CHECK(c.transaction == 0);
  }
  CHECK(locks.has_rows(a));
  CHECK_FALSE(locks.has_rows(c));
  for (Session* one : {&a, &b, &c}) locks.release_above(*one, 0);
  CHECK(locks.is_empty());
}

TEST_CASE("a large writer's rows are bits, and all are released") {
  LockTable locks;
  Session a(1), b(2);
  for (std::uint64_t number = 0; number < 2000; ++number)
    for (std::uint16_t slot = 0; slot < 1024; slot = static_cast<std::uint16_t>(slot + 31))
      REQUIRE(ask(locks, a, LockTag{DatabaseId{1}, LockSpace::row, 9, number}, RowLock::write, slot) == LockResult::granted);
  CHECK(ask(locks, b, LockTag{DatabaseId{1}, LockSpace::row, 9, 1500}, RowLock::key_share, 31, 1, LockWait::no_wait) == LockResult::not_available);
  CHECK(ask(locks, b, LockTag{DatabaseId{1}, LockSpace::row, 9, 1500}, RowLock::key_share, 32, 1, LockWait::no_wait) == LockResult::granted);
  locks.release_above(a, 0);
  locks.release_above(b, 0);
  CHECK(locks.is_empty());
}

TEST_CASE("keys of one place are locked one by one, and what is released in slices is all released") {
  LockTable locks;
  Session a(1), b(2), c(3);
  REQUIRE(ask(locks, a, key, SimpleLock::exclusive, 5) == LockResult::granted);
  REQUIRE(ask(locks, a, key, SimpleLock::exclusive, 7) == LockResult::granted);
  CHECK(ask(locks, b, key, SimpleLock::exclusive, 6) == LockResult::granted);
  CHECK(ask(locks, b, key, SimpleLock::exclusive, 5) == LockResult::must_wait);
  CHECK(ask(locks, c, key, SimpleLock::exclusive, 7) == LockResult::must_wait);
  for (std::uint64_t place = 0; place < 9; ++place) {
    LockTag other = block;
    other.place = 100 + place;
    REQUIRE(ask(locks, a, other, RowLock::write, 1, 2) == LockResult::granted);
  }
  int slices = 1;
  while (!locks.release_above(a, 0, 3)) ++slices;
  CHECK(slices == 4);
  CHECK(a.holders == nullptr);
  CHECK(b.woken == 1);
  CHECK(c.woken == 1);
  locks.release_above(b, 0);
  locks.release_above(c, 0);
  CHECK(locks.is_empty());
}
