// Two streams of one loop, the one server, the other client, over a real socket.
#include "proxy/event/tls.h"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

#include "dialog.h"
#include "faults.h"
#include "support/certificates.h"

using namespace ravelin;
using namespace ravelin::proxy;
using test::KeyKind;

namespace {

TlsCertificate load(const test::PemPair& pair, const test::TempDir& dir, const std::string& name) {
  test::write_file(dir.file(name), pair.both());  // for clients
  auto loaded = parse_certificate({dir.file(name), pair.certificate}, {dir.file(name), pair.key});
  REQUIRE(loaded);
  return *std::move(loaded);
}

struct Secured final : StreamEvents {
  std::optional<TlsFacts> facts;
  std::optional<StreamEnd> end;
  std::string got;
  bool takes = true;

  void on_secured(const TlsFacts& found) override { facts = found; }
  size_t on_data(std::string_view data) override {
    if (!takes) return 0;
    got += data;
    return data.size();
  }
  void on_end(StreamEnd how) override { end = how; }
};

struct Pair {
  test::Turns turns;
  test::SocketPair sockets = test::tcp_pair();
  test::TempDir dir;
  TicketKeys keys;
  std::unique_ptr<TlsServer> server;
  std::unique_ptr<TlsClient> client;
  Secured here, there;
  std::unique_ptr<Stream> ours, theirs;

  explicit Pair(std::vector<TlsCertificate> certificates = {},
                TlsClientSettings client_settings = {}, TlsVersion least = TlsVersion::Tls12) {
    if (certificates.empty())
      certificates.push_back(load(test::make_certificate("DNS:mx.example.com"), dir, "mx.pem"));
    TlsServerSettings settings;
    settings.certificates = std::move(certificates);
    settings.min_version = least;
    auto made = TlsServer::make(settings, keys);
    REQUIRE(made);
    server = *std::move(made);
    auto also = TlsClient::make(client_settings);
    REQUIRE(also);
    client = *std::move(also);
    ours = accepted_stream(turns.loop, std::move(sockets.ours));
    ours->set_events(&here);
  }
  // The other end becomes a stream, too.
  void join() {
    theirs = accepted_stream(turns.loop, std::move(sockets.theirs));
    theirs->set_events(&there);
  }
  bool shake_hands(const std::string& host = "mx.example.com") {
    if (!theirs) join();
    ours->start_tls(*server, "test");
    theirs->start_tls(*client, host);
    return turns.until([this] { return (here.facts || here.end) && (there.facts || there.end); }) &&
           here.facts && there.facts;
  }
};

}  // namespace

