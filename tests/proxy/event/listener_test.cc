#include "proxy/event/listener.h"

#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <vector>

#include "faults.h"
#include "proxy/event/connector.h"
#include "proxy/event/open_listener.h"
#include "proxy/event/saved_syn.h"
#include "socket_pair.h"
#include "turns.h"

using namespace ravelin;
using namespace std::chrono_literals;
using proxy::Fd;
using proxy::Listener;
using test::Turns;

namespace {

int accepts = 0;  // calls of accept4()
int failures = 0;
int failure = 0;  // the first |failures| calls fail with it

int scripted_accept(int fd, sockaddr* address, socklen_t* size, int flags) {
  ++accepts;
  if (failures > 0) {
    --failures;
    errno = failure;
    return -1;
  }
  return ::accept4(fd, address, size, flags);
}

struct ScriptedAccept : test::SysGuard {
  ScriptedAccept(int count, int error) {
    accepts = 0;
    failures = count;
    failure = error;
    proxy::sys.accept4 = scripted_accept;
  }
};

struct Server {
  Turns turns;
  dns::Endpoint at;
  std::vector<Fd> accepted;
  std::vector<dns::Endpoint> peers;
  std::unique_ptr<Listener> listener;

  explicit Server(const char* address = "127.0.0.1:0") {
    auto socket = proxy::open_listener(*dns::Endpoint::parse(address), false);
    REQUIRE(socket);
    at = proxy::local_endpoint(socket->get());
    listener = std::make_unique<Listener>(turns.loop, *std::move(socket),
                                          [this](Fd fd, const dns::Endpoint& peer) {
                                            accepted.push_back(std::move(fd));
                                            peers.push_back(peer);
                                          });
  }
  std::vector<Fd> clients(int count) const {
    std::vector<Fd> fds;
    for (int i = 0; i < count; ++i) fds.push_back(test::tcp_client(at));
    return fds;
  }
  bool until_accepted(size_t count) {
    return turns.until([&] { return accepted.size() >= count; });
  }
};

}  // namespace

