// One backend, one worker: what a question looks like on the wire and what comes of each answer.
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {

using proxy::AnswerSource;

TEST_CASE("a refusal costs one write and the connection is used again") {
  Harness mx;
  mx.backend.replies["RCPT"] = "550 5.1.1 <x>: User unknown\r\n";
  CHECK(mx.ask("no1@example.com") == 550);
  CHECK(mx.ask("no2@example.com") == 550);
  REQUIRE(mx.backend.connections.size() == 1);
  const auto& writes = mx.backend.connections[0].writes;
  REQUIRE(writes.size() == 3);
  CHECK(writes[0] == "EHLO mx.example.net\r\n");
  CHECK(writes[1] == "MAIL FROM:<a@client.example>\r\nRCPT TO:<no1@example.com>\r\n");
  CHECK(writes[2] == "RSET\r\nMAIL FROM:<a@client.example>\r\nRCPT TO:<no2@example.com>\r\n");
}

TEST_CASE("replies are the same in pieces, pipelined or step by step") {
  const auto chunk = GENERATE(as<size_t>{}, 1, 2, 3, 0);
  const bool pipelining = GENERATE(true, false);
  CAPTURE(chunk, pipelining);
  Harness mx;
  mx.backend.chunk = chunk;
  if (!pipelining) mx.backend.ehlo = "250-mail.internal\r\n250 SIZE\r\n";
  mx.backend.replies["RCPT TO:<no"] = "550-5.1.1 no such\r\n550 5.1.1 user\r\n";
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "no@example.com") == 550);
  CHECK(mail->events.last().unknown);
  CHECK(mail->events.last().reply.text() == "no such user");
  CHECK(mx.ask(*mail, "yes@example.com") == 250);
  CHECK(mx.deliver(*mail) == 250);
  CHECK(mx.backend.connections[0].text == "Subject: x\r\n\r\nhello\r\n");
  CHECK(mx.backend.connections.size() == 1);
}

TEST_CASE("the log gets the backend's words, the client never its name") {
  Harness mx;
  mx.backend.replies["RCPT TO:<a@"] = "550 5.1.1 ask mail.internal\r\n";
  mx.backend.replies["RCPT TO:<b@"] = "550 5.1.1 refused by 192.0.2.7\r\n";
  mx.backend.replies["RCPT TO:<c@"] = "550 no\r\n";
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "a@example.com") == 550);
  CHECK(mail->events.last().reply.text().find("internal") == std::string::npos);
  CHECK(mail->events.last().said ==
        "host 192.0.2.7[192.0.2.7] said: 550 5.1.1 ask mail.internal (in reply to RCPT TO "
        "command)");
  CHECK(mail->events.last().relay == "192.0.2.7[192.0.2.7]:25");
  mx.ask(*mail, "b@example.com");
  CHECK(mail->events.last().reply.text().find("192.0.2.7") == std::string::npos);
  mx.ask(*mail, "c@example.com");
  CHECK(mail->events.last().reply.status() == "5.0.0");
}

TEST_CASE("a reply without words gets some") {
  Harness mx;
  mx.backend.replies["RCPT TO:<a@"] = "550 5.1.1\r\n";
  mx.backend.replies["RCPT TO:<b@"] = "450\r\n";
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "a@example.com") == 550);
  CHECK(mail->events.last().reply.text() == "Refused by the mail server");
  CHECK(mail->events.last().said ==
        "host 192.0.2.7[192.0.2.7] said: 550 5.1.1 (in reply to RCPT TO command)");
  CHECK(mx.ask(*mail, "b@example.com") == 451);
  CHECK(mail->events.last().reply.text() == "Try again later");
  CHECK(mail->events.last().said ==
        "host 192.0.2.7[192.0.2.7] said: 450 (in reply to RCPT TO command)");
}

