// LIMITS that a backend states in its EHLO reply are kept, so that it never has to refuse for them.
//                                                                                      RFC 9422
#include <catch2/catch.hpp>

#include "harness.h"

namespace ravelin::test {
namespace {

Harness& stating(Harness& mx, const std::string& limits) {
  mx.backend.ehlo = "250-mail.internal\r\n250-PIPELINING\r\n250 LIMITS " + limits + "\r\n";
  return mx;
}

size_t count(const Harness& mx, std::string_view prefix) {
  size_t found = 0;
  for (const auto& command : mx.backend.all_commands()) found += command.starts_with(prefix);
  return found;
}

proxy::RouteSettings two_domains() {
  auto route = route_to({"192.0.2.7:25"});
  route.domains = {"example.com", "example.org"};
  return route;
}

}  // namespace

TEST_CASE("recipients beyond the backend's RCPTMAX come later, without a question") {
  Harness mx;
  stating(mx, "RCPTMAX=2");
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "x@example.com") == 250);
  CHECK(mx.ask(*mail, "y@example.com") == 250);
  CHECK(mx.ask(*mail, "z@example.com") == 452);
  CHECK(mail->events.last().reply.status() == "4.5.3");
  CHECK(mail->events.last().source == proxy::AnswerSource::Full);
  CHECK(count(mx, "RCPT") == 2);
  CHECK(mx.deliver(*mail) == 250);
  CHECK(mx.backend.messages[0].envelope.size() == 3);
  CHECK(mx.backends.offered().rcpt_max == 2);
}

TEST_CASE("RCPTMAX counts refused recipients, too; the client does not notice") {
  Harness mx;
  stating(mx, "RCPTMAX=2");
  mx.backend.replies["RCPT TO:<no"] = "550 5.1.1 no\r\n";
  auto mail = mx.begin();
  CHECK(mx.ask(*mail, "x@example.com") == 250);
  CHECK(mx.ask(*mail, "no@example.com") == 550);
  CHECK(mx.ask(*mail, "y@example.com") == 250);
  CHECK(mx.deliver(*mail) == 250);
  for (const auto& connection : mx.backend.connections) {
    size_t rcpts = 0;
    for (const auto& command : connection.commands) {
      if (command.starts_with("MAIL")) rcpts = 0;
      rcpts += command.starts_with("RCPT");
      CHECK(rcpts <= 2);
    }
  }
  CHECK(mx.backend.messages[0].envelope.back() == "RCPT TO:<y@example.com>");
}

TEST_CASE("a connection carries no more transactions than MAILMAX") {
  const auto most = GENERATE(as<size_t>{}, 1, 3);
  Harness mx;
  stating(mx, "MAILMAX=" + std::to_string(most));
  for (int i = 0; i < 7; ++i) {
    auto mail = mx.begin();
    CHECK(mx.ask(*mail, "x@example.com") == 250);
    CHECK(mx.deliver(*mail) == 250);
  }
  CHECK(mx.backend.messages.size() == 7);
  for (const auto& connection : mx.backend.connections) {
    size_t mails = 0;
    for (const auto& command : connection.commands) mails += command.starts_with("MAIL");
    CHECK(mails <= most);
  }
}

TEST_CASE("a MAILMAX above ours changes nothing") {
  proxy::Rotation rotation;
  proxy::Facts facts;
  facts.offers.mail_max = 1000;
  facts.mails = 90;
  CHECK(rotation.worn(facts, {}));
  facts.mails = 88;
  CHECK_FALSE(rotation.worn(facts, {}));
  CHECK_FALSE(rotation.nearly_worn(facts));
  facts.offers.mail_max = 88;
  CHECK(rotation.worn(facts, {}));
}

TEST_CASE("a connection sees no more domains than RCPTDOMAINMAX") {
  Harness mx({two_domains()});
  stating(mx, "RCPTDOMAINMAX=1");
  SECTION("in one transaction") {
    auto mail = mx.begin();
    CHECK(mx.ask(*mail, "x@example.com") == 250);
    CHECK(mx.ask(*mail, "x@example.org") == 452);
    CHECK(mx.ask(*mail, "y@example.com") == 250);
    CHECK(mx.deliver(*mail) == 250);
    CHECK(mx.backend.connections.size() == 1);
  }
  SECTION("in several") {
    for (const auto* const to : {"x@example.com", "y@example.com", "x@example.org"}) {
      auto mail = mx.begin();
      CHECK(mx.ask(*mail, to) == 250);
      CHECK(mx.deliver(*mail) == 250);
    }
    CHECK(mx.backend.connections.size() == 2);
  }
  for (const auto& connection : mx.backend.connections) {
    size_t com = 0, org = 0;
    for (const auto& command : connection.commands) {
      com += command.find("@example.com>") != std::string::npos;
      org += command.find("@example.org>") != std::string::npos;
    }
    CHECK((com == 0 || org == 0));
  }
}

TEST_CASE("a domain too many waits for a new connection also where there is one only") {
  auto route = two_domains();
  route.connections = 1;
  Harness mx({route});
  stating(mx, "RCPTDOMAINMAX=1");
  CHECK(mx.ask("x@example.com") == 250);
  CHECK(mx.ask("x@example.org") == 250);
  CHECK(mx.ask("x@example.com") == 250);
  CHECK(mx.backend.connections.size() == 3);
}

}  // namespace ravelin::test
