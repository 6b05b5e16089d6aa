// What one question's answer means for others: equal questions in flight, kept refusals.
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {

using proxy::AnswerSource;

static size_t asked(const Harness& mx, std::string_view command = "RCPT") {
  size_t found = 0;
  for (const auto& line : mx.backend.all_commands()) found += line.starts_with(command);
  return found;
}

TEST_CASE("every refusal in words of the backend is shared with those who asked the same") {
  struct Row {
    const char* command;
    const char* reply;
    int code;
  };
  const auto row = GENERATE(values<Row>({{"RCPT", "550 no\r\n", 550},
                                         {"RCPT", "550 5.7.1 policy\r\n", 550},
                                         {"RCPT", "450 4.2.0 greylisted\r\n", 451},
                                         {"RCPT", "452 4.2.2 full\r\n", 452},
                                         {"MAIL", "550 5.1.8 no such domain\r\n", 550},
                                         {"MAIL", "451 4.1.8 who knows\r\n", 451}}));
  CAPTURE(row.reply);
  Harness mx;
  mx.backend.replies[row.command] = row.reply;
  std::vector<std::unique_ptr<Mail>> mails;
  for (int i = 0; i < 10; ++i) {
    mails.push_back(mx.begin());
    mails.back()->ask("x@example.com");
  }
  mx.run();
  for (const auto& mail : mails) CHECK(mail->code() == row.code);
  CHECK(asked(mx) == 1);
}

TEST_CASE(
    "where the backend is told whose question it is, only what is about the mailbox is shared") {
  auto route = route_to({"192.0.2.7:25"}, 2);
  route.client_info = proxy::ClientInfo::Xforward;
  Harness mx({route});
  const bool mailbox = GENERATE(false, true);
  mx.backend.once = {"RCPT", mailbox ? "550 5.1.1 no\r\n" : "550 5.7.1 client blocked\r\n"};
  auto blocked = mx.begin("n@client.example"), other = mx.begin("n@client.example");
  blocked->ask("x@example.com");
  other->ask("x@example.com");
  mx.run();
  CHECK(blocked->code() == 550);
  CHECK(other->code() == (mailbox ? 550 : 250));
}

TEST_CASE("nobody waits for another's question about a recipient that was accepted lately") {
  Harness mx;
  mx.config.verify.timeout = 20s;
  mx.backends.configure(mx.config);
  REQUIRE(mx.ask("x@example.com") == 250);
  const bool gone = GENERATE(false, true);
  if (gone) {  // and not seen since: a refusal is likely, and one is enough for all
    mx.backend.replies["RCPT"] = "550 5.7.1 no\r\n";
    REQUIRE(mx.ask("x@example.com") == 550);
    mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
    REQUIRE(mx.ask("x@example.com") == 451);
    mx.workers[0]->sweep(mx.reactor.now());
  }
  const auto before = asked(mx);
  mx.backend.replies["RCPT"] = "";
  auto first = mx.begin(), second = mx.begin();
  first->ask("x@example.com");
  second->ask("x@example.com");
  mx.run();
  CHECK(asked(mx) - before == (gone ? 1U : 2U));
}

TEST_CASE("a bare 550 is for equal senders only, and not kept") {
  Harness mx;
  mx.backend.replies["RCPT"] = "550 no\r\n";
  auto one = mx.begin("a@client.example"), other = mx.begin("b@client.example");
  one->ask("x@example.com");
  other->ask("x@example.com");
  mx.run();
  CHECK(asked(mx) == 2);
  CHECK(one->events.last().unknown);
  CHECK(mx.ask("x@example.com") == 550);
  CHECK(asked(mx) == 3);
}

TEST_CASE("trouble is nobody else's: each asks for itself") {
  Harness mx;
  mx.backend.replies["RCPT"] = "-";
  auto one = mx.begin(), other = mx.begin();
  one->ask("x@example.com");
  other->ask("x@example.com");
  mx.run();
  CHECK(one->code() == 451);
  CHECK(other->code() == 451);
  CHECK(asked(mx) == 2);
}

TEST_CASE("an answer that comes late is not taken for that to the next question") {
  Harness mx;
  mx.config.verify.timeout = 20s;
  mx.backends.configure(mx.config);
  mx.backend.replies["RCPT"] = "";
  auto first = mx.begin(), second = mx.begin(), third = mx.begin();
  first->ask("gone@example.com");
  second->ask("gone@example.com");
  mx.run();
  mx.reactor.advance(20s);
  mx.backend.send(0, "550 5.1.1 no\r\n");
  mx.backend.run();  // the first has its answer; the news for the second is on its way
  CHECK(first->code() == 550);
  mx.workers[0]->sweep(mx.reactor.now());
  mx.backend.run();
  CHECK(second->code() == 451);  // its time was over in the same turn
  third->ask("there@example.com");
  second->ask("there@example.com");
  mx.run();
  REQUIRE(second->events.recipients.size() == 1);
  mx.backend.replies["RCPT"] = "250 ok\r\n";
  mx.backend.send(mx.backend.connections.size() - 1, "250 2.1.5 ok\r\n");
  mx.run();
  CHECK(second->code() == 250);
}

TEST_CASE("a good client does not wait for the question of a stranger") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)});
  mx.ask("warm@example.com");
  mx.backend.replies["RCPT"] = "550 5.7.1 no\r\n";
  mx.backend.replies["RCPT TO:<slow"] = "";
  auto slow = mx.begin("s@client.example"), before = mx.begin("t@client.example");
  auto stranger = mx.begin(), good = mx.begin("a@client.example", client("203.0.113.9", true));
  slow->ask("slow@example.com");
  before->ask("before@example.com");
  stranger->ask("x@example.com");
  good->ask("x@example.com");
  good->events.then = [&] {
    CHECK(before->code() == 0);
    CHECK(stranger->code() == 0);
  };
  mx.run();
  mx.backend.send(0, "550 5.7.1 no\r\n");
  mx.run();
  CHECK(good->code() == 550);
  CHECK(stranger->code() == 550);
}

