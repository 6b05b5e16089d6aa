// Backends that go and come back, that are full, that a reload takes away.
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {

static std::unique_ptr<Mail> stranger(Harness& mx, size_t i, size_t worker = 0) {
  const auto ip = "203.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1);
  return mx.begin("a" + std::to_string(i) + "@client.example", client(ip), worker);
}

TEST_CASE("connects that fail together are one failure: the next try is soon") {
  Harness mx({route_to({"192.0.2.7:25"}, 15)});
  mx.backend.refuse_connections = true;
  std::vector<std::unique_ptr<Mail>> mails;
  for (size_t i = 0; i < 5; ++i) {
    mails.push_back(stranger(mx, i));
    mails.back()->ask("x@example.com");
  }
  mx.run();
  CHECK(mx.backend.connections.size() == 5);
  for (const auto& mail : mails) CHECK(mail->code() == 451);
  mx.backend.refuse_connections = false;
  mx.advance(1s);
  CHECK_FALSE(mx.backends.snapshot()[0].down);
  CHECK(mx.ask("x@example.com") == 250);
}

TEST_CASE("questions that are not answered together are one failure") {
  Harness mx({route_to({"192.0.2.7:25"}, 15)});
  mx.config.verify.timeout = 20s;
  mx.backends.configure(mx.config);
  mx.backend.replies["MAIL"] = "";
  mx.backend.replies["RCPT"] = "";
  std::vector<std::unique_ptr<Mail>> mails;
  for (size_t i = 0; i < 5; ++i) {
    mails.push_back(stranger(mx, i));
    mails.back()->ask("x@example.com");
    mx.run();
  }
  mx.advance(20s);
  CHECK(mx.backends.snapshot()[0].down);
  mx.advance(1s);
  CHECK_FALSE(mx.backends.snapshot()[0].down);
}

TEST_CASE("a thousand that wait do not connect at once when the backend returns") {
  Harness mx({route_to({"192.0.2.7:25"}, 15)}, 4);
  mx.backend.refuse_connections = true;
  CHECK(mx.ask("x@example.com") == 451);
  for (int i = 0; i < 6000; ++i) mx.advance(100ms);  // ten minutes
  std::vector<std::unique_ptr<Mail>> mails;
  for (size_t i = 0; i < 1000; ++i) {
    mails.push_back(stranger(mx, i, i % 4));
    mails.back()->ask("y" + std::to_string(i) + "@example.com");
  }
  auto before = mx.backend.connections.size();
  mx.run();
  CHECK(mx.backend.connections.size() == before);  // all hear it at once, and nobody connects
  for (const auto& mail : mails) CHECK(mail->code() == 451);

  mx.backend.refuse_connections = false;
  mx.backend.banner.clear();  // slow to greet
  for (int i = 0; i < 310; ++i) mx.advance(100ms);
  CHECK(mx.backend.open() == 1);  // the one that looks whether it is back
  mx.backend.banner = "220 hi\r\n";
  mx.backend.send(mx.backend.connections.size() - 1, mx.backend.banner);
  mx.run();
  CHECK_FALSE(mx.backends.snapshot()[0].down);

  mx.backend.banner.clear();
  for (size_t i = 0; i < 1000; ++i) mails[i]->ask("y" + std::to_string(i) + "@example.com");
  mx.run();
  before = mx.backend.open();
  CHECK(before <= 1 + 2);  // one that is up, and so many on their way: it doubles with success
  mx.backend.banner = "220 hi\r\n";
  for (size_t i = 0; i < mx.backend.connections.size(); ++i)
    if (mx.backend.connections[i].commands.empty() && mx.backend.peer(i).stream != nullptr)
      mx.backend.send(i, mx.backend.banner);
  mx.run();
  for (const auto& mail : mails) CHECK(mail->code() == 250);
  CHECK(mx.backend.open() <= 15);
}

TEST_CASE("all backends are down, and one comes back") {
  Harness mx({route_to({"192.0.2.7:25", "192.0.2.8:25"})});
  mx.backend.refuse_connections = true;
  CHECK(mx.ask("x@example.com") == 451);
  mx.backend.refuse_connections = false;
  mx.reactor.advance(1s);
  mx.backend.hang_connections = true;  // the first is never heard of again
  mx.workers[0]->sweep(mx.reactor.now());
  mx.run();
  const auto opened = mx.connector.opened;
  REQUIRE(opened.size() == 4);
  mx.backend.hang_connections = false;
  for (size_t i = 2; i < 4; ++i) {
    if (opened[i].to.to_string() != "192.0.2.8:25") continue;
    opened[i].peer->stream->connected();
    mx.reactor.run();
    mx.backend.send(i, mx.backend.banner);
  }
  mx.run();
  CHECK(mx.backends.snapshot()[0].down);
  CHECK_FALSE(mx.backends.snapshot()[1].down);
  CHECK(mx.ask("x@example.com") == 250);
}

TEST_CASE("full for a new connection means to wait for those that work") {
  Harness mx;
  CHECK(mx.ask("warm@example.com") == 250);
  mx.backend.replies["RCPT TO:<slow"] = "";
  auto slow = stranger(mx, 1);
  slow->ask("slow@example.com");
  mx.run();
  auto other = stranger(mx, 2);
  CHECK(mx.ask(*other, "x@example.com") == 250);  // two connections are up
  other = nullptr;
  mx.run();
  mx.backend.banner = "421 4.7.0 too many connections\r\n";
  mx.backend.once = {"RSET", "421 4.4.2 idle too long\r\n"};
  auto mail = stranger(mx, 3);
  CHECK(mx.ask(*mail, "y@example.com") == 0);
  CHECK(mx.backends.snapshot()[0].learned_cap == 1);
  mx.backend.send(0, "550 5.1.1 no\r\n");
  mx.run();
  CHECK(slow->code() == 550);
  CHECK(mail->code() == 250);
}

TEST_CASE("new addresses are for new connections, old ones go on") {
  Harness mx({route_to({"mail.internal:2525"})});
  mx.backends.set_addresses("mail.internal:2525", {*dns::Endpoint::parse("192.0.2.7:2525")});
  CHECK(mx.ask("x@example.com") == 250);
  mx.backends.set_addresses("mail.internal:2525", {*dns::Endpoint::parse("192.0.2.8:2525"),
                                                   *dns::Endpoint::parse("192.0.2.9:2525")});
  CHECK(mx.ask("x@example.com") == 250);
  CHECK(mx.connector.opened.size() == 1);
  mx.backend.close(0);
  mx.run();
  CHECK(mx.ask("x@example.com") == 250);
  CHECK(mx.connector.opened[1].to.to_string() == "192.0.2.8:2525");
}

TEST_CASE("the next address is tried, and what worked is tried first") {
  Harness mx({route_to({"mail.internal:2525"})});
  mx.backends.set_addresses("mail.internal:2525", {*dns::Endpoint::parse("192.0.2.8:2525"),
                                                   *dns::Endpoint::parse("192.0.2.9:2525")});
  mx.backend.refuse_connections = true;
  auto mail = mx.begin();
  mail->ask("x@example.com");
  mx.reactor.run();  // connecting
  mx.connector.opened[0].peer->stream->end(proxy::StreamEnd::ConnectTimeout);
  mx.reactor.run();
  mx.backend.refuse_connections = false;
  mx.run();
  CHECK(mail->code() == 250);
  CHECK(mx.backends.snapshot()[0].addresses[0].to_string() == "192.0.2.9:2525");
}

TEST_CASE("a backend that a reload takes away and another brings back keeps its cap") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)});
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "x@example.com") == 250);
  mail->transaction->start_data();
  mx.run();
  auto without = mx.config;
  without.routes[0].backends = {"192.0.2.9:25"};
  mx.backends.configure(without);
  mx.advance(100ms);
  mx.backends.configure(mx.config);
  auto waits = mx.begin("b@client.example");
  waits->ask("y@example.com");
  mx.run();
  size_t there = 0;
  for (const auto& opened : mx.connector.opened)
    there += opened.to.to_string() == "192.0.2.7:25" && opened.peer->stream != nullptr ? 1 : 0;
  CHECK(there == 1);
  CHECK(waits->code() == 0);
  mail->transaction->finish();
  mx.run();
  CHECK(mail->events.final.at(0).reply.code == 250);
  CHECK(waits->code() == 250);
}

