#include "proxy/standing/standing.h"

#include <catch2/catch.hpp>
#include <thread>

#include "support/manual_reactor.h"
#include "support/standing_settings.h"

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;
using test::ip;

namespace {

const auto kClient = ip("192.0.2.1");

struct Fixture {
  Fixture() { standing.configure(test::standing_settings()); }

  void deliver(int times = 1, const dns::IpAddress& client = kClient) {
    for (int i = 0; i < times; ++i) {
      standing.known_recipient(client, "");
      standing.delivered(client, 1);
    }
  }
  void unknown(int times, const dns::IpAddress& client = kClient, std::string_view org = "") {
    for (int i = 0; i < times; ++i) standing.unknown_recipient(client, org);
  }
  void make_good(const dns::IpAddress& client = kClient) {
    deliver(4, client);
    clock.advance(24h);
    deliver(1, client);
  }

  test::ManualClock clock;
  Standing standing{clock, nullptr};
};

}  // namespace

TEST_CASE("one delivery makes passed, five on two days make good") {
  Fixture fixture;
  CHECK(fixture.standing.grade(kClient) == Grade::Unknown);
  fixture.deliver();
  CHECK(fixture.standing.grade(kClient) == Grade::Passed);
  fixture.deliver(20);
  CHECK(fixture.standing.grade(kClient) == Grade::Passed);  // still one day
  fixture.clock.advance(24h);
  fixture.deliver();
  CHECK(fixture.standing.grade(kClient) == Grade::Good);
}

TEST_CASE("two days with too few deliveries are not good") {
  Fixture fixture;
  fixture.deliver(2);
  fixture.clock.advance(24h);
  fixture.deliver(2);
  CHECK(fixture.standing.grade(kClient) == Grade::Passed);
  fixture.deliver();
  CHECK(fixture.standing.grade(kClient) == Grade::Good);
}

TEST_CASE("a wall clock that jumps makes no day") {
  Fixture fixture;
  fixture.deliver(5);
  fixture.clock.jump_wall(24h * 3);
  fixture.deliver(5);
  CHECK(fixture.standing.show(kClient)->days == 1);
}

TEST_CASE("a recipient that is taken is no delivery yet") {
  Fixture fixture;
  fixture.standing.known_recipient(kClient, "");
  fixture.standing.delivered(kClient, 0);
  CHECK(fixture.standing.grade(kClient) == Grade::Unknown);
}

TEST_CASE("a tenth of unknown recipients costs the good grade, not the passed one") {
  Fixture fixture;
  for (int i = 0; i < 9; ++i) fixture.deliver();
  fixture.clock.advance(24h);
  fixture.deliver(10);
  CHECK(fixture.standing.grade(kClient) == Grade::Good);
  fixture.unknown(2);  // 2 of 21: less than 10 %
  CHECK(fixture.standing.grade(kClient) == Grade::Good);
  fixture.unknown(1);  // 3 of 22
  CHECK(fixture.standing.grade(kClient) == Grade::Passed);
  CHECK(fixture.standing.doublings(kClient) == 0);
}

TEST_CASE("exactly a tenth is not less than a tenth") {
  Fixture fixture;
  fixture.deliver(9);
  fixture.clock.advance(24h);
  fixture.deliver(9);
  fixture.unknown(2);
  CHECK(fixture.standing.grade(kClient) == Grade::Passed);
  fixture.deliver(1);
  CHECK(fixture.standing.grade(kClient) == Grade::Good);
}

TEST_CASE("unknown recipients by number and share take standing away") {
  Fixture fixture;
  SECTION("five of five from a stranger") {
    fixture.unknown(4);
    CHECK(fixture.standing.doublings(kClient) == 0);
    fixture.unknown(1);
    CHECK(fixture.standing.doublings(kClient) == 1);
  }
  SECTION("half of its recipients from a good one") {
    fixture.make_good();
    fixture.clock.advance(36h);  // yesterday's do not count in its favour
    fixture.unknown(4);
    CHECK(fixture.standing.grade(kClient) != Grade::Unknown);
    fixture.unknown(1);
    CHECK(fixture.standing.grade(kClient) == Grade::Unknown);
    CHECK(fixture.standing.doublings(kClient) == 1);
    fixture.deliver();
    CHECK(fixture.standing.grade(kClient) == Grade::Passed);  // earned again, from the start
  }
  SECTION("less than half") {
    for (int i = 0; i < 50; ++i) {
      fixture.deliver(2);
      fixture.unknown(1);
    }
    CHECK(fixture.standing.doublings(kClient) == 0);
    CHECK(fixture.standing.grade(kClient) == Grade::Passed);
  }
  SECTION("exactly half") {
    fixture.deliver(5);
    fixture.unknown(5);
    CHECK(fixture.standing.doublings(kClient) == 1);
  }
  SECTION("five in a week") {
    for (int i = 0; i < 5; ++i) {
      fixture.unknown(1);
      fixture.clock.advance(30h);
    }
    CHECK(fixture.standing.doublings(kClient) == 0);
  }
}

