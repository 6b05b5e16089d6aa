// Who is swept when, and that a sweep may end dialogs.
#include "proxy/sessions.h"

#include <catch2/catch.hpp>
#include <new>

#include "proxy/config/sample.h"
#include "proxy/overload/budget.h"
#include "support/fake_resolver.h"
#include "support/fake_verifier.h"
#include "support/manual_reactor.h"
#include "support/memory_stream.h"
#include "support/recording_journal.h"

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;

namespace {

struct World {
  test::ManualClock clock;
  test::ManualReactor reactor{clock};
  test::FakeResolver resolver{reactor};
  test::FakeVerifier verifier{reactor};
  test::RecordingJournal journal;
  Greylist greylist{clock, nullptr};
  Standing standing{clock, nullptr};
};

// There is no memory to close it with.
class HopelessStream final : public Stream {
 public:
  explicit HopelessStream(std::shared_ptr<test::MemoryPeer> peer) : peer_(std::move(peer)) {}
  ~HopelessStream() override { peer_->destroyed = true; }
  void set_events(StreamEvents*) override {}
  void write(std::string_view bytes) override { peer_->received += bytes; }
  bool blocked() const override { return false; }
  bool congested() const override { return false; }
  void pause(Pause) override {}
  void resume(Pause) override {}
  void set_read_size(size_t) override {}
  void finish() override { throw std::bad_alloc(); }