TEST_CASE("a domain that a reload brings or takes in mid-transaction is for the next one") {
  Harness mx;
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "x@example.com") == 250);
  mx.config.routes[0].domains = {"example.org"};
  mx.backends.configure(mx.config);
  CHECK(mx.ask(*mail, "x@example.org") == 451);
  CHECK(mx.ask(*mail, "y@example.com") == 250);
  CHECK(mx.deliver(*mail) == 250);
  CHECK_FALSE(mx.workers[0]->serves("example.com"));
  CHECK(mx.ask("x@example.org") == 250);
  CHECK(mx.ask("x@example.com") == 451);
}

TEST_CASE("a reload that takes a backend away leaves nobody waiting") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)}, 2);
  CHECK(mx.ask("warm@example.com") == 250);
  mx.backend.replies["RCPT TO:<slow"] = "";
  auto slow = stranger(mx, 1), waits = stranger(mx, 2, 1);
  slow->ask("slow@example.com");
  mx.run();
  waits->ask("y@example.com");
  mx.run();
  auto config = mx.config;
  config.routes[0].backends = {"192.0.2.9:25"};
  mx.backends.configure(config);
  mx.sweep();
  mx.sweep();
  mx.backend.send(0, "550 5.1.1 no\r\n");
  mx.run();
  CHECK(slow->code() == 550);
  CHECK(waits->code() == 250);
  slow = nullptr;
  waits = nullptr;
  mx.run();
  mx.sweep();
  for (size_t i = 0; i < mx.backend.connections.size(); ++i)
    if (mx.backend.peer(i).stream != nullptr)
      CHECK(mx.connector.opened[i].to.to_string() == "192.0.2.9:25");
}

