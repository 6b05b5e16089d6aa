// Text that comes before its connection, while those for strangers' messages are short.
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {

static size_t count(const Harness& mx, std::string_view prefix) {
  size_t found = 0;
  for (const auto& command : mx.backend.all_commands()) found += command.starts_with(prefix);
  return found;
}

// A message whose text has begun; |number| makes its client and sender.
static std::unique_ptr<Mail> begun(Harness& mx, int number) {
  const auto text = std::to_string(number);
  auto mail = mx.begin(text + "@client.example", client("203.0.113." + text));
  REQUIRE(mx.ask(*mail, text + "@example.com") == 250);
  mail->transaction->start_data();
  mx.run();
  REQUIRE(mail->events.ready.size() == 1);
  REQUIRE(mail->events.ready[0].reply.code == 354);
  return mail;
}

static int rest_of(Harness& mx, Mail& mail) {
  mail.transaction->write("Subject: x\r\n\r\nhello\r\n");
  mail.transaction->finish();
  mx.run();
  return mail.events.final.empty() ? 0 : mail.events.final.back().reply.code;
}

// With four connections strangers' messages may hold two.
struct Crowd : Harness {
  std::unique_ptr<Mail> dripper = begun(*this, 1);  // the text of which never ends
};

TEST_CASE_METHOD(Crowd,
                 "while strangers' messages are many a text comes first, its connection last") {
  CHECK(count(*this, "DATA") == 1);
  auto mail = begun(*this, 2);
  CHECK(count(*this, "DATA") == 1);
  CHECK(mail->transaction->write(".one\r\n"));
  advance(10s);  // verify.hold: it holds nothing now
  CHECK(backends.snapshot()[0].ties == 1);
  CHECK(mail->transaction->write("two\r\n"));
  CHECK(backends.ahead_room().used() == 11);
  mail->transaction->finish();
  run();
  REQUIRE(mail->events.final.size() == 1);
  CHECK(mail->events.final[0].reply.code == 250);
  CHECK(count(*this, "DATA") == 2);
  CHECK(count(*this, "RCPT TO:<2@") == 2);  // asked again, as at any replay
  CHECK(backend.connections[1].text == "..one\r\ntwo\r\n");
  CHECK(backends.ahead_room().used() == 0);
  CHECK(mail->events.ready.size() == 1);
}

TEST_CASE_METHOD(Crowd, "a connection that is still there is used") {
  auto mail = begun(*this, 2);
  CHECK(rest_of(*this, *mail) == 250);
  CHECK(count(*this, "RCPT TO:<2@") == 1);
}

TEST_CASE_METHOD(Crowd, "any number of slow senders keeps nobody waiting") {
  std::vector<std::unique_ptr<Mail>> slow;
  for (int i = 10; i < 60; ++i) {
    slow.push_back(begun(*this, i));
    slow.back()->transaction->write("x\r\n");
    advance(1s);
  }
  auto mail = begun(*this, 2);
  CHECK(rest_of(*this, *mail) == 250);
  CHECK(backends.snapshot()[0].ties <= 2);
}

TEST_CASE_METHOD(Crowd, "a long text gets its connection half-way, and waits for it") {
  auto mail = begun(*this, 2);
  const std::string line = std::string(998, 'x') + "\r\n";
  std::string all;
  while (mail->transaction->write(line)) all += line;
  all += line;
  CHECK(all.size() == 66'000);  // the first line beyond 64 kB
  CHECK(count(*this, "DATA") == 1);
  run();
  CHECK(count(*this, "DATA") == 2);
  CHECK(mail->events.room == 1);
  mail->transaction->write("end\r\n");
  mail->transaction->finish();
  run();
  REQUIRE(mail->events.final.size() == 1);
  CHECK(mail->events.final[0].reply.code == 250);
  CHECK(backend.connections[1].text == all + "end\r\n");
}

TEST_CASE_METHOD(Crowd, "a refusal of DATA is then the answer to the text") {
  auto mail = begun(*this, 2);
  backend.replies["DATA"] = "554 5.7.1 no\r\n";
  mail->transaction->write("x\r\n");
  mail->transaction->finish();
  run();
  REQUIRE(mail->events.final.size() == 1);
  CHECK(mail->events.final[0].reply.code == 554);
  CHECK_FALSE(mail->events.final[0].maybe_delivered);
  CHECK(mail->events.ready.size() == 1);
}

TEST_CASE_METHOD(Crowd, "a recipient that is gone by then is a 451") {
  auto mail = begun(*this, 2);
  advance(10s);
  backend.replies["RCPT TO:<2@"] = "550 5.1.1 no\r\n";
  mail->transaction->write("x\r\n");
  mail->transaction->finish();
  run();
  REQUIRE(mail->events.final.size() == 1);
  CHECK(mail->events.final[0].reply.code == 451);
}

TEST_CASE_METHOD(Crowd, "who leaves before its text is whole leaves nothing behind") {
  auto mail = begun(*this, 2);
  mail->transaction->write("half\r\n");
  mail = nullptr;
  run();
  CHECK(backends.ahead_room().used() == 0);
  CHECK(backends.snapshot()[0].ties == 1);
  CHECK(count(*this, "DATA") == 1);
}

TEST_CASE_METHOD(Crowd, "clients with standing have their connection first") {
  auto mail = begin("good@client.example", client("203.0.113.9", true));
  REQUIRE(ask(*mail, "good@example.com") == 250);
  mail->transaction->start_data();
  run();
  CHECK(count(*this, "DATA") == 2);
  CHECK(mail->events.ready[0].reply.code == 354);
}

TEST_CASE("while nobody else sends, a text waits for the backend's 354") {
  Harness mx;
  mx.backend.replies["DATA"] = "";
  auto mail = mx.begin();
  REQUIRE(mx.ask(*mail, "x@example.com") == 250);
  mail->transaction->start_data();
  mx.run();
  CHECK(mail->events.ready.empty());
}

}  // namespace ravelin::test