 private:
  const std::shared_ptr<test::MemoryPeer> peer_;
};

class Bench : World, public Services {
 public:
  Bench()
      : Services(World::reactor, World::clock, World::resolver, World::verifier, World::journal,
                 World::greylist, World::standing) {
    const auto config = load("[checks.early_talker]\npause = '0s'\n").config;
    REQUIRE(config);
    policy_ = std::make_shared<const Policy>(config);
    now_limits = config->limits;
  }
  Id next_id() override { return ++id_; }
  const Limits& limits(bool) const override { return now_limits; }
  Handle enter_bounce(const dns::IpAddress&) override { return bounces.enter(1000); }
  std::optional<Arrival> arrive(const dns::Endpoint& client, uint32_t) override {
    Arrival arrival;
    arrival.client = client;
    arrival.id = next_id();
    arrival.place = places.enter(client.address, false, false, Limits{}, 10'000).place;
    return arrival;
  }
  void refile(const Session& session) override { sessions.refile(session); }
  void retire(Session& session) override {
    ++retired;
    sessions.retire(session);
  }

  void connect(int count, const std::string& address = "192.0.2.1", bool good = false) {
    for (int i = 0; i < count; ++i) {
      auto& peer = peers.emplace_back(std::make_shared<test::MemoryPeer>());
      Arrival arrival;
      arrival.client = {*dns::IpAddress::parse(address), 4025};
      arrival.id = next_id();
      arrival.may_introduce = fronts;
      arrival.place = places.enter(arrival.client.address, good, false, Limits{}, 10'000).place;
      std::unique_ptr<Stream> stream;
      if (hopeless)
        stream = std::make_unique<HopelessStream>(peer);
      else
        stream = std::make_unique<test::MemoryStream>(World::reactor, peer);
      sessions.add(std::make_shared<Session>(*this, policy_, std::move(stream), std::move(arrival)))
          .start();
    }
    run();
  }
  void say(std::string_view bytes) {
    for (const auto& peer : peers)
      if (peer->stream != nullptr) peer->stream->send(bytes);
    run();
  }
  void run() { World::reactor.run(); }
  void sweep() { sessions.sweep(World::clock.boot()); }
  void wait(std::chrono::seconds time) { World::reactor.advance(time); }
  // Whose place goes to |newcomer|.
  Session* unfair_to(const char* newcomer, Sessions::Kind kind = Sessions::Kind::All,
                     uint32_t times = 1) {
    return sessions.unfair_to(*dns::IpAddress::parse(newcomer), places, kind, times);
  }
  // While there is one.
  Session* only() {
    Session* found = nullptr;
    sessions.each(1, [&](const Session& session) { found = const_cast<Session*>(&session); });
    return found;
  }
  size_t told(std::string_view code) const {
    size_t count = 0;
    for (const auto& peer : peers) count += peer->received.find(code) != std::string::npos;
    return count;
  }

  Limits now_limits{};
  bool hopeless = false;
  bool fronts = false;  // those that connect may say XCLIENT
  int retired = 0;
  Places places;
  Budget bounces;
  std::vector<std::shared_ptr<test::MemoryPeer>> peers;
  Sessions sessions{World::reactor};

 private:
  std::shared_ptr<const Policy> policy_;
  Id id_ = 0;
};

}  // namespace

TEST_CASE("ten sweeps look at every dialog once, and no sweep at all of them") {
  Bench bench;
  bench.connect(200);
  CHECK(bench.told("220 ") == 200);
  bench.wait(std::chrono::minutes(6));  // beyond limits.command_timeout
  size_t before = 0;
  for (int i = 0; i < 10; ++i) {
    bench.sweep();
    const auto now = bench.told("\r\n421 ");
    CHECK(now - before < 100);
    before = now;
  }
  CHECK(before == 200);
}

TEST_CASE("dialogs that end inside their sweep are destroyed at the end of the turn") {
  Bench bench;
  bench.hopeless = true;
  bench.connect(20);
  bench.wait(std::chrono::minutes(6));
  for (int i = 0; i < 10; ++i) bench.sweep();  // they cannot even be closed
  CHECK(bench.retired == 0);
  for (int i = 0; i < 10; ++i) bench.sweep();
  CHECK(bench.retired == 20);
  CHECK(bench.sessions.empty());
  for (const auto& peer : bench.peers) CHECK_FALSE(peer->destroyed);
  bench.run();
  for (const auto& peer : bench.peers) CHECK(peer->destroyed);
}

TEST_CASE("dialogs that come between sweeps are looked at within two rounds") {
  Bench bench;
  bench.connect(5);
  for (int i = 0; i < 3; ++i) bench.sweep();
  bench.connect(500);  // the table grows: dialogs change their place in it
  bench.wait(std::chrono::minutes(6));
  for (int i = 0; i < 20; ++i) bench.sweep();
  CHECK(bench.told("\r\n421 ") == 505);
}

TEST_CASE("an empty table is swept as well") {
  Bench bench;
  for (int i = 0; i < 11; ++i) bench.sweep();
  CHECK(bench.sessions.size() == 0);
}

TEST_CASE("shutting down tells every idle dialog") {
  Bench bench;
  bench.connect(30);
  bench.sessions.shut_down(false);
  bench.run();
  CHECK(bench.told("\r\n421 4.3.2 ") == 30);
  CHECK(bench.sessions.empty());
}

TEST_CASE("the oldest doubtful dialog is found among many") {
  Bench bench;
  CHECK(bench.sessions.oldest_doubtful(Sessions::Looks::All) == nullptr);
  CHECK(bench.sessions.oldest_doubtful(Sessions::Looks::Some) == nullptr);
  bench.connect(50);
  bench.wait(2s);
  bench.connect(1, "192.0.2.2");
  bench.wait(2s);
  bench.connect(50);
  for (int i = 0; i < 51; ++i) {
    auto* const oldest = bench.sessions.oldest_doubtful(Sessions::Looks::All);
    REQUIRE(oldest != nullptr);
    CHECK((oldest->info().client.address.to_string() == "192.0.2.2") == (i == 50));
    bench.sessions.yield(*oldest);
  }
}

TEST_CASE("of some dialogs the oldest is found without a look at all") {
  Bench bench;
  bench.connect(1);
  const auto* const oldest = bench.only();
  bench.wait(2s);
  bench.connect(1);
  const auto finds = [&] {
    return bench.sessions.oldest_doubtful(Sessions::Looks::Some) == oldest;
  };
  CHECK(finds());  // one of sixteen looks at two meets it, but for once in 65,536 times
  bench.connect(2000);
  int found = 0;
  for (int i = 0; i < 20; ++i) found += finds();
  CHECK(found < 20);
}

// A connection that has no place holds a descriptor that nobody counts.
TEST_CASE("who has yielded is closed at the next sweep, though its slice is another") {
  Bench bench;
  bench.connect(200);
  for (int i = 0; i < 20; ++i)
    bench.sessions.yield(*bench.sessions.oldest_doubtful(Sessions::Looks::All));
  CHECK(bench.places.in_use() == 180);
  bench.run();
  CHECK(bench.told("\r\n421 ") == 20);
  bench.sweep();
  CHECK(bench.sessions.size() == 180);
}

TEST_CASE("of those who have yielded no more are there than have descriptors") {
  Bench bench;
  bench.connect(200);
  for (int i = 0; i < 50; ++i)
    bench.sessions.yield(*bench.sessions.oldest_doubtful(Sessions::Looks::All));
  bench.run();
  CHECK(bench.told("\r\n421 ") == 50);
  CHECK(bench.sessions.size() <= 150 + kYieldedPerWorker);
}

TEST_CASE("a dialog that ends in its own way after it has yielded is not looked at again") {
  Bench bench;
  bench.connect(1);
  bench.sessions.yield(*bench.only());
  bench.peers.front()->stream->end(StreamEnd::Eof);
  bench.run();
  CHECK(bench.sessions.empty());
  bench.sweep();
  CHECK(bench.retired == 1);
}

TEST_CASE("whoever has more than its share gives way to a newcomer, drilling down by itself") {
  Bench bench;
  const auto holder_for = [&](const char* newcomer) -> std::string {
    auto* const found = bench.unfair_to(newcomer);
    return found == nullptr ? "" : found->info().client.address.to_string();
  };
  CHECK(holder_for("198.51.100.1") == "");
  bench.connect(200, "10.1.1.1");  // a /16 full of bots, most of them in one /24
  bench.connect(20, "10.1.2.1");
  CHECK(holder_for("198.51.100.1") == "10.1.1.1");
  CHECK(holder_for("10.1.3.1") == "10.1.1.1");
  CHECK(holder_for("10.1.1.2") == "10.1.1.1");
  CHECK(holder_for("10.1.1.1") == "");
  // Its one good server gets a place, and keeps it.
  bench.connect(1, "10.1.3.1");
  for (int i = 0; i < 100; ++i) CHECK(holder_for("10.1.1.2") == "10.1.1.1");
}

TEST_CASE("whoever was good when it came gives no place to strangers, who do not share it") {
  Bench bench;
  std::vector<Places::Entry> crowd;
  for (const auto* const neighbour : {"10.1.1.1", "10.1.1.2", "10.1.1.3"})
    crowd.push_back(
        bench.places.enter(*dns::IpAddress::parse(neighbour), false, false, Limits{}, 10'000));
  bench.connect(1, "10.1.1.4", /*good=*/true);
  const auto holder = [&] { return bench.unfair_to("198.51.100.1"); };
  CHECK(holder() == nullptr);
  bench.connect(100, "10.1.1.5");
  REQUIRE(holder() != nullptr);
  CHECK(holder()->of_stranger());
}

TEST_CASE("of those who shall have twice as many nobody with less gives way") {
  Bench bench;
  const auto finds = [&](uint32_t times) {
    return bench.unfair_to("10.2.1.1", Sessions::Kind::All, times) != nullptr;
  };
  bench.connect(5, "10.1.1.1");
  const auto one = bench.places.enter(*dns::IpAddress::parse("10.2.1.2"), false, false, {}, 100);
  CHECK(finds(2));
  const auto two = bench.places.enter(*dns::IpAddress::parse("10.2.1.3"), false, false, {}, 100);
  CHECK_FALSE(finds(2));
  CHECK(finds(1));
}

// In a flood each refused newcomer would pay for a look. Whose network has less than others is
// always looked for; of the rest some are, so that none is kept out for long.
TEST_CASE("looks that find nobody are bounded between two sweeps") {
  Bench bench;
  const auto finds = [&](const char* newcomer) { return bench.unfair_to(newcomer) != nullptr; };
  bench.connect(100, "10.1.1.1");
  bench.connect(100, "10.2.1.1");
  for (int i = 0; i < 100; ++i) CHECK_FALSE(finds("10.1.1.1"));
  CHECK_FALSE(finds("10.1.1.2"));
  CHECK(finds("10.1.2.1"));
  CHECK(finds("198.51.100.1"));
  bench.sweep();
  CHECK(finds("10.1.1.2"));
  for (int i = 0; i < 100; ++i) CHECK_FALSE(finds("10.1.1.1"));
  bench.sweep();
  for (int i = 0; i < 100; ++i) CHECK_FALSE(finds("10.1.1.1"));
  CHECK(finds("198.51.100.1"));
}

TEST_CASE("between two sweeps a few dialogs yield, half of them to newcomers who are few only") {
  Bench bench;
  bench.connect(600, "10.1.1.1");
  std::vector<Places::Entry> many;
  for (int i = 0; i < 400; ++i)
    many.push_back(
        bench.places.enter(*dns::IpAddress::parse("10.2.1.1"), false, false, {}, 10'000));
  const auto get_in = [&](const char* newcomer) {
    int times = 0;
    while (times < 100 && bench.sessions.yield_to_stranger(*dns::IpAddress::parse(newcomer),
                                                           bench.places, Sessions::Kind::All))
      ++times;
    return times;
  };
  CHECK(get_in("10.2.2.1") == 10);
  CHECK_FALSE(bench.sessions.yield_to_known(Sessions::Looks::Some));
  CHECK(get_in("198.51.100.1") == 10);
  CHECK(bench.sessions.yield_to_known(Sessions::Looks::All));
  bench.sweep();
  CHECK(bench.sessions.yield_to_known(Sessions::Looks::Some));
  CHECK(get_in("10.2.2.1") == 9);
}

// Alone in its /24, but of the /16 from which most of the bots come.
TEST_CASE("a newcomer among bots is looked for, however many of their own looks found nobody") {
  Bench bench;
  for (int i = 0; i < 30; ++i) bench.connect(3, "10.1." + std::to_string(i) + ".1");
  const auto finds = [&](const char* newcomer) {
    return bench.unfair_to(newcomer, Sessions::Kind::All, /*times=*/2) != nullptr;
  };
  for (int i = 0; i < 60; ++i) CHECK_FALSE(finds("10.1.1.1"));
  CHECK(finds("10.1.200.1"));
  bench.sweep();
  for (int i = 0; i < 60; ++i) CHECK_FALSE(finds("10.1.1.1"));
  CHECK(finds("10.1.200.1"));
}

TEST_CASE("in the network that has most, who is one of few there keeps its place") {
  Bench bench;
  for (int i = 0; i < 100; ++i) bench.connect(4, "10.1.1." + std::to_string(i));
  for (int i = 0; i < 200; ++i) bench.connect(1, "10.1." + std::to_string(2 + i) + ".1");
  for (int i = 0; i < 100; ++i) {
    auto* const holder = bench.unfair_to("198.51.100.1");
    REQUIRE(holder != nullptr);
    CHECK(holder->info().client.address.bytes()[2] == 1);
  }
}

// Others are so many that a look at some of all hardly meets its own network.
TEST_CASE("where no network has more, a newcomer finds who has more of its own") {
  Bench bench;
  for (int wide = 1; wide <= 40; ++wide)
    for (int i = 0; i < 10; ++i)
      bench.connect(3, "10." + std::to_string(wide) + "." + std::to_string(i) + ".1");
  for (int i = 0; i < 100; ++i) {
    bench.sweep();
    CHECK(bench.unfair_to("10.1.200.1") != nullptr);
  }
}

TEST_CASE("whoever an XCLIENT front speaks for is looked for in its own network") {
  Bench bench;
  bench.fronts = true;
  const auto finds = [&](const char* newcomer) { return bench.unfair_to(newcomer) != nullptr; };
  bench.connect(2, "10.9.0.1");
  bench.say("EHLO front.example\r\nXCLIENT ADDR=10.1.5.1 NAME=[UNAVAILABLE]\r\n");
  CHECK(bench.only()->info().client.address.to_string() == "10.1.5.1");
  CHECK(finds("10.1.200.1"));
}

TEST_CASE("IPv6: a /48 shares among its /64, which are one client") {
  Bench bench;
  const auto finds = [&](const char* newcomer) { return bench.unfair_to(newcomer) != nullptr; };
  bench.connect(3, "2001:db8:1:1::1");
  CHECK(finds("2001:db8:1:2::1"));
  CHECK_FALSE(finds("2001:db8:1:1::2"));
  CHECK(finds("2001:db8:2::1"));
}

// However much there is in one network, looks in others are no more for it.
TEST_CASE("what looks saw in a network promises nothing to newcomers of others") {
  Bench bench;
  bench.connect(100, "10.1.1.1");
  for (int i = 0; i < 100; ++i) bench.connect(1, "10.2." + std::to_string(i) + ".1");
  const auto finds = [&](const char* newcomer) { return bench.unfair_to(newcomer) != nullptr; };
  CHECK_FALSE(finds("10.2.1.2"));
  CHECK(finds("10.1.2.1"));
  for (int i = 0; i < 20; ++i) CHECK_FALSE(finds("10.2.1.2"));
  bench.connect(100, "10.2.200.1");
  CHECK_FALSE(finds("10.2.201.1"));  // nobody has looked there since
  bench.connect(200, "10.3.1.1");
  for (int i = 0; i < 10; ++i) bench.sweep();
  for (int i = 0; i < 25; ++i) CHECK_FALSE(finds("10.3.1.1"));
  CHECK(finds("10.2.201.1"));
}

TEST_CASE("a look at some dialogs may meet each of them") {
  Bench bench;
  bench.connect(40);
  for (int i = 0; i < 40; ++i) {
    auto* const oldest = bench.sessions.oldest_doubtful(Sessions::Looks::All);
    int looks = 0;
    while (bench.sessions.oldest_doubtful(Sessions::Looks::Some) != oldest && ++looks < 1000) {
    }
    CHECK(looks < 1000);
    bench.sessions.yield(*oldest);
  }
}

TEST_CASE("a bounce's own dialog does not count against it") {
  Bench bench;
  bench.connect(2, "10.1.1.1");
  bench.say("EHLO a.example\r\nMAIL FROM:<>\r\n");
  bench.connect(1, "198.51.100.1");
  CHECK(bench.unfair_to("198.51.100.1", Sessions::Kind::Bounces) != nullptr);
}

TEST_CASE("a bounce takes the place of another bounce only") {
  Bench bench;
  const auto holder = [&] { return bench.unfair_to("198.51.100.1", Sessions::Kind::Bounces); };
  bench.connect(30, "10.1.1.1");
  CHECK(holder() == nullptr);
  bench.say("EHLO a.example\r\nMAIL FROM:<x@a.example>\r\n");
  CHECK(holder() == nullptr);
  bench.say("RSET\r\nMAIL FROM:<>\r\n");
  CHECK(bench.bounces.in_use() == 30);
  auto* const found = holder();
  REQUIRE(found != nullptr);
  bench.sessions.yield(*found);
  CHECK(bench.bounces.in_use() == 29);
  bench.say("RSET\r\n");
  CHECK(bench.bounces.in_use() == 0);
}
