// Reports of episodes that are over: kept, told when their dialogs are gone, compared with those
// before.
#include "proxy/episode_reports.h"

#include <catch2/catch.hpp>
#include <future>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "support/manual_reactor.h"
#include "support/temp_dir.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr HashKey kKey{4, 2};

struct World {
  World() { open(); }
  void open(const HashKey& key = kKey) {
    reports.reset();
    history.reset();
    history = std::make_unique<History>(dir.file("history.db"), clock, [](const std::string&) {});
    history->configure(settings);
    history->start();
    reports = std::make_unique<EpisodeReports>(*history, clock, key);
  }
  void dialog(const std::string& client, const std::string& print = "0802000000030004") {
    const auto id = id_at(clock.wall()) + ++count;
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(clock.wall()).time_since_epoch();
    const json account = {{"client", client},
                          {"time_ms", ms.count()},
                          {"print", print},
                          {"end", "quit"},
                          {"events",
                           {{{"what", "rcpt"},
                             {"from", ""},
                             {"to", "x1y2@mx.example"},
                             {"verify", "unknown"},
                             {"verdict", "reject"},
                             {"standing", "unknown"}}}}};
    history->add(
        {id, *dns::IpAddress::parse(client), 0, HistoryEntry::Merge::Never, account.dump()});
  }
  // Hard times, with dialogs of some of 10.|net|.x.y.
  void episode(int net, int first, int sources) {
    clock.advance(1h);
    episodes.level(2, "many", clock.wall(), curves);
    for (int i = first; i < first + sources; ++i)
      dialog("10." + std::to_string(net) + "." + std::to_string(i / 250) + "." +
             std::to_string(i % 250));
    clock.advance(10s);
    episodes.level(0, "", clock.wall(), curves);
  }
  json get(uint32_t number, bool fresh = false, size_t sources = 100) {
    std::promise<json> answer;
    REQUIRE(reports->get({*episodes.find(number),
                          curves_of(curves, *episodes.find(number), 0, false), fresh, sources},
                         [&](json made) { answer.set_value(std::move(made)); }));
    return answer.get_future().get();
  }
  // What seconds do, until all that is due is kept.
  void keep() {
    for (int second = 0; second < 4; ++second) {
      reports->keep(episodes, curves);
      while (reports->keeping()) std::this_thread::yield();
    }
    REQUIRE(history->flush(10s));
  }
  // As time does it.
  void forget_dialogs() {
    REQUIRE(history->flush(10s));
    reports.reset();
    history.reset();
    HistoryDisk disk(dir.file("history.db"), clock, [](const std::string&) {});
    auto strict = settings;
    strict.keep = 0ms;
    disk.configure(strict);
    while (disk.trim()) {
    }
  }

  const test::TempDir dir;
  test::ManualClock clock;
  HistorySettings settings{1'000'000, 100'000'000, 24h, 0, false, 365 * 24h};
  Curves curves;
  Episodes episodes;
  std::unique_ptr<History> history;
  std::unique_ptr<EpisodeReports> reports;
  uint64_t count = 0;
};

}  // namespace

TEST_CASE("the report of an episode outlives its dialogs") {
  World world;
  world.episode(1, 0, 20);
  world.keep();
  CHECK(world.get(1)["stored"] == false);  // dialogs may be under way
  world.clock.advance(std::chrono::seconds(EpisodeReports::kKeepAfter));
  world.keep();
  const auto kept = world.get(1);
  CHECK(kept["stored"] == true);
  CHECK(kept["sources"] == 20);
  CHECK(kept["list"].size() == 20);
  CHECK(kept["curves"]["names"].size() == kCurves);
  CHECK(world.get(1, false, 3)["list"].size() == 3);
  CHECK(world.get(1, true)["stored"] == false);
  world.forget_dialogs();
  world.open();
  CHECK(world.get(1) == kept);
  CHECK(world.get(1, true)["sources"] == 0);
}

TEST_CASE("an episode that a restart cut off is kept at once, one without dialogs never") {
  World world;
  world.clock.advance(1h);
  world.episodes.level(1, "many", world.clock.wall(), world.curves);
  world.clock.advance(200s);
  world.episodes.level(0, "", world.clock.wall(), world.curves);
  world.clock.advance(1h);
  world.keep();
  CHECK(world.get(1)["stored"] == false);
  world.episode(1, 0, 5);
  auto cut_off = Episodes();
  const auto store = open_store(world.dir.file("state.db"), world.clock, [](const std::string&) {});
  for (const auto& one : world.episodes.all())
    store->put_text("episode." + std::to_string(one.number), episode_text(one));
  REQUIRE(store->flush(10s));
  cut_off.restore(store.get(), world.clock.wall());
  REQUIRE(cut_off.all().size() == 2);
  world.episodes = cut_off;
  world.keep();
  CHECK(world.get(2)["stored"] == true);
}

TEST_CASE("how many of an episode's sources were there before") {
  World world;
  world.episode(1, 0, 100);
  world.clock.advance(1h);
  world.keep();
  world.episode(2, 0, 10);
  world.clock.advance(1h);
  world.keep();
  world.episode(1, 70, 50);
  const auto now = world.get(3);
  REQUIRE(now["overlap"].size() == 2);
  CHECK(now["overlap"][0]["number"] == 2);
  CHECK(now["overlap"][0]["sources"] == json{{"common", 0}, {"then", 10}, {"exact", true}});
  CHECK(now["overlap"][1]["number"] == 1);
  CHECK(now["overlap"][1]["sources"] == json{{"common", 30}, {"then", 100}, {"exact", true}});
  CHECK(now["overlap"][1]["prints"] == json{{"common", 1}, {"then", 1}, {"exact", true}});
  // It is so for ever, when the others are gone, too.
  world.clock.advance(1h);
  world.keep();
  CHECK(world.get(3)["stored"] == true);
  CHECK(world.get(3)["overlap"] == now["overlap"]);
  // What cannot be compared is not.
  world.open(HashKey{9});
  CHECK(world.get(3, true)["overlap"].empty());
}

TEST_CASE("of more sources than are counted one by one the overlap is an estimate, and said so") {
  World world;
  world.settings.memory = 1'000'000'000;
  world.open();
  world.episode(1, 0, 6'000);
  world.clock.advance(1h);
  world.keep();
  CHECK(world.get(1, false, 100'000)["list"].size() == EpisodeReports::kStoredSources);
  world.episode(1, 3'000, 6'000);
  const auto overlap = world.get(2)["overlap"][0]["sources"];
  CHECK(overlap["exact"] == false);
  CHECK(overlap["then"] == 6'000);
  CHECK(overlap["common"].get<double>() == Approx(3'000).epsilon(0.06));
}

TEST_CASE("curves of an episode are as fine as they are there, or as they need to be") {
  Curves curves;
  CurveSample sample;
  for (int64_t at = 1'000'000; at < 1'003'600; ++at) {
    sample.at = at;
    curves.add(sample);
  }
  Episode episode;
  episode.onset = episode.began = 1'001'000;
  episode.ended = 1'002'999;
  const auto now = int64_t{1'003'600};
  CHECK(curves_of(curves, episode, now, false)["step"] == 1);
  CHECK(curves_of(curves, episode, now, true)["step"] == 10);
  CHECK(curves_of(curves, episode, now + 90'000, false)["step"] == 300);
  episode.ended = 1'001'100;
  const auto fine = curves_of(curves, episode, now, true);
  CHECK(fine["step"] == 1);
  CHECK(fine["samples"].front()[0] == 1'000'880);
  CHECK(fine["samples"].back()[0] == 1'001'220);
}

}  // namespace ravelin::proxy
