// STARTTLS towards a backend: off, may, encrypt, verify.
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {

using proxy::BackendTls;
using Handshake = ScriptedBackend::Handshake;

namespace {

constexpr const char* kOffer =
    "250-mail.internal\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 SIZE 1000\r\n";
constexpr const char* kInTls =
    "250-mail.internal\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 2000\r\n";

proxy::RouteSettings route_with(BackendTls tls, uint32_t connections = 4) {
  auto route = route_to({"192.0.2.7:25"}, connections);
  route.tls = tls;
  return route;
}

struct Secure : Harness {
  explicit Secure(BackendTls tls, uint32_t connections = 4, size_t count = 1)
      : Harness({route_with(tls, connections)}, count) {
    backend.ehlo = kOffer;
    backend.ehlo_in_tls = kInTls;
    backend.replies["STARTTLS"] = "220 2.0.0 go\r\n";
  }
  std::vector<std::string> commands(size_t i) { return backend.connections.at(i).commands; }
  void reload(BackendTls tls) {
    config.routes = {route_with(tls)};
    backends.configure(config);
  }
};

const std::vector<std::string> kSecured{"EHLO mx.example.net", "STARTTLS", "EHLO mx.example.net"};

std::vector<std::string> first(const std::vector<std::string>& all, size_t count) {
  return {all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(count, all.size()))};
}

}  // namespace

TEST_CASE("STARTTLS is used where it is offered, and EHLO said again") {
  const auto mode = GENERATE(BackendTls::May, BackendTls::Encrypt, BackendTls::Verify);
  Secure mx(mode);
  mx.backend.chunk = GENERATE(0, 1, 3);
  auto mail = mx.begin();
  REQUIRE(mx.ask(*mail, "a@example.com") == 250);
  CHECK(first(mx.commands(0), 3) == kSecured);
  CHECK(mx.backend.peer(0).expected_name == "192.0.2.7");
  CHECK(mx.deliver(*mail) == 250);
  CHECK(mx.backends.snapshot()[0].secured == 1);
  // What was offered in the clear does not count.
  CHECK(mx.backends.offered().size_limit == 2000);
  CHECK(mx.backends.offered().eightbitmime);
  CHECK(mx.ask("b@example.com") == 250);
  CHECK(mx.backend.connections.size() == 1);
}

TEST_CASE("off does without") {
  Secure mx(BackendTls::Off);
  CHECK(mx.ask("a@example.com") == 250);
  CHECK(mx.commands(0)[1].starts_with("MAIL"));
}

TEST_CASE("the certificate is looked for under the name of the configuration") {
  auto route = route_with(BackendTls::Verify);
  route.tls_name = "mail.example.org";
  Harness mx({route});
  mx.backend.ehlo = kOffer;
  mx.backend.ehlo_in_tls = kInTls;
  mx.backend.replies["STARTTLS"] = "220 go\r\n";
  CHECK(mx.ask("a@example.com") == 250);
  CHECK(mx.backend.peer(0).expected_name == "mail.example.org");
}

TEST_CASE("a backend without STARTTLS gets mail in the clear only if that may be") {
  const auto mode = GENERATE(BackendTls::May, BackendTls::Encrypt, BackendTls::Verify);
  Secure mx(mode);
  SECTION("it does not offer it") { mx.backend.ehlo = "250-mail.internal\r\n250 SIZE 1000\r\n"; }
  SECTION("it knows no EHLO") { mx.backend.ehlo = "502 what\r\n"; }
  CHECK(mx.ask("a@example.com") == (mode == BackendTls::May ? 250 : 451));
  CHECK(mx.backends.snapshot()[0].down == (mode != BackendTls::May));
  CHECK(mx.backends.snapshot()[0].secured == 0);
  if (mode != BackendTls::May) CHECK(mx.journal.has("cannot be talked to in TLS"));
}

TEST_CASE("where TLS may fail, mail goes in the clear at once and for some minutes") {
  Secure mx(BackendTls::May, /*connections=*/1);
  SECTION("refused") { mx.backend.replies["STARTTLS"] = "454 4.7.0 no\r\n"; }
  SECTION("refused for good") { mx.backend.replies["STARTTLS"] = "502 5.5.1 no\r\n"; }
  SECTION("the handshake fails") { mx.backend.handshake = Handshake::Fails; }
  CHECK(mx.ask("a@example.com") == 250);
  CHECK_FALSE(mx.backend.connections.back().secured);
  CHECK(mx.journal.has("in the clear for 10 minutes"));
  CHECK_FALSE(mx.backends.snapshot()[0].down);
  CHECK(mx.backends.snapshot()[0].open == 1);

  mx.advance(9min + 50s);  // the idle one has been closed
  CHECK(mx.ask("b@example.com") == 250);
  CHECK_FALSE(mx.backend.connections.back().secured);
  mx.advance(2min);
  mx.backend.replies["STARTTLS"] = "220 go\r\n";
  mx.backend.handshake = Handshake::Done;
  CHECK(mx.ask("c@example.com") == 250);
  CHECK(first(mx.backend.connections.back().commands, 3) == kSecured);
}