TEST_CASE("a backend that is drained ends what is under way and gets nothing new") {
  Harness mx({route_to({"192.0.2.7:25", "192.0.2.8:25"})});
  const auto connections_of = [&mx](size_t index) { return mx.backends.snapshot()[index].open; };
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "x@example.com") == 250);
  CHECK(mx.ask("y@example.com") == 250);  // leaves an idle one
  CHECK_FALSE(mx.backends.drain("192.0.2.9:25", true));
  CHECK(mx.backends.drain("192.0.2.7:25", true));
  mx.sweep();
  CHECK(mx.deliver(*mail) == 250);
  CHECK(mx.connector.opened[0].to.to_string() == "192.0.2.7:25");
  mail = nullptr;
  mx.run();
  mx.sweep();
  CHECK(connections_of(0) == 0);
  CHECK(mx.ask("z@example.com") == 250);  // by the other one
  CHECK(connections_of(1) == 1);
  for (int i = 0; i < 10; ++i) mx.advance(30s);  // no probe either
  CHECK(connections_of(0) == 0);

  CHECK(mx.backends.drain("192.0.2.8:25", true));
  CHECK(mx.ask("w@example.com") == 451);
  CHECK(mx.backends.drain("192.0.2.7:25", false));
  CHECK(mx.ask("w@example.com") == 250);
  CHECK(connections_of(0) == 1);
}

TEST_CASE("whoever waits for a backend when it is drained is served") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)}, 2);
  CHECK(mx.ask("warm@example.com") == 250);
  mx.backend.replies["RCPT TO:<slow"] = "";
  auto slow = stranger(mx, 1), waits = stranger(mx, 2, 1);
  slow->ask("slow@example.com");
  mx.run();
  waits->ask("y@example.com");
  mx.run();
  REQUIRE(mx.backends.drain("192.0.2.7:25", true));
  mx.sweep();
  mx.backend.send(0, "550 5.1.1 no\r\n");
  mx.run();
  CHECK(slow->code() == 550);
  CHECK(waits->code() == 250);
  slow = nullptr;
  waits = nullptr;
  mx.run();
  mx.sweep();
  CHECK(mx.backends.snapshot()[0].open == 0);
}

