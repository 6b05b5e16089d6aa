// DATA: ties, replay, the text, and custody of the message to the last reply.
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {

static size_t count(const Harness& mx, std::string_view prefix) {
  size_t found = 0;
  for (const auto& command : mx.backend.all_commands()) found += command.starts_with(prefix);
  return found;
}

// A message of which the backend waits for the text.
static std::unique_ptr<Mail> in_text(Harness& mx) {
  auto mail = mx.begin();
  mx.ask(*mail, "x@example.com");
  mail->transaction->start_data();
  mx.run();
  return mail;
}

TEST_CASE("the tied connection carries the mail") {
  Harness mx;
  auto mail = mx.begin();
  mx.ask(*mail, "x@example.com");
  CHECK(mx.deliver(*mail, ".dots\r\n..\r\n") == 250);
  CHECK(mail->events.final[0].reply.text() == "queued as X");
  CHECK(mail->events.final[0].said == "250 2.0.0 queued as X");
  CHECK(mx.backend.connections[0].text == "..dots\r\n...\r\n");
  CHECK(count(mx, "RCPT") == 1);
  CHECK(mx.backends.snapshot()[0].ties == 0);
  CHECK(mx.backends.snapshot()[0].idle == 1);
}

TEST_CASE("a tie that idles too long is given up, and everything is asked again") {
  Harness mx;
  auto mail = mx.begin();
  mx.ask(*mail, "x@example.com");
  mx.ask(*mail, "y@example.com");
  CHECK(mx.backends.snapshot()[0].ties == 1);
  mx.advance(10s);
  CHECK(mx.backends.snapshot()[0].ties == 0);
  CHECK(mx.deliver(*mail) == 250);
  CHECK(mx.backend.connections[0].writes[3] ==
        "RSET\r\nMAIL FROM:<a@client.example>\r\nRCPT TO:<x@example.com>\r\n"
        "RCPT TO:<y@example.com>\r\nDATA\r\n");
}

TEST_CASE("with one connection nothing is tied") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)});
  auto first = mx.begin(), second = mx.begin("b@client.example");
  CHECK(mx.ask(*first, "x@example.com") == 250);
  CHECK(mx.ask(*second, "y@example.com") == 250);
  CHECK(mx.deliver(*first) == 250);
  CHECK(mx.deliver(*second) == 250);
  CHECK(mx.backend.connections.size() == 1);
  CHECK(mx.backends.snapshot()[0].replays == 2);
}

TEST_CASE("a different answer at the replay is a 451") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)});
  auto mail = mx.begin();
  mx.ask(*mail, "x@example.com");
  mx.ask(*mail, "y@example.com");
  mx.backend.replies["RCPT TO:<y"] =
      GENERATE(as<std::string>{}, "550 5.1.1 no\r\n", "450 4.2.0 later\r\n");
  CHECK(mx.deliver(*mail) == 451);
  // DATA may have gone with it, but no text, nor a dot.
  for (const auto& connection : mx.backend.connections) {
    CHECK(connection.text.empty());
    for (const auto& command : connection.commands) CHECK(command != ".");
  }
  CHECK(mx.backend.messages.empty());
  CHECK(mx.ask("z@example.com") == 250);
}

TEST_CASE("a lost tie is not noticed") {
  Harness mx;
  auto mail = mx.begin();
  mx.ask(*mail, "x@example.com");
  SECTION("before DATA") {
    mx.backend.close(0);
    mx.run();
    CHECK(mx.backends.snapshot()[0].ties == 0);
  }
  SECTION("at DATA") { mx.backend.once = {"DATA", "421 4.4.2 bye\r\n"}; }
  SECTION("at the next RCPT") {
    mx.backend.once = {"RCPT", "-"};
    CHECK(mx.ask(*mail, "y@example.com") == 250);
  }
  CHECK(mx.deliver(*mail) == 250);
  CHECK(mx.backend.connections.size() == 2);
}

TEST_CASE("DATA that is lost is repeated on another connection once") {
  Harness mx;
  auto mail = mx.begin();
  mx.ask(*mail, "x@example.com");
  mx.backend.replies["DATA"] = "-";
  CHECK(mx.deliver(*mail) == 451);
  CHECK(count(mx, "DATA") == 2);
  CHECK(mx.backends.snapshot()[0].ties == 0);
}

