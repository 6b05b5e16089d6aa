// What standing and lists give to a dialog, and what a dialog costs.
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {
namespace {

using namespace std::chrono_literals;

const auto kClient = *dns::IpAddress::parse("192.0.2.1");
const std::string kHello = "S: 220\nC: EHLO client.example\nS: 250-\n";
const std::string kMail = "C: MAIL FROM:<a@client.example>\nS: 250\n";
const std::string kSend = "C: DATA\nS: 354\nC: x\nC: .\nS: 250\n";

std::string rcpt(const std::string& to, const std::string& answer) {
  return "C: RCPT TO:<" + to + ">\nS: " + answer + "\n";
}
void deliver(Harness& mx) {
  mx.standing.known_recipient(kClient, "");
  mx.standing.delivered(kClient, 1);
}

TEST_CASE("a client in good standing waits for nothing, one that has only passed does") {
  const bool good = GENERATE(true, false);
  Harness mx("[checks.early_talker]\npause = '2s'\n[standing]\ngood_days = 1\ngood_deliveries = " +
             std::string(good ? "1" : "2"));
  deliver(mx);
  mx.resolver().silent = true;
  auto& client = mx.connect();
  CHECK(client.play(good ? "S: 220" : "S? nothing") == "");
}

TEST_CASE("the backend's side learns what the client's standing is") {
  struct Row {
    const char* settings;
    int deliveries;
    bool good, known;
  };
  const auto row = GENERATE(values<Row>({{"", 0, false, false},
                                         {"", 1, false, true},
                                         {"[standing]\ngood_days = 1", 5, true, true},
                                         {"[access]\nallow = ['192.0.2.1']", 0, true, true}}));
  CAPTURE(row.settings, row.deliveries);
  Harness mx(row.settings);
  for (int i = 0; i < row.deliveries; ++i) deliver(mx);
  CHECK(mx.play(kHello + kMail + rcpt("b@mx.example", "250")) == "");
  REQUIRE(mx.verifier().clients.size() == 1);
  CHECK(mx.verifier().clients[0].good == row.good);
  CHECK(mx.verifier().clients[0].known == row.known);
}

TEST_CASE("standing is looked up at each MAIL") {
  Harness mx("[greylist]\ndelay = '5m'\nexcept_recipients = ['first@']");
  CHECK(mx.play(kHello + kMail + rcpt("b@mx.example", "451 4.7.1") +
                rcpt("first@mx.example", "250") + kSend + kMail + rcpt("b@mx.example", "250")) ==
        "");
}

TEST_CASE("mail to postmaster earns no standing") {
  Harness mx("[greylist]\ndelay = '5m'");
  CHECK(mx.play(kHello + kMail + rcpt("postmaster@mx.example", "250") + kSend) == "");
  CHECK(mx.standing.grade(kClient) == proxy::Grade::Unknown);
  CHECK(mx.play(kHello + kMail + rcpt("b@mx.example", "451 4.7.1")) == "");
}

TEST_CASE("too many errors cost standing, but not the allow-listed") {
  const bool allowed = GENERATE(false, true);
  Harness mx(std::string("[limits]\nerrors = 2\n") +
             (allowed ? "[access]\nallow = ['192.0.2.1']" : ""));
  deliver(mx);
  CHECK(mx.play("S: 220\nC: WHAT\nS: 500\nC: WHAT\nS: 500\nC: NOOP\nS: 421 4.7.0\nS! closed") ==
        "");
  CHECK(mx.standing.grade(kClient) == (allowed ? proxy::Grade::Passed : proxy::Grade::Unknown));
}

TEST_CASE("recipients that do not exist are a sign of an attack where strangers ask for them") {
  const bool allowed = GENERATE(false, true);
  Harness mx(allowed ? "[access]\nallow = ['192.0.2.1']" : "");
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  CHECK(mx.play(kHello + kMail + rcpt("no@mx.example", "550 5.1.1")) == "");
  CHECK(mx.tally.read().unknown == (allowed ? 0 : 1));
}

TEST_CASE("relay attempts are errors, refusals by checks are not") {
  Harness mx("[limits]\nerrors = 2\n[checks.helo]\nliteral = 'reject'\n");
  const auto hello = "S: 220\nC: EHLO [192.0.2.1]\nS: 250-\n" + kMail;
  const auto checked = rcpt("b@mx.example", "550 5.7.1 Helo");
  CHECK(mx.play(hello + checked + checked + checked + "C: NOOP\nS: 250\n") == "");
  const auto relay = rcpt("b@else.example", "554 5.7.1");
  CHECK(mx.play(kHello + kMail + relay + relay + "C: NOOP\nS: 421 4.7.0\nS! closed") == "");
}

TEST_CASE("a loss of standing doubles the delay that is announced") {
  Harness mx("[greylist]\ndelay = '4m'");
  SECTION("the client's own") {
    mx.standing.misbehaved(kClient);
    CHECK(mx.play(kHello + kMail +
                  rcpt("b@mx.example", "451 4.7.1 Greylisted, try again in 480")) == "");
  }
  SECTION("its organisation's, at an address that was never seen") {
    mx.resolver().set_name("192.0.2.1", "out7.big.example.org");
    for (int net = 1; net <= 5; ++net)
      for (int i = 0; i < 5; ++i)
        mx.standing.unknown_recipient(*dns::IpAddress::parse("10.0." + std::to_string(net) + ".1"),
                                      "example.org");
    CHECK(mx.play(kHello + kMail +
                  rcpt("b@mx.example", "451 4.7.1 Greylisted, try again in 480")) == "");
  }
}

// Shadow mode lets through what enforcing would have refused: there a delivery proves less.
TEST_CASE("in shadow mode a delivery beside unknown recipients earns nothing") {
  const bool shadow = GENERATE(false, true);
  Harness mx("", shadow ? "mode = 'shadow'" : "");
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  CHECK(mx.play(kHello + kMail + rcpt("no@mx.example", "550") + rcpt("b@mx.example", "250") +
                kSend) == "");
  CHECK((mx.standing.grade(kClient) == proxy::Grade::Passed) == !shadow);
}

TEST_CASE("shadow mode covers neither the backend's verdicts nor limits nor framing") {
  Harness mx("[limits]\nerrors = 2", "mode = 'shadow'");
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  const auto unknown = rcpt("no@mx.example", "550 5.1.1");
  CHECK(mx.play(kHello + kMail + unknown + unknown + "C: NOOP\nS: 421 4.7.0\nS! closed") == "");
  CHECK(mx.play(kHello + "C' NO\\rOP\\r\\n\nS: 500 5.5.2\nS! closed") == "");
  CHECK(mx.play(kHello + "C: MAIL FROM:<a@client.example> SIZE=999999999\nS: 552 5.3.4\n") == "");
}

TEST_CASE("an allow-listed client skips connect checks and greylisting, and nothing else") {
  Harness mx(
      "[access]\nallow = ['192.0.2.9']\n[greylist]\ndelay = '5m'\n[limits]\nerrors = 3\n"
      "[checks.rdns]\naction = 'reject'\n[checks.helo]\nliteral = 'reject'\n");
  const auto other = "S: 220\nC: EHLO [192.0.2.9]\nS: 250-\n" + kMail;
  CHECK(mx.play(kHello + kMail + rcpt("b@mx.example", "250") + rcpt("b@else.example", "554") +
                    "C: WHAT\nS: 500\nC: WHAT\nS: 500\nC: NOOP\nS: 421\nS! closed",
                0, "192.0.2.9") == "");
  CHECK(mx.play(other + rcpt("b@mx.example", "550 5.7.1 Helo"), 0, "192.0.2.9") == "");
}

}  // namespace
}  // namespace ravelin::test