TEST_CASE("very many recipients in a short time do not bend the ratio") {
  Fixture fixture;
  fixture.deliver();
  for (int i = 0; i < 100'000; ++i) fixture.standing.known_recipient(kClient, "big.example");
  fixture.unknown(40'000, kClient, "big.example");
  CHECK(fixture.standing.doublings(kClient) == 0);
  CHECK(fixture.standing.grade(kClient) == Grade::Passed);
}

TEST_CASE("misbehaviour takes standing away at once") {
  Fixture fixture;
  fixture.make_good();
  REQUIRE(fixture.standing.grade(kClient) == Grade::Good);
  fixture.standing.misbehaved(kClient);
  CHECK(fixture.standing.grade(kClient) == Grade::Unknown);
  CHECK(fixture.standing.doublings(kClient) == 1);
}

TEST_CASE("each loss counts until a day is clean") {
  Fixture fixture;
  fixture.standing.misbehaved(kClient);
  fixture.clock.advance(23h);
  fixture.standing.misbehaved(kClient);
  CHECK(fixture.standing.doublings(kClient) == 2);
  fixture.unknown(5);
  CHECK(fixture.standing.doublings(kClient) == 3);
  fixture.clock.advance(24h - 1s);
  CHECK(fixture.standing.doublings(kClient) == 3);
  fixture.clock.advance(1s);
  CHECK(fixture.standing.doublings(kClient) == 0);
  fixture.standing.misbehaved(kClient);
  CHECK(fixture.standing.doublings(kClient) == 1);
}

TEST_CASE("standing belongs to the IPv4 address and the IPv6 /64") {
  Fixture fixture;
  fixture.deliver(1, ip("192.0.2.1"));
  fixture.deliver(1, ip("2001:db8::1"));
  CHECK(fixture.standing.grade(ip("192.0.2.2")) == Grade::Unknown);
  CHECK(fixture.standing.grade(ip("2001:db8::ffff:1")) == Grade::Passed);
  CHECK(fixture.standing.grade(ip("2001:db8:0:1::1")) == Grade::Unknown);
}

TEST_CASE("show tells everything, reset forgets it") {
  Fixture fixture;
  CHECK_FALSE(fixture.standing.show(kClient));
  CHECK_FALSE(fixture.standing.reset(kClient));
  fixture.make_good();
  fixture.unknown(1);
  fixture.clock.advance(1min);
  const auto info = fixture.standing.show(kClient);
  REQUIRE(info);
  CHECK(info->grade == Grade::Passed);  // 1 of 6 unknown
  CHECK(info->deliveries == 5);
  CHECK(info->days == 2);
  CHECK(info->recipients == 6);
  CHECK(info->unknown_recipients == 1);
  CHECK(info->losses == 0);
  CHECK(info->age == 24h + 1min);
  CHECK(info->idle == 1min);
  CHECK(fixture.standing.reset(kClient));
  CHECK_FALSE(fixture.standing.show(kClient));
  CHECK(fixture.standing.grade(kClient) == Grade::Unknown);
}

TEST_CASE("who has not been seen for long is unknown again") {
  Fixture fixture;
  fixture.deliver();
  fixture.clock.advance(24h * 120);
  CHECK(fixture.standing.grade(kClient) == Grade::Passed);
  fixture.clock.advance(24h);
  CHECK(fixture.standing.grade(kClient) == Grade::Unknown);
}

TEST_CASE("a flood of strangers does not push out the good") {
  Fixture fixture;
  auto settings = test::standing_settings();
  settings.max_clients = 5'120;
  fixture.standing.configure(settings);
  const auto host = [](int net, int i) {
    return ip("10." + std::to_string(net + i / 65'536) + "." + std::to_string(i / 256 % 256) + "." +
              std::to_string(i % 256));
  };
  for (int i = 0; i < 200; ++i) fixture.deliver(5, host(1, i));
  fixture.clock.advance(24h);
  for (int i = 0; i < 200; ++i) fixture.deliver(1, host(1, i));
  for (int i = 0; i < 20'000; ++i) fixture.unknown(1, host(2, i));
  CHECK(fixture.standing.size() <= 5'120);
  int good = 0;
  for (int i = 0; i < 200; ++i) good += fixture.standing.grade(host(1, i)) == Grade::Good;
  CHECK(good == 200);
}

TEST_CASE("threads may judge one client at once") {
  Fixture fixture;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&fixture] {
      for (int i = 0; i < 1'000; ++i) {
        fixture.standing.known_recipient(kClient, "x.example");
        fixture.standing.delivered(kClient, 1);
        fixture.standing.grade(kClient);
        fixture.standing.doublings(kClient);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(fixture.standing.show(kClient)->deliveries == 4'000);
}

// Tables grow in pieces for each of their shards: what a few hundred senders cost must not be the
// price of so many pieces for tens of thousands.
TEST_CASE("a few clients and networks cost little") {
  Fixture fixture;
  for (int i = 0; i < 500; ++i)
    fixture.standing.known_recipient(
        ip("10.0." + std::to_string(i % 250) + "." + std::to_string(i / 250)), "");
  CHECK(fixture.standing.clients().entries == 500);
  CHECK(fixture.standing.groups().entries == 250);
  CHECK(fixture.standing.clients().bytes < 1'200'000);
  CHECK(fixture.standing.groups().bytes < 1'200'000);
}