TEST_CASE("DATA refused is the client's answer") {
  Harness mx;
  auto mail = mx.begin();
  mx.ask(*mail, "x@example.com");
  SECTION("for good") {
    mx.backend.replies["DATA"] = "554 5.7.1 no\r\n";
    CHECK(mx.deliver(*mail) == 554);
  }
  SECTION("for now") {
    mx.backend.replies["DATA"] = "450 4.7.1 later\r\n";
    CHECK(mx.deliver(*mail) == 451);
  }
  SECTION("250 instead of 354") {
    mx.backend.replies["DATA"] = "250 ok\r\n";
    CHECK(mx.deliver(*mail) == 451);
  }
  SECTION("no recipients, it thinks") {
    mx.backend.replies["DATA"] = "554 5.5.1 no valid recipients\r\n";
    CHECK(mx.deliver(*mail) == 451);
  }
  CHECK(mail->events.final.empty());
  CHECK(mx.backends.snapshot()[0].ties == 0);
}

TEST_CASE("the reply to the dot becomes ours") {
  struct Row {
    const char* reply;
    int code;
    bool maybe;
  };
  const auto row = GENERATE(values<Row>({{"250 2.0.0 ok\r\n", 250, false},
                                         {"451 4.3.0 disk\r\n", 451, false},
                                         {"452 4.3.1 disk\r\n", 452, false},
                                         {"421 4.3.2 bye\r\n", 451, false},
                                         {"550 5.7.1 spam\r\n", 550, false},
                                         {"354 more\r\n", 451, true},
                                         {"999 what\r\n", 451, true},
                                         {"-", 451, true}}));
  CAPTURE(row.reply);
  Harness mx;
  auto mail = mx.begin();
  mx.ask(*mail, "x@example.com");
  mx.backend.replies["."] = row.reply;
  CHECK(mx.deliver(*mail) == row.code);
  REQUIRE(mail->events.final.size() == 1);
  CHECK(mail->events.final[0].maybe_delivered == row.maybe);
  CHECK(mx.ask("y@example.com") == 250);  // the next message is fine
}

TEST_CASE("after the dot the reply is waited for, up to the limit") {
  Harness mx;
  auto mail = mx.begin();
  mx.ask(*mail, "x@example.com");
  mx.backend.replies["."] = "";
  CHECK(mx.deliver(*mail) == 0);
  mx.advance(9min - 1s);
  CHECK(mail->events.final.empty());
  SECTION("it comes") {
    mx.backend.send(0, "250 2.0.0 at last\r\n");
    mx.run();
    CHECK(mail->events.final[0].reply.code == 250);
  }
  SECTION("it does not") {
    mx.advance(1s);
    CHECK(mail->events.final[0].reply.code == 451);
    CHECK(mail->events.final[0].maybe_delivered);
    CHECK(mx.backend.open() == 0);
  }
}

TEST_CASE("a backend lost in the text is told at once and is never a 250") {
  Harness mx;
  auto mail = in_text(mx);
  mail->transaction->write("Subject: x\r\n");
  SECTION("closed") { mx.backend.close(0); }
  SECTION("a reply too early") { mx.backend.send(0, "250 2.0.0 thanks\r\n"); }
  mx.run();
  REQUIRE(mail->events.final.size() == 1);
  CHECK(mail->events.final[0].reply.code == 451);
  CHECK_FALSE(mail->events.final[0].maybe_delivered);
  CHECK(mail->transaction->write("more\r\n"));
  mail->transaction->finish();
  mx.run();
  CHECK(mail->events.final.size() == 1);
}

TEST_CASE("a backend that refuses the text half-way is heard, and left") {
  struct Row {
    const char* reply;
    int code;
    const char* status;
  };
  const auto row = GENERATE(values<Row>({{"552 5.3.4 too big\r\n", 552, "5.3.4"},
                                         {"554-5.7.1 not\r\n554 5.7.1 this\r\n", 554, "5.7.1"},
                                         {"451 4.3.0 disk\r\n", 451, "4.3.0"},
                                         {"452 4.3.1 disk\r\n", 452, "4.3.1"},
                                         {"421 4.3.2 bye\r\n", 451, "4.4.5"},
                                         {"503 5.5.1 what\r\n", 451, "4.3.5"},
                                         {"550 5.7.23 SPF\r\n", 451, "4.3.5"}}));
  const auto chunk = GENERATE(as<size_t>{}, 1, 2, 3, 0);
  CAPTURE(row.reply, chunk);
  Harness mx;
  auto mail = in_text(mx);
  mail->transaction->write("Subject: x\r\n");
  mx.backend.chunk = chunk;
  mx.backend.send(0, row.reply);
  mx.run();
  REQUIRE(mail->events.final.size() == 1);
  CHECK(mail->events.final[0].reply.code == row.code);
  CHECK(mail->events.final[0].reply.status() == row.status);
  CHECK(mail->events.final[0].said.find(std::string(row.reply, 3)) != std::string::npos);
  CHECK_FALSE(mail->events.final[0].maybe_delivered);
  CHECK(mx.backend.open() == 0);
  CHECK(mx.backends.snapshot()[0].ties == 0);
}

