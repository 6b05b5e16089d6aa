// Greylist, standing and verification in whole dialogs.
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {
namespace {

using namespace std::chrono_literals;

std::string knock(const std::string& from, const std::string& to, const std::string& answer) {
  return "S: 220\nC: EHLO client.example\nS: 250-\nC: MAIL FROM:" + from +
         "\nS: 250\nC: RCPT TO:" + to + "\nS: " + answer;
}
const std::string kFrom = "<a@client.example>";
const std::string kTo = "<b@mx.example>";
const std::string kSend = "\nC: DATA\nS: 354\nC: x\nC: .\nS: 250\nC: QUIT\nS: 221";

TEST_CASE("greylist defers a stranger and lets it in when it comes back") {
  Harness mx("[greylist]\ndelay = '5m'");
  CHECK(mx.play(knock(kFrom, kTo, "451 4.7.1 Greylisted, try again in 300 seconds (")) == "");
  CHECK(mx.verifier().asked.empty());
  mx.time().advance(4min);
  CHECK(mx.play(knock(kFrom, kTo, "451 4.7.1 Greylisted, try again in 60 seconds (")) == "");
  mx.time().advance(1min);
  CHECK(mx.play(knock(kFrom, kTo, "250") + kSend) == "");
  // One delivery: passed, and greylisted no more.
  CHECK(mx.play(knock(kFrom, "<new@mx.example>", "250")) == "");
  CHECK(mx.log().has("standing=unknown greylist=first"));
  CHECK(mx.log().has("standing=unknown greylist=early"));
  CHECK(mx.log().has("standing=unknown greylist=passed"));
  CHECK(mx.log().has("standing=passed greylist=exempt"));
}

TEST_CASE("shadow mode writes what it would have done, and fills the tables") {
  Harness mx("[greylist]\ndelay = '5m'", "mode = 'shadow'");
  CHECK(mx.play(knock(kFrom, kTo, "250") + kSend) == "");
  CHECK(mx.log().count("reject_warning RCPT 451 4.7.1 <b@mx.example>") == 1);
  CHECK(mx.standing.grade(*dns::IpAddress::parse("192.0.2.1")) == proxy::Grade::Passed);
}

TEST_CASE("exceptions are not greylisted") {
  struct Row {
    std::string settings, from, to;
  };
  const auto row = GENERATE(
      values<Row>({{"except_recipients = ['b@']", kFrom, kTo},
                   {"except_senders = ['@client.example']", kFrom, kTo},
                   {"except_clients = ['192.0.2.0/24']", kFrom, kTo},
                   {"except_clients = ['.example']", kFrom, kTo},
                   {"", kFrom, "<abuse@mx.example>"},
                   {"apply_to = 'suspicious'\n[checks.helo]\nunresolvable = 'off'", kFrom, kTo}}));
  Harness mx("[greylist]\n" + row.settings);
  CHECK(mx.play(knock(row.from, row.to, "250")) == "");
}

TEST_CASE("only suspicious clients are greylisted if so wished") {
  Harness mx("[greylist]\napply_to = 'suspicious'");
  CHECK(mx.play(knock(kFrom, kTo, "451 4.7.1"), 0, "192.0.2.9") == "");
}

TEST_CASE("the null sender is greylisted when DATA comes") {
  Harness mx("[greylist]\ndelay = '5m'");
  const auto refused =
      knock("<>", kTo, "250") + "\nC: DATA\nS: 451 4.7.1 Greylisted\nC: DATA\nS: 503";
  CHECK(mx.play(refused) == "");
  CHECK(mx.verifier().open == 0);
  CHECK(mx.log().count("reject DATA 451 4.7.1 <DATA>") == 1);
  mx.time().advance(5min);
  CHECK(mx.play(knock("<>", kTo, "250") + kSend) == "");
}

TEST_CASE("a null sender to a role mailbox or in shadow mode is not held at DATA") {
  struct Row {
    const char* top;
    const char* to;
  };
  const auto row =
      GENERATE(values<Row>({{"", "<abuse@mx.example>"}, {"mode = 'shadow'", "<b@mx.example>"}}));
  Harness mx("[greylist]\ndelay = '5m'", row.top);
  CHECK(mx.play(knock("<>", row.to, "250") + kSend) == "");
  CHECK(mx.log().count("reject_warning DATA 451 4.7.1") == (*row.top != 0 ? 1 : 0));
}

TEST_CASE("or at RCPT, as everybody else") {
  Harness mx("[greylist]\nnull_sender = 'rcpt'");
  CHECK(mx.play(knock("<>", kTo, "451 4.7.1")) == "");
}

TEST_CASE("before-greylist: the unknown are refused at once, the others deferred and not relayed") {
  Harness mx("[verify]\norder = 'before-greylist'\n[greylist]\ndelay = '5m'");
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  CHECK(mx.play(knock(kFrom, "<no@mx.example>", "550 5.1.1") + "\nC: RCPT TO:" + kTo +
                "\nS: 451 4.7.1\nC: DATA\nS: 554") == "");
  CHECK(mx.greylist.size() > 0);
  CHECK(mx.verifier().open == 0);
  mx.time().advance(5min);
  CHECK(mx.play(knock(kFrom, kTo, "250") + "\nC: RCPT TO:<c@mx.example>\nS: 451 4.7.1" + kSend) ==
        "");
  REQUIRE(mx.verifier().messages.size() == 1);
  CHECK(mx.verifier().messages[0].to.size() == 1);  // c was only asked about
}

TEST_CASE("the order is that of the level of pressure, where it names one") {
  using proxy::PressedOrder;
  const bool before = GENERATE(false, true);
  Harness mx(std::string("[verify]\norder = '") + (before ? "after" : "before") +
             "-greylist'\n[greylist]\ndelay = '5m'");
  mx.now_limits.verify_order = before ? PressedOrder::BeforeGreylist : PressedOrder::AfterGreylist;
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  CHECK(mx.play(knock(kFrom, "<no@mx.example>", before ? "550 5.1.1" : "451 4.7.1")) == "");
}

TEST_CASE("unknown recipients cost standing, but not the allow-listed") {
  const bool allowed = GENERATE(false, true);
  Harness mx(allowed ? "[access]\nallow = ['192.0.2.1']" : "");
  mx.verifier().refuse("no@mx.example", {550, {1, 1}, "User unknown"}, true);
  CHECK(mx.play(knock(kFrom, "<no@mx.example>", "550 5.1.1")) == "");
  const auto shown = mx.standing.show(*dns::IpAddress::parse("192.0.2.1"));
  CHECK((shown ? shown->unknown_recipients : 0) == (allowed ? 0 : 1));
}

TEST_CASE("the backend learns who the client is") {
  Harness mx;
  CHECK(mx.play(knock(kFrom, kTo, "250")) == "");
  REQUIRE(mx.verifier().clients.size() == 1);
  const auto& client = mx.verifier().clients[0];
  CHECK(client.name == "client.example");
  CHECK(client.helo == "client.example");
  CHECK(client.esmtp);
  CHECK_FALSE(client.known);
}

}  // namespace
}  // namespace ravelin::test