TEST_CASE("fewer connections than are open: those that are not needed go first") {
  Harness mx({route_to({"192.0.2.7:25"}, 8)});
  std::vector<std::unique_ptr<Mail>> mails;
  for (size_t i = 0; i < 4; ++i) {
    mails.push_back(stranger(mx, i));
    CHECK(mx.ask(*mails.back(), "x@example.com") == 250);
  }
  CHECK(mx.backends.snapshot()[0].ties == 4);
  auto config = mx.config;
  config.routes[0].connections = 2;
  mx.backends.configure(config);
  auto late = stranger(mx, 9);
  late->ask("y@example.com");
  mx.run();
  for (auto& mail : mails) CHECK(mx.deliver(*mail) == 250);
  CHECK(late->code() == 250);
  CHECK(mx.backend.open() <= 2);
  CHECK(mx.backends.snapshot()[0].ties <= 1);
}

TEST_CASE("what was known before the start does not spare the first look") {
  Harness mx;
  smtp::Capabilities old;
  old.esmtp = old.size = old.smtputf8 = true;
  mx.backends.restore_capabilities("192.0.2.7:25", old);
  CHECK(mx.workers[0]->offered().smtputf8);
  mx.sweep();
  CHECK_FALSE(mx.workers[0]->offered().smtputf8);
}

TEST_CASE("the look after a reload waits for room") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)});
  mx.ask("x@example.com");
  CHECK(mx.workers[0]->offered().eightbitmime);
  mx.backend.ehlo = "250-mail.internal\r\n250-PIPELINING\r\n250 SIZE\r\n";
  mx.backends.configure(mx.config);
  mx.sweep();
  mx.backend.close(0);
  mx.run();
  mx.sweep();
  CHECK_FALSE(mx.workers[0]->offered().eightbitmime);
}

TEST_CASE("a backend is left before its patience with other refusals ends") {
  Harness mx;
  size_t most = 10;
  SECTION("of senders: MAIL and the RCPT behind it") {
    mx.backend.replies["MAIL"] = "550 5.1.8 no\r\n";
    mx.backend.replies["RCPT"] = "503 5.5.1 MAIL first\r\n";
    for (int i = 0; i < 12; ++i) CHECK(mx.ask("x@example.com") == 550);
  }
  SECTION("for now, in one mail") {
    most = 9;
    mx.backend.replies["RCPT TO:<no"] = "450 4.2.0 later\r\n";
    auto mail = mx.begin();
    CHECK(mx.ask(*mail, "yes@example.com") == 250);
    for (int i = 0; i < 20; ++i) CHECK(mx.ask(*mail, "no@example.com") == 451);
    CHECK(mx.deliver(*mail) == 250);
  }
  SECTION("of texts") {
    most = 9;
    mx.backend.replies["."] = "550 5.7.1 spam\r\n";
    for (int i = 0; i < 12; ++i) {
      auto mail = mx.begin();
      mx.ask(*mail, "yes@example.com");
      CHECK(mx.deliver(*mail) == 550);
    }
  }
  for (const auto& connection : mx.backend.connections) {
    size_t refused = 0;
    for (const auto& command : connection.commands)
      for (const auto& [prefix, reply] : mx.backend.replies)
        refused += command.starts_with(prefix) && (reply[0] == '4' || reply[0] == '5');
    CHECK(refused <= most);
  }
  CHECK(mx.backend.connections.size() > 1);
}