TEST_CASE("a reply that began before the dot is no 250 for it") {
  Harness mx;
  auto mail = in_text(mx);
  mail->transaction->write("Subject: x\r\n");
  mx.backend.send(0, "250 2.0.0 qu");
  mx.run();
  mx.backend.replies["."] = "";
  if (mail->events.final.empty()) mail->transaction->finish();
  mx.run();
  if (mail->events.final.empty()) mx.backend.send(0, "eued\r\n");
  mx.run();
  REQUIRE(mail->events.final.size() == 1);
  CHECK(mail->events.final[0].reply.code == 451);
}

TEST_CASE("a client that leaves in the text takes the connection with it") {
  Harness mx;
  auto mail = in_text(mx);
  mail->transaction->write("Subject: x\r\n");
  mail = nullptr;
  mx.run();
  CHECK(mx.backend.open() == 0);
  CHECK(mx.backends.snapshot()[0].open == 0);
  CHECK(mx.backends.snapshot()[0].ties == 0);
  CHECK(count(mx, ".") == 0);
}

TEST_CASE("a connection that is cut off counts until the backend has closed it, too") {
  enum class Cause { Left, Refused, Blocked };
  const auto cause = GENERATE(Cause::Left, Cause::Refused, Cause::Blocked);
  const bool closes = GENERATE(true, false);
  CAPTURE(static_cast<int>(cause), closes);
  Harness mx({route_to({"192.0.2.7:25"}, 1)});
  mx.backend.ignore_ends = true;
  auto mail = in_text(mx);
  mail->transaction->write("Subject: x\r\n");
  if (cause == Cause::Left) mail = nullptr;
  if (cause == Cause::Refused) mx.backend.send(0, "421 4.3.2 bye\r\n");
  if (cause == Cause::Blocked) {
    mx.backend.peer(0).congested = true;
    CHECK_FALSE(mail->transaction->write("x\r\n"));
    mx.advance(3min);
  }
  mx.run();
  CHECK(mx.backend.peer(0).cut);
  auto next = mx.begin("b@client.example");
  CHECK(mx.ask(*next, "y@example.com") == 0);
  CHECK(mx.backends.snapshot()[0].open == 1);
  CHECK(mx.backend.connections.size() == 1);
  mx.backend.ignore_ends = !closes;
  closes ? mx.run() : mx.advance(2s);
  CHECK(next->code() == 250);
  CHECK(mx.backend.connections.size() > 1);
  CHECK(mx.backend.open() == 1);
  CHECK(count(mx, ".") == 0);
}

TEST_CASE("a slow backend slows the client down, and three minutes are too slow") {
  Harness mx;
  auto mail = in_text(mx);
  mx.backend.peer(0).congested = true;
  CHECK_FALSE(mail->transaction->write("Subject: x\r\n"));
  SECTION("it goes on") {
    mx.backend.peer(0).stream->drained();
    mx.run();
    CHECK(mail->events.room == 1);
    CHECK(mail->transaction->write("\r\n"));
    mx.advance(4min);
    CHECK(mail->events.final.empty());
  }
  SECTION("it does not") {
    mx.advance(3min);
    REQUIRE(mail->events.final.size() == 1);
    CHECK(mail->events.final[0].reply.code == 451);
  }
}

TEST_CASE("a 354 that does not come is a 451") {
  Harness mx;
  auto mail = mx.begin();
  mx.ask(*mail, "x@example.com");
  mx.backend.replies["DATA"] = "";
  CHECK(mx.deliver(*mail) == 0);
  mx.advance(2min);
  REQUIRE(mail->events.ready.size() == 1);
  CHECK(mail->events.ready[0].reply.code == 451);
}

