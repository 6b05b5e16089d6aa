#include "proxy/overload/harvest_shield.h"

#include <catch2/catch.hpp>

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;

namespace {

dns::IpAddress ip(const std::string& text) { return dns::IpAddress::parse(text).value(); }

struct Garden {
  HarvestShield shield;
  HarvestSettings settings{.unknown = 10, .time = 10min};
  dns::Time now{1000s};

  void ask(const std::string& client, int unknown, int known = 0, Asked as = Asked::Mail) {
    for (; known > 0; --known) shield.answered(ip(client), as, false, now, settings);
    for (; unknown > 0; --unknown) shield.answered(ip(client), as, true, now, settings);
  }
  bool holds(const std::string& client, Asked as = Asked::Mail) {
    return shield.holds(ip(client), as, now, settings);
  }
};

}  // namespace

TEST_CASE("a client is shielded at the given number of unknown recipients, and for its time") {
  Garden garden;
  garden.ask("10.1.1.1", 9);
  CHECK_FALSE(garden.holds("10.1.1.1"));
  garden.ask("10.1.1.1", 1);
  CHECK(garden.holds("10.1.1.1"));
  CHECK_FALSE(garden.holds("10.1.1.2"));
  garden.now += 10min - 1s;
  CHECK(garden.holds("10.1.1.1"));
  garden.now += 1s;
  CHECK_FALSE(garden.holds("10.1.1.1"));
}

TEST_CASE("answers that were on their way when the shield came lengthen nothing") {
  Garden garden;
  garden.ask("10.1.1.1", 100);
  garden.now += 10min - 1s;
  CHECK(garden.holds("10.1.1.1"));
  garden.ask("10.1.1.1", 100);
  garden.now += 1s;
  CHECK_FALSE(garden.holds("10.1.1.1"));
}

TEST_CASE("a network is an IPv6 /48, of which one site has 65536 clients") {
  Garden garden;
  for (int i = 0; i < 6; ++i) garden.ask("2001:db8:1:" + std::to_string(i) + "::1", 5);
  CHECK(garden.holds("2001:db8:1:ffff::1"));
  CHECK_FALSE(garden.holds("2001:db8:2::1"));
}

TEST_CASE("unknown recipients of backscatter shield against more of it, and no mail") {
  Garden garden;
  garden.ask("10.1.1.1", 10, 0, Asked::Backscatter);
  CHECK(garden.holds("10.1.1.1", Asked::Backscatter));
  CHECK_FALSE(garden.holds("10.1.1.1"));
  garden.ask("10.2.2.2", 10);
  CHECK(garden.holds("10.2.2.2", Asked::Backscatter));
}

TEST_CASE("with backscatter a harvester hides nothing, whose mail goes to unknown ones, too") {
  Garden garden;
  const bool backscatter_last = GENERATE(false, true);
  if (backscatter_last) garden.ask("10.1.1.1", 3);
  garden.ask("10.1.1.1", 7, 0, Asked::Backscatter);
  if (!backscatter_last) garden.ask("10.1.1.1", 3);
  CHECK(garden.holds("10.1.1.1"));
  garden.ask("10.2.2.2", 1);
  garden.ask("10.2.2.2", 2, 3);  // its mail is none
  garden.ask("10.2.2.2", 100, 0, Asked::Backscatter);
  CHECK_FALSE(garden.holds("10.2.2.2"));
  garden.ask("10.3.3.3", 2);  // too few to tell
  garden.ask("10.3.3.3", 100, 0, Asked::Backscatter);
  CHECK_FALSE(garden.holds("10.3.3.3"));
}

TEST_CASE("what has run out by a moment counts all the same") {
  Garden garden;
  for (int i = 0; i < 10; ++i) {
    CHECK_FALSE(garden.holds("10.1.1.1"));
    garden.ask("10.1.1.1", 1);
    garden.now += 100ms;
  }
  CHECK(garden.holds("10.1.1.1"));
}

TEST_CASE("counts run out, so that a slow trickle is no harvest") {
  Garden garden;
  for (int i = 0; i < 100; ++i) {
    garden.ask("10.1.1.1", 1);
    garden.now += 3min;
  }
  CHECK_FALSE(garden.holds("10.1.1.1"));
}

TEST_CASE("who knows most of its recipients is no harvester") {
  Garden garden;
  garden.ask("10.1.1.1", 1);  // nothing is counted before the first unknown one
  garden.ask("10.1.1.1", 50, 60);
  CHECK_FALSE(garden.holds("10.1.1.1"));
  garden.ask("10.1.1.1", 20);
  CHECK(garden.holds("10.1.1.1"));
}

TEST_CASE("a network is shielded at three times as many, if several of its clients try") {
  Garden garden;
  for (int i = 1; i <= 5; ++i) garden.ask("10.1.1." + std::to_string(i), 5);
  CHECK_FALSE(garden.holds("10.1.1.200"));
  garden.ask("10.1.1.6", 5);
  CHECK(garden.holds("10.1.1.200"));
  CHECK_FALSE(garden.holds("10.1.2.200"));
  garden.now += 10min;
  CHECK_FALSE(garden.holds("10.1.1.200"));
}

TEST_CASE("one harvester does not shield its network") {
  Garden garden;
  garden.ask("10.1.1.1", 1000);
  CHECK(garden.holds("10.1.1.1"));
  CHECK_FALSE(garden.holds("10.1.1.2"));
}

TEST_CASE("who goes on where it was is shielded for longer each time, up to a bound") {
  Garden garden;
  for (const auto times : {1, 2, 4, 8, 16, 16}) {
    garden.ask("10.1.1.1", 10);
    garden.now += times * 10min - 1s;
    CHECK(garden.holds("10.1.1.1"));
    garden.now += 1s;
    CHECK_FALSE(garden.holds("10.1.1.1"));
  }
  garden.now += 10min;
  garden.ask("10.1.1.1", 10);
  garden.now += 10min;
  CHECK_FALSE(garden.holds("10.1.1.1"));
}

TEST_CASE("it can be switched off, also while it holds") {
  Garden garden;
  garden.ask("10.1.1.1", 10);
  CHECK(garden.holds("10.1.1.1"));
  garden.settings.unknown = 0;
  CHECK_FALSE(garden.holds("10.1.1.1"));
  garden.ask("10.1.1.2", 100);
  garden.settings.unknown = 10;
  CHECK_FALSE(garden.holds("10.1.1.2"));
}

TEST_CASE("memory has a bound, and who has run out makes room") {
  Garden garden;
  const auto everybody = [&](uint8_t first) {
    for (uint32_t i = 0; i < HarvestShield::kMost; ++i)
      garden.shield.answered(
          dns::IpAddress::v4({first, static_cast<uint8_t>(i >> 16), static_cast<uint8_t>(i >> 8),
                              static_cast<uint8_t>(i)}),
          Asked::Mail, true, garden.now, garden.settings);
  };
  everybody(10);
  CHECK(garden.shield.size() <= HarvestShield::kMost);
  const auto its = garden.shield.occupancy();
  CHECK(its.entries == garden.shield.size());
  CHECK(its.limit == HarvestShield::kMost);
  CHECK(its.bytes > its.entries * 80);
  CHECK(its.bytes < its.entries * 160);
  garden.ask("192.0.2.1", 10);
  garden.now += 10min;
  garden.ask("192.0.2.1", 10);
  CHECK(garden.holds("192.0.2.1"));
}
