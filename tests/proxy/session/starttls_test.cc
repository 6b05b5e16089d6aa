// STARTTLS as a dialog sees it; the handshake itself is the stream's
// (tests/proxy/event/tls_test.cc).
#include <catch2/catch.hpp>

#include "harness.h"

using namespace ravelin;
using test::Harness;
using namespace std::chrono_literals;

namespace {

const std::string kStart =
    "S: 220\nC: EHLO client.example\n"
    "S: 250-ours.example|250-PIPELINING|250-SIZE 50000000|250-STARTTLS|250-ENHANCED\n"
    "C: STARTTLS\nS: 220 2.0.0\n";
const std::string kGreet = "S: 220\nC: EHLO client.example\nS: 250-\n";
const std::string kWithout =
    "C: EHLO client.example\n"
    "S: 250-ours.example|250-PIPELINING|250-SIZE 50000000|250-ENHANCEDSTATUSCODES|\n";

Harness& offering(Harness& mx) {
  mx.tls = true;
  return mx;
}

void secure(Harness& mx, test::DialogPlayer& player) {
  REQUIRE(player.peer().securing);
  player.peer().stream->secured({.version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384"});
  mx.loop().run();
}

}  // namespace

TEST_CASE("STARTTLS is offered with a certificate only") {
  Harness mx;
  CHECK(mx.play("S: 220\n" + kWithout + "C: STARTTLS\nS: 502 5.5.1\n").empty());
}

TEST_CASE("a reload may take the certificates away while a dialog is there") {
  Harness mx;
  auto& player = offering(mx).connect();
  REQUIRE(player.play(kGreet).empty());
  mx.tls = false;
  CHECK(player.play("C: STARTTLS\nS: 454 4.7.0\n" + kWithout + "C: STARTTLS\nS: 454 4.7.0\n")
            .empty());
  CHECK_FALSE(player.peer().securing);
}

TEST_CASE("after the handshake nothing said in the clear counts") {
  Harness mx;
  auto& player = offering(mx).connect();
  REQUIRE(player.play(kStart).empty());
  secure(mx, player);
  CHECK(player
            .play(std::string("C: MAIL FROM:<a@client.example>\nS: 503 5.5.1\n"
                              "C: STARTTLS\nS: 503 5.5.1\n") +
                  kWithout + "C: MAIL FROM:<a@client.example>\nS: 250\n")
            .empty());
  CHECK(mx.log().count("secured TLSv1.3") == 1);
}

TEST_CASE("mail that came under TLS says so in its Received line") {
  Harness mx;
  auto& player = offering(mx).connect();
  REQUIRE(player.play(kStart).empty());
  secure(mx, player);
  CHECK(player
            .play(kWithout +
                  "C: MAIL FROM:<a@client.example>\nS: 250\nC: RCPT TO:<b@mx.example>\nS: 250\n"
                  "C: DATA\nS: 354\nC: hi\nC: .\nS: 250\n")
            .empty());
  REQUIRE(mx.verifier().messages.size() == 1);
  CHECK(mx.verifier().messages[0].text.find("with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384) id ") !=
        std::string::npos);
}

TEST_CASE("REQUIRETLS is offered and taken in TLS only") {
  Harness mx;
  auto& player = offering(mx).connect();
  mx.verifier().capabilities.requiretls = true;
  REQUIRE(player
              .play(kGreet + "C: MAIL FROM:<a@client.example> REQUIRETLS\nS: 555 5.5.4\n" +
                    "C: STARTTLS\nS: 220 2.0.0\n")
              .empty());
  secure(mx, player);
  CHECK(player.play("C: EHLO client.example\nS: "
                    "250-ours.example|250-PIPELINING|250-SIZE 50000000|250-ENHANCEDSTATUSCODES|"
                    "250-8BITMIME|250-REQUIRETLS|\n"
                    "C: MAIL FROM:<a@client.example> REQUIRETLS\nS: 250\n") == "");
}

TEST_CASE("what comes behind STARTTLS in the clear ends the dialog") {
  Harness mx;
  auto& player = offering(mx).connect();
  REQUIRE(player.play(kGreet).empty());
  player.peer().stream->send("STARTTLS\r\nRSET\r\n");
  mx.loop().run();
  CHECK(player.peer().take().starts_with("554 5.5.1"));
  CHECK(player.peer().finished);
  CHECK_FALSE(player.peer().securing);
}

TEST_CASE("a handshake that takes too long ends the dialog, without a word in the clear") {
  Harness mx("[limits]\nhandshake_timeout = '5s'\n");
  auto& player = offering(mx).connect();
  REQUIRE(player.play(kStart).empty());
  mx.wait(7s);
  CHECK(player.peer().finished);
  CHECK(player.peer().take().empty());
  CHECK(mx.log().count("timeout after STARTTLS") == 1);
}

TEST_CASE("a failed handshake is told, and its place is free again") {
  Harness mx("[limits]\nhandshakes = 1\nreserved_for_known = '0%'\n");
  auto& first = offering(mx).connect();
  REQUIRE(first.play(kStart).empty());
  auto& second = mx.connect("192.0.2.2");
  auto busy = kStart;
  busy.replace(busy.rfind("S: 220 2.0.0"), 12, "S: 454 4.7.0");
  CHECK(second.play(busy).empty());
  mx.leave(first, proxy::StreamEnd::TlsFailed);
  CHECK(mx.log().count("not secured") == 1);
  CHECK(mx.handshakes.in_use() == 0);
  CHECK(second.play("C: STARTTLS\nS: 220 2.0.0\n").empty());
}

TEST_CASE("where TLS is required nothing is taken before it") {
  Harness mx;
  mx.must_secure = true;
  auto& player = offering(mx).connect();
  REQUIRE(player
              .play(kGreet + "C: MAIL FROM:<a@client.example>\nS: 530 5.7.0\n"
                             "C: NOOP\nS: 250\nC: STARTTLS\nS: 220\n")
              .empty());
  secure(mx, player);
  CHECK(player.play(kWithout + "C: MAIL FROM:<a@client.example>\nS: 250\n").empty());
}
