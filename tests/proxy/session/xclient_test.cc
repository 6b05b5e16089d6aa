// XCLIENT from those whom we trust with it: the dialog goes on as another client's.
#include <catch2/catch.hpp>

#include "harness.h"

using namespace ravelin;
using test::Harness;
using namespace std::chrono_literals;

namespace {

const std::string kFront = "192.0.2.9";
const std::string kTrust = "[access]\nxclient_from = ['192.0.2.9']\n";
const std::string kGreet = "S: 220 ours.example ESMTP\nC: EHLO front.example\nS: 250-\n";
const std::string kMail =
    "C: EHLO client.example\nS: 250-\nC: MAIL FROM:<a@client.example>\nS: 250\n"
    "C: RCPT TO:<b@mx.example>\nS: 250\n";
const std::string kText = "C: DATA\nS: 354\nC: hi\nC: .\nS: 250\n";

std::string play(Harness& mx, const std::string& script, size_t chunk = 0) {
  return mx.play(script, chunk, kFront);
}

}  // namespace

TEST_CASE("XCLIENT is offered to those who may use it, and taken from nobody else") {
  Harness mx(kTrust);
  CHECK(play(mx,
             "S: 220\nC: EHLO front.example\n"
             "S: 250-ours.example|250-PIPELINING|250-SIZE 50000000|"
             "250-XCLIENT NAME ADDR PORT PROTO HELO|250-ENHANCEDSTATUSCODES|\n")
            .empty());
  CHECK(mx.play("S: 220\nC: EHLO client.example\n"
                "S: 250-ours.example|250-PIPELINING|250-SIZE 50000000|250-ENHANCEDSTATUSCODES|\n"
                "C: XCLIENT ADDR=192.0.2.77\nS: 550 5.7.0\n")
            .empty());
  CHECK(mx.log().count("message XCLIENT") == 0);
}

TEST_CASE("after XCLIENT the dialog is the client's") {
  const auto chunk = GENERATE(as<size_t>{}, 0, 1, 2, 3);
  Harness mx(kTrust);
  mx.resolver().set_name("192.0.2.77", "client.example");
  CHECK(play(mx,
             kGreet +
                 "C: XCLIENT ADDR=192.0.2.77 PORT=4711\nS: 220 ours.example ESMTP\n"
                 "C: MAIL FROM:<a@client.example>\nS: 503 5.5.1\n" +
                 kMail + kText,
             chunk)
            .empty());
  REQUIRE(mx.verifier().messages.size() == 1);
  const auto& text = mx.verifier().messages[0].text;
  CHECK(text.starts_with("Received: from client.example (client.example [192.0.2.77])"));
  CHECK(text.find("front") == text.npos);
  CHECK(mx.verifier().clients.back().address.to_string() == "192.0.2.77:4711");
  CHECK(
      mx.log().has("message XCLIENT from 192.0.2.9:4025 (00000000A001): the client is "
                   "192.0.2.77:4711"));
  CHECK(mx.log().count("connect ") == 2);
  CHECK(mx.log().count("disconnect EHLO=1/1 XCLIENT=1/1") == 1);
  CHECK(mx.log().count("disconnect EHLO=1/1 MAIL=1/2 RCPT=1/1 DATA=1/1") == 1);
}

TEST_CASE("the client's own lists, checks and greylist hold") {
  SECTION("denied") {
    Harness mx("[access]\nxclient_from = ['192.0.2.9']\ndeny = ['192.0.2.77']\n");
    CHECK(play(mx, kGreet + "C: XCLIENT ADDR=192.0.2.77\nS: 554 5.7.1\nS! closed\n").empty());
  }
  SECTION("no place") {
    Harness mx(kTrust);
    auto& player = mx.connect(kFront);
    mx.no_place = true;
    CHECK(player.play(kGreet + "C: XCLIENT ADDR=192.0.2.77\nS: 421 4.7.0\nS! closed\n").empty());
  }
  SECTION("no place, and the front does not close") {
    Harness mx(kTrust);
    auto& player = mx.connect(kFront);
    player.peer().lingers = true;
    mx.no_place = true;
    CHECK(player.play(kGreet + "C: XCLIENT ADDR=192.0.2.77\nS: 421 4.7.0\n").empty());
    CHECK(mx.places.in_use() == 0);
    CHECK(mx.session_lives());
    mx.wait(1s);
    CHECK_FALSE(mx.session_lives());
  }
  SECTION("greylisted") {
    Harness mx(kTrust + "[greylist]\ndelay = '1m'\n");
    CHECK(play(mx, kGreet + "C: XCLIENT ADDR=192.0.2.77\nS: 220\n"
                            "C: EHLO client.example\nS: 250-\nC: MAIL FROM:<a@client.example>\n"
                            "S: 250\nC: RCPT TO:<b@mx.example>\nS: 451 4.7.1\n")
              .empty());
  }
}

