// Ties while others want their place, and what becomes of a transaction that has lost its own.
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {

// Has delivered before, but is not good: its text waits for a connection.
static proxy::ClientIdentity passed(const std::string& ip = "203.0.113.5") {
  auto who = client(ip);
  who.known = true;
  return who;
}

static uint32_t ties(const Harness& mx, size_t backend = 0) {
  return mx.backends.snapshot()[backend].ties;
}

TEST_CASE("a tie that idles again while others wait is given up at once") {
  Harness mx({route_to({"192.0.2.7:25"}, 2)});
  auto tied = mx.begin();
  CHECK(mx.ask(*tied, "x@example.com") == 250);
  mx.backend.replies["RCPT TO:<slow"] = "";
  tied->ask("slow1@example.com");  // the tie is in use: nobody can ask for it now
  auto slow = mx.begin("s@client.example", client("203.0.113.7"));
  slow->ask("slow2@example.com");
  mx.run();
  auto waits = mx.begin("n@client.example", client("203.0.113.8"));
  CHECK(mx.ask(*waits, "y@example.com") == 0);
  mx.backend.send(0, "550 5.1.1 no\r\n");
  mx.run();
  CHECK(tied->code() == 550);
  CHECK(waits->code() == 250);
  CHECK(mx.deliver(*tied) == 250);
}

TEST_CASE("who waits at one backend takes no tie of another") {
  auto other = route_to({"192.0.2.8:25"}, 2);
  other.domains = {"example.org"};
  Harness mx({route_to({"192.0.2.7:25"}, 2), other});
  auto here = mx.begin(), there = mx.begin();
  CHECK(mx.ask(*here, "x@example.com") == 250);
  CHECK(mx.ask(*there, "x@example.org") == 250);
  mx.backend.replies["RCPT TO:<slow"] = "";
  auto slow = mx.begin("s@client.example", client("203.0.113.7"));
  slow->ask("slow@example.com");
  mx.run();
  auto waits = mx.begin("n@client.example", client("203.0.113.8"));
  CHECK(mx.ask(*waits, "y@example.com") == 250);
  CHECK(ties(mx, 1) == 1);
}

TEST_CASE("a tie of a good client is kept while others wait, but not beyond the hold") {
  Harness mx({route_to({"192.0.2.7:25"}, 2)});
  auto good = mx.begin("g@client.example", client("203.0.113.9", true));
  CHECK(mx.ask(*good, "x@example.com") == 250);
  mx.backend.replies["RCPT TO:<slow"] = "";
  auto slow = mx.begin("s@client.example", client("203.0.113.7"));
  slow->ask("slow@example.com");
  mx.run();
  auto waits = mx.begin("n@client.example", client("203.0.113.8"));
  CHECK(mx.ask(*waits, "y@example.com") == 0);
  CHECK(ties(mx) == 1);
  mx.advance(10s);
  CHECK(waits->code() == 250);
  CHECK(mx.deliver(*good) == 250);
}

TEST_CASE("a recipient after the tie was given up joins the others at DATA") {
  Harness mx;
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "x@example.com") == 250);
  mx.advance(10s);
  CHECK(ties(mx) == 0);
  CHECK(mx.ask(*mail, "y@example.com") == 250);
  CHECK(ties(mx) == 0);  // that connection knows nothing of x
  SECTION("both are there") {
    CHECK(mx.deliver(*mail) == 250);
    const auto& writes = mx.backend.connections[0].writes;
    CHECK(writes[3].ends_with("RCPT TO:<x@example.com>\r\nRCPT TO:<y@example.com>\r\nDATA\r\n"));
  }
  SECTION("the first is gone") {
    mx.backend.replies["RCPT TO:<x"] = "550 5.1.1 no\r\n";
    CHECK(mx.deliver(*mail) == 451);
    CHECK(mx.backend.connections[0].text.empty());
  }
  SECTION("the sender is refused now") {
    mx.backend.replies["MAIL"] = "550 5.1.8 no\r\n";
    CHECK(mx.deliver(*mail) == 451);
  }
  CHECK(ties(mx) == 0);
  mx.backend.replies = {{"DATA", "354 go on\r\n"}};
  CHECK(mx.ask("z@example.com") == 250);
}

TEST_CASE("too many recipients for the backend: the client hears it, the accepted are delivered") {
  Harness mx;
  if (GENERATE(false, true)) mx.ask("warm@example.com");  // a used connection is not left for it
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "x@example.com") == 250);
  SECTION("452") {
    mx.backend.replies["RCPT TO:<y"] = "452 4.5.3 Too many recipients\r\n";
    CHECK(mx.ask(*mail, "y@example.com") == 452);
    CHECK(mail->events.last().reply.status() == "4.5.3");
  }
  SECTION("552, as older servers say it (RFC 5321 §4.5.3.1.10)") {
    mx.backend.replies["RCPT TO:<y"] = "552 5.5.3 Too many recipients\r\n";
    CHECK(mx.ask(*mail, "y@example.com") == 452);
    CHECK(mail->events.last().reply.status() == "4.5.3");
  }
  CHECK(ties(mx) == 1);
  CHECK(mx.deliver(*mail) == 250);
  CHECK(mx.backend.connections.size() == 1);
}

