// The life of connections: stale ones, rotation, health, learned caps, failover, faults at each
// step.
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {

using proxy::AnswerSource;

TEST_CASE("a stale connection is replaced once, and the client does not notice") {
  Harness mx;
  mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
  mx.ask("a@example.com");
  SECTION("closed when the next question comes") {
    mx.backend.replies["RSET"] = "-";
    CHECK(mx.ask("b@example.com") == 550);
  }
  SECTION("closed before") {
    mx.backend.close(0);
    mx.run();
    CHECK(mx.ask("b@example.com") == 550);
  }
  SECTION("told to go") {
    mx.backend.replies["RSET"] = "421 4.4.2 idle too long\r\n";
    CHECK(mx.ask("b@example.com") == 550);
  }
  SECTION("out of step") {
    mx.backend.once = {"RSET", "500 5.5.1 what\r\n"};
    CHECK(mx.ask("b@example.com") == 550);
  }
  SECTION("too many in this connection") {
    mx.backend.replies["RCPT TO:<b@"] = "452 4.5.3 too many\r\n";
    // The new connection says the same, and then it is what the backend means.
    CHECK(mx.ask("b@example.com") == 452);
  }
  CHECK(mx.backend.connections.size() == 2);
}

TEST_CASE("a fresh connection that fails is not tried again") {
  Harness mx;
  const auto* const reply = GENERATE("-", "421 4.3.2 bye\r\n", "354 what\r\n", "junk\r\n");
  CAPTURE(reply);
  mx.backend.replies["RCPT"] = reply;
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "a@example.com") == 451);
  CHECK(mail->events.last().source == AnswerSource::OurTrouble);
  CHECK(mx.backend.connections.size() == 1);
  CHECK(mx.backend.open() == 0);
  mx.backend.replies["RCPT"] = "250 ok\r\n";
  CHECK(mx.ask(*mail, "a@example.com") == 250);
}

TEST_CASE("nonsense at the greeting is our trouble") {
  Harness mx;
  SECTION("no SMTP") { mx.backend.banner = "SSH-2.0-OpenSSH\r\n"; }
  SECTION("code 000") { mx.backend.banner = "000 hi\r\n"; }
  SECTION("code 999") { mx.backend.banner = "999 hi\r\n"; }
  SECTION("a digit short") { mx.backend.banner = "99 hi\r\n"; }
  SECTION("a digit more") { mx.backend.banner = "2500 hi\r\n"; }
  SECTION("refusal") { mx.backend.banner = "554 5.7.1 no\r\n"; }
  SECTION("354") { mx.backend.banner = "354 go\r\n"; }
  SECTION("one endless line") { mx.backend.banner = "220 " + std::string(1'000'000, 'x'); }
  SECTION("endless lines") {
    mx.backend.ehlo.clear();
    for (int i = 0; i < 100'000; ++i) mx.backend.ehlo += "250-x\r\n";
  }
  SECTION("mixed codes") { mx.backend.ehlo = "250-x\r\n550 y\r\n"; }
  SECTION("ends in the middle") { mx.backend.ehlo = "-"; }
  SECTION("354 to EHLO") { mx.backend.ehlo = "354 go\r\n"; }
  SECTION("refused EHLO") { mx.backend.ehlo = "550 5.7.1 no\r\n"; }
  SECTION("more than was asked for") { mx.backend.banner = "220 a\r\n250 b\r\n250 c\r\n"; }
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "a@example.com") == 451);
  CHECK(mail->events.last().source == AnswerSource::OurTrouble);
  CHECK(mx.backends.snapshot()[0].down);
  CHECK(mx.backends.snapshot()[0].open == 0);
  CHECK(mx.journal.has("backend 192.0.2.7"));
}

TEST_CASE("a backend without EHLO is spoken to in HELO") {
  Harness mx;
  mx.backend.ehlo = "502 what\r\n";
  CHECK(mx.ask("a@example.com") == 250);
  CHECK(mx.backend.connections[0].commands[1] == "HELO mx.example.net");
  CHECK_FALSE(mx.workers[0]->offered().size);
}