TEST_CASE("the name that a front gives is not looked up") {
  Harness mx(kTrust + "[checks.rdns]\naction = 'reject'\n");
  SECTION("given") {
    CHECK(play(mx, kGreet + "C: XCLIENT ADDR=192.0.2.77 NAME=said.example\nS: 220\n" + kMail)
              .empty());
    CHECK(mx.log().count("connect said.example") == 1);
  }
  SECTION("there is none") {
    mx.resolver().set_name("192.0.2.77", "client.example");
    CHECK(play(mx, kGreet + "C: XCLIENT ADDR=192.0.2.77 NAME=[UNAVAILABLE]\nS: 220\n"
                            "C: EHLO client.example\nS: 250-\nC: MAIL FROM:<a@client.example>\n"
                            "S: 250\nC: RCPT TO:<b@mx.example>\nS: 550 5.7.25\n")
              .empty());
  }
  SECTION("it does not know: counts against nobody") {
    CHECK(play(mx, kGreet + "C: XCLIENT ADDR=192.0.2.77 NAME=[TEMPUNAVAIL]\nS: 220\n" + kMail)
              .empty());
  }
}

TEST_CASE("XCLIENT with a client that cannot be one changes nothing") {
  Harness mx(kTrust);
  const auto* const bad =
      GENERATE("ADDR=192.0.2.300", "ADDR=IPV6:192.0.2.77", "ADDR=2001:db8::1",
               "ADDR=IPV6:::ffff:192.0.2.77", "ADDR=1", "ADDR=[UNAVAILABLE]", "FOO=1", "ADDR=");
  CHECK(play(mx, kGreet + "C: XCLIENT " + bad + "\nS: 501 5.5.4\n" +
                     "C: MAIL FROM:<a@front.example>\nS: 250\n")
            .empty());
  CHECK(mx.log().count("message XCLIENT") == 0);
  CHECK(mx.log().count("connect") == 1);
}

TEST_CASE("XCLIENT inside a transaction, and a second one") {
  Harness mx(kTrust);
  CHECK(play(mx, kGreet + "C: MAIL FROM:<a@front.example>\nS: 250\n"
                          "C: XCLIENT ADDR=192.0.2.77\nS: 503 5.5.1\n"
                          "C: RCPT TO:<b@mx.example>\nS: 250\n"
                          "C: RSET\nS: 250\nC: XCLIENT ADDR=192.0.2.77\nS: 220\n"
                          "C: XCLIENT ADDR=192.0.2.78\nS: 550 5.7.0\n"
                          "C: EHLO client.example\n"
                          "S: 250-ours.example|250-PIPELINING|250-SIZE 50000000|250-ENHANCED\n")
            .empty());
}

TEST_CASE("what does not fit on one line comes in several, the address last") {
  Harness mx(kTrust);
  CHECK(play(mx, kGreet +
                     "C: XCLIENT HELO=client.example PROTO=ESMTP\nS: 220\n"
                     "C: MAIL FROM:<a@front.example>\nS: 503 5.5.1\n"
                     "C: XCLIENT NAME=client.example ADDR=192.0.2.77\nS: 220\n" +
                     kMail)
            .empty());
  CHECK(mx.log().count("connect client.example") == 1);
}

TEST_CASE("the client is greeted as one that has just connected") {
  Harness mx(kTrust + "[checks.early_talker]\npause = '2s'\naction = 'reject'\n");
  auto& player = mx.connect(kFront);
  mx.wait(3s);
  REQUIRE(player.play(kGreet + "C: XCLIENT ADDR=192.0.2.77\n").empty());
  CHECK(player.peer().take().empty());
  SECTION("after the pause") {
    mx.wait(3s);
    CHECK(player.play("S: 220\n" + kMail).empty());
  }
  SECTION("who talks into it gives itself away") {
    player.peer().stream->send("EHLO client.example\r\n");
    mx.loop().run();
    CHECK(player.peer().take().starts_with("554 5.5.1"));
    CHECK(player.peer().finished);
    CHECK(mx.log().count("pregreet 21") == 1);
  }
}