TEST_CASE("each recipient gets its own answer, DATA goes to the accepted") {
  Harness mx;
  mx.backend.replies["RCPT TO:<no@"] = "550 5.1.1 no\r\n";
  mx.backend.replies["RCPT TO:<full@"] = "450 4.2.2 full\r\n";
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "yes@example.com") == 250);
  CHECK(mx.ask(*mail, "no@example.com") == 550);
  CHECK(mx.ask(*mail, "full@example.com") == 451);
  CHECK(mail->events.last().reply.status() == "4.2.2");
  CHECK(mx.ask(*mail, "too@example.com") == 250);
  CHECK(mx.deliver(*mail) == 250);
  const std::vector<std::string> want{"EHLO mx.example.net",
                                      "MAIL FROM:<a@client.example>",
                                      "RCPT TO:<yes@example.com>",
                                      "RCPT TO:<no@example.com>",
                                      "RCPT TO:<full@example.com>",
                                      "RCPT TO:<too@example.com>",
                                      "DATA",
                                      "."};
  CHECK(mx.backend.connections[0].commands == want);
}

TEST_CASE("behind a refused MAIL the answer to RCPT says nothing") {
  Harness mx;
  mx.backend.replies["MAIL"] = "550 5.1.8 sender domain does not exist\r\n";
  mx.backend.replies["RCPT"] = "503 5.5.1 need MAIL\r\n";
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "yes@example.com") == 550);
  CHECK(mail->events.last().reply.status() == "5.1.8");
  CHECK_FALSE(mail->events.last().unknown);
  mx.backend.replies["MAIL"] = "550 5.7.1 policy\r\n";
  CHECK(mx.ask(*mail, "yes@example.com") == 451);
  CHECK(mail->events.last().source == AnswerSource::OurTrouble);
  CHECK(mx.journal.has("policy"));
  CHECK(mx.backend.connections.size() == 1);
}

TEST_CASE("what is kept for strangers is not used for clients with standing") {
  Harness mx;
  mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
  mx.ask("no@example.com");
  const auto asked = mx.backend.all_commands().size();
  auto stranger = mx.begin();
  CHECK(mx.ask(*stranger, "no@example.com") == 550);
  CHECK(stranger->events.last().source == AnswerSource::Shared);
  CHECK(mx.backend.all_commands().size() == asked);
  mx.backend.replies["RCPT"] = "250 ok\r\n";
  CHECK(mx.ask("no@example.com", client("203.0.113.6", true)) == 250);
  CHECK(mx.ask("no@example.com") == 250);  // and strangers get what is true now
  mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
  mx.ask("other@example.com");
  mx.backend.replies["RCPT"] = "250 ok\r\n";
  CHECK(mx.backends.forget("other@example.com") == 1);
  CHECK(mx.ask("other@example.com") == 250);
}

TEST_CASE("kept answers end, and only those about the mailbox are kept") {
  Harness mx;
  mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
  mx.ask("no@example.com");
  CHECK(mx.backends.negative_answers() == 1);
  mx.reactor.advance(5min);
  mx.backend.replies["RCPT"] = "550 no\r\n";
  auto mail = mx.begin();
  mx.ask(*mail, "no@example.com");
  CHECK(mail->events.last().source == AnswerSource::Backend);
  for (const auto* reply :
       {"550 no\r\n", "550 5.7.1 no\r\n", "450 4.1.1 no\r\n", "552 5.2.2 no\r\n"}) {
    CAPTURE(reply);
    mx.backends.forget("example.com");
    mx.backend.replies["RCPT"] = reply;
    mx.ask("other@example.com");
    CHECK(mx.backends.negative_answers() == 0);
  }
}

TEST_CASE("recipients_file answers before the backend does") {
  auto route = route_to({"192.0.2.7:25"});
  route.recipients_file = "recipients";
  route.recipients = {"alice@example.com"};
  Harness mx({route});
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "mallory@example.com") == 550);
  CHECK(mail->events.last().source == AnswerSource::File);
  CHECK(mx.backend.connections.empty());
  CHECK(mx.ask(*mail, "Alice@example.com") == 250);
}

