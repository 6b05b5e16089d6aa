// Before 220: lists, early talk, the client's name.
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kPause = "[checks.early_talker]\npause = '2s'\n";
const std::string kKnock =
    "S: 220\nC: EHLO client.example\nS: 250-\nC: MAIL FROM:<a@client.example>\nS: 250\n"
    "C: RCPT TO:<b@mx.example>\nS: ";

TEST_CASE("the greeting comes after the pause") {
  Harness mx(kPause);
  auto& client = mx.connect();
  mx.loop().advance(1999ms);
  CHECK(client.play("S? nothing") == "");
  mx.loop().advance(1ms);
  CHECK(client.play("S: 220 ours.example ESMTP\nC: NOOP\nS: 250") == "");
}

TEST_CASE("the pause is that of the level of pressure, where it is longer") {
  Harness mx(kPause);
  mx.now_limits.least_pause = 5s;
  auto& client = mx.connect();
  mx.loop().advance(4999ms);
  CHECK(client.play("S? nothing") == "");
  mx.loop().advance(1ms);
  CHECK(client.play("S: 220") == "");
}

TEST_CASE("who talks before the greeting is refused at once") {
  Harness mx(kPause);
  auto& client = mx.connect();
  CHECK(client.play("C: EHLO client.example\nS: 554 5.5.1 Protocol error: you spoke before the "
                    "greeting (00000000A001)\nS! closed") == "");
  CHECK(mx.log().lines[0] == "connect client.example");
  CHECK(mx.log().lines[1] == "pregreet 21 EHLO client.example\r\n");
  CHECK(mx.log().count("reject CONNECT 554 5.5.1") == 1);
  mx.leave(client);
  CHECK(mx.ended == 1);
  CHECK(mx.standing.doublings(*dns::IpAddress::parse("192.0.2.1")) == 1);
}

TEST_CASE("a secret in early talk stays out of the log") {
  Harness mx(kPause);
  auto& client = mx.connect();
  client.send("EHLO x\r\nauth plain AGJvYgBzZWNyZXQ=\r\n");
  CHECK(mx.log().lines[1] == "pregreet 37 EHLO x\r\nauth");
}

TEST_CASE("a milder action lets the early talker wait, and its commands with it") {
  Harness mx("[checks.early_talker]\npause = '2s'\naction = 'note'\n");
  auto& client = mx.connect();
  CHECK(client.play("C: NOOP\nC: QUIT\nS? nothing") == "");
  mx.loop().advance(2s);
  CHECK(client.play("S: 220\nS: 250\nS: 221\nS! closed") == "");
  CHECK(mx.log().count("pregreet") == 1);
}

TEST_CASE("with the check off, early talk waits unread, and is nothing to tell of") {
  Harness mx("[checks.early_talker]\npause = '2s'\naction = 'off'\n");
  auto& client = mx.connect();
  CHECK(client.play("C: NOOP\nC: QUIT\nS? nothing") == "");
  CHECK(client.peer().stream->paused());
  mx.loop().advance(2s);
  CHECK(client.play("S: 220\nS: 250\nS: 221\nS! closed") == "");
  CHECK_FALSE(mx.log().has("pregreet"));
  CHECK(mx.standing.doublings(*dns::IpAddress::parse("192.0.2.1")) == 0);
}

TEST_CASE("in shadow mode the early talker is only logged") {
  Harness mx(kPause, "mode = 'shadow'");
  auto& client = mx.connect();
  CHECK(client.play("C: NOOP\nS? nothing") == "");
  mx.loop().advance(2s);
  CHECK(client.play("S: 220\nS: 250") == "");
  CHECK(mx.log().count("reject_warning CONNECT 554") == 1);
}

TEST_CASE("a denied client hears it instead of the greeting; allowed inside denied is allowed") {
  Harness mx("[access]\ndeny = ['192.0.2.0/24']\nallow = ['192.0.2.1']");
  CHECK(mx.play("S: 554 5.7.1 Client host rejected: Access denied (\nS! closed", 0, "192.0.2.2") ==
        "");
  CHECK(mx.play("S: 220\nC: QUIT\nS: 221") == "");
  CHECK(mx.log().count("reject CONNECT 554") == 1);
}

