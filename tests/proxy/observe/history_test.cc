#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>
#include <utility>

#include "history_world.h"

namespace ravelin::test {
namespace {

using namespace std::chrono_literals;
using proxy::HistoryQuery;
using Merge = proxy::HistoryEntry::Merge;
using World = HistoryWorld;

size_t rows_of(proxy::HistoryDisk& disk) {
  int64_t next = INT64_MAX;
  size_t rows = 0;
  CHECK(disk.scan(&next, 10, [&](const proxy::HistoryRow&) { ++rows; }));
  return rows;
}

}  // namespace

TEST_CASE("history finds by id, client and text, newest first") {
  World world(GENERATE(true, false));
  world.add("192.0.2.1", "first Joe@client.example");
  const auto second = world.add("192.0.2.2", "ABCDEF012345 inside");
  world.add("192.0.2.1", "third");
  const auto by_client = world.find(of("192.0.2.1"));
  REQUIRE(by_client.entries.size() == 2);
  CHECK(by_client.entries[0].account.find("third") != std::string::npos);
  CHECK(!by_client.more);
  CHECK(world.find({.id = second}).entries.size() == 1);
  CHECK(world.found("joe@CLIENT.example") == 1);
  CHECK(world.found("nobody") == 0);
  CHECK(world.find({.limit = 2}).more);
  REQUIRE(world.history->flush(10s));
  CHECK(world.history->stats().waiting == 0);  // for a file that is not wanted, neither
}

TEST_CASE("history shows a window of time to a visitor, until it has enough") {
  World world(GENERATE(true, false));
  for (int i = 0; i < 5; ++i) {
    world.add("192.0.2.1", "at" + std::to_string(i));
    world.clock.advance(1min);
  }
  const auto seen = [&](HistoryQuery query, size_t most) {
    std::promise<std::pair<size_t, bool>> all;
    size_t count = 0;
    REQUIRE(world.history->visit(
        std::move(query), [&](std::string_view, uint32_t, int64_t) { return ++count < most; },
        [&](bool more) {
          all.set_value({count, more});
        }));
    return all.get_future().get();
  };
  const auto now = world.clock.wall();
  CHECK(seen({}, 99) == std::pair<size_t, bool>{5, false});
  CHECK(seen({}, 2) == std::pair<size_t, bool>{2, true});
  CHECK(seen({.since = now - 210s, .until = now - 90s}, 99) == std::pair<size_t, bool>{2, false});
}

TEST_CASE("history outlives a restart, and what is in memory is not told twice") {
  World world;
  const auto id = world.add("192.0.2.1", "old");
  REQUIRE(world.history->flush(10s));
  CHECK(world.found("old") == 1);
  world.open();
  world.clock.advance(1s);
  world.add("192.0.2.1", "new");
  CHECK(world.find(of("192.0.2.1")).entries.size() == 2);
  CHECK(world.find({.id = id}).entries.size() == 1);
  // A transaction is found in the dialog that it was in, which has an earlier id.
  world.clock.advance(10s);
  const auto transaction = proxy::id_at(world.clock.wall());
  world.add("192.0.2.3", "about \\\"" + proxy::id_text(transaction) + "\\\"");
  const auto later = proxy::id_at(world.clock.wall()) + 1000;
  world.history->add({proxy::id_at(world.clock.wall() - 5s), *dns::IpAddress::parse("192.0.2.4"), 0,
                      Merge::Never, "{\"events\":[{\"id\":\"" + proxy::id_text(later) + "\"}]}"});
  REQUIRE(world.history->flush(10s));
  world.open();
  CHECK(world.find({.id = later}).entries.size() == 1);
}

TEST_CASE("memory is bounded, the file has the rest") {
  World world;
  world.settings.memory = 3'000;
  world.history->configure(world.settings);
  for (int i = 0; i < 50; ++i) world.add("192.0.2.1", "row" + std::to_string(i) + " ");
  CHECK(world.history->stats().bytes <= 3'000);
  CHECK(world.history->stats().entries < 50);
  REQUIRE(world.history->flush(10s));
  CHECK(world.found("row0 ") == 1);
  CHECK(world.find({.text = "row", .limit = 100}).entries.size() == 50);
}

TEST_CASE("in hard times the fruitless that are alike become one with a count") {
  World world;
  world.history->press(true);
  const auto id = world.add("192.0.2.1", "bot", 7, Merge::WhenHard);
  world.add("192.0.2.1", "bot", 7, Merge::WhenHard);
  world.add("192.0.2.1", "bot", 8, Merge::WhenHard);
  world.add("192.0.2.2", "bot", 7, Merge::WhenHard);
  world.add("192.0.2.1", "bot", 7);
  CHECK(world.found("bot") == 4);
  REQUIRE(world.history->flush(10s));
  world.clock.advance(30s);
  world.add("192.0.2.1", "bot", 7, Merge::WhenHard);
  CHECK(world.find({.id = id}).entries.at(0).count == 3);
  CHECK(world.history->stats().merged == 2);
  REQUIRE(world.history->flush(10s));
  world.open();  // the count is in the file, too
  CHECK(world.find({.id = id}).entries.at(0).count == 3);
  world.history->press(true);
  world.add("192.0.2.1", "bot", 7, Merge::WhenHard);
  world.clock.advance(61s);
  world.add("192.0.2.1", "bot", 7, Merge::WhenHard);
  CHECK(world.found("bot") == 6);
  world.history->press(false);
  world.add("192.0.2.9", "other", 9, Merge::Always);
  world.add("192.0.2.9", "other", 9, Merge::Always);
  CHECK(world.found("other") == 1);
  world.add("192.0.2.1", "bot", 7, Merge::WhenHard);
  CHECK(world.found("bot") == 7);
}

TEST_CASE("a row that stands for others knows some of their senders and recipients") {
  World world(GENERATE(true, false));
  world.history->press(true);
  const auto rcpt = [&](const std::string& to) {
    const auto id = proxy::id_at(world.clock.wall()) + ++world.count;
    world.history->add(
        {id, *dns::IpAddress::parse("192.0.2.1"), 7, Merge::WhenHard,
         R"json({"events":[{"what":"rcpt","id":"x","from":"a@b.example","to":")json" + to +
             "\"}]}"});
    return id;
  };
  const auto first = rcpt("one@example.com");
  const auto account = [&] { return world.find({.id = first}).entries.at(0).account; };
  const std::string plain = account();
  CHECK(plain.find("others") == plain.npos);
  REQUIRE(world.history->flush(10s));
  CHECK(world.history->stats().written == (world.path.empty() ? 0 : 1));
  rcpt("two@example.com");
  rcpt("two@example.com");
  const std::string others = ",\"others\":[[\"a@b.example\",\"two@example.com\",2]]}";
  CHECK(account() == plain.substr(0, plain.size() - 1) + others);
  CHECK(world.found("two@example.com") == 1);
  const auto bytes = world.history->stats().bytes;
  for (int i = 0; i < 1'000; ++i) rcpt(std::to_string(i) + "@example.com");
  CHECK(world.history->stats().bytes < bytes + 3'000);
  CHECK(world.history->stats().merged == 1'002);
  if (world.path.empty()) return;
  const auto last = account();
  REQUIRE(world.history->flush(10s));
  world.open();
  CHECK(account() == last);
  CHECK(world.find({.id = first}).entries.at(0).count == 1'003);
}

TEST_CASE("rows are written while a search goes on, and searches take turns") {
  constexpr size_t kRows = 20'000;
  World world;
  world.settings.memory = 100'000'000;
  world.history->configure(world.settings);
  for (size_t i = 0; i < kRows; ++i) world.add("192.0.2.1", "row");
  std::promise<void> begun, over;
  std::atomic<bool> slow{true};
  bool first = true;
  REQUIRE(world.history->visit(
      {.patience = 600s},
      [&](std::string_view, uint32_t, int64_t) {
        if (std::exchange(first, false)) begun.set_value();
        if (slow) std::this_thread::sleep_for(1ms);  // so it is not over before it may
        return true;
      },
      [&](bool more) {
        CHECK(!more);
        over.set_value();
      }));
  begun.get_future().wait();
  CHECK(world.history->flush(10s));
  CHECK(world.history->stats().written == kRows);
  CHECK(world.find({.text = "row", .limit = 5}).entries.size() == 5);
  auto ended = over.get_future();
  CHECK(ended.wait_for(0s) == std::future_status::timeout);
  slow = false;
  ended.wait();
}

TEST_CASE("an end does not wait for searches") {
  constexpr size_t kRows = 20'000;
  World world;
  world.settings.memory = 100'000'000;
  world.history->configure(world.settings);
  for (size_t i = 0; i < kRows; ++i) world.add("192.0.2.1", "row");
  std::promise<void> begun;
  bool first = true;
  size_t seen = 0;
  REQUIRE(world.history->visit(
      {.patience = 600s},
      [&](std::string_view, uint32_t, int64_t) {
        if (std::exchange(first, false)) begun.set_value();
        std::this_thread::sleep_for(1ms);
        ++seen;
        return true;
      },
      [](bool) { FAIL("nobody hears of it"); }));
  begun.get_future().wait();
  world.history->stop();
  CHECK(seen < kRows);
  world.open();
  CHECK(world.find({.text = "row", .limit = kRows}).entries.size() == kRows);
}

TEST_CASE("reports of episodes are kept, and told with those before them") {
  World world;
  const auto told = [&](int64_t began) {
    std::promise<std::pair<proxy::HistoryReport, size_t>> answer;
    REQUIRE(world.history->reports(began, [&](auto report, auto earlier) {
      for (const auto& one : earlier) CHECK((one.text.empty() && one.sketch == "who"));
      answer.set_value({report, earlier.size()});
    }));
    return answer.get_future().get();
  };
  const auto now = std::chrono::floor<std::chrono::seconds>(world.clock.wall());
  const auto at = now.time_since_epoch().count();
  CHECK(told(10).first.text.empty());
  for (int64_t i = 1; i <= 3; ++i)
    world.history->put_report(
        {i * 10, static_cast<uint32_t>(i), at, "text" + std::to_string(i), "who"});
  CHECK(told(30).first.text == "text3");  // before it is written, too
  CHECK(told(30).second == 2);
  REQUIRE(world.history->flush(10s));
  world.open();
  CHECK(told(20).first.number == 2);
  CHECK(told(20).second == 1);
  CHECK(told(25).first.text.empty());
  CHECK(told(25).second == 2);
  world.history->put_report({20, 2, at, "anew", "who"});
  REQUIRE(world.history->flush(10s));
  CHECK(told(20).first.text == "anew");
}

TEST_CASE("a report that cannot be written waits, and is written when there is room") {
  World world;
  world.settings.disk_free = UINT64_MAX / 2;
  world.history->configure(world.settings);
  for (int64_t i = 1; i <= 9; ++i) world.history->put_report({i, 1, 1'780'000'000, "text", "who"});
  CHECK(!world.history->flush(10s));
  CHECK(world.alarms.size() == 1);
  const auto texts = [&] {
    size_t count = 0;
    for (int64_t i = 1; i <= 9; ++i) {
      std::promise<size_t> answer;
      REQUIRE(world.history->reports(i, [&](const auto& report, const auto&) {
        answer.set_value(report.text.empty() ? 0 : 1);
      }));
      count += answer.get_future().get();
    }
    return count;
  };
  CHECK(texts() == 4);  // as many as may wait
  world.settings.disk_free = 0;
  world.history->configure(world.settings);
  CHECK(world.history->flush(10s));
  world.open();
  CHECK(texts() == 4);
}

TEST_CASE("a disk that is nearly full is left to others, and used again when it is not") {
  World world;
  world.settings.disk_free = UINT64_MAX / 2;
  world.history->configure(world.settings);
  world.add("192.0.2.1", "one");
  CHECK(!world.history->flush(10s));
  REQUIRE(world.alarms.size() == 1);
  CHECK(world.alarms[0].find("history.disk_free") != std::string::npos);
  CHECK(world.history->stats().degraded);
  CHECK(world.found("one") == 1);  // what can be read is no sign that it can be written
  CHECK(!world.history->flush(10s));
  CHECK(world.history->stats().degraded);
  CHECK(world.alarms.size() == 1);
  world.settings.disk_free = 0;
  world.history->configure(world.settings);
  CHECK(world.history->flush(10s));
  REQUIRE(world.alarms.size() == 2);
  CHECK(world.alarms[1].find("is written again") != std::string::npos);
  world.open();
  CHECK(world.found("one") == 1);
}

TEST_CASE("what waits for a disk is bounded, also by what comes while a write fails") {
  constexpr size_t kMost = 50'000;
  World world;
  world.settings.memory = 100'000'000;
  world.settings.disk_free = UINT64_MAX / 2;
  std::unique_ptr<proxy::History> history;
  const auto add = [&] {
    for (size_t i = 0; i < kMost; ++i)
      history->add({i + 1, *dns::IpAddress::parse("192.0.2.1"), 0, Merge::Never, "{}"});
  };
  // The alarm comes in the middle of the first write, when nothing waits.
  history =
      std::make_unique<proxy::History>(world.path, world.clock, [&](const std::string&) { add(); });
  history->configure(world.settings);
  add();
  history->start();
  CHECK(!history->flush(30s));
  CHECK(history->stats().waiting == kMost);
  CHECK(history->stats().lost == kMost);
}

TEST_CASE("what waits for a disk takes no more memory than there is for the history") {
  constexpr size_t kLong = 30'000;  // octets that a client has filled
  World world;
  world.settings.memory = 6'000'000;
  world.settings.disk_free = UINT64_MAX / 2;
  world.history->configure(world.settings);
  const bool writing = GENERATE(false, true);
  world.add("192.0.2.1", "short");
  if (writing) CHECK(!world.history->flush(10s));
  for (int i = 0; i < 999; ++i) world.add("192.0.2.1", std::string(kLong, 'x'));
  if (writing) CHECK(!world.history->flush(10s));
  const auto stats = world.history->stats();
  CHECK(stats.waiting * kLong <= world.settings.memory);
  CHECK(stats.waiting > 100);
  CHECK(stats.waiting + stats.lost == 1'000);
}

TEST_CASE("what has no room in memory is not kept for those that are alike") {
  World world(/*with_file=*/false);
  world.settings.memory = 3'000;
  world.history->configure(world.settings);
  world.add("192.0.2.1", "bot", 7, Merge::Always);
  for (int i = 0; i < 50; ++i) world.add("192.0.2.2", "other");
  REQUIRE(world.found("bot") == 0);
  world.add("192.0.2.1", "bot", 7, Merge::Always);
  CHECK(world.found("bot") == 1);
  CHECK(world.history->stats().merged == 0);
}

TEST_CASE("a file that is no history file is moved aside") {
  World world;
  world.history.reset();
  std::filesystem::remove(world.path);
  std::ofstream(world.path) << std::string(5000, 'x');
  world.open();
  world.add("192.0.2.1", "one");
  CHECK(world.history->flush(10s));
  CHECK(world.alarms.size() == 1);
  CHECK(world.dir.list("history.db.broken-").size() == 1);
}

TEST_CASE("what is too old goes from the file") {
  World world;
  world.add("192.0.2.1", "old");
  REQUIRE(world.history->flush(10s));
  world.history.reset();
  world.clock.advance(20h);
  world.open();
  world.add("192.0.2.1", "newer");
  REQUIRE(world.history->flush(10s));
  world.history.reset();
  world.clock.advance(5h);
  proxy::HistoryDisk disk(world.path, world.clock, [](const std::string&) {});
  disk.configure(world.settings);
  CHECK(!disk.trim());
  CHECK(rows_of(disk) == 1);
}

TEST_CASE("a clock that is far ahead at the start makes nothing old") {
  World world;
  world.add("192.0.2.1", "old");
  world.history->put_point(300, 600, "point");
  world.history->put_report({600, 1, 600, "text", "who"});
  REQUIRE(world.history->flush(10s));
  world.history.reset();
  world.clock.advance(10'000h);
  proxy::HistoryDisk disk(world.path, world.clock, [](const std::string&) {});
  disk.configure(world.settings);
  CHECK(!disk.trim());
  CHECK(rows_of(disk) == 1);
  size_t points = 0;
  disk.curve(300, [&](int64_t, std::string_view) { ++points; });
  CHECK(points == 1);
  proxy::HistoryReport report;
  std::vector<proxy::HistoryReport> earlier;
  disk.reports(600, report, earlier);
  CHECK(report.text == "text");
  // As soon as it has put down a dialog, it goes by its clock.
  const proxy::HistoryRow row{proxy::id_at(world.clock.wall()), 1, 0, "192.0.2.1", "{}"};
  REQUIRE(disk.write({&row, 1}, {}, {}));
  CHECK(!disk.trim());
  CHECK(rows_of(disk) == 1);
  disk.curve(300, [&](int64_t, std::string_view) { FAIL("it is too old"); });
}

TEST_CASE("ids are times") {
  const auto now = std::chrono::system_clock::from_time_t(1'795'000'000) + 500ms;
  CHECK(proxy::time_of(proxy::id_at(now)) == now);
  CHECK(proxy::parse_id(proxy::id_text(0x0653F2A91C07)) == 0x0653F2A91C07u);
  CHECK(!proxy::parse_id("0653F2A91C0"));
  CHECK(!proxy::parse_id("0653F2A91C0G"));
  CHECK(!proxy::parse_id("+653F2A91C07"));
}

}  // namespace ravelin::test