TEST_CASE("connections are left before the backend loses patience") {
  auto route = route_to({"192.0.2.7:25"});
  SECTION("refusals") {
    Harness mx({route});
    mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
    for (int i = 0; i < 20; ++i) {
      mx.backends.forget("example.com");
      CHECK(mx.ask("no" + std::to_string(i) + "@example.com") == 550);
    }
    for (const auto& connection : mx.backend.connections) {
      size_t refused = 0;
      for (const auto& command : connection.commands) refused += command.starts_with("RCPT");
      CHECK(refused <= 9);
    }
    CHECK(mx.backend.connections[0].commands.back() == "QUIT");
    CHECK(mx.backend.open() <= 2);
  }
  SECTION("resets") {
    route.max_refusals = 100;
    Harness mx({route});
    mx.backend.replies["RCPT"] = "450 4.2.0 later\r\n";
    for (int i = 0; i < 15; ++i) mx.ask("x@example.com");
    for (const auto& connection : mx.backend.connections) {
      size_t resets = 0;
      for (const auto& command : connection.commands) resets += command == "RSET";
      CHECK(resets <= 9);
    }
    CHECK(mx.backends.snapshot()[0].rotations == 1);
  }
  SECTION("messages of an Exim") {
    Harness mx({route});
    mx.backend.banner = "220 mail.internal ESMTP Exim 4.96\r\n";
    for (int i = 0; i < 12; ++i) {
      auto mail = mx.begin();
      mx.ask(*mail, "x@example.com");
      CHECK(mx.deliver(*mail) == 250);
    }
    size_t first = 0;
    for (const auto& command : mx.backend.connections[0].commands) first += command == ".";
    CHECK(first == 10);
  }
  SECTION("mails") {
    route.max_mails = 3;
    Harness mx({route});
    for (int i = 0; i < 4; ++i) {
      auto mail = mx.begin();
      mx.ask(*mail, "x@example.com");
      mx.deliver(*mail);
    }
    size_t mails = 0;
    for (const auto& command : mx.backend.connections[0].commands)
      mails += command.starts_with("MAIL");
    CHECK(mails == 3);
    CHECK(mx.backend.connections[0].commands.back() == "QUIT");
  }
  SECTION("age") {
    Harness mx({route});
    for (int i = 0; i < 9; ++i) {
      mx.ask("x@example.com");
      mx.advance(30s);
    }
    CHECK(mx.backend.connections[0].commands.back() == "QUIT");
  }
}

TEST_CASE("the next connection is opened while the last one has a question left") {
  Harness mx;
  mx.backend.replies["RCPT"] = "550 5.7.1 no\r\n";
  for (int i = 0; i < 7; ++i) mx.ask("x@example.com");
  CHECK(mx.backend.connections.size() == 1);
  mx.ask("x@example.com");
  CHECK(mx.backend.connections.size() == 2);
  mx.ask("x@example.com");  // the last one of the old
  mx.ask("x@example.com");
  CHECK(mx.backend.connections.size() == 2);
  CHECK(mx.backend.connections[0].commands.back() == "QUIT");
}

// Where questions come and go, the next one has use for a sixth.
TEST_CASE("more than five connections lie idle for a second at most") {
  auto route = route_to({"192.0.2.7:25"}, 12);
  const auto none = GENERATE(false, true);
  if (none) route.max_idle = 0;
  Harness mx({route});
  mx.backend.replies["RCPT"] = "";
  std::vector<std::unique_ptr<Mail>> mails;
  for (int i = 0; i < 8; ++i) {
    mails.push_back(mx.begin(std::to_string(i) + "@client.example"));
    mails.back()->ask("x@example.com");
    mx.run();
  }
  REQUIRE(mx.backend.open() == 8);
  for (size_t i = 0; i < 8; ++i) mx.backend.send(i, "550 5.7.1 no\r\n");
  mx.run();
  CHECK(mx.backends.snapshot()[0].idle == (none ? 0 : 8));
  mx.advance(999ms);
  CHECK(mx.backend.open() == (none ? 0 : 8));
  mx.advance(1ms);
  CHECK(mx.backends.snapshot()[0].idle == (none ? 0 : 5));
  CHECK(mx.backend.open() == (none ? 0 : 5));
}

