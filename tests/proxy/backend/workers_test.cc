// Several workers and one backend: permits, fair waiting, connections that change hands.
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {

TEST_CASE("eight workers never hold more than the cap, and all are answered") {
  const auto cap = GENERATE(as<uint32_t>{}, 1, 4);
  CAPTURE(cap);
  Harness mx({route_to({"192.0.2.7:25"}, cap)}, 8);
  mx.backend.replies["RCPT TO:<no"] = "550 5.7.1 no\r\n";
  for (int round = 0; round < 5; ++round) {
    std::vector<std::unique_ptr<Mail>> mails;
    for (size_t i = 0; i < 40; ++i) {
      const auto from = std::to_string(i) + "@client.example";
      mails.push_back(mx.begin(from, client("203.0.113." + std::to_string(i + 1)), i % 8));
      mails.back()->ask(i % 2 == 0 ? "no@example.com" : "yes@example.com");
    }
    for (int turn = 0; turn < 200; ++turn) {
      mx.run();
      REQUIRE(mx.backend.open() <= cap);
    }
    for (size_t i = 0; i < mails.size(); ++i) CHECK(mails[i]->code() == (i % 2 == 0 ? 550 : 250));
    for (size_t i = 1; i < mails.size(); i += 2) {
      CHECK(mx.deliver(*mails[i]) == 250);
      REQUIRE(mx.backend.open() <= cap);
    }
  }
  const auto state = mx.backends.snapshot()[0];
  CHECK(state.handovers > 0);
  CHECK(state.ties == 0);
  CHECK(state.waiting == 0);
  CHECK(state.open <= cap);
}

TEST_CASE("an idle connection goes to the worker that needs it") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)}, 2);
  CHECK(mx.ask("x@example.com") == 250);
  auto mail = mx.begin("b@client.example", client(), 1);
  CHECK(mx.ask(*mail, "y@example.com") == 250);
  CHECK(mx.backend.connections.size() == 1);
  CHECK(mx.backends.snapshot()[0].handovers == 1);
  CHECK(mx.backend.connections[0].commands[3] == "RSET");  // what it was used for came along
}

TEST_CASE("a connection with bytes on their way is closed, its permit goes on") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)}, 2);
  CHECK(mx.ask("x@example.com") == 250);
  mx.backend.peer(0).number = -1;  // cannot be detached
  auto mail = mx.begin("b@client.example", client(), 1);
  CHECK(mx.ask(*mail, "y@example.com") == 250);
  CHECK(mx.backend.connections.size() == 2);
  CHECK(mx.backend.open() == 1);
}

TEST_CASE("three good questions, then one of a stranger") {
  auto route = route_to({"192.0.2.7:25"}, 1);
  route.pipelined_questions = 1;
  Harness mx({route});
  mx.ask("warm@example.com");
  mx.backend.replies["RCPT"] = "550 5.7.1 no\r\n";
  mx.backend.replies["RCPT TO:<first"] = "";
  auto first = mx.begin();
  first->ask("first@example.com");
  mx.run();
  std::vector<std::unique_ptr<Mail>> mails;
  for (int i = 0; i < 4; ++i) mails.push_back(mx.begin("u@client.example"));
  for (int i = 0; i < 4; ++i)
    mails.push_back(mx.begin("g@client.example", client("203.0.113.9", true)));
  for (int i = 0; i < 8; ++i)
    mails[static_cast<size_t>(i)]->ask((i < 4 ? "u" : "g") + std::to_string(i) + "@example.com");
  mx.backend.send(0, "550 5.7.1 no\r\n");
  mx.run();
  std::string order;
  for (const auto& command : mx.backend.all_commands())
    if (command.starts_with("RCPT TO:<u") || command.starts_with("RCPT TO:<g")) order += command[9];
  CHECK(order ==
        "gggugu"
        "uu");
}

TEST_CASE("a reload keeps connections, and lets go of backends that left") {
  Harness mx;
  mx.ask("x@example.com");
  auto config = mx.config;
  config.routes[0].connections = 7;
  mx.backends.configure(config);
  CHECK(mx.backends.snapshot()[0].cap == 7);
  CHECK(mx.backends.snapshot()[0].open == 1);
  config.routes[0].backends = {"192.0.2.9:25"};
  mx.backends.configure(config);
  mx.sweep();
  CHECK(mx.backend.connections[0].commands.back() == "QUIT");
  CHECK(mx.backends.snapshot()[0].name == "192.0.2.9:25");
  CHECK(mx.ask("x@example.com") == 250);
}

TEST_CASE("at the end idle connections QUIT") {
  Harness mx;
  mx.ask("x@example.com");
  mx.workers[0]->shutdown();
  mx.run();
  CHECK(mx.backend.connections[0].commands.back() == "QUIT");
  CHECK(mx.workers[0]->quiet());
}

}  // namespace ravelin::test
