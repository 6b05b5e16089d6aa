// Questions of several clients under way on one connection.
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {
namespace {

using proxy::AnswerSource;

// One connection, on which a first question is not answered yet, and others that wait for it.
struct Crowd {
  explicit Crowd(proxy::RouteSettings route = route_to({"192.0.2.7:25"}, 1))
      : mx({std::move(route)}) {
    mx.backend.replies["RCPT TO:<no"] = "550 5.1.1 no\r\n";
    mx.backend.replies["RCPT TO:<first"] = "";
    first = mx.begin("f@client.example", client("203.0.113.1"));
    first->ask("first@example.com");
    mx.run();
    mx.backend.replies["RCPT TO:<first"] = "550 5.1.1 no\r\n";
  }
  Mail& wait(const std::string& recipient, bool good = false, const std::string& from = "") {
    const auto ip = "203.0.113." + std::to_string(10 + waiting.size());
    waiting.push_back(mx.begin(from, client(ip, good)));
    waiting.back()->ask(recipient);
    return *waiting.back();
  }
  void answer_first() {
    mx.backend.send(0, "550 5.1.1 no\r\n");
    mx.run();
  }
  // From now on it answers nothing.
  void silence() {
    for (const auto* const command : {"RSET", "MAIL", "RCPT"}) mx.backend.replies[command] = "";
    mx.backend.replies.erase("RCPT TO:<no");
    mx.backend.replies.erase("RCPT TO:<first");
  }
  const std::vector<std::string>& writes(size_t i = 0) { return mx.backend.connections[i].writes; }

  Harness mx;
  std::unique_ptr<Mail> first;
  std::vector<std::unique_ptr<Mail>> waiting;
};

std::string group(const std::string& recipient, const std::string& from = "") {
  return "RSET\r\nMAIL FROM:<" + from + ">\r\nRCPT TO:<" + recipient + ">\r\n";
}

}  // namespace

TEST_CASE("who waits for a connection asks behind the next one, in the same write") {
  Crowd crowd;
  crowd.mx.backend.chunk = GENERATE(as<size_t>{}, 0, 1);
  auto& no1 = crowd.wait("no1@example.com");
  auto& no2 = crowd.wait("no2@example.com");
  auto& later = crowd.wait("later@example.com", false, "x@client.example");
  crowd.mx.backend.replies["RCPT TO:<later"] = "450 4.2.2 full\r\n";
  crowd.answer_first();
  CHECK(no1.code() == 550);
  CHECK(no2.code() == 550);
  CHECK(no2.events.last().unknown);
  CHECK(no2.events.last().source == AnswerSource::Backend);
  CHECK(later.code() == 451);
  REQUIRE(crowd.writes().size() == 3);
  // Bounces and other mail are in turn in front; behind it counts who has waited for longest.
  CHECK(crowd.writes()[2] == group("later@example.com", "x@client.example") +
                                 group("no1@example.com") + group("no2@example.com"));
  CHECK(crowd.mx.backends.snapshot()[0].pipelined == 2);
}

TEST_CASE("who is accepted in front of others asks again at DATA, the last one keeps it") {
  Crowd crowd;
  auto& front = crowd.wait("yes1@example.com");
  auto& last = crowd.wait("yes2@example.com");
  crowd.answer_first();
  CHECK(front.code() == 250);
  CHECK(last.code() == 250);
  CHECK(crowd.mx.deliver(front) == 250);
  CHECK(crowd.mx.deliver(last) == 250);
  REQUIRE(crowd.mx.backend.messages.size() == 2);
  CHECK(crowd.mx.backend.messages[0].envelope ==
        std::vector<std::string>{"MAIL FROM:<>", "RCPT TO:<yes1@example.com>"});
  CHECK(crowd.mx.backend.messages[1].envelope ==
        std::vector<std::string>{"MAIL FROM:<>", "RCPT TO:<yes2@example.com>"});
}

TEST_CASE("with more connections the last one accepted keeps its own") {
  Crowd crowd(route_to({"192.0.2.7:25"}, 2));
  crowd.mx.backend.replies["RCPT TO:<other"] = "";
  auto& other = crowd.wait("other@example.com");
  crowd.mx.run();
  CHECK(other.code() == 0);
  auto& front = crowd.wait("yes1@example.com");
  auto& last = crowd.wait("yes2@example.com");
  crowd.answer_first();
  CHECK(front.code() == 250);
  CHECK(last.code() == 250);
  CHECK(crowd.mx.backends.snapshot()[0].ties == 1);
  CHECK(crowd.mx.deliver(last) == 250);
  CHECK(crowd.mx.backends.snapshot()[0].replays == 0);
}

TEST_CASE("never more behind one another than the backend's patience allows") {
  auto route = route_to({"192.0.2.7:25"}, 1);
  std::string_view counted = "MAIL";
  size_t most = 3, most_together = 9;
  SECTION("refusals") { route.max_refusals = 3; }
  SECTION("RSETs") {
    route.max_resets = 3;
    counted = "RSET";
  }
  SECTION("MAILs") { route.max_mails = 3; }
  SECTION("as configured") {
    most_together = route.pipelined_questions = 2;
    most = 9;
  }
  Crowd crowd(route);
  for (int i = 0; i < 6; ++i) crowd.wait("no" + std::to_string(i) + "@example.com");
  crowd.answer_first();
  for (const auto& mail : crowd.waiting) CHECK(mail->code() == 550);
  for (const auto& connection : crowd.mx.backend.connections) {
    size_t count = 0;
    for (const auto& command : connection.commands) count += command.starts_with(counted);
    CHECK(count <= most);
    for (const auto& write : connection.writes) {
      size_t together = 0;
      for (auto at = write.find("MAIL"); at != write.npos; at = write.find("MAIL", at + 1))
        ++together;
      CHECK(together <= most_together);
    }
  }
}

TEST_CASE("a backend that refuses senders refuses twice for each: half as many") {
  auto route = route_to({"192.0.2.7:25"}, 1);
  route.max_refusals = 5;
  Crowd crowd(route);
  crowd.mx.backend.replies["MAIL FROM:<bad"] = "550 5.1.8 no\r\n";
  crowd.wait("no0@example.com", false, "bad@client.example");
  crowd.answer_first();
  for (int i = 1; i < 8; ++i)
    crowd.wait("no" + std::to_string(i) + "@example.com", false, "bad@client.example");
  crowd.mx.run();
  for (const auto& mail : crowd.waiting) CHECK(mail->code() == 550);
  for (const auto& connection : crowd.mx.backend.connections) {
    size_t mails = 0;
    for (const auto& command : connection.commands) mails += command.starts_with("MAIL");
    CHECK(mails <= 3);
  }
}

TEST_CASE("good clients follow nobody and nobody follows them") {
  Crowd crowd;
  auto& good = crowd.wait("good@example.com", true);
  auto& no = crowd.wait("no@example.com");
  auto& other = crowd.wait("no2@example.com", true);
  crowd.answer_first();
  CHECK(good.code() == 250);
  CHECK(no.code() == 550);
  CHECK(other.code() == 550);
  for (const auto& write : crowd.writes()) CHECK(write.find("MAIL") == write.rfind("MAIL"));
}

// Where there are too few connections to keep one for them.
TEST_CASE("while a good client waits, a question has nobody behind it") {
  Crowd crowd;
  std::vector<Mail*> all;
  for (int i = 1; i <= 3; ++i)
    all.push_back(&crowd.wait("no" + std::to_string(i) + "@example.com"));
  for (int i = 1; i <= 4; ++i)
    all.push_back(&crowd.wait("no-good" + std::to_string(i) + "@example.com", /*good=*/true));
  crowd.answer_first();
  for (auto* const mail : all) CHECK(mail->code() == 550);
  const auto& writes = crowd.writes();
  REQUIRE(writes.size() == 8);  // of which one EHLO, one question that was there before
  CHECK(writes[4] == group("no-good3@example.com"));
  CHECK(writes[5] == group("no1@example.com"));  // their turn, after three
  CHECK(writes[6] == group("no-good4@example.com"));
  CHECK(writes[7] == group("no2@example.com") + group("no3@example.com"));
}

TEST_CASE("without PIPELINING each waits for its own turn") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)});
  mx.backend.ehlo = "250 mail.internal\r\n";
  mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
  std::vector<std::unique_ptr<Mail>> mails;
  for (int i = 0; i < 3; ++i) {
    mails.push_back(mx.begin());
    mails.back()->ask("no" + std::to_string(i) + "@example.com");
  }
  mx.run();
  for (const auto& mail : mails) CHECK(mail->code() == 550);
  CHECK(mx.backends.snapshot()[0].pipelined == 0);
}

