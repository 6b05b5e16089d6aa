#include "proxy/overload/pressure.h"

#include <catch2/catch.hpp>
#include <random>

#include "proxy/config/loader.h"
#include "proxy/overload/pressed_limits.h"

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<const Config> config_of(const std::string& more) {
  const auto loaded = parse_config(
      "hostname = \"mx.example.net\"\n[[route]]\ndomains = [\"example.com\"]\n"
      "backends = [\"127.0.0.1:26\"]\n" +
          more,
      "ravelin.toml");
  for (const auto& error : loaded.errors) UNSCOPED_INFO(error.message);
  REQUIRE(loaded.config);
  return loaded.config;
}

// What happens in one second.
struct Second {
  uint64_t sources = 0, mails = 0, nulls = 0, answers = 0, unknown = 0;
  std::chrono::nanoseconds wait{};  // each
  Load load{};
  uint64_t turned_away = 0;
};

// A day at the office: some mail from here and there, some of it new, some for nobody.
constexpr Second kNormal{.sources = 1, .mails = 2, .nulls = 0, .answers = 4, .unknown = 1};

struct Office {
  const std::shared_ptr<const Config> config;
  Pressure pressure;
  TallySums sums;
  dns::Time now = dns::Time(1000s);
  std::vector<Pressure::Change> changes;

  explicit Office(const std::string& more = "") : config(config_of(more)) {}

  PressureLevel live(const Second& second, std::chrono::seconds time) {
    for (auto end = now + time; now < end;) {
      now += 1s;
      sums.new_sources += second.sources;
      sums.turned_away += second.turned_away;
      sums.mails += second.mails;
      sums.null_senders += second.nulls;
      sums.answers += second.answers;
      sums.unknown += second.unknown;
      sums.questions += second.answers;
      sums.waited += second.wait * static_cast<int64_t>(second.answers);
      if (auto change = pressure.look(sums, second.load, now, config->pressure))
        changes.push_back(*change);
    }
    return pressure.level();
  }
};

const char* name(PressureLevel level) { return pressure_level_name(level); }

}  // namespace

TEST_CASE("a quiet day is calm, from its first second on") {
  Office office;
  office.live(kNormal, 2h);
  CHECK(office.changes.empty());
}

TEST_CASE("each sign of an attack is one within ten seconds, and over at the end of the hold") {
  struct Sign {
    const char* what;
    Second second;
  };
  const auto sign =
      GENERATE(Sign{"unknown recipients a second", {.mails = 30, .answers = 30, .unknown = 25}},
               Sign{"null senders a second", {.mails = 30, .nulls = 28}},
               Sign{"new sources a second", {.sources = 20, .mails = 20}},
               Sign{"of the strangers' places",
                    {.load = {.dialogs = 500, .places = 0.7, .strangers = 0.93}}});
  Office office("[pressure]\nhold = \"2m\"\n");
  office.live(kNormal, 2h);
  CHECK(name(office.live(sign.second, 10s)) == std::string("attack"));
  REQUIRE_FALSE(office.changes.empty());
  CHECK_THAT(office.pressure.cause(), Catch::Contains(sign.what));
  office.live(sign.second, 5min);
  CHECK(name(office.pressure.level()) == std::string("attack"));
  // The window of five seconds, and the hold.
  CHECK(name(office.live(kNormal, 100s)) == std::string("attack"));
  CHECK(name(office.live(kNormal, 30s)) == std::string("calm"));
}

TEST_CASE("good mail alone is busy at most, however much it is") {
  Office office;
  office.live({.sources = 1, .mails = 10, .nulls = 1, .answers = 12, .unknown = 1}, 1h);
  // Three times as much, and all of our own resources are short.
  const Second monday{.sources = 3,
                      .mails = 30,
                      .nulls = 3,
                      .answers = 36,
                      .unknown = 3,
                      .wait = 30s,
                      .load = {.dialogs = 500,
                               .places = 0.99,
                               .strangers = 0.6,
                               .descriptors = 0.99,
                               .memory = 0.99,
                               .lag = 2s}};
  CHECK(name(office.live(monday, 1h)) == std::string("busy"));
  CHECK(office.changes.size() == 1);
}

TEST_CASE("a handful of dialogs is no pressure, however few places there are") {
  Office office;
  auto second = kNormal;
  second.load = {.dialogs = 49, .places = 1, .strangers = 1};
  office.live(second, 1min);
  CHECK(office.changes.empty());
  second.load.dialogs = 50;
  CHECK(name(office.live(second, 2s)) == std::string("siege"));
}

