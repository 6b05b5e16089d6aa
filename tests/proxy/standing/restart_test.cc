// Greylist and standing over a restart, with a real file.
#include <catch2/catch.hpp>
#include <thread>

#include "proxy/standing/greylist.h"
#include "proxy/standing/standing.h"
#include "proxy/state/store.h"
#include "support/alarms.h"
#include "support/manual_reactor.h"
#include "support/standing_settings.h"
#include "support/temp_dir.h"

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;
using Kind = Greylist::Kind;
using test::ip;

namespace {

// One life of the program, built up and taken down in the server's order.
struct Life {
  Life(const std::string& path, test::ManualClock& clock)
      : store(open_store(path, clock, alarms.sink())),
        standing(clock, store.get()),
        greylist(clock, store.get()) {
    standing.configure(test::standing_settings());
    greylist.configure(test::greylist_settings());
  }
  void wait_until_loaded() {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (store->stats().loading && std::chrono::steady_clock::now() < end)
      std::this_thread::yield();
    REQUIRE_FALSE(store->stats().loading);
  }
  Greylist::Result knock(const std::string& sender = "a", const std::string& client = "192.0.2.1") {
    const smtp::Address from{sender, "client.example"};
    const smtp::Address to{"b", "mx.example"};
    return greylist.check({ip(client), "", from, to}, 0);
  }

  test::Alarms alarms;
  std::unique_ptr<Store> store;
  Standing standing;
  Greylist greylist;
};

// A later boot of the machine: the boot clock begins anew, the wall clock goes on.
struct Reboot {
  test::ManualClock clock;
  explicit Reboot(std::chrono::nanoseconds later) { clock.jump_wall(later); }
};

}  // namespace

TEST_CASE("a wait goes on over a restart") {
  const test::TempDir dir;
  test::ManualClock clock;
  {
    Life life(dir.file("state.db"), clock);
    CHECK(life.knock("waiting").kind == Kind::First);
    clock.advance(1min);
    CHECK(life.knock("waiting").kind == Kind::Early);
    life.knock("known");
    clock.advance(5min);
    life.knock("known");
    clock.jump_wall(-5min);  // so that the first one still waits
  }
  SECTION("at once") {
    Life life(dir.file("state.db"), clock);
    life.wait_until_loaded();
    CHECK(life.knock("known").kind == Kind::Known);
    CHECK(life.knock("stranger").kind == Kind::First);
  }
  SECTION("after a reboot, an hour later") {
    Reboot reboot(1h);
    Life life(dir.file("state.db"), reboot.clock);
    life.wait_until_loaded();
    CHECK(life.knock("waiting").kind == Kind::Passed);
    CHECK(life.knock("known", "192.0.2.200").kind == Kind::Known);
  }
  SECTION("after a reboot that put the wall clock back ten years") {
    Reboot reboot(-24h * 3650);
    Life life(dir.file("state.db"), reboot.clock);
    life.wait_until_loaded();
    const auto left = life.knock("waiting").left;
    CHECK(left <= 4min);  // the future counts as now
    reboot.clock.advance(left);
    CHECK(life.knock("waiting").kind == Kind::Passed);
  }
  SECTION("after longer than anything is kept") {
    Reboot reboot(24h * 40);
    Life life(dir.file("state.db"), reboot.clock);
    life.wait_until_loaded();
    CHECK(life.knock("known").kind == Kind::First);
    CHECK(life.knock("waiting").kind == Kind::First);
  }
}

