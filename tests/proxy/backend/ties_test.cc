// Ties while others want their place, and what becomes of a transaction that has lost its own.
#include <algorithm>
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

// Messages whose texts come slowly, of several clients at one backend.
struct Slow {
  explicit Slow(uint32_t cap) : Slow(route_to({"192.0.2.7:25"}, cap)) {}
  explicit Slow(const proxy::RouteSettings& route) : mx({route}) {}

  Mail& ask(const proxy::ClientIdentity& who) {
    mails.push_back(mx.begin("a@client.example", who));
    CHECK(mx.ask(*mails.back(), "x@example.com") == 250);
    return *mails.back();
  }
  // As far as DATA. Does its text have a connection?
  Mail& begin(const proxy::ClientIdentity& who) {
    auto& mail = ask(who);
    mail.transaction->start_data();
    mx.run();
    return mail;
  }
  static bool holds(const Mail& mail) { return mail.events.ready.size() == 1; }
  size_t begin(const proxy::ClientIdentity& who, size_t count) {
    size_t held = 0;
    for (size_t i = 0; i < count; ++i) held += holds(begin(who)) ? 1 : 0;
    return held;
  }
  void end(Mail& mail) {
    mail.transaction->finish();
    mx.run();
    CHECK(mail.events.final.size() == 1);
  }

  Harness mx;
  std::vector<std::unique_ptr<Mail>> mails;
};

TEST_CASE("one client never takes the last connection for messages") {
  Slow slow(15);
  const bool good = GENERATE(false, true);
  const auto who = [&](const std::string& ip) { return good ? client(ip, true) : passed(ip); };
  // All but the last, of seven or eleven; or three times as many as it leaves free.
  const size_t most = good ? 9 : 6, all = good ? 11 : 7;
  CHECK(slow.begin(who("203.0.113.1"), 40) == most);
  for (size_t i = most; i < all; ++i)
    CHECK(Slow::holds(slow.begin(who("203.0.113." + std::to_string(i + 2)))));
  CHECK(ties(slow.mx) == all);

  // Behind those that wait for their own client alone.
  auto& next = slow.begin(who("203.0.113.200"));
  CHECK_FALSE(Slow::holds(next));
  SECTION("another's ends: the next one's turn") {
    slow.end(*slow.mails[40]);
    CHECK(Slow::holds(next));
    CHECK(ties(slow.mx) == all);
  }
  SECTION("all leave") {
    slow.mails.clear();
    slow.mx.run();
    CHECK(ties(slow.mx) == 0);
    CHECK(slow.mx.backends.snapshot()[0].waiting == 0);
  }
  SECTION("its own ends, and then others': it has its share again") {
    slow.end(*slow.mails[0]);
    CHECK(Slow::holds(next));
    CHECK_FALSE(Slow::holds(*slow.mails[most]));
    slow.end(next);
    for (size_t i = 1; i < 40; ++i) slow.end(*slow.mails[i]);  // each was served in its turn
    CHECK(ties(slow.mx) == all - most);
  }
}

TEST_CASE(
    "who waits for its own client's messages alone leaves questions their shared connections") {
  auto route = route_to({"192.0.2.7:25"}, 4);
  route.max_resets = 1000;  // all on the same ones
  Slow slow(route);
  auto& backend = slow.mx.backend;
  const size_t messages = GENERATE(4, 70);  // also more than fill() would look at
  CHECK(slow.begin(client("203.0.113.1", true), messages) == 2);
  backend.replies["RCPT TO:<no"] = "";
  std::vector<std::unique_ptr<Mail>> asking;
  for (const auto* const last : {"5", "6", "7", "8"}) {
    asking.push_back(slow.mx.begin("", client(std::string("203.0.113.") + last)));
    asking.back()->ask(std::string("no") + last + "@example.com");
    slow.mx.run();
  }
  REQUIRE(backend.open() == 4);
  backend.replies["RCPT TO:<no"] = "550 5.1.1 no\r\n";
  size_t asked = 0;
  while (!backend.connections.at(asked).writes.back().ends_with("RCPT TO:<no5@example.com>\r\n"))
    ++asked;
  backend.send(asked, "550 5.1.1 no\r\n");
  slow.mx.run();
  CHECK(slow.mx.backends.snapshot()[0].pipelined == 1);
  for (const size_t i : {0U, 2U, 3U}) CHECK(asking[i]->code() == 550);
}

TEST_CASE("messages of few clients all have their turn, however few connections there are") {
  const auto cap = GENERATE(as<uint32_t>{}, 1, 2, 3, 4);
  const bool good = GENERATE(false, true);
  CAPTURE(cap, good);
  Slow slow(cap);
  for (size_t i = 0; i < 12; ++i) {
    const auto ip = "203.0.113." + std::to_string(1 + i % 3);
    slow.ask(good ? client(ip, true) : passed(ip));
  }
  for (const auto& mail : slow.mails) mail->transaction->start_data();
  slow.mx.run();
  for (size_t left = 12; left > 0; --left) {
    const auto has = [](const auto& mail) { return mail != nullptr && Slow::holds(*mail); };
    const auto one = std::find_if(slow.mails.begin(), slow.mails.end(), has);
    REQUIRE(one != slow.mails.end());
    slow.end(**one);
    *one = nullptr;
  }
  CHECK(ties(slow.mx) == 0);
  CHECK(slow.mx.backends.snapshot()[0].waiting == 0);
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