TEST_CASE("an accepted message makes up for refusals") {
  Harness mx;
  mx.backend.replies["RCPT TO:<no"] = "550 5.7.1 no\r\n";
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 5; ++i) mx.ask("no@example.com");
    auto mail = mx.begin();
    mx.ask(*mail, "yes@example.com");
    CHECK(mx.deliver(*mail) == 250);
  }
  CHECK(mx.backends.snapshot()[0].rotations == 0);
}

TEST_CASE("idle connections end after a while, with QUIT") {
  Harness mx;
  mx.ask("x@example.com");
  mx.advance(59s);
  CHECK(mx.backend.open() == 1);
  mx.advance(1s);
  CHECK(mx.backend.connections[0].commands.back() == "QUIT");
  CHECK(mx.backend.open() == 0);
  CHECK(mx.workers[0]->quiet());
}

TEST_CASE("the second backend takes over, the first comes back by itself") {
  Harness mx({route_to({"192.0.2.7:25", "192.0.2.8:25"})});
  mx.backend.refuse_connections = true;
  mx.ask("x@example.com");
  REQUIRE(mx.backend.connections.size() == 2);
  CHECK(mx.connector.opened[1].to.to_string() == "192.0.2.8:25");
  CHECK(mx.ask("x@example.com") == 451);  // both are down, and nobody is tried
  CHECK(mx.backend.connections.size() == 2);
  mx.backend.refuse_connections = false;
  mx.advance(1s);
  CHECK_FALSE(mx.backends.snapshot()[0].down);
  CHECK(mx.ask("x@example.com") == 250);
  CHECK(mx.connector.opened.back().to.address.to_string() != "");
}

TEST_CASE("retries of a backend that is down become rare") {
  Harness mx;
  mx.backend.refuse_connections = true;
  mx.ask("x@example.com");
  for (int i = 0; i < 6000; ++i) mx.advance(100ms);
  CHECK(mx.backend.connections.size() > 15);
  CHECK(mx.backend.connections.size() < 30);
  CHECK(mx.journal.count("message backend 192.0.2.7") <= 11);
}

TEST_CASE("a full backend teaches us its limit and stays healthy") {
  Harness mx;
  std::vector<std::unique_ptr<Mail>> mails;
  mx.backend.replies["RCPT"] = "";
  mails.push_back(mx.begin());
  mails.back()->ask("a@example.com");
  mx.run();
  mx.backend.banner = "421 4.7.0 too many connections\r\n";
  mails.push_back(mx.begin("b@client.example"));
  mails.back()->ask("b@example.com");
  mx.run();
  auto state = mx.backends.snapshot()[0];
  CHECK_FALSE(state.down);
  CHECK(state.learned_cap == 1);
  CHECK(mails[1]->code() == 0);  // it waits for the one that works
  mx.backend.send(0, "550 5.1.1 no\r\n");
  mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
  mx.run();
  CHECK(mails[0]->code() == 550);
  CHECK(mails[1]->code() == 550);
  CHECK(mx.backend.connections.size() == 2);
  mx.backend.banner = "220 hi\r\n";
  for (int i = 0; i < 4; ++i) mx.advance(5min);
  CHECK(mx.backends.snapshot()[0].learned_cap == 0);
}

TEST_CASE("a silent backend costs verify.timeout, then a 451") {
  Harness mx;
  SECTION("to RCPT") { mx.backend.replies["RCPT"] = ""; }
  SECTION("to EHLO") { mx.backend.ehlo = ""; }
  SECTION("at the banner") { mx.backend.banner = ""; }
  SECTION("no connection") { mx.backend.hang_connections = true; }
  auto mail = mx.begin();
  mail->ask("x@example.com");
  mx.run();
  mx.advance(59s);
  CHECK(mail->code() == 0);
  mx.advance(1s);
  CHECK(mail->code() == 451);
  CHECK(mail->events.last().reply.enhanced.subject == 4);
}