TEST_CASE("questions behind a connection that is lost are asked again, alone") {
  Crowd crowd;
  auto& front = crowd.wait("front@example.com");
  auto& no = crowd.wait("no@example.com");
  auto& yes = crowd.wait("yes@example.com");
  SECTION("421 to the one in front") {
    crowd.mx.backend.once = {"RCPT TO:<front", "421 4.3.2 bye\r\n"};
  }
  SECTION("closed at the one in front") { crowd.mx.backend.once = {"RCPT TO:<front", "-"}; }
  SECTION("closed between two") { crowd.mx.backend.once = {"RCPT TO:<no", "-"}; }
  SECTION("421 at the end") { crowd.mx.backend.once = {"RCPT TO:<yes", "421 4.3.2 bye\r\n"}; }
  SECTION("nonsense") { crowd.mx.backend.once = {"MAIL", "what\r\n"}; }
  SECTION("what it says is about us") {
    crowd.mx.backend.once = {"RCPT TO:<front", "554 5.7.1 Relay access denied\r\n"};
  }
  crowd.answer_first();
  crowd.mx.advance(1s);
  CHECK(front.code() != 0);
  CHECK(no.code() == 550);
  CHECK(yes.code() == 250);
  for (size_t i = 1; i < crowd.mx.backend.connections.size(); ++i)
    for (const auto& write : crowd.writes(i)) CHECK(write.find("MAIL") == write.rfind("MAIL"));
}

