// What the clock, the operator and a full memory end.
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {
namespace {

using namespace std::chrono_literals;

const std::string kToData =
    "S: 220\nC: EHLO client.example\nS: 250-\n"
    "C: MAIL FROM:<a@client.example>\nS: 250\nC: RCPT TO:<b@mx.example>\nS: 250\n"
    "C: DATA\nS: 354\n";

TEST_CASE("a client that says nothing is told so, whatever bits of a command it sends") {
  Harness mx("[limits]\ncommand_timeout = '10s'");
  auto& client = mx.connect();
  REQUIRE(client.play("S: 220") == "");
  for (int i = 0; i < 10; ++i) {
    client.send("x");
    mx.wait(1s);
  }
  CHECK(client.play("S? nothing") == "");
  mx.wait(1s);
  CHECK(client.play("S: 421 4.4.2\nS! closed") == "");
  CHECK(mx.log().count("timeout after CONNECT") == 1);
}

// RFC 5321 §4.5.3.2: five minutes for a command, three for a piece of text.
TEST_CASE("who takes the time that the RFC gives is served, by default") {
  Harness mx;
  auto& client = mx.connect();
  REQUIRE(client.play("S: 220") == "");
  for (const auto* const step :
       {"C: EHLO client.example\nS: 250-", "C: MAIL FROM:<a@client.example>\nS: 250",
        "C: RCPT TO:<b@mx.example>\nS: 250", "C: DATA\nS: 354"}) {
    mx.wait(290s);
    REQUIRE(client.play(step) == "");
  }
  REQUIRE(client.play("C: x\nS? nothing") == "");
  mx.wait(170s);
  CHECK(client.play("C: y\nC: .\nS: 250") == "");
  CHECK(mx.verifier().messages.size() == 1);
}

TEST_CASE("a dialog has an end, however lively it is") {
  Harness mx("[limits]\ndialog_time = '2m'");
  auto& client = mx.connect();
  REQUIRE(client.play(kToData) == "");
  SECTION("in a text") {
    for (int i = 0; i < 2; ++i) {
      REQUIRE(client.play("C: x\nS? nothing") == "");
      mx.wait(59s);
    }
    CHECK(client.play("S? nothing") == "");
    mx.wait(3s);
    CHECK(mx.verifier().messages.empty());
  }
  SECTION("between commands") {
    REQUIRE(client.play("C: .\nS: 250") == "");
    for (int i = 0; i < 2; ++i) {
      REQUIRE(client.play("C: NOOP\nS: 250") == "");
      mx.wait(59s);
    }
    mx.wait(3s);
  }
  CHECK(client.play("S: 421 4.4.2\nS! closed") == "");
  CHECK(mx.log().count("dialog too long") == 1);
}

TEST_CASE("behind the dot the backend's reply is waited for, how long the dialog may be") {
  Harness mx("[limits]\ndialog_time = '1m'");
  auto& client = mx.connect();
  REQUIRE(client.play(kToData + "C: x") == "");
  mx.verifier().silent = true;
  REQUIRE(client.play("C: .\nS? nothing") == "");
  mx.wait(5min);
  mx.verifier().silent = false;
  mx.verifier().answer_now();
  CHECK(client.play("S: 250\nS? nothing") == "");
}

TEST_CASE("limits act on living dialogs") {
  Harness mx;
  auto& client = mx.connect();
  REQUIRE(client.play("S: 220\nC: NOOP\nS: 250") == "");
  mx.wait(20s);
  CHECK(client.play("S? nothing") == "");
  mx.now_limits.command_timeout = 10s;
  mx.wait(1s);
  CHECK(client.play("S: 421 4.4.2\nS! closed") == "");
  CHECK(mx.log().count("timeout after NOOP") == 1);
}

TEST_CASE("while the backend is asked the client is not late") {
  Harness mx("[limits]\ncommand_timeout = '10s'");
  mx.verifier().silent = true;
  auto& client = mx.connect();
  REQUIRE(client.play(kToData.substr(0, kToData.find("\nS: 250\nC: DATA"))) == "");
  mx.wait(60s);
  CHECK(client.play("S? nothing") == "");
  mx.verifier().silent = false;
  mx.verifier().answer_now();
  CHECK(client.play("S: 250\nC: DATA\nS: 354") == "");
}

TEST_CASE("silence in mid-text ends the dialog and the backend's transaction") {
  Harness mx("[limits]\ndata_timeout = '20s'");
  auto& client = mx.connect();
  REQUIRE(client.play(kToData + "C: x\nS? nothing") == "");
  mx.wait(20s);
  CHECK(client.play("S? nothing") == "");
  mx.wait(1s);
  CHECK(client.play("S: 421 4.4.2\nS! closed") == "");
  CHECK(mx.verifier().open == 0);
  CHECK(mx.verifier().messages.empty());
  CHECK(mx.log().count("timeout after DATA") == 1);
}

TEST_CASE("a trickle of text is too slow on average") {
  Harness mx("[limits]\ndata_timeout = '20s'\ndata_min_rate = '10B'");
  auto& client = mx.connect();
  REQUIRE(client.play(kToData) == "");
  const auto octets = GENERATE(as<size_t>{}, 9, 11);
  for (int i = 0; i < 30; ++i) {
    client.send(std::string(octets, 'x'));
    mx.wait(1s);
  }
  CHECK(client.closed() == (octets < 10));
  CHECK(mx.log().count("too slow after DATA") == (octets < 10 ? 1 : 0));
}

TEST_CASE("at shutdown the idle hear it at once, a transaction may end first") {
  Harness mx;
  SECTION("idle") {
    auto& client = mx.connect();
    REQUIRE(client.play("S: 220") == "");
    mx.session().shut_down(false);
    CHECK(client.play("S: 421 4.3.2\nS! closed") == "");
  }
  SECTION("in the greeting pause") {
    Harness slow("[checks.early_talker]\npause = '2s'");
    auto& client = slow.connect();
    slow.session().shut_down(false);
    CHECK(client.play("S: 421 4.3.2\nS! closed") == "");
    slow.loop().advance(3s);
    CHECK(client.play("S? nothing") == "");
  }
  SECTION("in text") {
    auto& client = mx.connect();
    REQUIRE(client.play(kToData) == "");
    mx.session().shut_down(false);
    CHECK(client.play("C: x\nC: .\nS: 250\nS: 421 4.3.2\nS! closed") == "");
    CHECK(mx.verifier().messages.size() == 1);
  }
  SECTION("in text, and no more time") {
    auto& client = mx.connect();
    REQUIRE(client.play(kToData + "C: x\nS? nothing") == "");
    mx.session().shut_down(true);
    CHECK(client.play("S: 421 4.3.2\nS! closed") == "");
    CHECK(mx.verifier().open == 0);
    CHECK(mx.verifier().messages.empty());
  }
}

TEST_CASE("who does not read replies is not served more of them") {
  Harness mx;
  auto& client = mx.connect();
  REQUIRE(client.play("S: 220") == "");
  client.peer().congested = true;
  client.send("NOOP\r\nNOOP\r\n");
  CHECK(client.peer().stream->paused());
  CHECK(client.next_reply() == "");
  client.peer().stream->drained();
  CHECK(client.play("S: 250\nS: 250") == "");
}

TEST_CASE("who sends commands and never reads all of the replies is told so in time") {
  Harness mx("[limits]\ncommand_timeout = '10s'");
  auto& client = mx.connect();
  REQUIRE(client.play("S: 220") == "");
  for (int i = 0; i < 4; ++i) {
    client.peer().congested = true;
    client.send("NOOP\r\n");
    client.peer().stream->drained();
    mx.loop().run();
    client.peer().congested = true;  // some of them are still unread
    mx.wait(3s);
  }
  CHECK(mx.log().has("replies not read"));
  client.peer().congested = false;
  CHECK(client.play("S: 250\nS: 250\nS: 250\nS: 250\nS: 421 4.4.2\nS! closed") == "");
}

TEST_CASE("who was slow to read before a long text is not told so behind it") {
  Harness mx("[limits]\ncommand_timeout = '10s'");
  auto& client = mx.connect();
  REQUIRE(client.play(kToData.substr(0, kToData.find("C: DATA"))) == "");
  client.peer().congested = true;
  client.send("NOOP\r\n");
  client.peer().stream->drained();
  mx.loop().run();
  client.peer().congested = true;
  mx.wait(1s);  // some of the reply is unread
  client.peer().congested = false;
  REQUIRE(client.play("S: 250\nC: DATA\nS: 354\nC: x\n") == "");
  mx.wait(15s);
  REQUIRE(client.play("C: .\nS: 250") == "");
  client.peer().congested = true;
  client.send("NOOP\r\n");
  client.peer().stream->drained();
  mx.loop().run();
  client.peer().congested = true;
  mx.wait(1s);
  client.peer().congested = false;
  CHECK(client.play("S: 250\nC: NOOP\nS: 250") == "");
}

TEST_CASE("without memory the dialog ends with 421, never with a false 250") {
  Harness mx;
  auto& client = mx.connect();
  SECTION("before the backend") {
    mx.verifier().no_memory = true;
    const auto upto = kToData.substr(0, kToData.find("S: 250\nC: DATA"));
    CHECK(client.play(upto + "S: 421 4.3.0\nS! closed") == "");
    CHECK(mx.verifier().messages.empty());
  }
  SECTION("after its last word") {
    mx.log().no_memory = true;
    CHECK(client.play(kToData + "C: x\nC: .\nS: 421 4.3.0\nS! closed") == "");
  }
  SECTION("after its last word, and the client is gone") {
    mx.log().no_memory = true;
    REQUIRE(client.play(kToData) == "");
    mx.verifier().silent = true;
    REQUIRE(client.play("C: x\nC: .\nS? nothing") == "");
    mx.leave(client);
    mx.verifier().answer_now();
    mx.wait(1s);
  }
  mx.leave(client);
  CHECK(mx.ended == 1);
  CHECK(mx.verifier().open == 0);
}

TEST_CASE("who waits for a look-up whose answer was lost is let go") {
  Harness mx("[checks.sender_domain]\naction = 'defer'\n");
  SECTION("before the greeting") {
    mx.resolver().lost = true;
    auto& client = mx.connect();
    mx.wait(14s);  // it might be the pause of an attack
    CHECK(client.play("S? nothing") == "");
    mx.wait(3s);
    CHECK(client.play("S: 421 4.3.0\nS! closed") == "");
  }
  SECTION("at a recipient, and the time counts from there") {
    auto& client = mx.connect();
    REQUIRE(client.play("S: 220\nC: EHLO client.example\nS: 250-") == "");
    mx.wait(60s);
    mx.resolver().lost = true;
    REQUIRE(client.play("C: MAIL FROM:<a@other.example>\nS: 250\nC: RCPT TO:<b@mx.example>") == "");
    mx.wait(9s);
    CHECK(client.play("S? nothing") == "");
    mx.wait(3s);
    CHECK(client.play("S: 421 4.3.0\nS! closed") == "");
  }
  CHECK(mx.log().count("lost answer") == 1);
}

TEST_CASE("who waits for a backend that has no memory to speak is let go") {
  Harness mx;
  auto& client = mx.connect();
  const auto mute = [&] { mx.verifier().untold_since = mx.loop().now(); };
  SECTION("at a recipient") {
    mx.verifier().silent = true;
    REQUIRE(client.play("S: 220\nC: EHLO client.example\nS: 250-\nC: MAIL FROM:<a@client.example>\n"
                        "S: 250\nC: RCPT TO:<b@mx.example>\nS? nothing") == "");
    mx.wait(60s);
    mute();
    mx.wait(4s);
    CHECK(client.play("S? nothing") == "");
    mx.wait(3s);
    CHECK(client.play("S: 421 4.3.0\nS! closed") == "");
  }
  SECTION("in the text") {
    REQUIRE(client.play(kToData + "C: x\nS? nothing") == "");
    mute();
    mx.wait(7s);
    CHECK(client.play("S: 421 4.3.0\nS! closed") == "");
  }
  SECTION("after the dot, when a client waits no more") {
    REQUIRE(client.play(kToData) == "");
    mx.verifier().silent = true;
    REQUIRE(client.play("C: x\nC: .\nS? nothing") == "");
    mute();
    mx.wait(530s);
    CHECK(client.play("S? nothing") == "");
    mx.wait(20s);
    CHECK(client.play("S: 421 4.3.0\nS! closed") == "");
    CHECK(mx.log().has("what came of it was lost: it may be delivered twice"));
  }
  SECTION("after the dot, and the client is gone") {
    REQUIRE(client.play(kToData) == "");
    mx.verifier().silent = true;
    REQUIRE(client.play("C: x\nC: .\nS? nothing") == "");
    mute();
    mx.leave(client, proxy::StreamEnd::Reset);
    CHECK(mx.ended == 0);
    mx.wait(550s);
    CHECK(mx.ended == 1);
  }
  SECTION("after the dot, and there is no memory for a last word") {
    REQUIRE(client.play(kToData) == "");
    mx.verifier().silent = true;
    REQUIRE(client.play("C: x\nC: .\nS? nothing") == "");
    mute();
    mx.wait(530s);
    mx.log().no_memory = true;
    mx.wait(20s);
    CHECK(client.play("S: 421 4.3.0\nS! closed") == "");
  }
  mx.leave(client);
  CHECK(mx.ended == 1);
  CHECK(mx.verifier().open == 0);
}

TEST_CASE("an idle dialog is small") { CHECK(sizeof(proxy::Session) <= 600); }

}  // namespace
}  // namespace ravelin::test
