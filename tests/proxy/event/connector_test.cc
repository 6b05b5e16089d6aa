#include "proxy/event/connector.h"

#include <netinet/tcp.h>

#include <catch2/catch.hpp>

#include "faults.h"
#include "proxy/event/connect_failure.h"
#include "recorder.h"
#include "socket_pair.h"
#include "turns.h"

using namespace ravelin;
using namespace std::chrono_literals;
using proxy::Fd;
using proxy::StreamEnd;
using test::Recorder;
using test::Turns;

namespace {

int scripted_error = 0;

int fail(int, int, int) {
  errno = scripted_error;
  return -1;
}

struct Outgoing {
  Turns turns;
  proxy::SocketConnector connector{turns.loop};
  Recorder owner;
  std::unique_ptr<proxy::Stream> stream;

  void connect(const dns::Endpoint& to, std::chrono::milliseconds limit = 10s) {
    stream = connector.connect(to, limit, owner);
  }
  bool until_end() {
    return turns.until([this] { return owner.end.has_value(); });
  }
};

dns::Endpoint loopback(const char* text) { return *dns::Endpoint::parse(text); }

}  // namespace

TEST_CASE("a connection is made, told once, and carries what was written before it was there") {
  const auto address = GENERATE("127.0.0.1:0", "[::1]:0");
  const auto listener = proxy::open_listener(loopback(address), false);
  REQUIRE(listener);
  Outgoing out;
  out.connect(proxy::local_endpoint(listener->get()));
  out.stream->write("early");
  CHECK(out.owner.connected == 0);
  REQUIRE(out.turns.until([&] { return out.owner.connected == 1; }));
  const Fd peer(accept4(listener->get(), nullptr, nullptr, SOCK_NONBLOCK));
  CHECK(test::read_all(peer).bytes == "early");
  REQUIRE(test::send_all(peer, "220 hello\r\n"));
  CHECK(out.turns.until([&] { return out.owner.taken == "220 hello\r\n"; }));
  CHECK(out.owner.connected == 1);
}

TEST_CASE("outgoing connections do not wait for full segments (TCP_NODELAY)") {
  const auto listener = proxy::open_listener(loopback("127.0.0.1:0"), false);
  Outgoing out;
  out.connect(proxy::local_endpoint(listener->get()));
  REQUIRE(out.turns.until([&] { return out.owner.connected == 1; }));
  const Fd fd(out.stream->detach().fd);
  int on = 0;
  socklen_t size = sizeof on;
  REQUIRE(getsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, &size) == 0);
  CHECK(on == 1);
}

TEST_CASE("a refused connection is told later, and once") {
  auto listener = proxy::open_listener(loopback("127.0.0.1:0"), false);
  const auto nobody = proxy::local_endpoint(listener->get());
  listener->reset();
  Outgoing out;
  out.connect(nobody);
  CHECK(out.owner.ends == 0);
  REQUIRE(out.until_end());
  CHECK(*out.owner.end == StreamEnd::ConnectRefused);
  out.turns.poll();
  CHECK(out.owner.ends == 1);
  CHECK(out.owner.connected == 0);
}

TEST_CASE("a host that does not answer ends in ConnectTimeout") {
  // A full backlog: Linux then leaves further handshakes unanswered.
  const Fd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address;
  const auto size = loopback("127.0.0.1:0").address.to_sockaddr(0, address);
  REQUIRE(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(listen(listener.get(), 0) == 0);
  const auto silent = proxy::local_endpoint(listener.get());
  const Fd filler = test::tcp_client(silent);
  Outgoing out;
  const auto start = proxy::SystemClock::instance().boot();
  out.connect(silent, 50ms);
  REQUIRE(out.until_end());
  CHECK(*out.owner.end == StreamEnd::ConnectTimeout);
  CHECK(proxy::SystemClock::instance().boot() - start >= 50ms);
}

TEST_CASE("what this host lacks is not the other's fault, and is not told from inside connect()") {
  const auto error = GENERATE(EMFILE, ENFILE, ENOBUFS, EADDRNOTAVAIL);
  const test::SysGuard guard;
  scripted_error = error;
  if (error == EADDRNOTAVAIL)
    proxy::sys.connect = [](int fd, const sockaddr*, socklen_t) { return fail(fd, 0, 0); };
  else
    proxy::sys.socket = fail;
  Outgoing out;
  out.connect(loopback("127.0.0.1:25"));
  CHECK(out.owner.ends == 0);
  REQUIRE(out.until_end());
  CHECK(*out.owner.end == StreamEnd::NoAddress);
}

TEST_CASE("connect errors sorted by whose fault they are") {
  CHECK(proxy::connect_failure(ECONNREFUSED) == StreamEnd::ConnectRefused);
  CHECK(proxy::connect_failure(EHOSTUNREACH) == StreamEnd::ConnectRefused);
  CHECK(proxy::connect_failure(ENETUNREACH) == StreamEnd::ConnectRefused);
  CHECK(proxy::connect_failure(ETIMEDOUT) == StreamEnd::ConnectTimeout);
  CHECK(proxy::connect_failure(EAFNOSUPPORT) == StreamEnd::NoAddress);
}

TEST_CASE("a stream may be given up while it connects") {
  const auto listener = proxy::open_listener(loopback("127.0.0.1:0"), false);
  Outgoing out;
  out.connect(proxy::local_endpoint(listener->get()));
  SECTION("destroyed") {
    out.stream.reset();
    out.turns.poll();
    CHECK(out.owner.ends == 0);
  }
  SECTION("finished") {
    out.stream->finish();
    REQUIRE(out.until_end());
    CHECK(*out.owner.end == StreamEnd::Closed);
  }
  SECTION("detached, which it cannot be") { CHECK(out.stream->detach().fd == -1); }
  CHECK(out.owner.connected == 0);
}