TEST_CASE("each thing that is short is busy") {
  const auto load = GENERATE(Load{.dialogs = 500, .places = 0.6}, Load{.descriptors = 0.85},
                             Load{.memory = 0.85}, Load{.lag = 300ms});
  Office office;
  auto second = kNormal;
  second.load = load;
  CHECK(name(office.live(second, 3s)) == std::string("busy"));
}

TEST_CASE("a backend that answers late is busy") {
  Office office;
  auto second = kNormal;
  second.wait = 6s;
  CHECK(name(office.live(second, 6s)) == std::string("busy"));
}

TEST_CASE("an attack at the end of what we have is a siege, and falls back to an attack") {
  const auto load = GENERATE(Load{.dialogs = 500, .strangers = 1}, Load{.descriptors = 0.96},
                             Load{.memory = 0.96}, Load{.lag = 1100ms});
  Office office("[pressure]\nhold = \"1m\"\n");
  office.live(kNormal, 1h);
  Second second{.mails = 40, .nulls = 40};
  CHECK(name(office.live(second, 10s)) == std::string("attack"));
  second.load = load;
  CHECK(name(office.live(second, 2s)) == std::string("siege"));
  second.load = {};
  CHECK(name(office.live(second, 50s)) == std::string("siege"));
  CHECK(name(office.live(second, 20s)) == std::string("attack"));
  CHECK(name(office.live(second, 10min)) == std::string("attack"));
  CHECK(name(office.live(kNormal, 70s)) == std::string("calm"));
}

TEST_CASE("what goes up and down around a mark is one change in a hold") {
  Office office("[pressure]\nhold = \"30s\"\n");
  office.live(kNormal, 1h);
  std::mt19937 source(7);
  for (int i = 0; i < 600; ++i) {
    Second second = kNormal;
    second.load.dialogs = 500;
    second.load.strangers = 0.9 + (static_cast<double>(source() % 1400) - 700) / 10000;
    office.live(second, 1s);
  }
  CHECK(office.changes.size() == 1);
}

TEST_CASE("what comes and goes again and again holds longer, and by itself as long as before") {
  Office office("[pressure]\nhold = \"20s\"\n");
  office.live(kNormal, 1h);
  const Second flood{.mails = 50, .nulls = 50};
  for (int i = 0; i < 20; ++i) {
    office.live(flood, 10s);
    office.live(kNormal, 50s);
  }
  // Up, down after 20 s, up for 40, up for 80, and there it stays.
  CHECK(office.changes.size() == 5);
  CHECK(name(office.pressure.level()) == std::string("attack"));
  CHECK(name(office.live(kNormal, 160s)) == std::string("calm"));
  office.live(kNormal, 5min);
  office.live(flood, 10s);
  CHECK(name(office.live(kNormal, 30s)) == std::string("calm"));
}

TEST_CASE("a siege that ended with its attack does not come back with the next one") {
  Office office("[pressure]\nhold = \"20s\"\n");
  office.live(kNormal, 1h);
  Second flood{.mails = 50, .nulls = 50};
  for (const auto pause : {30s, 50s, 90s, 1s}) {  // each longer than the siege holds by then
    flood.load = {.dialogs = 1000, .places = 1, .strangers = 1};
    office.live(flood, 10s);
    flood.load = {};
    office.live(flood, pause);
  }
  REQUIRE(name(office.pressure.level()) == std::string("siege"));
  REQUIRE(name(office.live(kNormal, 30s)) == std::string("calm"));
  CHECK(name(office.live(flood, 30s)) == std::string("attack"));
}

TEST_CASE("a siege that comes again and again ends with its attack") {
  Office office("[pressure]\nhold = \"20s\"\n");
  office.live(kNormal, 1h);
  Second flood{.mails = 50, .nulls = 50};
  for (int i = 0; i < 8; ++i) {
    flood.load = {.dialogs = 1000, .places = 1, .strangers = 1};
    office.live(flood, 10s);
    flood.load = {};
    office.live(flood, 40s);
  }
  CHECK(name(office.pressure.level()) == std::string("siege"));
  CHECK(name(office.live(kNormal, 30s)) == std::string("calm"));
}

