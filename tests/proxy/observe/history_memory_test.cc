// Memory runs out on the thread of the history.
#include <catch2/catch.hpp>
#include <future>

#include "history_world.h"
#include "support/others_without_memory.h"

namespace ravelin::test {

using namespace std::chrono_literals;
using World = HistoryWorld;

TEST_CASE("without memory the history's thread counts what it loses, and goes on") {
  World world;
  world.add("192.0.2.1", "before");
  REQUIRE(world.history->flush(10s));
  {
    const OthersWithoutMemory none;
    world.add("192.0.2.1", "lost");
    world.history->flush(10s);
    CHECK(world.history->stats().lost == 1);
    CHECK(world.find({.text = "lost"}).more);
    std::promise<bool> told;
    REQUIRE(world.history->reports(10, [&](const auto& report, const auto& earlier) {
      told.set_value(report.text.empty() && earlier.empty());
    }));
    CHECK(told.get_future().get());
    CHECK(none.failures() > 0);
  }
  world.add("192.0.2.1", "after");
  CHECK(world.history->flush(10s));
  CHECK(world.history->stats().lost == 1);
  CHECK(world.find({.text = "lost"}).entries.size() == 1);  // in memory it is
  world.open();
  CHECK(world.find(of("192.0.2.1")).entries.size() == 2);
}

TEST_CASE("at whatever moment memory runs out, rows are written or counted as lost") {
  size_t failures = 1;
  for (size_t first = 0; failures > 0; ++first) {
    CAPTURE(first);
    World world;
    world.history->press(true);
    {
      const OthersWithoutMemory none(first, 1);
      for (const char* to : {"a", "b"})
        world.history->add({proxy::id_at(world.clock.wall()) + ++world.count,
                            *dns::IpAddress::parse("192.0.2.1"), 7,
                            proxy::HistoryEntry::Merge::WhenHard,
                            R"json({"events":[{"what":"rcpt","from":"x@y.example","to":")json" +
                                std::string(to) + "@example.com\"}]}"});
      world.add("192.0.2.2", "other");
      world.history->put_point(300, 600, "point");
      world.history->put_report({600, 1, 1'780'000'000, "text", "who"});
      world.history->flush(10s);
      failures = none.failures();
    }
    CHECK(world.history->flush(10s));
    CHECK(world.history->stats().written + world.history->stats().lost >= 2);
    world.add("192.0.2.3", "after");
    CHECK(world.history->flush(10s));
    world.open();
    CHECK(world.found("after") == 1);
  }
}

}  // namespace ravelin::test