TEST_CASE("in shadow mode a denied client is only logged") {
  Harness mx("[access]\ndeny = ['192.0.2.0/24']", "mode = 'shadow'");
  CHECK(mx.play(kKnock + "250") == "");
  CHECK(mx.log().count("reject_warning CONNECT 554") == 1);
}

TEST_CASE("an allow-listed client waits for nothing") {
  Harness mx(std::string(kPause) + "[access]\nallow = ['192.0.2.1']");
  mx.resolver().silent = true;
  CHECK(mx.play("S: 220") == "");
}

TEST_CASE("the greeting waits for the name, but not for long: DNS down lets mail pass") {
  Harness mx("[checks.rdns]\naction = 'reject'\n[checks.helo]\nunresolvable = 'reject'\n");
  mx.resolver().silent = true;
  auto& client = mx.connect();
  CHECK(client.play("S? nothing") == "");
  mx.loop().advance(5s);
  CHECK(client.play(kKnock + "250") == "");
  // The budget of the dialog is spent: nothing but the name was asked for.
  CHECK(mx.resolver().asked.size() == 1);
}

TEST_CASE("no name: the refusal is held until RCPT") {
  Harness mx("[checks.rdns]\naction = 'reject'\n");
  CHECK(mx.play(kKnock + "550 5.7.25 Client host rejected: cannot find your hostname (", 0,
                "192.0.2.9") == "");
  CHECK(mx.log().count("reject RCPT 550 5.7.25 <> Client host rejected;") == 1);
  CHECK(mx.log().has("from=<a@client.example> to=<b@mx.example>"));
  CHECK(mx.verifier().asked.empty());
}

TEST_CASE("postmaster and abuse hear those whom the checks refuse") {
  Harness mx("[checks.rdns]\naction = 'reject'\n");
  const auto* role = GENERATE("postmaster", "Abuse");
  auto script = kKnock + "250";
  script.replace(script.find("<b@"), 2, std::string("<") + role);
  CHECK(mx.play(script, 0, "192.0.2.9") == "");
}

TEST_CASE("a deferral is a 450, a note nothing, and shadow mode only a warning") {
  CHECK(Harness("[checks.rdns]\naction = 'defer'").play(kKnock + "450 4.7.25", 0, "192.0.2.9") ==
        "");
  CHECK(Harness("[checks.rdns]\naction = 'note'").play(kKnock + "250", 0, "192.0.2.9") == "");
  Harness mx("[checks.rdns]\naction = 'reject'", "mode = 'shadow'");
  CHECK(mx.play(kKnock + "250", 0, "192.0.2.9") == "");
  CHECK(mx.log().count("reject_warning RCPT 550 5.7.25") == 1);
}

TEST_CASE("RCPT waits for look-ups that are still open, and what is pipelined behind waits too") {
  Harness mx("[checks.sender_domain]\naction = 'defer'\n");
  mx.resolver().later = true;
  mx.resolver().set(dns::Type::Mx, "client.example", {dns::Status::NoData, {}, {}, {}});
  CHECK(mx.play("S: 220\nC: EHLO client.example\nC: MAIL FROM:<a@client.example>\n"
                "C: RCPT TO:<b@mx.example>\nC: MAIL FROM:<x@y.example>\nC: RSET\n"
                "C: MAIL FROM:<a@nowhere.example>\nC: RCPT TO:<b@mx.example>\nC: NOOP\n"
                "S: 250-\nS: 250 2.1.0\nS: 250 2.1.5\nS: 503\nS: 250\n"
                "S: 250 2.1.0\nS: 450 4.1.8 Sender address rejected: Domain not found (\nS: 250") ==
        "");
}

}  // namespace
}  // namespace ravelin::test