TEST_CASE("a connection comes with its peer's address, ready for a stream") {
  const auto address = GENERATE("127.0.0.1:0", "[::1]:0");
  Server server(address);
  const auto clients = server.clients(1);
  REQUIRE(server.until_accepted(1));
  const auto& fd = server.accepted[0];
  CHECK(server.peers[0] == proxy::local_endpoint(clients[0].get()));
  CHECK((fcntl(fd.get(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
  int on = 0;
  socklen_t size = sizeof on;
  REQUIRE(getsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, &size) == 0);
  CHECK(on == 1);
}

TEST_CASE("one turn accepts 64 connections at most") {
  Server server;
  const auto clients = server.clients(150);
  const ScriptedAccept script(0, 0);
  server.turns.loop.turn();
  CHECK(server.accepted.size() == 64);
  CHECK(accepts == 64);
  server.turns.poll(2);
  CHECK(server.accepted.size() == 150);
}

TEST_CASE("a connection that came to nothing does not hide the next") {
  const auto error = GENERATE(ECONNABORTED, EINTR, EPROTO, ENETDOWN, EPERM);
  Server server;
  const auto clients = server.clients(2);
  const ScriptedAccept script(3, error);
  server.turns.loop.turn();
  CHECK(server.accepted.size() == 2);
}

TEST_CASE("without descriptors one client is let go, and accepting rests") {
  Server server;
  const auto clients = server.clients(3);
  // The first accept4() fails, the one of the reserve descriptor succeeds.
  const ScriptedAccept script(1, EMFILE);
  server.turns.loop.turn();
  CHECK(accepts == 2);
  CHECK(server.accepted.empty());
  CHECK(test::read_all(clients[0]).error == 0);  // closed, not left to wait
  server.turns.poll(20);
  CHECK(accepts == 2);  // it rests, although two wait
  REQUIRE(server.until_accepted(2));
}

TEST_CASE("accepting does not spin while there are no descriptors") {
  const auto error = GENERATE(EMFILE, ENFILE, ENOBUFS, ENOMEM);
  Server server;
  const auto clients = server.clients(1);
  const ScriptedAccept script(1'000'000, error);
  bool over = false;
  const auto timer = server.turns.loop.timer(200ms, [&over] { over = true; });
  int turns = 0;
  for (; !over; ++turns) server.turns.loop.turn();
  CHECK(accepts >= 2);   // it has tried again
  CHECK(accepts <= 12);  // after 10, 20, 40, 80 ms
  CHECK(turns <= 12);
}

TEST_CASE("drain_backlog() takes all that waits, and nothing is accepted afterwards") {
  Server server;
  const auto clients = server.clients(100);
  int told = 0;
  SECTION("with descriptors") {
    server.listener->drain_backlog([&told](Fd, const dns::Endpoint&) { ++told; });
    CHECK(told == 100);
  }
  SECTION("without: the clients are let go at least") {
    const ScriptedAccept script(1, EMFILE);
    server.listener->drain_backlog([&told](Fd, const dns::Endpoint&) { ++told; });
    CHECK(told == 99);
    CHECK(test::read_all(clients[0]).error == 0);
  }
  const auto late = server.clients(1);
  server.turns.poll();
  CHECK(server.accepted.empty());
}

TEST_CASE("memory that runs out for one connection closes that one only") {
  Turns turns;
  auto socket = proxy::open_listener(*dns::Endpoint::parse("127.0.0.1:0"), false);
  const auto at = proxy::local_endpoint(socket->get());
  int calls = 0;
  const Listener listener(turns.loop, *std::move(socket), [&calls](Fd, const dns::Endpoint&) {
    if (++calls == 1) throw std::bad_alloc();
  });
  const Fd first = test::tcp_client(at);
  const Fd second = test::tcp_client(at);
  REQUIRE(turns.until([&calls] { return calls == 2; }));
  CHECK(test::read_all(first).error == 0);
}

TEST_CASE("reuse-port lets each worker listen on the same address, and nobody else by mistake") {
  const auto first = proxy::open_listener(*dns::Endpoint::parse("127.0.0.1:0"), true);
  const auto at = proxy::local_endpoint(first->get());
  CHECK(proxy::open_listener(at, true).has_value());
  const auto alone = proxy::open_listener(*dns::Endpoint::parse("127.0.0.1:0"), false);
  const auto taken = proxy::local_endpoint(alone->get());
  const auto refused = proxy::open_listener(taken, false);
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == taken.to_string() + ": Address already in use");
}

// A port that the kernel gives for IPv6 may be that of some connection over IPv4.
TEST_CASE("IPv4 and IPv6 wildcards can be listened on together") {
  bool both = false;
  for (int tries = 0; tries < 50 && !both; ++tries) {
    const auto six = proxy::open_listener(*dns::Endpoint::parse("[::]:0"), false);
    REQUIRE(six);
    const auto port = proxy::local_endpoint(six->get()).port;
    both = proxy::open_listener({dns::IpAddress(), port}, false).has_value();
  }
  CHECK(both);
}

TEST_CASE("an accepted connection shows the SYN that opened it, once") {
  const auto address = GENERATE("127.0.0.1:0", "[::1]:0");
  Server server(address);
  const auto clients = server.clients(2);
  REQUIRE(server.until_accepted(2));
  std::array<uint8_t, 256> room{};

  const auto small = std::span(room).first(39);  // less than any SYN with an option
  CHECK(proxy::take_saved_syn(server.accepted[0].get(), small) == 0);

  const auto stream = proxy::accepted_stream(server.turns.loop, std::move(server.accepted[1]));
  const auto size = stream->saved_syn(room);
  REQUIRE(size >= 40);
  CHECK(room[0] >> 4 == (server.at.address.is_v4() ? 4 : 6));
  const size_t tcp = server.at.address.is_v4() ? size_t(room[0] & 15) * 4 : 40;
  CHECK((room[tcp] << 8 | room[tcp + 1]) == server.peers[1].port);
  CHECK((room[tcp + 13] & 0x12) == 0x02);  // SYN, no ACK
  CHECK(stream->saved_syn(room) == 0);
}

TEST_CASE("without the option a listener listens, and no SYN is known") {
  test::SysGuard guard;
  proxy::sys.setsockopt = [](int fd, int level, int name, const void* value, socklen_t size) {
    if (level != IPPROTO_TCP || name != TCP_SAVE_SYN)
      return ::setsockopt(fd, level, name, value, size);
    errno = ENOPROTOOPT;
    return -1;
  };
  Server server;
  const auto clients = server.clients(1);
  REQUIRE(server.until_accepted(1));
  std::array<uint8_t, 256> room{};
  CHECK(proxy::take_saved_syn(server.accepted[0].get(), room) == 0);
}