TEST_CASE("who leaves is answered to nobody, and the others get their own answers") {
  Crowd crowd;
  crowd.silence();
  auto& front = crowd.wait("front@example.com");
  crowd.wait("no1@example.com");
  crowd.wait("no2@example.com");
  auto& yes = crowd.wait("yes@example.com");
  crowd.answer_first();
  CHECK(front.code() == 0);
  SECTION("the one in front") { crowd.waiting[0] = nullptr; }
  SECTION("one behind") { crowd.waiting[1] = nullptr; }
  SECTION("all but the last") {
    for (size_t i = 0; i < 3; ++i) crowd.waiting[i] = nullptr;
  }
  const std::string ok = "250 2.0.0 ok\r\n";
  for (const auto* const said : {"450 4.2.2 front", "550 5.1.1 1", "550 5.1.1 2", "250 2.1.5 yes"})
    crowd.mx.backend.send(0, ok + ok + said + "\r\n");
  crowd.mx.run();
  crowd.mx.backend.replies = {{"RCPT TO:<no", "550 5.1.1 no\r\n"}};
  if (crowd.waiting[0]) CHECK(crowd.waiting[0]->code() == 451);
  for (const size_t i : {1U, 2U})
    if (crowd.waiting[i]) CHECK(crowd.waiting[i]->code() == 550);
  CHECK(yes.code() == 250);
  CHECK(crowd.mx.ask("no3@example.com") == 550);
  CHECK(crowd.mx.backend.connections.size() == 1);
}

TEST_CASE("a silent backend: those behind wait no longer than those in front") {
  Crowd crowd;
  crowd.silence();
  auto& front = crowd.wait("front@example.com");
  auto& behind = crowd.wait("no@example.com");
  crowd.answer_first();
  crowd.mx.advance(61s);
  crowd.mx.advance(1s);
  CHECK(front.code() == 451);
  CHECK(behind.code() == 451);
}

