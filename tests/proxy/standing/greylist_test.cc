#include "proxy/standing/greylist.h"

#include <catch2/catch.hpp>
#include <thread>

#include "support/manual_reactor.h"
#include "support/standing_settings.h"

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;
using Kind = Greylist::Kind;
using test::ip;

namespace {

struct Knock {
  std::string client = "192.0.2.1";
  std::string organisation = {};
  smtp::Address sender = {"a", "client.example"};
  smtp::Address recipient = {"b", "mx.example"};
};

class Fixture {
 public:
  explicit Fixture(const GreylistSettings& settings = test::greylist_settings()) {
    list.configure(settings);
  }
  Greylist::Result knock(const Knock& knock = {}, uint32_t doublings = 0) {
    return list.check(tuple(knock), doublings);
  }
  static Greylist::Tuple tuple(const Knock& knock) {
    return {ip(knock.client), knock.organisation, knock.sender, knock.recipient};
  }

  test::ManualClock clock;
  Greylist list{clock, nullptr};
};

}  // namespace

TEST_CASE("a stranger is deferred and let in when it comes back after the delay") {
  Fixture fixture;
  auto result = fixture.knock();
  CHECK(result.kind == Kind::First);
  CHECK(result.left == 4min);
  CHECK(result.deferred());
  fixture.clock.advance(239s);
  result = fixture.knock();
  CHECK(result.kind == Kind::Early);
  CHECK(result.left == 1s);
  fixture.clock.advance(1s);
  result = fixture.knock();
  CHECK(result.kind == Kind::Passed);
  CHECK_FALSE(result.deferred());
  CHECK(fixture.knock().kind == Kind::Known);
}

TEST_CASE("who knocks at once, twice, is early the second time") {
  Fixture fixture;
  CHECK(fixture.knock().kind == Kind::First);
  CHECK(fixture.knock().kind == Kind::Early);
}

TEST_CASE("early retries neither pass nor restart the clock") {
  Fixture fixture;
  fixture.knock();
  for (int i = 0; i < 23; ++i) {
    fixture.clock.advance(10s);
    CHECK(fixture.knock().kind == Kind::Early);
  }
  fixture.clock.advance(10s);
  CHECK(fixture.knock().kind == Kind::Passed);
}

TEST_CASE("who comes back after the window is a stranger again") {
  Fixture fixture;
  fixture.knock();
  fixture.clock.advance(24h + 1s);
  CHECK(fixture.knock().kind == Kind::First);

  fixture.clock.advance(24h);
  CHECK(fixture.knock().kind == Kind::Passed);  // at its very end
}

TEST_CASE("keep slides with each mail") {
  Fixture fixture;
  fixture.knock();
  fixture.clock.advance(5min);
  fixture.knock();
  for (int i = 0; i < 4; ++i) {
    fixture.clock.advance(24h * 35);
    CHECK(fixture.knock().kind == Kind::Known);
  }
  fixture.clock.advance(24h * 36 + 1s);
  CHECK(fixture.knock().kind == Kind::First);
}

TEST_CASE("any of the three keys is enough") {
  struct Row {
    const char* name;
    Knock first;
    Knock again;
    bool hit;
  };
  const auto row = GENERATE(values<Row>({
      {"the same /24", {.client = "192.0.2.1"}, {.client = "192.0.2.77"}, true},
      {"another /24", {.client = "192.0.2.1"}, {.client = "192.0.3.1"}, false},
      {"the same /64", {.client = "2001:db8::1"}, {.client = "2001:db8::2:1"}, true},
      {"another /64", {.client = "2001:db8::1"}, {.client = "2001:db8:0:1::1"}, false},
      {"the same organisation",
       {.client = "192.0.2.1", .organisation = "big.example"},
       {.client = "198.51.100.1", .organisation = "big.example"},
       true},
      {"no organisation this time",
       {.client = "192.0.2.1", .organisation = "big.example"},
       {.client = "192.0.2.1"},
       true},
      {"two without an organisation", {.client = "192.0.2.1"}, {.client = "198.51.100.1"}, false},
      {"another sender", {.sender = {"a", "x.example"}}, {.sender = {"b", "x.example"}}, false},
      {"another recipient",
       {.recipient = {"a", "mx.example"}},
       {.recipient = {"b", "mx.example"}},
       false},
      {"the recipient in capitals",
       {.recipient = {"Bob", "mx.example"}},
       {.recipient = {"bob", "mx.example"}},
       true},
      {"a null sender", {.sender = {}}, {.sender = {}}, true},
  }));
  CAPTURE(row.name);
  Fixture fixture;
  fixture.knock(row.first);
  fixture.clock.advance(5min);
  CHECK(fixture.knock(row.again).kind == (row.hit ? Kind::Passed : Kind::First));
}