TEST_CASE("a replay on a stale connection is repeated once") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)});
  auto mail = mx.begin();
  mx.ask(*mail, "x@example.com");
  mx.ask(*mail, "y@example.com");
  SECTION("closed") { mx.backend.once = {"RSET", "-"}; }
  SECTION("421 in the middle of the group") {
    mx.backend.once = {"RCPT TO:<y", "421 4.4.2 bye\r\n"};
  }
  SECTION("too many in the middle of the group") {
    mx.backend.once = {"RCPT TO:<y", "452 4.5.3 too many\r\n"};
  }
  CHECK(mx.deliver(*mail) == 250);
  CHECK(mx.backend.connections.size() == 2);
  CHECK(mx.backend.open() == 1);
  CHECK(ties(mx) == 0);
}

TEST_CASE("a replay waits for its place, and the limit ends the wait") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)});
  mx.config.verify.timeout = 20s;
  mx.backends.configure(mx.config);
  auto first = mx.begin("a@client.example", passed());
  auto second = mx.begin("b@client.example", passed());
  mx.ask(*first, "x@example.com");
  mx.ask(*second, "y@example.com");
  first->transaction->start_data();
  mx.run();
  REQUIRE(first->events.ready.size() == 1);
  CHECK(mx.deliver(*second) == 0);  // the only connection carries the other message
  SECTION("it comes") {
    first->transaction->write("x\r\n");
    first->transaction->finish();
    mx.run();
    REQUIRE(second->events.ready.size() == 1);
    CHECK(second->events.ready[0].reply.code == 354);
  }
  SECTION("the other one leaves in mid-text") {
    first = nullptr;
    mx.run();
    REQUIRE(second->events.ready.size() == 1);
    CHECK(second->events.ready[0].reply.code == 354);
  }
  SECTION("it does not") {
    mx.advance(20s);
    REQUIRE(second->events.ready.size() == 1);
    CHECK(second->events.ready[0].reply.code == 451);
    CHECK(mx.backends.snapshot()[0].waiting == 0);
  }
}

TEST_CASE("the time of a replay is its own") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)});
  mx.config.verify.timeout = 20s;
  mx.backends.configure(mx.config);
  auto first = mx.begin("a@client.example", passed());
  auto second = mx.begin("b@client.example", passed());
  mx.ask(*first, "x@example.com");
  mx.ask(*second, "y@example.com");
  mx.advance(15s);
  first->transaction->start_data();
  mx.run();
  CHECK(mx.deliver(*second) == 0);
  mx.advance(19s);
  CHECK(second->events.ready.empty());
  mx.advance(1s);
  CHECK(second->events.ready.size() == 1);
}

TEST_CASE("messages of strangers hold half of the connections, those of the good all but one") {
  Harness mx({route_to({"192.0.2.7:25"}, 4)});
  std::vector<std::unique_ptr<Mail>> mails;
  const auto begin = [&](const std::string& ip, bool good) {
    mails.push_back(mx.begin(ip + "@client.example", good ? client(ip, true) : passed(ip)));
    CHECK(mx.ask(*mails.back(), "x@example.com") == 250);
    mails.back()->transaction->start_data();
    mx.run();
    return mails.back()->events.ready.size() == 1;
  };
  CHECK(begin("203.0.113.1", false));
  CHECK(begin("203.0.113.2", false));
  CHECK_FALSE(begin("203.0.113.3", false));
  CHECK(begin("203.0.113.4", true));
  CHECK_FALSE(begin("203.0.113.5", true));
  CHECK(mx.ask("y@example.com") == 250);  // there is room for a question
  mails[0] = nullptr;
  mx.run();
  CHECK(mails[4]->events.ready.size() + mails[2]->events.ready.size() == 1);
}

TEST_CASE("a connection on its way to a message that waits") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)});
  auto first = mx.begin("a@client.example", passed());
  auto second = mx.begin("b@client.example", passed());
  mx.ask(*first, "x@example.com");
  mx.ask(*second, "y@example.com");
  first->transaction->start_data();
  mx.run();
  second->transaction->start_data();
  mx.run();
  mx.backend.replies["."] = "";
  first->transaction->finish();
  mx.run();
  mx.backend.send(0, "250 2.0.0 queued\r\n");
  SECTION("the client leaves") {
    first->events.then = [&] { second = nullptr; };
    mx.run();
    CHECK(ties(mx) == 0);
    CHECK(mx.backends.snapshot()[0].idle == 1);
  }
  SECTION("the backend closes") {
    mx.backend.close(0);
    mx.run();
    CHECK(mx.backend.connections.size() == 2);
    REQUIRE(second->events.ready.size() == 1);
    CHECK(second->events.ready[0].reply.code == 354);
  }
  CHECK(first->events.final[0].reply.code == 250);
}

}  // namespace ravelin::test