TEST_CASE("a name that was never resolved is our trouble, the last address is kept") {
  Harness mx({route_to({"mail.internal:2525"})});
  CHECK(mx.ask("x@example.com") == 451);
  CHECK(mx.journal.has("never been resolved"));
  REQUIRE(mx.backends.hosts().size() == 1);
  CHECK(mx.backends.hosts()[0].host == "mail.internal");
  mx.backends.set_addresses("mail.internal:2525", {*dns::Endpoint::parse("192.0.2.7:2525")});
  mx.backends.set_addresses("mail.internal:2525", {});
  CHECK(mx.ask("x@example.com") == 250);
}

TEST_CASE("capabilities are known before the first client, and kept while it is down") {
  Harness mx;
  CHECK_FALSE(mx.workers[0]->offered().eightbitmime);
  CHECK(mx.workers[0]->offered().size);
  mx.sweep();
  CHECK(mx.workers[0]->offered().eightbitmime);
  CHECK(mx.workers[0]->offered().size_limit == 1'000'000);
  mx.backend.refuse_connections = true;
  mx.backend.close(0);
  mx.ask("x@example.com");
  CHECK(mx.workers[0]->offered().eightbitmime);
}

TEST_CASE("what a backend lacks is a 451, never a silent change") {
  Harness mx;
  mx.backend.ehlo = "250 mail.internal\r\n";
  Mail mail;
  smtp::MailCommand command;
  command.from = address("a@client.example");
  command.body = smtp::Body::EightBitMime;
  mail.transaction = mx.workers[0]->begin(command, client(), "id", mail.events);
  CHECK(mx.ask(mail, "x@example.com") == 451);
  CHECK(mx.backend.connections[0].commands.size() == 1);
}

TEST_CASE("the client's identity goes before each MAIL") {
  auto route = route_to({"192.0.2.7:25"});
  route.client_info = proxy::ClientInfo::Xforward;
  Harness mx({route});
  mx.backend.ehlo = "250-mail\r\n250-PIPELINING\r\n250 XFORWARD NAME ADDR PROTO HELO\r\n";
  mx.backend.replies["RCPT"] = "550 5.7.1 no\r\n";
  auto who = client("2001:db8::5");
  who.helo = "we=ird+name";
  mx.ask("x@example.com", who);
  mx.ask("x@example.com", who);
  CHECK(mx.backend.connections[0].writes[2] ==
        "RSET\r\nXFORWARD NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::5 PROTO=ESMTP "
        "HELO=we+3Dird+2Bname\r\nMAIL FROM:<a@client.example>\r\nRCPT TO:<x@example.com>\r\n");
}

TEST_CASE("each mail has its own identity: behind a message, and at a replay") {
  auto route = route_to({"192.0.2.7:25"}, 1);
  route.client_info = proxy::ClientInfo::Xforward;
  Harness mx({route});
  mx.backend.ehlo = "250-mail\r\n250-PIPELINING\r\n250 XFORWARD ADDR\r\n";
  auto first = mx.begin("a@client.example", client("203.0.113.1"));
  auto second = mx.begin("b@client.example", client("203.0.113.2"));
  mx.ask(*first, "x@example.com");
  mx.ask(*second, "x@example.com");
  CHECK(mx.deliver(*first) == 250);
  CHECK(mx.deliver(*second) == 250);
  std::string order;
  for (const auto& command : mx.backend.connections[0].commands) {
    if (command == "RSET") order += "R";
    if (command.starts_with("XFORWARD")) order += command.back();
    if (command == ".") order += ".";
  }
  CHECK(order == "1R2R1.2.");
}

TEST_CASE("without the right to XFORWARD mail goes on, with an alarm") {
  auto route = route_to({"192.0.2.7:25"});
  route.client_info = proxy::ClientInfo::Xforward;
  Harness mx({route});
  SECTION("not offered") {}
  SECTION("refused") {
    mx.backend.ehlo = "250-mail\r\n250-PIPELINING\r\n250 XFORWARD NAME ADDR\r\n";
    mx.backend.replies["XFORWARD"] = "550 5.7.0 not authorized\r\n";
  }
  CHECK(mx.ask("x@example.com") == 250);
  CHECK(mx.journal.has("XFORWARD"));
}

}  // namespace ravelin::test