TEST_CASE("passing counts for all keys of the client") {
  Fixture fixture;
  fixture.knock({.client = "192.0.2.1", .organisation = "big.example"});
  fixture.clock.advance(5min);
  fixture.knock({.client = "198.51.100.1", .organisation = "big.example"});
  CHECK(fixture.knock({.client = "198.51.100.9"}).kind == Kind::Known);
  CHECK(fixture.knock({.client = "192.0.2.9"}).kind == Kind::Passed);
}

TEST_CASE("where keys were seen at different times the earliest counts") {
  Fixture fixture;
  fixture.knock({.client = "192.0.2.1", .organisation = "big.example"});
  fixture.clock.advance(1min);
  const Knock other{.client = "198.51.100.1"};
  const Knock named{.client = "198.51.100.1", .organisation = "big.example"};
  fixture.knock(other);
  fixture.clock.advance(1min);
  CHECK(fixture.list.show(Fixture::tuple(other))->age == 1min);
  CHECK(fixture.list.show(Fixture::tuple(named))->age == 2min);
  CHECK(fixture.knock(named).left == 2min);
  CHECK(fixture.list.show(Fixture::tuple(other))->age == 2min);
}

TEST_CASE("losses double the delay, up to an hour and half the window") {
  struct Row {
    std::chrono::milliseconds delay, window;
    uint32_t doublings;
    std::chrono::seconds want;
  };
  const auto row = GENERATE(values<Row>({
      {4min, 24h, 0, 4min},
      {4min, 24h, 1, 8min},
      {4min, 24h, 3, 32min},
      {4min, 24h, 4, 1h},
      {4min, 24h, 4'000'000'000, 1h},
      {4min, 40min, 5, 20min},
      {2h, 24h, 3, 2h},  // the operator asked for more than an hour
      {1500ms, 24h, 0, 2s},
  }));
  CAPTURE(row.delay.count(), row.doublings);
  auto settings = test::greylist_settings();
  settings.delay = row.delay;
  settings.window = row.window;
  Fixture fixture(settings);
  CHECK(fixture.knock({}, row.doublings).left == row.want);
}

TEST_CASE("nobody waits longer than was announced") {
  Fixture fixture;
  const auto announced = fixture.knock().left;
  fixture.clock.advance(1min);
  CHECK(fixture.knock({}, 4).left == announced - 1min);  // lost standing meanwhile

  SECTION("the delay was raised meanwhile") {
    auto settings = test::greylist_settings();
    settings.delay = 30min;
    fixture.list.configure(settings);
  }
  SECTION("the wall clock went back ten years") { fixture.clock.jump_wall(-24h * 3650); }
  SECTION("the wall clock went forward ten years") { fixture.clock.jump_wall(24h * 3650); }
  fixture.clock.advance(3min);
  CHECK(fixture.knock({}, 4).kind == Kind::Passed);
}

TEST_CASE("the wall clock lets nobody in early") {
  Fixture fixture;
  fixture.knock();
  fixture.clock.jump_wall(1h);
  CHECK(fixture.knock().left == 4min);
}

TEST_CASE("a shorter delay after a reload acts at once") {
  Fixture fixture;
  fixture.knock();
  auto settings = test::greylist_settings();
  settings.delay = 1min;
  fixture.list.configure(settings);
  fixture.clock.advance(1min);
  CHECK(fixture.knock().kind == Kind::Passed);
}

TEST_CASE("a wait announced to a client with losses is kept when they are forgiven") {
  Fixture fixture;
  CHECK(fixture.knock({}, 2).left == 16min);
  fixture.clock.advance(4min);
  CHECK(fixture.knock({}, 0).kind == Kind::Passed);  // never longer, gladly shorter
}

TEST_CASE("show looks without touching, pass lets in") {
  Fixture fixture;
  const Knock stranger;
  CHECK_FALSE(fixture.list.show(Fixture::tuple(stranger)));
  CHECK(fixture.list.size() == 0);
  fixture.knock(stranger);
  fixture.clock.advance(1min);
  auto shown = fixture.list.show(Fixture::tuple(stranger));
  REQUIRE(shown);
  CHECK(shown->result.kind == Kind::Early);
  CHECK(shown->result.left == 3min);
  CHECK(shown->age == 1min);
  fixture.clock.advance(3min);
  CHECK(fixture.list.show(Fixture::tuple(stranger))->result.kind == Kind::Passed);
  fixture.list.pass(Fixture::tuple(stranger));
  CHECK(fixture.list.show(Fixture::tuple(stranger))->result.kind == Kind::Known);

  const Knock other{.client = "203.0.113.9"};
  fixture.list.pass(Fixture::tuple(other));
  CHECK(fixture.knock(other).kind == Kind::Known);
}

TEST_CASE("show tells a client with losses what was announced to it") {
  Fixture fixture;
  fixture.knock({}, 2);
  const Knock stranger;
  CHECK(fixture.list.show(Fixture::tuple(stranger))->result.left == 16min);
}

TEST_CASE("a flood of strangers does not push out those that passed") {
  auto settings = test::greylist_settings();
  settings.max_tuples = 25'600;
  Fixture fixture(settings);
  const auto host = [](int i) {
    return "10.1." + std::to_string(i % 256) + "." + std::to_string(i / 256);
  };
  for (int i = 0; i < 256; ++i) fixture.knock({.client = host(i)});
  fixture.clock.advance(5min);
  for (int i = 0; i < 256; ++i) fixture.knock({.client = host(i)});
  for (int i = 0; i < 40'000; ++i)
    fixture.knock({.client = "192.0.2.1",
                   .sender = {"s" + std::string(1, char('a' + i % 26)),
                              "x" + std::to_string(i) + ".example"}});
  CHECK(fixture.list.size() <= 25'600);
  int known = 0;
  for (int i = 0; i < 256; ++i) known += fixture.knock({.client = host(i)}).kind == Kind::Known;
  CHECK(known == 256);
}

TEST_CASE("who came back too early outlives those who never did") {
  auto settings = test::greylist_settings();
  settings.max_tuples = 25'600;
  Fixture fixture(settings);
  const auto host = [](int i) { return "10.1." + std::to_string(i) + ".1"; };
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 256; ++i) fixture.knock({.client = host(i)});
    fixture.clock.advance(10s);
  }
  for (int i = 0; i < 40'000; ++i)
    fixture.knock({.sender = {"s", "x" + std::to_string(i) + ".example"}});
  int known = 0;
  for (int i = 0; i < 256; ++i) known += fixture.knock({.client = host(i)}).kind == Kind::Early;
  CHECK(known == 256);
}

TEST_CASE("one network that fills the table pushes out its own") {
  const std::string flood = GENERATE("192.0.2.", "2001:db8:1:");
  CAPTURE(flood);
  auto settings = test::greylist_settings();
  settings.max_tuples = 25'600;
  Fixture fixture(settings);
  const auto host = [](int i) { return "10.1." + std::to_string(i) + ".1"; };
  for (int i = 0; i < 256; ++i) fixture.knock({.client = host(i)});
  fixture.clock.advance(1s);
  // Twice each, so that they have come back, as those of the others have not.
  for (int i = 0; i < 40'000; ++i)
    for (int twice = 0; twice < 2; ++twice)
      fixture.knock({.client = flood + std::to_string(i % 250) + (flood.back() == ':' ? "::1" : ""),
                     .sender = {"s", "x" + std::to_string(i) + ".example"}});
  int known = 0;
  for (int i = 0; i < 256; ++i) known += fixture.knock({.client = host(i)}).kind == Kind::Early;
  CHECK(known > 250);
}

TEST_CASE("threads may check the same tuples at once, and all announce the same moment") {
  Fixture fixture;
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&fixture, &wrong] {
      for (int i = 0; i < 2'000; ++i) {
        const auto result = fixture.knock(
            {.client = "192.0.2.1", .sender = {"s", "x" + std::to_string(i) + ".example"}});
        if (result.left != 4min) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(fixture.list.size() == 4'000);  // address and network
}
