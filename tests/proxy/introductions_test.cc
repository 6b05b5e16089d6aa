#include "proxy/introductions.h"

#include <catch2/catch.hpp>
#include <functional>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "proxy/event/connector.h"
#include "proxy/event/loop.h"
#include "proxy/event/socket_pair.h"
#include "proxy/event/system_clock.h"
#include "support/manual_reactor.h"
#include "support/memory_stream.h"
#include "support/recording_journal.h"

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;

namespace {

// Whoever is introduced talks to this.
struct Owner final : StreamEvents {
  std::unique_ptr<Stream> stream;
  std::string got;
  size_t on_data(std::string_view data) override {
    got += data;
    return data.size();
  }
  void on_end(StreamEnd) override {}
};

struct Bench {
  test::ManualClock clock;
  test::ManualReactor reactor{clock};
  test::RecordingJournal journal;
  bool room = true;
  std::vector<std::string> clients;
  Owner owner;
  std::shared_ptr<test::MemoryPeer> peer = std::make_shared<test::MemoryPeer>();
  Introductions introductions{
      reactor, journal, [this](auto& stream, const auto& client, uint32_t listener) {
        clients.push_back(client.to_string() + " " + std::to_string(listener));
        if (!room) return stream->write("421 no\r\n");
        owner.stream = std::move(stream);
        owner.stream->set_events(&owner);
      }};

  Bench() {
    introductions.add(std::make_unique<test::MemoryStream>(reactor, peer),
                      *dns::Endpoint::parse("127.0.0.9:1000"), 3, {});
  }
  void send(const std::string& bytes, size_t chunk = 0) {
    peer->stream->send(bytes, chunk);
    reactor.run();
  }
};

const std::string kHeader = "PROXY TCP4 192.0.2.1 192.0.2.25 4025 25\r\n";

}  // namespace

TEST_CASE("a header makes the client known, and what follows is the dialog's") {
  Bench bench;
  bench.send(kHeader + "EHLO x\r\n", GENERATE(0, 1, 7));
  CHECK(bench.clients == std::vector<std::string>{"192.0.2.1:4025 3"});
  CHECK(bench.owner.got == "EHLO x\r\n");
  CHECK(bench.introductions.size() == 0);
}

TEST_CASE("a balancer's own connection is its own") {
  Bench bench;
  bench.send("PROXY UNKNOWN\r\n");
  CHECK(bench.clients == std::vector<std::string>{"127.0.0.9:1000 3"});
}

TEST_CASE("without a header there is no dialog") {
  Bench bench;
  bench.send("EHLO x\r\n");
  CHECK(bench.clients.empty());
  CHECK(bench.peer->destroyed);
  CHECK(bench.journal.count("message access.proxy_from: a connection from 127.0.0.9:1000") == 1);
  CHECK(bench.introductions.size() == 0);
}

TEST_CASE("a header that does not come is not waited for") {
  Bench bench;
  bench.send(kHeader.substr(0, 10));
  bench.reactor.advance(9s);
  bench.introductions.sweep(bench.reactor.now());
  CHECK(bench.introductions.size() == 1);
  bench.reactor.advance(1s);
  bench.introductions.sweep(bench.reactor.now());
  bench.reactor.run();
  CHECK(bench.peer->destroyed);
}

TEST_CASE("a client without a place hears so, through its balancer") {
  Bench bench;
  bench.room = false;
  bench.send(kHeader);
  CHECK(bench.peer->take() == "421 no\r\n");
  CHECK(bench.peer->destroyed);
  CHECK(bench.introductions.size() == 0);
}

TEST_CASE("a balancer that leaves, or a drain, ends the wait") {
  Bench bench;
  if (GENERATE(false, true))
    bench.introductions.clear();
  else
    bench.peer->stream->end(StreamEnd::Eof);
  bench.reactor.run();
  CHECK(bench.introductions.size() == 0);
  CHECK(bench.peer->destroyed);
}

TEST_CASE("a wait has a place, and gives it back before its client needs one") {
  Places places;
  const auto enter = [&] {
    return places.enter(*dns::IpAddress::parse("127.0.0.9"), true, true, Limits{}, 1).place;
  };
  test::ManualClock clock;
  test::ManualReactor reactor{clock};
  test::RecordingJournal journal;
  std::vector<bool> free;
  Introductions introductions{reactor, journal, [&](auto&, const auto&, uint32_t) {
                                free.push_back(static_cast<bool>(enter()));
                              }};
  const auto peer = std::make_shared<test::MemoryPeer>();
  introductions.add(std::make_unique<test::MemoryStream>(reactor, peer),
                    *dns::Endpoint::parse("127.0.0.9:1000"), 3, enter());
  REQUIRE(places.in_use() == 1);
  SECTION("with a header") {
    peer->stream->send(kHeader);
    reactor.run();
    CHECK(free == std::vector<bool>{true});
  }
  SECTION("without") {
    peer->stream->send("EHLO x\r\n");
    reactor.run();
  }
  SECTION("too late") {
    reactor.advance(10s);
    introductions.sweep(reactor.now());
    reactor.run();
  }
  SECTION("at a drain") {
    introductions.clear();
    reactor.run();
  }
  CHECK(places.in_use() == 0);
}

namespace {

// On a real socket, where the stream that calls may be gone when the call comes back, and goes on
// calling until the end of the turn.
struct OnSocket {
  test::RecordingJournal journal;
  Loop loop{SystemClock::instance()};
  int introduced = 0;
  std::function<void(std::unique_ptr<Stream>&)> meet;
  Introductions introductions{loop, journal, [this](auto& stream, const auto&, uint32_t) {
                                ++introduced;
                                meet(stream);
                              }};
  test::SocketPair pair = test::tcp_pair();

  explicit OnSocket(std::function<void(std::unique_ptr<Stream>&)> then) : meet(std::move(then)) {
    introductions.add(accepted_stream(loop, std::move(pair.ours)),
                      *dns::Endpoint::parse("127.0.0.9:1000"), 3, {});
  }
  void send(const std::string& bytes) { REQUIRE(test::send_all(pair.theirs, bytes)); }
  void turn() {
    for (int turns = 0; turns < 3; ++turns) loop.poll();
  }
};

void refuse(std::unique_ptr<Stream>& stream) { stream->write("421 no\r\n"); }

}  // namespace

TEST_CASE("what a client without a place says behind its header is read by nobody") {
  OnSocket bench(refuse);
  bench.send(kHeader + GENERATE(as<std::string>{}, "EHLO x\r\n", kHeader));
  bench.turn();
  CHECK(bench.introduced == 1);
  CHECK(bench.journal.lines.empty());
  CHECK(bench.introductions.size() == 0);
  const auto got = test::read_all(bench.pair.theirs);
  CHECK(got.bytes == "421 no\r\n");
  CHECK(got.error == 0);
}

TEST_CASE("a client without a place that has left already hears nothing") {
  OnSocket bench(refuse);
  bench.send(kHeader);
  test::reset_connection(bench.pair.theirs);
  bench.turn();
  CHECK(bench.introductions.size() == 0);
}

TEST_CASE("memory that runs out for an introduced client costs that connection alone") {
  const bool taken = GENERATE(true, false);
  CAPTURE(taken);
  OnSocket bench([taken](auto& stream) {
    const auto dialog = taken ? std::move(stream) : nullptr;
    throw std::bad_alloc();
  });
  bench.send(kHeader);
  bench.turn();
  CHECK(bench.loop.lost_callbacks() == 1);
  CHECK(bench.introductions.size() == 0);
  CHECK(test::read_all(bench.pair.theirs).error != EAGAIN);
}