TEST_CASE("a stream turns to TLS and carries both ways") {
  Pair pair;
  REQUIRE(pair.shake_hands());
  CHECK(pair.here.facts->version == "TLSv1.3");
  CHECK(pair.here.facts->server_name == "mx.example.com");
  CHECK_FALSE(pair.here.facts->cipher.empty());
  const std::string much(300'000, 'x');
  pair.ours->write("250 ok\r\n");
  pair.theirs->set_read_size(7);
  pair.ours->set_read_size(100);
  pair.theirs->write(much);
  CHECK(pair.turns.until(
      [&] { return pair.there.got == "250 ok\r\n" && pair.here.got.size() == much.size(); }));
  CHECK(pair.here.got == much);
}

TEST_CASE("a stream in TLS is detached, and goes on in another loop") {
  Pair pair;
  REQUIRE(pair.shake_hands());
  pair.theirs->write("hello");
  pair.ours->write("hello");
  REQUIRE(pair.turns.until([&] { return pair.here.got == "hello" && pair.there.got == "hello"; }));
  auto parcel = pair.theirs->detach();
  REQUIRE(parcel.fd >= 0);
  REQUIRE(parcel.tls != nullptr);
  pair.theirs.reset();
  test::Turns other;
  SocketConnector connector(other.loop);
  Secured elsewhere;
  const auto stream = connector.adopt(std::move(parcel), elsewhere);
  stream->write("from elsewhere");
  pair.ours->write("from here");
  CHECK(other.poll_until([&] {
    pair.turns.poll(1);
    return elsewhere.got == "from here" && pair.here.got == "hellofrom elsewhere";
  }));
}

TEST_CASE("a TLS parcel that nobody takes is closed") {
  Pair pair;
  REQUIRE(pair.shake_hands());
  {
    auto parcel = pair.theirs->detach();
    REQUIRE(parcel.fd >= 0);
    Fd(parcel.fd).reset();
  }
  CHECK(pair.turns.until([&] { return pair.here.end.has_value(); }));
}

TEST_CASE("what is written before TLS leaves in the clear and before it") {
  Pair pair;
  pair.join();
  pair.ours->write("220 go\r\n");
  pair.ours->start_tls(*pair.server, "test");
  REQUIRE(pair.turns.until([&] { return pair.there.got == "220 go\r\n"; }));
  pair.theirs->start_tls(*pair.client, "mx.example.com");
  CHECK(pair.turns.until([&] { return pair.here.facts && pair.there.facts; }));
}

// Takes whole lines, and turns to TLS in the call that brings the end of one, as a session does.
struct Turner final : StreamEvents {
  Stream* stream = nullptr;
  const TlsServer* server = nullptr;
  bool secured = false;

  size_t on_data(std::string_view data) override {
    if (!data.ends_with("\r\n")) return 0;
    stream->start_tls(*server, "test");
    return data.size();
  }
  void on_secured(const TlsFacts&) override { secured = true; }
  void on_end(StreamEnd) override {}
};

TEST_CASE("a STARTTLS that comes in pieces leaves nothing in front of the handshake") {
  Pair pair;
  Turner turner;
  turner.stream = pair.ours.get();
  turner.server = pair.server.get();
  pair.ours->set_events(&turner);
  for (const auto* const piece : {"S", "TARTTL", "S\r\n"}) {
    REQUIRE(test::send_all(pair.sockets.theirs, piece));
    pair.turns.poll();
  }
  pair.join();
  pair.theirs->start_tls(*pair.client, "mx.example.com");
  CHECK(pair.turns.until([&] { return turner.secured && pair.there.facts; }));
}

TEST_CASE("bytes in the clear where a handshake should be end the stream") {
  Pair pair;
  REQUIRE(
      test::send_all(pair.sockets.theirs, "EHLO evil.example\r\nMAIL FROM:<x@example.com>\r\n"));
  pair.ours->start_tls(*pair.server, "test");
  REQUIRE(pair.turns.until([&] { return pair.here.end.has_value(); }));
  CHECK(*pair.here.end == StreamEnd::TlsFailed);
  CHECK(pair.here.got.empty());
  CHECK_FALSE(pair.ours->trouble().empty());
}

TEST_CASE("who leaves in the middle of the handshake is said to have left, or how") {
  Pair pair;
  const auto in_words = [&] {
    pair.ours->start_tls(*pair.server, "test");
    pair.turns.poll();
    pair.sockets.theirs.reset();
    REQUIRE(pair.turns.until([&] { return pair.here.end.has_value(); }));
    CHECK(*pair.here.end == StreamEnd::TlsFailed);
    return pair.ours->trouble();
  };
  REQUIRE(test::send_all(pair.sockets.theirs, std::string_view("\x16\x03\x01\x02\0", 5)));
  SECTION("by an end") { CHECK(in_words() == "lost connection"); }
  SECTION("by a reset") {
    const linger at_once{1, 0};
    setsockopt(pair.sockets.theirs.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    CHECK(in_words() == "Connection reset by peer");
  }
}

TEST_CASE("bytes in the clear behind close_notify are never input") {
  Pair pair;
  const int raw = dup(pair.sockets.theirs.get());
  REQUIRE(pair.shake_hands());
  pair.theirs->write("NOOP\r\n");
  REQUIRE(pair.turns.until([&] { return pair.here.got == "NOOP\r\n"; }));
  SECTION("close_notify and more in one piece") {
    pair.theirs->finish();
    pair.turns.poll();
  }
  Fd theirs(raw);
  (void)send(theirs.get(), "MAIL FROM:<x@example.com>\r\n", 27, MSG_NOSIGNAL);
  REQUIRE(pair.turns.until([&] { return pair.here.end.has_value(); }));
  CHECK(pair.here.got == "NOOP\r\n");
}

TEST_CASE("in custody a close_notify is seen, and is the end behind the last reply") {
  const test::SysGuard guard;
  Pair pair;
  REQUIRE(pair.shake_hands());
  pair.ours->pause(Pause::Custody);
  CHECK_FALSE(pair.ours->half_closed());
  sys.shutdown = [](int, int) { return 0; };  // the connection stays open, as with many clients
  pair.theirs->finish();
  REQUIRE(pair.turns.until([&] { return pair.ours->half_closed(); }));
  CHECK_FALSE(pair.here.end);
  pair.ours->resume(Pause::Custody);
  pair.ours->write("250 taken");
  REQUIRE(pair.turns.until([&] { return pair.here.end.has_value(); }));
  CHECK(*pair.here.end == StreamEnd::Eof);
}

TEST_CASE("a paused stream keeps what TLS has decrypted for later") {
  Pair pair;
  REQUIRE(pair.shake_hands());
  pair.ours->set_read_size(4);
  pair.ours->pause(Pause::Waiting);
  pair.theirs->write("NOOP\r\nRSET\r\n");
  pair.turns.poll(20);
  CHECK(pair.here.got.empty());
  pair.ours->resume(Pause::Waiting);
  CHECK(pair.turns.until([&] { return pair.here.got == "NOOP\r\nRSET\r\n"; }));
}

TEST_CASE("what the owner leaves untaken comes again with what TLS has behind it") {
  Pair pair;
  REQUIRE(pair.shake_hands());
  pair.here.takes = false;
  pair.ours->set_read_size(4);
  pair.theirs->write("NOOP\r\n");
  pair.turns.poll(20);
  pair.here.takes = true;
  pair.theirs->write("RSET\r\n");
  CHECK(pair.turns.until([&] { return pair.here.got == "NOOP\r\nRSET\r\n"; }));
}

TEST_CASE("finish() says close_notify, and the peer's end is an Eof") {
  Pair pair;
  REQUIRE(pair.shake_hands());
  pair.ours->write("221 bye\r\n");
  pair.ours->finish();
  REQUIRE(pair.turns.until([&] { return pair.there.end.has_value(); }));
  CHECK(*pair.there.end == StreamEnd::Eof);
  CHECK(pair.there.got == "221 bye\r\n");
  pair.theirs.reset();
  CHECK(pair.turns.until([&] { return pair.here.end.has_value(); }));
}

TEST_CASE("finish_after_peer() answers a close_notify, which the peer may wait for") {
  const test::SysGuard guard;
  Pair pair;
  static int theirs;
  static ssize_t answered;
  theirs = pair.sockets.theirs.get();
  answered = 0;
  REQUIRE(pair.shake_hands());
  pair.ours->write("QUIT\r\n");
  pair.ours->finish_after_peer(std::chrono::hours(1));
  REQUIRE(pair.turns.until([&] { return pair.there.got == "QUIT\r\n"; }));
  sys.shutdown = [](int, int) { return 0; };
  sys.recv = [](int fd, void* buffer, size_t size, int flags) {
    const auto got = ::recv(fd, buffer, size, flags);
    if (fd == theirs && got > 0) answered += got;
    return got;
  };
  pair.theirs->write("221 bye\r\n");
  pair.theirs->finish();
  REQUIRE(pair.turns.until([&] { return answered > 0; }));
  CHECK_FALSE(pair.here.end);
  pair.theirs.reset();
  CHECK(pair.turns.until([&] { return pair.here.end.has_value(); }));
}

TEST_CASE("the certificate follows the name and the key the client can use") {
  test::TempDir dir;
  std::vector<TlsCertificate> certificates;
  const auto add = [&](const std::string& names, KeyKind kind) {
    certificates.push_back(load(test::make_certificate(names, kind), dir,
                                std::to_string(certificates.size()) + ".pem"));
  };
  add("DNS:mx.example.com,DNS:mx.example.net", KeyKind::Ecdsa);
  add("DNS:mx.example.com", KeyKind::Rsa);
  add("DNS:*.example.org", KeyKind::Ecdsa);

  struct Row {
    const char* host;
    size_t certificate;  // the one the client trusts
    bool verified;
  };
  const auto row = GENERATE(values<Row>({
      {"mx.example.com", 0, true},
      {"mx.example.net", 0, true},
      {"mail.example.org", 2, true},
      {"other.example", 0, false},
  }));
  CAPTURE(row.host);
  TlsClientSettings client;
  client.ca = {"ca.pem", certificates[row.certificate].chain};
  Pair pair(certificates, client);
  REQUIRE(pair.shake_hands(row.host));
  CHECK(pair.there.facts->verified == row.verified);
  CHECK(pair.there.facts->doubt.empty() == row.verified);
}

TEST_CASE("a client that verifies refuses a certificate for another name") {
  test::TempDir dir;
  const auto pem = test::make_certificate("DNS:mx.example.com,IP:127.0.0.1");
  auto certificate = load(pem, dir, "mx.pem");
  TlsClientSettings client;
  client.verify = true;
  client.ca = {"ca.pem", certificate.chain};
  Pair pair({certificate}, client);
  struct Row {
    const char* host;
    bool good;
  };
  const auto row = GENERATE(values<Row>({{"mx.example.com", true},
                                         {"mx.example.net", false},
                                         {"127.0.0.1", true},
                                         {"127.0.0.2", false}}));
  CAPTURE(row.host);
  CHECK(pair.shake_hands(row.host) == row.good);
  if (!row.good) CHECK(*pair.there.end == StreamEnd::TlsFailed);
}

TEST_CASE("parse_certificate names what is wrong") {
  const auto one = test::make_certificate("DNS:mx.example.com,DNS:*.Example.net,DNS:bad name");
  const auto other = test::make_certificate("DNS:mx.example.com");
  const auto fault = [](const std::string& certificate, const std::string& key) {
    const auto parsed = parse_certificate({"cert.pem", certificate}, {"key.pem", key});
    return parsed ? std::string() : parsed.error();
  };
  CHECK(fault(one.certificate, one.key).empty());
  CHECK(fault("junk\n", one.key).starts_with("cert.pem holds no certificate"));
  CHECK(fault(one.certificate, "junk\n").starts_with("key.pem holds no private key"));
  CHECK(fault(one.certificate, other.key) ==
        "the key in key.pem does not belong to the certificate in cert.pem");
  const auto parsed = parse_certificate({"cert.pem", one.certificate}, {"key.pem", one.key});
  CHECK(parsed->names == std::vector<std::string>{"mx.example.com", "*.example.net"});
}