TEST_CASE("what a level frees does not end it while those who are turned away come back") {
  Office office("[pressure]\nhold = \"20s\"\n");
  office.live(kNormal, 1h);
  Second flood{.mails = 50, .nulls = 50};
  flood.load = {.dialogs = 4000, .strangers = 1};
  office.live(flood, 10s);
  REQUIRE(name(office.pressure.level()) == std::string("siege"));
  Second relieved = kNormal;
  relieved.load = {.dialogs = 2000, .strangers = 0.5, .room = 2000};

  SECTION("that would fill them at once: still a siege") {
    relieved.turned_away = 500;
    CHECK(name(office.live(relieved, 10min)) == std::string("siege"));
    CHECK(name(office.live(kNormal, 30s)) == std::string("calm"));
  }
  SECTION("that would not: an attack") {
    relieved.turned_away = 300;
    CHECK(name(office.live(relieved, 10min)) == std::string("attack"));
    CHECK(name(office.live(kNormal, 30s)) == std::string("calm"));
  }
  SECTION("one or two: over") {
    relieved.turned_away = 2;
    CHECK(name(office.live(relieved, 30s)) == std::string("calm"));
  }
  SECTION("few, that would fill them: over") {
    relieved.turned_away = 2;
    relieved.load = {.dialogs = 2000, .strangers = 0.6, .room = 10};
    CHECK(name(office.live(relieved, 30s)) == std::string("calm"));
  }
  SECTION("that would fill them, for others have the rest: still a siege") {
    relieved.turned_away = 20;
    relieved.load = {.dialogs = 2000, .places = 0.95, .strangers = 0.44, .room = 100};
    CHECK(name(office.live(relieved, 10min)) == std::string("siege"));
  }
  SECTION("that would not make many: over") {
    relieved.turned_away = 6;
    relieved.load = {.dialogs = 60, .strangers = 0.02, .room = 2940};
    CHECK(name(office.live(relieved, 30s)) == std::string("calm"));
  }
  SECTION("but hardly anybody is there: over") {
    relieved.turned_away = 6;
    relieved.load = {.dialogs = 20, .strangers = 0.8, .room = 5};
    CHECK(name(office.live(relieved, 30s)) == std::string("calm"));
  }
}

TEST_CASE("who is turned away for a limit of its own makes no attack") {
  Office office;
  office.live(kNormal, 1h);
  auto second = kNormal;
  second.turned_away = 1000;
  second.load = {.dialogs = 2000, .strangers = 0.5, .room = 100};
  CHECK(name(office.live(second, 5min)) == std::string("calm"));
}

TEST_CASE("looks that come early see no second more") {
  Office office("[pressure]\nhold = \"20s\"\n");
  office.live(kNormal, 1h);
  office.live({.mails = 50, .nulls = 50}, 10s);
  REQUIRE(name(office.pressure.level()) == std::string("attack"));
  const Load load{.dialogs = 2000, .strangers = 0.5, .room = 10};
  for (int look = 0; look < 40; ++look) {
    office.now += 998ms;
    if (look % 5 == 0) office.sums.turned_away += 15;  // three a second, less than are asked for
    office.pressure.look(office.sums, load, office.now, office.config->pressure);
  }
  CHECK(name(office.pressure.level()) == std::string("calm"));
}

TEST_CASE("who has many unknown recipients every day is not attacked every day") {
  Office office;
  // The usual figure is learned in the first minutes, which may be taken for an attack once.
  const Second usual{.sources = 4, .mails = 10, .nulls = 4, .answers = 10, .unknown = 4};
  office.live(usual, 4h);
  const auto before = office.changes.size();
  office.live({.sources = 8, .mails = 20, .nulls = 9, .answers = 20, .unknown = 14}, 1h);
  CHECK(office.changes.size() == before);
}

TEST_CASE("an attack is one from the first second of a process on") {
  Office office;
  CHECK(name(office.live({.mails = 30, .answers = 30, .unknown = 25}, 5s)) ==
        std::string("attack"));
}

TEST_CASE("an attack of hours does not become the usual thing") {
  Office office;
  office.live(kNormal, GENERATE(0s, 60s, 3600s));
  const Second flood{.mails = 50, .answers = 50, .unknown = 50};
  office.live(flood, 8h);
  CHECK(name(office.pressure.level()) == std::string("attack"));
}

TEST_CASE("a process that has just started knows nobody, and that is no attack") {
  const auto* const times = GENERATE("2", "3", "10");
  Office office(std::string("[pressure]\nattack_sources = ") + times + "\n");
  const Second morning{.sources = 50, .mails = 50, .nulls = 3, .answers = 60, .unknown = 5};
  office.live(morning, 59s);
  CHECK(office.changes.empty());
  office.live(morning, 2h);  // a busy place, and nothing new
  CHECK(office.changes.empty());
}

