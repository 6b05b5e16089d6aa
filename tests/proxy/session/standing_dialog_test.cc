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

// As standing.good_unknown has it: a list with a few old addresses in it is no harvest.
TEST_CASE("unknown recipients are errors once they are too many of all") {
  const int known = GENERATE(18, 19);  // for each two unknown ones; 10 % and less
  CAPTURE(known);
  Harness mx("[limits]\nerrors = 6");
  deliver(mx);
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  const auto unknown = rcpt("no@mx.example", "550");
  std::string list = kHello + kMail;
  for (int i = 0; i < known * 3; ++i) list += rcpt(std::to_string(i) + "@mx.example", "250");
  for (int i = 0; i < 6; ++i) list += unknown;
  if (known == 18) {
    CHECK(mx.play(list + "C: NOOP\nS: 421 4.7.0\n") == "");
  } else {
    CHECK(mx.play(list + rcpt("b@mx.example", "250") + kSend) == "");
  }
  CHECK(mx.standing.has_lost(kClient) == (known == 18));
}

TEST_CASE("half of all unknown is too many, whatever standing.good_unknown says") {
  Harness mx("[limits]\nerrors = 5\n[standing]\ngood_unknown = '100%'");
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  std::string list = kHello + kMail;
  for (int i = 0; i < 5; ++i)
    list += rcpt(std::to_string(i) + "@mx.example", "250") + rcpt("no@mx.example", "550");
  CHECK(mx.play(list + "C: NOOP\nS: 421 4.7.0\n") == "");
}

TEST_CASE("postmaster makes up for no unknown recipient") {
  Harness mx("[limits]\nerrors = 5");
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  std::string guess = kHello + kMail;
  for (int i = 0; i < 60; ++i) guess += rcpt("postmaster@mx.example", "250");
  for (int i = 0; i < 5; ++i) guess += rcpt("no@mx.example", "550");
  CHECK(mx.play(guess + "C: NOOP\nS: 421 4.7.0\n") == "");
  CHECK(mx.standing.has_lost(kClient));
}

// Bounces, and questions whether a sender exists, for mail that others sent in our users' names.
TEST_CASE("unknown recipients of backscatter cost a mail server nothing") {
  struct Row {
    const char* sender;
    const char* name;
    int deliveries;
    bool costs;
  };
  const auto row =
      GENERATE(values<Row>({{"a@client.example", "client.example", 1, true},
                            {"", "client.example", 1, false},
                            {"", "client.example", 0, false},
                            {"Double-Bounce@client.example", "client.example", 0, false},
                            {"postmaster@client.example", "client.example", 0, false},
                            {"", "", 0, true},
                            {"", "", 1, true},
                            {"", "", 2, false},
                            {"", "dsl-192-0-2-1.pool.example", 0, true}}));
  CAPTURE(row.sender, row.name, row.deliveries);
  Harness mx("[limits]\nerrors = 6\n[standing]\ngood_deliveries = 2\ngood_days = 1");
  for (int i = 0; i < row.deliveries; ++i) deliver(mx);
  mx.resolver().set(dns::Type::Ptr, kClient.reverse_name(), {dns::Status::NoName, {}, {}, {}});
  if (*row.name != '\0') mx.resolver().set_name("192.0.2.1", row.name);
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  const auto ask = "C: MAIL FROM:<" + std::string(row.sender) + ">\nS: 250\n" +
                   rcpt("no@mx.example", "550") + "C: RSET\nS: 250\n";
  CHECK(mx.play(kHello + ask + ask + ask + ask + ask + ask.substr(0, ask.find("C: RSET")) +
                "C: RSET\nS: 421 4.7.0\n") == "");
  CHECK(mx.standing.has_lost(kClient) == row.costs);
}

TEST_CASE(
    "of a transaction from postmaster only the first recipient is a question about a sender") {
  Harness mx;
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  const auto unknown = rcpt("no@mx.example", "550");
  CHECK(mx.play(kHello + "C: MAIL FROM:<postmaster@client.example>\nS: 250\n" + unknown + unknown +
                unknown + unknown + unknown + unknown) == "");
  CHECK(mx.standing.has_lost(kClient));
}

TEST_CASE("who is shielded for its backscatter still brings its mail") {
  Harness mx("[harvest]\nunknown = 2");
  mx.resolver().set_name("192.0.2.1", "client.example");
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  const std::string bounce = "C: MAIL FROM:<>\nS: 250\n", end = "C: RSET\nS: 250\n";
  const auto unknown = rcpt("no@mx.example", "550");
  CHECK(mx.play(kHello + bounce + unknown + end + bounce + unknown + end + bounce +
                rcpt("b@mx.example", "451 4.7.1") + end + kMail + rcpt("b@mx.example", "250")) ==
        "");
}

TEST_CASE("a domain is the same however its labels are written") {
  Harness mx;
  mx.verifier().domains = {"xn--bcher-kva.example"};
  mx.verifier().capabilities.smtputf8 = true;
  const std::string utf8 = "C: MAIL FROM:<a@client.example> SMTPUTF8\nS: 250\n";
  CHECK(mx.play(kHello + utf8 +
                rcpt("b@b\xc3\xbc"
                     "cher.example",
                     "250") +
                rcpt("b@B\xc3\x9c"
                     "CHER.example",
                     "250") +
                rcpt("b@b\xc3\xb6"
                     "cher.example",
                     "554") +
                // A space of no width is in no name.
                rcpt("b@\xe2\x80\x8b.example", "554")) == "");
  CHECK(mx.verifier().asked == std::vector<std::string>(2, "b@xn--bcher-kva.example"));
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