TEST_CASE("a client that knocks before its tuple is loaded loses nothing") {
  const test::TempDir dir;
  test::ManualClock clock;
  constexpr int kMany = 3'000;
  const auto name = [](int i) {
    return std::string(1, char('a' + i % 26)) + "." + std::string(size_t(i / 26 + 1), 'x');
  };
  {
    Life life(dir.file("state.db"), clock);
    for (int i = 0; i < kMany; ++i) life.knock(name(i));
  }
  clock.advance(5min);
  {
    Life life(dir.file("state.db"), clock);
    for (int i = kMany; i-- > 0;) life.knock(name(i));  // some are loaded by now, some not
    life.wait_until_loaded();
    int deferred = 0;
    for (int i = 0; i < kMany; ++i) deferred += life.knock(name(i)).deferred();
    CHECK(deferred == 0);
    CHECK(life.greylist.size() == 2 * kMany);
    CHECK(life.alarms.lines().empty());
  }
  Life life(dir.file("state.db"), clock);
  life.wait_until_loaded();
  CHECK(life.greylist.size() == 2 * kMany);
}

TEST_CASE("standing is there when the constructor returns") {
  const test::TempDir dir;
  test::ManualClock clock;
  const auto good = ip("192.0.2.1");
  const auto bad = ip("198.51.100.1");
  {
    Life life(dir.file("state.db"), clock);
    for (int i = 0; i < 5; ++i) {
      life.standing.known_recipient(good, "");
      life.standing.delivered(good, 1);
      if (i == 3) clock.advance(24h);
    }
    life.standing.misbehaved(bad);
    life.standing.misbehaved(bad);
    life.standing.known_recipient(ip("203.0.113.5"), "");
    life.standing.reset(ip("203.0.113.5"));
  }
  Reboot reboot(25h + 30min);  // half an hour after the last life
  Life life(dir.file("state.db"), reboot.clock);
  CHECK(life.standing.grade(good) == Grade::Good);
  CHECK(life.standing.doublings(bad) == 2);
  CHECK_FALSE(life.standing.show(ip("203.0.113.5")));
  const auto info = life.standing.show(good);
  REQUIRE(info);
  CHECK(info->deliveries == 5);
  CHECK(info->days == 2);
  CHECK(info->recipients == 5);
  CHECK(info->age == 25h + 30min);
  reboot.clock.advance(24h);
  CHECK(life.standing.doublings(bad) == 0);
}

TEST_CASE("what a network lost is remembered") {
  const test::TempDir dir;
  test::ManualClock clock;
  {
    Life life(dir.file("state.db"), clock);
    for (int host = 1; host <= 5; ++host)
      for (int i = 0; i < 5; ++i)
        life.standing.unknown_recipient(ip("198.51.100." + std::to_string(host)), "");
  }
  Life life(dir.file("state.db"), clock);
  CHECK(life.standing.doublings(ip("198.51.100.77")) == 1);
}

TEST_CASE("a store that cannot be used leaves everything working in memory") {
  const test::TempDir dir;
  test::ManualClock clock;
  Life life(dir.file("missing/state.db"), clock);
  CHECK(life.alarms.lines().size() == 1);
  CHECK(life.knock().kind == Kind::First);
  clock.advance(4min);
  CHECK(life.knock().kind == Kind::Passed);
  life.standing.delivered(ip("192.0.2.1"), 1);
  CHECK(life.standing.grade(ip("192.0.2.1")) == Grade::Passed);
}

TEST_CASE("a file that is lost while in use is written anew from memory") {
  const test::TempDir dir;
  test::ManualClock clock;
  {
    Life life(dir.file("state.db"), clock);
    for (int i = 0; i < 300; ++i) life.knock(std::string(size_t(i + 1), 'x'));
    life.standing.delivered(ip("192.0.2.1"), 1);
    REQUIRE(life.store->flush(30s));
    std::filesystem::remove(dir.file("state.db"));
    life.knock("late");
    CHECK(life.store->flush(30s));
  }
  Life life(dir.file("state.db"), clock);
  life.wait_until_loaded();
  CHECK(life.standing.grade(ip("192.0.2.1")) == Grade::Passed);
  CHECK(life.greylist.size() == 602);
  CHECK(life.knock("xxx").kind == Kind::Early);
}