// A question that is not answered, with another behind, while the other connection is in use.
struct SlowFront : Crowd {
  SlowFront() : Crowd(route_to({"192.0.2.7:25"}, 2)) {
    silence();
    other = &wait("other@example.com");
    mx.run();
    front = &wait("front@example.com");
    behind = &wait("behind@example.com");
    answer_first();
    REQUIRE(writes()[2] == group("front@example.com") + group("behind@example.com"));
  }
  // To a whole question, or to its RCPT.
  void refuse(size_t connection, bool whole = true) {
    if (whole) mx.backend.send(connection, "250 2.0.0 ok\r\n250 2.0.0 ok\r\n");
    mx.backend.send(connection, "550 5.1.1 no\r\n");
    mx.run();
  }
  void refuse_other() {
    mx.backend.send(1, "250 2.0.0 ok\r\n");
    refuse(1, /*whole=*/false);
    REQUIRE(other->code() == 550);
  }
  Mail *other = nullptr, *front = nullptr, *behind = nullptr;
};

TEST_CASE("who waits behind a slow question asks alone where a connection is free") {
  SlowFront crowd;
  auto& mx = crowd.mx;
  mx.advance(6s);
  CHECK(crowd.writes(1).size() == 2);  // none is
  crowd.refuse_other();
  mx.advance(1s);
  REQUIRE(crowd.writes(1).size() == 3);
  CHECK(crowd.writes(1)[2] == group("behind@example.com"));
  crowd.refuse(1);
  REQUIRE(crowd.behind->code() == 550);
  CHECK(crowd.behind->events.last().source == AnswerSource::Backend);
  CHECK(crowd.front->code() == 0);

  // What comes for it on the first one is nobody's.
  crowd.refuse(0);
  CHECK(crowd.front->code() == 550);
  CHECK(mx.backends.snapshot()[0].idle == 1);
  crowd.refuse(0);
  CHECK(crowd.behind->events.recipients.size() == 1);
  CHECK(mx.backends.snapshot()[0].idle == 2);
}

TEST_CASE("what is refused to one who left counts for that connection") {
  SlowFront crowd;
  auto& mx = crowd.mx;
  mx.config.routes[0].max_refusals = 3;  // first, front, behind
  mx.backends.configure(mx.config);
  crowd.refuse_other();
  mx.advance(6s);
  crowd.refuse(0);
  CHECK(crowd.writes(0).size() == 3);
  crowd.refuse(0);
  CHECK(crowd.writes(0).back() == "QUIT\r\n");
}

TEST_CASE("who left a slow question for another one waits no longer in all") {
  SlowFront crowd;
  crowd.refuse_other();
  for (int i = 0; i < 59; ++i) crowd.mx.advance(1s);
  CHECK(crowd.behind->code() == 0);
  CHECK(crowd.writes(1).size() == 3);  // once, and not again
  crowd.mx.advance(1s);
  CHECK(crowd.behind->code() == 451);
}

TEST_CASE("the share that is reserved of places is reserved of connections") {
  auto route = route_to({"192.0.2.7:25"}, 4);
  route.pipelined_questions = 1;
  Harness mx({route});
  mx.config.limits.reserved_for_known = 0.25;
  mx.backends.configure(mx.config);
  mx.backend.replies["RCPT TO:<slow"] = "";
  std::vector<std::unique_ptr<Mail>> strangers;
  for (int i = 0; i < 5; ++i) {
    strangers.push_back(mx.begin("a@client.example", client("203.0.113." + std::to_string(i + 1))));
    strangers.back()->ask("slow" + std::to_string(i) + "@example.com");
  }
  mx.run();
  CHECK(mx.backends.snapshot()[0].open == 3);
  CHECK(mx.backends.snapshot()[0].waiting == 2);
  CHECK(mx.ask("x@example.com", client("203.0.113.9", true)) == 250);
  CHECK(mx.backends.snapshot()[0].open == 4);
}

}  // namespace ravelin::test