TEST_CASE("negative_ttl = 0 keeps nothing") {
  Harness mx;
  mx.config.verify.negative_ttl = 0s;
  mx.backends.configure(mx.config);
  mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
  for (int i = 0; i < 3; ++i) CHECK(mx.ask("x@example.com") == 550);
  CHECK(asked(mx) == 3);
  CHECK(mx.backends.negative_answers() == 0);
}

TEST_CASE("a reload forgets what was kept: the backends may be others now") {
  Harness mx;
  mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
  CHECK(mx.ask("x@example.com") == 550);
  mx.backend.replies["RCPT"] = "250 ok\r\n";
  CHECK(mx.ask("x@example.com") == 550);
  mx.config.routes[0].backends = {"192.0.2.9:25"};
  mx.backends.configure(mx.config);
  CHECK(mx.ask("x@example.com") == 250);
}

TEST_CASE("whoever is accepted is no longer refused to strangers") {
  Harness mx;
  mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
  CHECK(mx.ask("new@example.com") == 550);
  mx.backend.replies["RCPT"] = "250 ok\r\n";
  CHECK(mx.ask("new@example.com") == 550);  // as it was a moment ago
  CHECK(mx.ask("new@example.com", client("203.0.113.9", true)) == 250);
  CHECK(mx.ask("new@example.com") == 250);
}

TEST_CASE("a client with any standing gets live answers") {
  Harness mx;
  mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
  mx.ask("x@example.com");
  auto known = client("203.0.113.9");
  known.known = true;
  mx.backend.replies["RCPT"] = "250 ok\r\n";
  CHECK(mx.ask("x@example.com", known) == 250);
}

TEST_CASE("codes that the route names mean no such user") {
  auto route = route_to({"192.0.2.7:25"});
  route.unknown_codes = {"5.4.1"};
  Harness mx({route});
  mx.backend.replies["RCPT"] = "550 5.4.1 Recipient address rejected: Access denied\r\n";
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "x@example.com") == 550);
  CHECK(mail->events.last().unknown);
  CHECK(mx.backends.negative_answers() == 1);
}

TEST_CASE("words of the client in the backend's reply are not the backend's") {
  Harness mx;
  const auto* const local =
      GENERATE("relay-denied", "192.0.2.25", "relay.not.allowed", "\"blocked using\"");
  CAPTURE(local);
  const auto recipient = std::string(local) + "@example.com";
  mx.backend.replies["RCPT"] =
      "550 5.1.1 <" + recipient + ">: Recipient address rejected: User unknown\r\n";
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, recipient) == 550);
  CHECK(mail->events.last().unknown);
  CHECK(mx.backend.open() == 1);
}

}  // namespace ravelin::test
