// A peer of TLS 1.3 may ask for new keys at any time, and wants an answer (RFC 8446 §4.6.3); also
// while it reads nothing.
#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "dialog.h"
#include "faults.h"
#include "fuzz/tls_peer.h"

using namespace ravelin;
using namespace ravelin::proxy;

namespace {

struct Secured final : StreamEvents {
  bool secured = false, ended = false;
  std::string got;
  void on_secured(const TlsFacts&) override { secured = true; }
  size_t on_data(std::string_view data) override {
    got += data;
    return data.size();
  }
  void on_end(StreamEnd) override { ended = true; }
};

struct World {
  test::SysGuard guard;
  test::Turns turns;
  test::SocketPair pair = test::unix_pair();
  TicketKeys keys;
  Secured owner;
  std::unique_ptr<TlsServer> server;
  std::unique_ptr<Stream> stream;
  fuzz::TlsPeer peer{fuzz::TlsPeer::Side::Client, TLS1_3_VERSION};

  World() {
    test::count_io();
    TlsServerSettings settings;
    settings.certificates = {*parse_certificate({"x", fuzz::kCertificate}, {"x", fuzz::kKey})};
    server = *TlsServer::make(settings, keys);
    const int small = 1;  // the least that the kernel has
    setsockopt(pair.ours.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    stream = accepted_stream(turns.loop, std::move(pair.ours));
    stream->set_events(&owner);
    stream->start_tls(*server, "test");
    for (int i = 0; i < 20; ++i) exchange();
    REQUIRE(owner.secured);
  }
  void exchange(bool reads = true) {
    const auto came = reads ? test::read_all(pair.theirs).bytes : std::string();
    const auto wire = peer.turn(came);
    if (!wire.empty()) (void)test::send_all(pair.theirs, wire);
    turns.poll();
  }
};

}  // namespace

TEST_CASE("an answer to a key update that finds no room is waited for without turning") {
  const bool paused = GENERATE(false, true);
  const int replies = GENERATE(range(0, 16));  // one of them just fills the kernel's buffer
  CAPTURE(paused, replies);
  World world;
  for (int i = 0; i < replies; ++i) {
    world.stream->write("x");
    world.turns.poll();
  }
  if (paused) world.stream->pause(Pause::Waiting);
  for (int i = 0; i < 3; ++i) {
    world.peer.change_key(/*both=*/true);
    world.peer.say("y");
    world.exchange(/*reads=*/false);
  }
  test::io_calls = 0;
  world.turns.poll(50);
  CHECK(test::io_calls == 0);
  if (world.owner.ended) return;  // a record of ours was half-way: OpenSSL 3.0 gives up
  world.stream->write("z");
  if (paused) world.stream->resume(Pause::Waiting);
  for (int i = 0; i < 20; ++i) world.exchange();
  CHECK(world.owner.got == "yyy");
  CHECK(world.peer.got == std::string(static_cast<size_t>(replies), 'x') + "z");
  world.peer.say("!");
  for (int i = 0; i < 5; ++i) world.exchange();
  CHECK(world.owner.got == "yyy!");
}

TEST_CASE("likewise while the peer is waited for to close first") {
  const int replies = GENERATE(range(0, 16));
  CAPTURE(replies);
  World world;
  for (int i = 0; i < replies; ++i) {
    world.stream->write("x");
    world.turns.poll();
  }
  world.stream->finish_after_peer(std::chrono::minutes(1));
  world.turns.poll();
  for (int i = 0; i < 3; ++i) {
    world.peer.change_key(/*both=*/true);
    world.exchange(/*reads=*/false);
  }
  test::io_calls = 0;
  world.turns.poll(50);
  CHECK(test::io_calls == 0);
}