TEST_CASE("commands sent along with XCLIENT are early talk") {
  Harness mx(kTrust + "[checks.early_talker]\npause = '2s'\naction = 'reject'\n");
  auto& player = mx.connect(kFront);
  mx.wait(3s);
  REQUIRE(player.play(kGreet).empty());
  player.peer().stream->send("XCLIENT ADDR=192.0.2.77\r\nEHLO client.example\r\n");
  mx.loop().run();
  CHECK(player.peer().take().starts_with("554 5.5.1"));
  CHECK(player.peer().finished);
}

TEST_CASE("errors and junk of the front are not the client's") {
  Harness mx(kTrust + "[limits]\nerrors = 3\njunk_commands = 5\n");
  CHECK(play(mx, kGreet + "C: FOO\nS: 500\nC: FOO\nS: 500\nC: XCLIENT ADDR=192.0.2.77\nS: 220\n"
                          "C: FOO\nS: 500\nC: FOO\nS: 500\nC: FOO\nS: 500\nC: FOO\nS: 421\n")
            .empty());
}

TEST_CASE("XCLIENT without an address ends some time, too") {
  Harness mx(kTrust + "[limits]\njunk_commands = 5\n");
  std::string script = kGreet;
  for (int i = 0; i < 4; ++i) script += "C: XCLIENT HELO=a\nS: 220\n";
  CHECK(play(mx, script + "C: XCLIENT HELO=a\nS: 421 4.7.0\n").empty());
}

TEST_CASE("XCLIENT before and after STARTTLS") {
  Harness mx(kTrust);
  mx.tls = true;
  auto& player = mx.connect(kFront);
  const auto secure = [&] {
    REQUIRE(player.play("C: STARTTLS\nS: 220 2.0.0\n").empty());
    player.peer().stream->secured({.version = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384"});
    mx.loop().run();
  };
  REQUIRE(player.play(kGreet).empty());
  SECTION("before: it is offered still") {
    REQUIRE(player.play("C: XCLIENT ADDR=192.0.2.77\nS: 220\nC: EHLO client.example\nS: 250-\n")
                .empty());
    secure();
    CHECK(player.play("C: XCLIENT ADDR=192.0.2.78\nS: 550 5.7.0\n").empty());
  }
  SECTION("after: TLS stays") {
    secure();
    CHECK(player.play("C: EHLO front.example\nS: 250-\nC: XCLIENT ADDR=192.0.2.77\nS: 220\n")
              .empty());
  }
  CHECK(
      player
          .play("C: EHLO client.example\n"
                "S: 250-ours.example|250-PIPELINING|250-SIZE 50000000|250-ENHANCEDSTATUSCODES|\n" +
                kMail.substr(kMail.find("C: MAIL")) + kText)
          .empty());
  CHECK(mx.verifier().messages.at(0).text.find("with ESMTPS (TLSv1.3 ") != std::string::npos);
}

TEST_CASE("where TLS is required XCLIENT waits for it") {
  Harness mx(kTrust);
  mx.tls = mx.must_secure = true;
  CHECK(play(mx, kGreet + "C: XCLIENT ADDR=192.0.2.77\nS: 530 5.7.0\n").empty());
}

TEST_CASE("a name still looked up for the front is not the client's") {
  Harness mx("[access]\nxclient_from = ['192.0.2.9']\nallow = ['192.0.2.9']\n");
  mx.resolver().silent = true;  // a client that is allowed does not wait for it
  mx.resolver().set_name("192.0.2.77", "client.example");
  auto& player = mx.connect(kFront);
  REQUIRE(player.play(kGreet).empty());
  mx.resolver().silent = false;
  REQUIRE(player.play("C: XCLIENT ADDR=192.0.2.77\nS: 220\n").empty());
  mx.wait(10s);
  CHECK(player.play(kMail + kText).empty());
  CHECK(mx.log().count("connect client.example") == 1);
  CHECK(mx.verifier().messages.at(0).text.starts_with(
      "Received: from client.example (client.example [192.0.2.77])"));
}
