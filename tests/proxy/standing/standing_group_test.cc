// When a whole network or organisation loses what its members have earned.
#include <catch2/catch.hpp>

#include "proxy/standing/standing.h"
#include "support/manual_reactor.h"
#include "support/standing_settings.h"

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;
using test::ip;

namespace {

struct Fixture {
  Fixture() { standing.configure(test::standing_settings()); }

  void deliver(const dns::IpAddress& client, std::string_view organisation = "", int times = 1) {
    for (int i = 0; i < times; ++i) {
      standing.known_recipient(client, organisation);
      standing.delivered(client, 1);
    }
  }
  // |hosts| addresses of 198.51.100.0/24 guess recipients.
  void attack(int hosts, int guesses = 5) {
    for (int host = 0; host < hosts; ++host)
      for (int i = 0; i < guesses; ++i)
        standing.unknown_recipient(ip("198.51.100." + std::to_string(host + 10)), "");
  }

  test::ManualClock clock;
  Standing standing{clock, nullptr};
  const dns::IpAddress member = ip("198.51.100.1");
};

}  // namespace

TEST_CASE("a network loses when five of its addresses misbehave") {
  Fixture fixture;
  fixture.deliver(fixture.member);
  fixture.attack(4, 50);
  CHECK(fixture.standing.grade(fixture.member) == Grade::Passed);
  CHECK(fixture.standing.doublings(ip("198.51.100.200")) == 0);
  fixture.attack(5);
  CHECK(fixture.standing.grade(fixture.member) == Grade::Unknown);
  CHECK(fixture.standing.doublings(ip("198.51.100.200")) == 1);
  CHECK(fixture.standing.doublings(ip("198.51.101.200")) == 0);

  fixture.clock.advance(24h);
  CHECK(fixture.standing.grade(fixture.member) == Grade::Passed);
  CHECK(fixture.standing.doublings(ip("198.51.100.200")) == 0);
}

TEST_CASE("addresses that have lost nothing do not cost their network anything") {
  Fixture fixture;
  fixture.attack(10, 4);
  CHECK(fixture.standing.doublings(ip("198.51.100.200")) == 0);
}

TEST_CASE("half of its recipients unknown is not more than half") {
  Fixture fixture;
  for (int i = 0; i < 45; ++i) fixture.standing.known_recipient(fixture.member, "");
  fixture.attack(5, 9);
  CHECK(fixture.standing.doublings(ip("198.51.100.200")) == 0);
  fixture.attack(1, 1);
  CHECK(fixture.standing.doublings(ip("198.51.100.200")) == 1);
}

TEST_CASE("19 deliveries do not protect a network") {
  Fixture fixture;
  fixture.deliver(fixture.member, "", 19);
  fixture.attack(5, 20);
  CHECK(fixture.standing.doublings(ip("198.51.100.200")) >= 1);
}

TEST_CASE("a network does not lose while most of its recipients exist") {
  Fixture fixture;
  for (int i = 0; i < 60; ++i) fixture.standing.known_recipient(fixture.member, "");
  fixture.attack(6, 9);  // 54 of 114
  CHECK(fixture.standing.doublings(ip("198.51.100.200")) == 0);
  CHECK(fixture.standing.doublings(ip("198.51.100.10")) == 1);  // each of them does
}

TEST_CASE("a network with very many recipients does not lose by those that could not be counted") {
  Fixture fixture;
  for (int i = 0; i < 100'000; ++i) fixture.standing.known_recipient(fixture.member, "");
  fixture.attack(5, 8'000);
  CHECK(fixture.standing.doublings(ip("198.51.100.200")) == 0);
}

TEST_CASE("offences of different days do not add up") {
  Fixture fixture;
  fixture.attack(3);
  fixture.clock.advance(25h);
  for (int host = 50; host < 53; ++host)
    for (int i = 0; i < 5; ++i)
      fixture.standing.unknown_recipient(ip("198.51.100." + std::to_string(host)), "");
  CHECK(fixture.standing.doublings(ip("198.51.100.200")) == 0);
}

TEST_CASE("a network with much good mail loses single addresses only") {
  Fixture fixture;
  fixture.deliver(fixture.member, "", 20);
  fixture.clock.advance(24h * 25 - 1h);
  fixture.attack(10, 20);
  CHECK(fixture.standing.grade(fixture.member) != Grade::Unknown);
  CHECK(fixture.standing.doublings(ip("198.51.100.200")) == 0);
  CHECK(fixture.standing.doublings(ip("198.51.100.10")) >= 1);

  fixture.clock.advance(24h * 31);  // that was long ago
  fixture.attack(10, 20);
  CHECK(fixture.standing.doublings(ip("198.51.100.200")) >= 1);
}

TEST_CASE("an organisation loses for members in all its networks") {
  Fixture fixture;
  const auto member = ip("203.0.113.1");
  fixture.deliver(member, "big.example");
  for (int net = 1; net <= 5; ++net)
    for (int i = 0; i < 5; ++i)
      fixture.standing.unknown_recipient(ip("10.0." + std::to_string(net) + ".1"), "big.example");
  CHECK(fixture.standing.grade(member) == Grade::Unknown);
  CHECK(fixture.standing.doublings(member) == 1);
  const auto fresh = ip("203.0.113.3");  // never seen: a sender that moves on to new addresses
  CHECK(fixture.standing.doublings(fresh, "big.example") == 1);
  CHECK(fixture.standing.doublings(fresh, "other.example") == 0);
  CHECK(fixture.standing.doublings(fresh) == 0);
  fixture.deliver(ip("203.0.113.2"), "other.example");
  CHECK(fixture.standing.grade(ip("203.0.113.2")) == Grade::Passed);
}

TEST_CASE("early talk of many addresses alone is no ratio of recipients") {
  Fixture fixture;
  for (int host = 1; host < 10; ++host)
    fixture.standing.misbehaved(ip("198.51.100." + std::to_string(host)));
  CHECK(fixture.standing.doublings(ip("198.51.100.200")) == 0);
}

TEST_CASE("an IPv6 /64 is one client, however many addresses it shows") {
  Fixture fixture;
  for (int host = 1; host < 10; ++host)
    fixture.standing.unknown_recipient(ip("2001:db8::" + std::to_string(host)), "");
  CHECK(fixture.standing.doublings(ip("2001:db8::ffff")) == 1);
}

TEST_CASE("reset frees a client of what its network lost") {
  Fixture fixture;
  fixture.deliver(fixture.member);
  fixture.attack(5);
  REQUIRE(fixture.standing.doublings(fixture.member) == 1);
  CHECK(fixture.standing.reset(fixture.member));
  CHECK(fixture.standing.doublings(fixture.member) == 0);
}