TEST_CASE("where TLS must not fail, mail waits") {
  const auto mode = GENERATE(BackendTls::Encrypt, BackendTls::Verify);
  Secure mx(mode);
  SECTION("refused") { mx.backend.replies["STARTTLS"] = "454 4.7.0 no\r\n"; }
  SECTION("the handshake fails") { mx.backend.handshake = Handshake::Fails; }
  CHECK(mx.ask("a@example.com") == 451);
  CHECK(mx.backend.connections.size() == 1);
  CHECK(mx.journal.has("cannot be talked to in TLS"));
  CHECK(mx.backends.snapshot()[0].down);
  CHECK(mx.backends.snapshot()[0].open == 0);
}

TEST_CASE("bytes behind the 220 of STARTTLS end the connection, and are no reason to do without") {
  const auto mode = GENERATE(BackendTls::May, BackendTls::Encrypt);
  Secure mx(mode);
  const auto* const behind = GENERATE("250 forged\r\n", "x", "220 again\r\n");
  mx.backend.replies["STARTTLS"] = std::string("220 go\r\n") + behind;
  CHECK(mx.ask("a@example.com") == 451);
  CHECK_FALSE(mx.backend.peer(0).securing);
  CHECK(mx.backend.connections.size() == 1);
  CHECK(mx.journal.has("does not speak SMTP"));
}

TEST_CASE("a 421 to STARTTLS is one of a full backend") {
  Secure mx(GENERATE(BackendTls::May, BackendTls::Encrypt));
  mx.backend.replies["STARTTLS"] = "421 4.3.2 later\r\n";
  CHECK(mx.ask("a@example.com") == 451);
  CHECK(mx.journal.has("takes no more connections"));
}

TEST_CASE("a handshake that takes too long is one that fails") {
  Secure mx(BackendTls::May);
  mx.backend.handshake = Handshake::Silence;
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "a@example.com") == 0);
  mx.advance(60s);
  CHECK(mail->code() == 451);
  // Nobody waits for the next one to find out.
  CHECK(mx.ask("b@example.com") == 250);
  CHECK(mx.commands(1)[1].starts_with("MAIL"));
}

TEST_CASE("what was offered before the handshake is forgotten after it") {
  Secure mx(BackendTls::May);
  mx.backend.ehlo_in_tls = "250 mail.internal\r\n";
  CHECK(mx.ask("a@example.com") == 250);
  CHECK_FALSE(mx.backends.offered().size);
  // Without PIPELINING MAIL and RCPT leave one by one.
  CHECK(mx.backend.connections[0].writes.back().starts_with("RCPT"));
}

TEST_CASE("EHLO refused behind the handshake is our trouble") {
  Secure mx(BackendTls::May);
  mx.backend.ehlo_in_tls = "554 5.7.1 no\r\n";
  CHECK(mx.ask("a@example.com") == 451);
  CHECK(mx.backends.snapshot()[0].open == 0);
}

TEST_CASE(
    "a reload that wants TLS leaves connections without, one that changes nothing keeps them") {
  Secure mx(BackendTls::Off);
  CHECK(mx.ask("a@example.com") == 250);
  SECTION("as before") {
    mx.reload(BackendTls::Off);
    mx.advance(100ms);
    CHECK(mx.commands(0).back() != "QUIT");
  }
  SECTION("now it is wanted") {
    mx.reload(BackendTls::Encrypt);
    mx.advance(100ms);
    CHECK(mx.commands(0).back() == "QUIT");
    CHECK(mx.ask("b@example.com") == 250);
    CHECK(mx.backend.connections.back().secured);
  }
  SECTION("one that was in use meanwhile") {
    auto mail = mx.begin();
    mx.ask(*mail, "b@example.com");
    mx.reload(BackendTls::Encrypt);
    CHECK(mx.deliver(*mail) == 250);
    CHECK(mx.commands(0).back() == "QUIT");
  }
}

TEST_CASE("a connection in TLS is handed over to the worker who needs it") {
  Secure mx(BackendTls::Encrypt, /*connections=*/1, /*count=*/2);
  CHECK(mx.ask("a@example.com") == 250);
  auto mail = mx.begin("a@client.example", client(), 1);
  CHECK(mx.ask(*mail, "b@example.com") == 250);
  CHECK(mx.backends.snapshot()[0].handovers == 1);
  CHECK(mx.backend.connections.size() == 1);
}

}  // namespace ravelin::test