TEST_CASE("ties leave room for questions") {
  const auto good = [](int i) { return client("203.0.113." + std::to_string(i + 1), true); };
  Harness mx({route_to({"192.0.2.7:25"}, 8)});
  std::vector<std::unique_ptr<Mail>> mails;
  SECTION("strangers hold half at most") {
    for (int i = 0; i < 8; ++i) {
      mails.push_back(mx.begin("a@client.example", client("203.0.113." + std::to_string(i + 1))));
      CHECK(mx.ask(*mails.back(), "x@example.com") == 250);
    }
    CHECK(mx.backends.snapshot()[0].ties == 4);
  }
  SECTION("one client a tenth") {
    for (int i = 0; i < 4; ++i) {
      mails.push_back(mx.begin());
      mx.ask(*mails.back(), "x@example.com");
    }
    CHECK(mx.backends.snapshot()[0].ties == 1);
  }
  SECTION("a quarter is rounded up") {
    Harness five({route_to({"192.0.2.7:25"}, 5)});
    for (int i = 0; i < 5; ++i) {
      mails.push_back(five.begin("a@client.example", good(i)));
      five.ask(*mails.back(), "x@example.com");
    }
    CHECK(five.backends.snapshot()[0].ties == 3);
    mails.clear();
  }
  SECTION("a tenth of twenty is two") {
    Harness twenty({route_to({"192.0.2.7:25"}, 20)});
    for (int i = 0; i < 4; ++i) {
      mails.push_back(twenty.begin());
      twenty.ask(*mails.back(), "x@example.com");
    }
    CHECK(twenty.backends.snapshot()[0].ties == 2);
    mails.clear();
  }
  SECTION("the good all but a quarter") {
    for (int i = 0; i < 8; ++i) {
      mails.push_back(mx.begin("a@client.example", good(i)));
      mx.ask(*mails.back(), "x@example.com");
    }
    CHECK(mx.backends.snapshot()[0].ties == 6);
  }
  SECTION("one good client all but the last of these") {
    for (int i = 0; i < 8; ++i) {
      mails.push_back(mx.begin("a@client.example", good(0)));
      mx.ask(*mails.back(), "x@example.com");
    }
    CHECK(mx.backends.snapshot()[0].ties == 5);
  }
}

TEST_CASE("while questions wait, the oldest idle tie of a stranger is given up") {
  Harness mx({route_to({"192.0.2.7:25"}, 2)});
  auto tied = mx.begin();
  mx.ask(*tied, "x@example.com");
  CHECK(mx.backends.snapshot()[0].ties == 1);
  mx.backend.replies["RCPT TO:<slow"] = "";
  auto slow = mx.begin("s@client.example", client("203.0.113.7"));
  slow->ask("slow@example.com");
  mx.run();
  auto next = mx.begin("n@client.example", client("203.0.113.8"));
  CHECK(mx.ask(*next, "y@example.com") == 250);
  CHECK(mx.backends.snapshot()[0].ties <= 1);
  CHECK(mx.deliver(*tied) == 250);
  CHECK(mx.backend.connections.size() == 2);
}

}  // namespace ravelin::test

namespace ravelin::test {

TEST_CASE("DATA goes with what is asked again, where the backend takes it so") {
  const bool pipelining = GENERATE(true, false);
  const auto chunk = GENERATE(as<size_t>{}, 0, 1);
  CAPTURE(pipelining, chunk);
  Harness mx({route_to({"192.0.2.7:25"}, 1)});
  mx.backend.chunk = chunk;
  if (!pipelining) mx.backend.ehlo = "250 mail.internal\r\n";
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "x@example.com") == 250);
  SECTION("and is refused") {
    mx.backend.replies["DATA"] = "451 4.3.2 not now\r\n";
    CHECK(mx.deliver(*mail) == 451);
  }
  SECTION("and the client leaves") {
    mx.backend.replies["RCPT TO:<x"] = "";
    mail->transaction->start_data();
    mx.run();
    mail = nullptr;
    mx.advance(61s);
  }
  SECTION("and the text follows") { CHECK(mx.deliver(*mail) == 250); }
  const auto& writes = mx.backend.connections[0].writes;
  const bool together = std::any_of(writes.begin(), writes.end(), [](const auto& write) {
    return write.ends_with("RCPT TO:<x@example.com>\r\nDATA\r\n");
  });
  CHECK(together == pipelining);
  mx.backend.replies = {{"DATA", "354 go on\r\n"}};
  auto next = mx.begin();
  CHECK(mx.ask(*next, "y@example.com") == 250);
  CHECK(mx.deliver(*next) == 250);
  CHECK(mx.backend.open() <= 1);
}

}  // namespace ravelin::test
