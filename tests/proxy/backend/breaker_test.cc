// Recipients that vanish, and backends that accept everybody.
#include "proxy/backend/breaker.h"

#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {

using proxy::AnswerSource;
using proxy::Breaker;

static std::string user(int i) { return "user" + std::to_string(i) + "@example.com"; }

TEST_CASE("a remembered recipient that is suddenly unknown gets 15 minutes") {
  Harness mx;
  mx.ask(user(1));
  mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, user(1)) == 451);
  CHECK(mail->events.last().source == AnswerSource::Breaker);
  CHECK_FALSE(mail->events.last().unknown);
  CHECK(mx.backends.negative_answers() == 0);
  CHECK(mx.ask(user(2)) == 550);  // never seen
  mx.reactor.advance(15min - 1s);
  CHECK(mx.ask(user(1)) == 451);
  mx.reactor.advance(1s);
  CHECK(mx.ask(user(1)) == 550);
}

TEST_CASE("the breaker opens when many vanish and closes with the first that is back") {
  Harness mx;
  for (int i = 0; i < 6; ++i) mx.ask(user(i));
  mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
  for (int i = 0; i < 4; ++i) mx.ask(user(i));
  CHECK(mx.ask("stranger1@example.com") == 550);
  SECTION("postmaster is gone too") {
    mx.ask(user(4));
    CHECK(mx.ask("stranger2@example.com") == 451);
    CHECK(mx.ask("stranger1@example.com") == 451);  // what was kept is doubted as well
    mx.sweep();
    CHECK(mx.backend.all_commands().back() == "QUIT");
    CHECK(mx.journal.has("breaker open"));
    CHECK(mx.backends.breakers()[0].state == Breaker::State::Open);
    mx.backend.replies["RCPT TO:<user5"] = "250 ok\r\n";
    CHECK(mx.ask(user(5)) == 250);
    CHECK(mx.backends.breakers()[0].state == Breaker::State::Closed);
    CHECK(mx.ask("stranger3@example.com") == 550);
  }
  SECTION("somebody is accepted who was never asked for before") {
    mx.ask(user(4));
    mx.backend.replies["RCPT TO:<newcomer"] = "250 ok\r\n";
    CHECK(mx.ask("newcomer@example.com") == 250);
    CHECK(mx.ask("stranger2@example.com") == 550);
  }
  SECTION("postmaster is there") {
    mx.ask(user(4));
    mx.backend.replies["RCPT TO:<postmaster@example.com>"] = "250 ok\r\n";
    mx.sweep();
    CHECK_FALSE(mx.journal.has("breaker open"));
    CHECK(mx.ask("stranger2@example.com") == 550);
  }
  SECTION("the canary is asked again each minute") {
    mx.ask(user(4));
    mx.sweep();
    mx.backend.replies["RCPT TO:<postmaster@example.com>"] = "250 ok\r\n";
    mx.advance(61s);
    mx.sweep();
    CHECK(mx.backends.breakers()[0].state == Breaker::State::Closed);
  }
  SECTION("by hand") {
    mx.ask(user(4));
    CHECK(mx.backends.reset_breaker("example.com"));
    CHECK(mx.ask("stranger2@example.com") == 550);
    CHECK_FALSE(mx.backends.reset_breaker("example.org"));
  }
  SECTION("its route goes, and comes back") {
    mx.ask(user(4));
    REQUIRE(mx.backends.breakers()[0].state == Breaker::State::Suspect);
    const auto route = mx.config.routes[0];
    mx.config.routes[0].domains = {"example.org"};
    mx.backends.configure(mx.config);
    mx.sweep();  // the canary was on its way
    CHECK_FALSE(mx.journal.has("breaker open"));
    mx.config.routes[0] = route;
    mx.backends.configure(mx.config);
    CHECK(mx.ask("stranger2@example.com") == 550);
  }
}

TEST_CASE("the canary stays in the route that lost its recipients") {
  auto below = route_to({"192.0.2.7:25"}), other = route_to({"192.0.2.8:25"});
  below.domains = {".example.com"};
  Harness mx({below, other});
  const auto lost = [](int i) { return "user" + std::to_string(i) + "@sub.example.com"; };
  for (int i = 0; i < 5; ++i) mx.ask(lost(i));
  mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
  mx.backend.replies["RCPT TO:<postmaster@example.com>"] = "250 ok\r\n";  // the other route's
  for (int i = 0; i < 5; ++i) CHECK(mx.ask(lost(i)) == 451);
  for (int i = 0; i < 4; ++i) mx.advance(30s);
  CHECK(mx.ask("stranger@sub.example.com") == 451);
  mx.backend.replies["RCPT TO:<postmaster@sub.example.com>"] = "250 ok\r\n";
  for (int i = 0; i < 4; ++i) mx.advance(30s);
  CHECK(mx.ask("stranger@sub.example.com") == 550);
}

