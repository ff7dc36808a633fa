#include <catch2/catch.hpp>

#include <string>
#include <thread>

#include "spg/db/activity.hpp"

namespace spg::db {

TEST_CASE("a session's activity is read as it was told") {
  Activity activity;
  Activity::Seen seen;
  activity.begin("SELECT 1", 7);
  activity.set_application("program");
  activity.set_transaction_start(5);
  activity.read(seen);
  CHECK(seen.state == Activity::State::active);
  CHECK(seen.query == "SELECT 1");
  CHECK(seen.application == "program");
  CHECK(seen.query_start == 7);
  CHECK(seen.state_change == 7);
  CHECK(seen.transaction_start == 5);
  CHECK(activity.is_active());
  activity.settle(Activity::State::idle_in_transaction, 9);
  activity.read(seen);
  CHECK(seen.state == Activity::State::idle_in_transaction);
  CHECK(seen.query == "SELECT 1");  // the last one stays
  CHECK(seen.query_start == 7);
  CHECK(seen.state_change == 9);
  CHECK(activity.wait() == Activity::Wait::client_read);
}

TEST_CASE("a long statement is cut between characters") {
  Activity activity;
  Activity::Seen seen;
  for (std::size_t before = Activity::query_bytes_max - 3; before <= Activity::query_bytes_max; ++before) {
    CAPTURE(before);
    activity.begin(std::string(before, 'x') + "\xe2\x82\xac and more", 1);
    activity.read(seen);
    const std::size_t wanted = before == Activity::query_bytes_max - 3 ? Activity::query_bytes_max : before;
    CHECK(seen.query.size() == wanted);
  }
}

TEST_CASE("what belongs together is read together") {
  Activity activity;
  const std::string texts[] = {std::string(800, 'a'), std::string(40, 'b')};
  activity.begin(texts[0], 0);
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::int64_t i = 1; !stop.load(); ++i) activity.begin(texts[i % 2], i);
  });
  for (int i = 0; i < 20'000; ++i) {
    Activity::Seen seen;
    activity.read(seen);
    const bool is_whole = seen.query == texts[seen.query_start % 2] && seen.query_start == seen.state_change;
    if (!is_whole) {
      stop.store(true);
      writer.join();
      FAIL("read " << seen.query.size() << " bytes with the time " << seen.query_start);
    }
  }
  stop.store(true);
  writer.join();
}

}  // namespace spg::db