TEST_CASE("a recipient's wishes that a backend lacks are a 451, never dropped") {
  Harness mx;
  mx.backend.ehlo = "250-mail.internal\r\n250-PIPELINING\r\n250 SIZE\r\n";
  auto mail = mx.begin();
  smtp::RcptCommand rcpt{address("x@example.com"), 0, {}};
  SECTION("first") { rcpt.notify = 1; }
  SECTION("first, with ORCPT") { rcpt.orcpt = "rfc822;x@example.com"; }
  SECTION("behind another") {
    CHECK(mx.ask(*mail, "y@example.com") == 250);
    rcpt.notify = 1;
  }
  mail->transaction->recipient(rcpt);
  mx.run();
  CHECK(mail->code() == 451);
  CHECK(mx.backends.snapshot()[0].open == 1);
}

TEST_CASE("nobody waits at a backend that hangs while another one works") {
  Harness mx({route_to({"192.0.2.7:25", "192.0.2.8:25"}, 2)});
  mx.config.verify.timeout = 20s;
  mx.backends.configure(mx.config);
  auto message = stranger(mx, 1);
  CHECK(mx.ask(*message, "x@example.com") == 250);
  mx.backend.replies["."] = "";
  CHECK(mx.deliver(*message) == 0);  // holds a connection, for minutes
  mx.backend.replies["MAIL"] = "";
  mx.backend.replies["RCPT"] = "";
  mx.reactor.advance(1s);
  auto hangs = stranger(mx, 2), waits = stranger(mx, 3);
  hangs->ask("y@example.com");
  mx.run();
  mx.reactor.advance(10s);
  waits->ask("z@example.com");
  mx.run();
  CHECK(mx.backends.snapshot()[0].waiting == 1);
  mx.backend.replies["MAIL"] = "250 ok\r\n";
  mx.backend.replies["RCPT"] = "250 ok\r\n";
  mx.advance(10s);
  CHECK(hangs->code() == 451);
  CHECK(mx.backends.snapshot()[0].down);
  CHECK(waits->code() == 250);  // the other one was asked
  auto next = stranger(mx, 4);
  CHECK(mx.ask(*next, "n@example.com") == 250);
  CHECK(next->events.last().relay == "192.0.2.8[192.0.2.8]:25");
}

TEST_CASE("the address that worked stays first when names are resolved again") {
  Harness mx({route_to({"mail.internal:2525"})});
  const std::vector<dns::Endpoint> both{*dns::Endpoint::parse("192.0.2.8:2525"),
                                        *dns::Endpoint::parse("192.0.2.9:2525")};
  mx.backends.set_addresses("mail.internal:2525", {both[1]});
  CHECK(mx.ask("x@example.com") == 250);
  mx.backends.set_addresses("mail.internal:2525", both);
  CHECK(mx.backends.snapshot()[0].addresses[0].to_string() == "192.0.2.9:2525");
  mx.backends.set_addresses("mail.internal:2525", {both[0]});
  CHECK(mx.backends.snapshot()[0].addresses.size() == 1);
  CHECK(mx.backends.snapshot()[0].addresses[0].to_string() == "192.0.2.8:2525");
}

TEST_CASE("what all backends offer is offered, as they say it last") {
  Harness mx({route_to({"192.0.2.7:25", "192.0.2.8:25"})});
  mx.backend.ehlo = "250-a\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-DSN\r\n250 SIZE 1000\r\n";
  CHECK(mx.ask("x@example.com") == 250);
  CHECK_FALSE(mx.workers[0]->offered().eightbitmime);  // the second was never seen
  CHECK(mx.workers[0]->offered().size);
  mx.backend.ehlo = "250-b\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 500\r\n";
  mx.sweep();
  CHECK(mx.workers[0]->offered().eightbitmime);
  CHECK_FALSE(mx.workers[0]->offered().dsn);
  CHECK(mx.workers[0]->offered().size_limit == 500);
  mx.backend.ehlo = "250-b\r\n250 PIPELINING\r\n";
  for (size_t i = 0; i < mx.backend.connections.size(); ++i) mx.backend.close(i);
  mx.run();
  CHECK(mx.ask("x@example.com") == 250);
  CHECK_FALSE(mx.workers[0]->offered().eightbitmime);
}

}  // namespace ravelin::test