TEST_CASE("new sources are an attack after a minute of calm, and not of an attack") {
  const Second morning{.sources = 50, .mails = 50, .nulls = 3, .answers = 60, .unknown = 5};
  Office office("[pressure]\nhold = \"20s\"\n");
  REQUIRE(name(office.live({.mails = 50, .answers = 60, .unknown = 60}, 50s)) ==
          std::string("attack"));
  CHECK(name(office.live(morning, 60s)) == std::string("calm"));
  CHECK(name(office.live(morning, 2h)) == std::string("calm"));
  auto flood = morning;
  flood.sources = 600;
  CHECK(name(office.live(flood, 10s)) == std::string("attack"));
}

TEST_CASE("a level set by hand holds whatever happens, at once and until it is taken back") {
  Office office("[pressure]\nlevel = \"siege\"\n");
  CHECK(name(office.live(kNormal, 1s)) == std::string("siege"));
  CHECK(name(office.live(kNormal, 1h)) == std::string("siege"));
  auto calm = config_of("[pressure]\nlevel = \"calm\"\n")->pressure;
  const Load full{.dialogs = 500, .places = 1, .strangers = 1};
  CHECK(office.pressure.look(office.sums, full, office.now, calm));
  CHECK(name(office.pressure.level()) == std::string("calm"));
  // And automatic again: nothing of before counts.
  const auto automatic = config_of("[pressure]\nhold = \"20s\"\n")->pressure;
  CHECK_FALSE(office.pressure.look(office.sums, {}, office.now, automatic));
}

TEST_CASE("an attack soon after one that was set by hand lasts no longer for it") {
  Office by_hand("[pressure]\nlevel = \"siege\"\nhold = \"20s\"\n");
  by_hand.live(kNormal, 1h);
  Office office("[pressure]\nhold = \"20s\"\n");
  office.pressure = by_hand.pressure;
  office.sums = by_hand.sums;
  office.now = by_hand.now;
  REQUIRE(name(office.live(kNormal, 5s)) == std::string("calm"));
  REQUIRE(name(office.live({.mails = 50, .nulls = 50}, 10s)) == std::string("attack"));
  CHECK(name(office.live(kNormal, 30s)) == std::string("calm"));
}

TEST_CASE("pressure makes limits stricter, never looser") {
  const auto config = config_of(
      "[limits]\ncommand_timeout = \"5s\"\nsessions_per_client = 0\nerrors = 1000\n"
      "data_min_rate = \"10kB\"\n[pressure.attack]\nerrors = 4\npause = \"9s\"\n"
      "order = \"before-greylist\"\nsessions_per_client = 7\n");
  const auto calm = pressed_limits(config->limits, config->pressure, PressureLevel::Calm);
  CHECK(calm.errors == 1000);
  CHECK(calm.least_pause == 0s);
  CHECK(calm.verify_order == PressedOrder::Configured);
  const auto pressed = pressed_limits(config->limits, config->pressure, PressureLevel::Attack);
  CHECK(pressed.command_timeout == 5s);
  CHECK(pressed.data_timeout == config->pressure.overlays[1].data_timeout);
  CHECK(pressed.errors == 4);
  CHECK(pressed.sessions_per_client == 7);
  CHECK(pressed.data_min_rate == 10'000);
  CHECK(pressed.least_pause == 9s);
  CHECK(pressed.verify_order == PressedOrder::BeforeGreylist);
}

TEST_CASE("each level is stricter than the one before, as shipped") {
  const auto config = config_of("");
  auto before = config->limits;
  for (const auto level : {PressureLevel::Busy, PressureLevel::Attack, PressureLevel::Siege}) {
    INFO(name(level));
    const auto now = pressed_limits(config->limits, config->pressure, level);
    CHECK(now.command_timeout < before.command_timeout);
    CHECK(now.data_timeout < before.data_timeout);
    CHECK(now.handshake_timeout < before.handshake_timeout);
    CHECK(now.dialog_time < before.dialog_time);
    CHECK(now.data_min_rate > before.data_min_rate);
    CHECK(now.errors < before.errors);
    CHECK(now.junk_commands < before.junk_commands);
    CHECK(now.sessions_per_client < before.sessions_per_client);
    CHECK(now.sessions_per_network < before.sessions_per_network);
    before = now;
  }
}