TEST_CASE("a postmaster without a domain belongs to the first one") {
  Harness mx;
  auto mail = mx.begin();
  smtp::RcptCommand rcpt{{"postmaster", ""}, 0, {}};
  mx.workers[0]->canonicalise(rcpt.to);
  mail->transaction->recipient(rcpt);
  mx.run();
  CHECK(mx.backend.connections[0].commands.back() == "RCPT TO:<postmaster@example.com>");
}

TEST_CASE("the recipients of a mail share a backend") {
  auto other = route_to({"192.0.2.8:25"});
  other.domains = {"example.org"};
  auto same = route_to({"192.0.2.7:25"});
  same.domains = {"example.net"};
  Harness mx({route_to({"192.0.2.7:25"}), other, same});
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "a@example.com") == 250);
  CHECK(mx.ask(*mail, "b@example.org") == 452);
  CHECK(mail->events.last().source == AnswerSource::Pinned);
  CHECK(mx.ask(*mail, "c@example.net") == 250);
}

TEST_CASE("equal questions are asked once, and share refusals only") {
  Harness mx;
  mx.backend.replies["RCPT"] = GENERATE(as<std::string>{}, "550 5.7.1 no\r\n", "250 2.1.5 ok\r\n");
  const bool refused = mx.backend.replies["RCPT"].starts_with("550");
  auto first = mx.begin(), second = mx.begin(), other = mx.begin("b@client.example");
  first->ask("x@example.com");
  second->ask("x@example.com");
  other->ask("x@example.com");
  mx.run();
  CHECK(first->code() == second->code());
  CHECK(first->code() == other->code());
  CHECK(first->events.last().source == AnswerSource::Backend);
  CHECK(second->events.last().source == (refused ? AnswerSource::Shared : AnswerSource::Backend));
  CHECK(other->events.last().source == AnswerSource::Backend);
  size_t asked = 0;
  for (const auto& command : mx.backend.all_commands()) asked += command.starts_with("RCPT");
  CHECK(asked == (refused ? 2U : 3U));
}

TEST_CASE("who joined asks itself when the first one leaves") {
  Harness mx;
  mx.ask("warm@example.com");  // a connection that takes no further commands
  mx.backend.replies["MAIL"] = "";
  auto first = mx.begin(), second = mx.begin();
  first->ask("x@example.com");
  second->ask("x@example.com");
  mx.run();
  first = nullptr;
  mx.backend.replies["MAIL"] = "250 ok\r\n";
  mx.run();
  CHECK(second->code() == 250);
}

TEST_CASE("a client that leaves costs no connection") {
  Harness mx;
  mx.backend.replies["RCPT"] = "550 5.7.1 no\r\n";
  mx.ask("x@example.com");
  auto mail = mx.begin();
  mail->ask("y@example.com");
  mail = nullptr;  // asked, not answered
  mx.run();
  CHECK(mx.ask("z@example.com") == 550);
  CHECK(mx.backend.connections.size() == 1);
}

TEST_CASE("an answer may end the transaction that it came for") {
  Harness mx;
  auto mail = mx.begin();
  mail->events.then = [&] { mail->transaction = nullptr; };
  mail->ask("x@example.com");
  mx.run();
  CHECK(mail->code() == 250);
}

TEST_CASE("a refusal that names the address we connect from is about us") {
  Harness mx;
  mx.backend.ehlo = "250-mail\r\n250 PIPELINING\r\n";  // does not say who we are
  mx.backend.replies["RCPT"] = "550 5.7.1 Service unavailable for [198.51.100.7]\r\n";
  auto mail = mx.begin();
  mail->ask("x@example.com");
  mx.reactor.run();
  mx.connector.opened[0].peer->local = *dns::IpAddress::parse("198.51.100.7");
  mx.run();
  CHECK(mail->code() == 451);
  CHECK(mx.backend.open() == 0);
}

}  // namespace ravelin::test