TEST_CASE("recipients that vanish from recipients_file are doubted like those of a backend") {
  auto route = route_to({"192.0.2.7:25"});
  route.recipients_file = "recipients";
  for (int i = 0; i < 6; ++i) route.recipients.push_back(user(i));
  Harness mx({route});
  for (int i = 0; i < 6; ++i) CHECK(mx.ask(user(i)) == 250);
  mx.config.routes[0].recipients = {user(5)};  // an export that broke off
  mx.backends.configure(mx.config);
  CHECK(mx.ask("stranger@example.com") == 550);
  for (int i = 0; i < 5; ++i) {
    auto mail = mx.begin();
    CHECK(mx.ask(*mail, user(i)) == 451);
    CHECK(mail->events.last().source == AnswerSource::Breaker);
    CHECK_FALSE(mail->events.last().unknown);
  }
  mx.sweep();
  CHECK(mx.journal.has("breaker open"));  // the backend takes everybody: it is no canary here
  CHECK(mx.ask("postmaster@example.com") == 250);  // is accepted without the list
  CHECK(mx.ask("stranger@example.com") == 451);
  CHECK(mx.ask(user(5)) == 250);
  CHECK(mx.ask("stranger@example.com") == 550);
  mx.reactor.advance(15min);
  CHECK(mx.ask(user(0)) == 550);
}

TEST_CASE("a few lost among many are no reason") {
  Breaker breaker;
  const dns::Time now{1h};
  for (uint64_t i = 0; i < 10; ++i) breaker.found(i, now);
  for (uint64_t i = 10; i < 20; ++i) CHECK_FALSE(breaker.vanished(i, now));
  CHECK(breaker.vanished(20, now));
  CHECK(breaker.lost() == 11);
}

TEST_CASE("what was lost long ago does not count") {
  Breaker breaker;
  for (uint64_t i = 0; i < 10; ++i) CHECK_FALSE(breaker.vanished(i, dns::Time{i * 3min}));
}

TEST_CASE("a backend that accepts everybody is told of") {
  Harness mx;
  SECTION("it does") {
    mx.advance(60s);
    mx.sweep();
    CHECK(mx.journal.has("accepts recipients that do not exist"));
  }
  SECTION("it does not") {
    mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
    mx.advance(60s);
    mx.sweep();
    CHECK_FALSE(mx.journal.has("accepts recipients"));
  }
  size_t probes = 0;
  for (const auto& command : mx.backend.all_commands()) probes += command == "MAIL FROM:<>";
  CHECK(probes == 1);
  mx.advance(59min);
  mx.advance(1min);
  mx.sweep();
  probes = 0;
  for (const auto& command : mx.backend.all_commands()) probes += command == "MAIL FROM:<>";
  CHECK(probes == 2);
}

TEST_CASE("where a list names the recipients nobody looks for a backend that accepts all") {
  auto route = route_to({"192.0.2.7:25"});
  route.recipients_file = "recipients";
  route.recipients = {"alice@example.com"};
  Harness mx({route});
  mx.advance(60s);
  mx.advance(60s);
  for (const auto& command : mx.backend.all_commands()) CHECK_FALSE(command.starts_with("MAIL"));
}

TEST_CASE("the breaker needs five in ten minutes, and more than half") {
  Breaker breaker;
  const dns::Time now{1h};
  for (uint64_t i = 0; i < 4; ++i) CHECK_FALSE(breaker.vanished(i, now));
  for (int again = 0; again < 3; ++again) CHECK_FALSE(breaker.vanished(0, now));  // one address
  SECTION("too late") {
    CHECK_FALSE(breaker.vanished(4, now + 10min));
    CHECK(breaker.lost() == 1);
  }
  SECTION("just in time") {
    CHECK(breaker.vanished(4, now + 10min - 1s));
    CHECK(breaker.holds_back());
    CHECK(breaker.found(99, now + 10min));
    CHECK_FALSE(breaker.holds_back());
    CHECK(breaker.lost() == 0);
  }
  SECTION("half is not more than half") {
    for (uint64_t i = 10; i < 15; ++i) breaker.found(i, now);
    CHECK_FALSE(breaker.vanished(4, now));
    CHECK(breaker.vanished(5, now));
  }
}

TEST_CASE("a probe has a connection of its own, and counts for nobody") {
  Harness mx({route_to({"192.0.2.7:25"}, 1)});
  CHECK(mx.ask("x@example.com") == 250);
  mx.backend.replies["RCPT"] = "550 5.1.1 no\r\n";
  mx.advance(59s);
  mx.ask("y@example.com");
  CHECK(mx.backend.connections.size() == 1);
  mx.advance(1s);
  mx.sweep();
  REQUIRE(mx.backend.connections.size() == 2);
  const auto& probe = mx.backend.connections[1].commands;
  REQUIRE(probe.size() == 4);
  CHECK(probe[1] == "MAIL FROM:<>");
  CHECK(probe[3] == "QUIT");
  CHECK(mx.backends.negative_answers() == 1);  // y's
  CHECK(mx.backend.open() == 0);
}

}  // namespace ravelin::test
