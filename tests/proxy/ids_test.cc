#include "proxy/ids.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "support/manual_reactor.h"

using namespace ravelin;
using proxy::Id;
using proxy::IdSource;
using namespace std::chrono_literals;

namespace {

constexpr int64_t k2020 = 1'577'836'800;  // 2020-01-01 00:00:00 UTC, in Unix time

int64_t second_of(Id id) { return static_cast<int64_t>(id >> 16) + k2020; }
int64_t unix_time(const proxy::Clock& clock) {
  return std::chrono::duration_cast<std::chrono::seconds>(clock.wall().time_since_epoch()).count();
}

}  // namespace

TEST_CASE("ids carry the second they were made in, and grow") {
  test::ManualClock clock;
  IdSource ids(clock);
  const auto first = ids.next();
  CHECK(second_of(first) == unix_time(clock));
  CHECK(ids.next() == first + 1);
  clock.advance(1s);
  const auto later = ids.next();
  CHECK(later > first + 1);
  CHECK(second_of(later) == unix_time(clock));
}

TEST_CASE("a process that starts in the same second as another says none of its ids again") {
  test::ManualClock clock;
  Id last = 0;
  for (int restart = 0; restart < 100; ++restart) {
    IdSource ids(clock);
    for (int i = 0; i < 300; ++i) {
      const auto next = ids.next();
      CHECK(next > last);
      last = next;
    }
    clock.advance(5ms);  // sooner than any process starts
  }
}

TEST_CASE("a wall clock that jumps back never repeats an id") {
  test::ManualClock clock;
  IdSource ids(clock);
  const auto before = ids.next();
  clock.jump_wall(-48h);
  CHECK(ids.next() == before + 1);
  clock.jump_wall(48h + 10s);
  CHECK(second_of(ids.next()) == unix_time(clock));
}

TEST_CASE("more ids than fit in a second borrow from those to come") {
  test::ManualClock clock;
  IdSource ids(clock);
  auto last = ids.next();
  for (int i = 0; i < 70'000; ++i) {
    const auto next = ids.next();
    if (next <= last) FAIL("not above the one before");
    last = next;
  }
  CHECK(second_of(last) == unix_time(clock) + 1);
  clock.advance(1s);  // the borrowed second begins: its first ids are gone already
  CHECK(ids.next() == last + 1);
}

TEST_CASE("an id fits twelve hexadecimal digits, whatever the clock says") {
  test::ManualClock clock;
  clock.jump_wall(GENERATE(-60 * 8760h, 0h, 120 * 8760h));
  IdSource ids(clock);
  CHECK(ids.next() >> 48 == 0);
  CHECK(ids.next() >> 48 == 0);
}

TEST_CASE("threads never get the same id") {
  const test::ManualClock clock;
  IdSource ids(clock);
  constexpr size_t kEach = 20'000;
  std::vector<std::vector<Id>> got(4);
  std::vector<std::thread> threads;
  for (auto& mine : got)
    threads.emplace_back([&ids, &mine] {
      for (size_t i = 0; i < kEach; ++i) mine.push_back(ids.next());
    });
  for (auto& thread : threads) thread.join();
  std::vector<Id> all;
  for (const auto& mine : got) all.insert(all.end(), mine.begin(), mine.end());
  std::sort(all.begin(), all.end());
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
  CHECK(all.size() == 4 * kEach);
}
