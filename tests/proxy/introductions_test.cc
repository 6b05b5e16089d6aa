#include "proxy/introductions.h"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

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
                      *dns::Endpoint::parse("127.0.0.9:1000"), 3);
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
