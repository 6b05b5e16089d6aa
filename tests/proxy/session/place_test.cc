// Whose dialog can be asked to give its place up, and how it does.
#include <catch2/catch.hpp>

#include "proxy/session/harness.h"

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;

TEST_CASE("a dialog without good standing is doubtful while its client says nothing") {
  test::Harness house("[checks.early_talker]\npause = '5s'\n");
  const auto began = house.reactor.now();
  auto& client = house.connect();
  CHECK(house.session().doubtful_since() == began);  // before the greeting, too
  house.wait(10s);
  CHECK(client.play("S: 220\nC: EHLO a.example\nS: 250\n") == "");
  const auto last = house.reactor.now();
  house.wait(3s);
  CHECK(house.session().doubtful_since() == last);
  CHECK(client.play("C: MAIL FROM:<x@a.example>\nS: 250\n") == "");
  CHECK(house.session().doubtful_since());
  CHECK(client.play("C: RCPT TO:<bob@mx.example>\nS: 250\n") == "");
  CHECK_FALSE(house.session().doubtful_since());  // its message is about to come
  CHECK(client.play("C: RSET\nS: 250\n") == "");
  CHECK(house.session().doubtful_since());
}

TEST_CASE("who is allow-listed or in good standing is never doubtful") {
  test::Harness house(
      "[access]\nallow = ['192.0.2.7']\n[standing]\ngood_deliveries = 1\ngood_days = 1\n");
  house.connect("192.0.2.7");
  CHECK_FALSE(house.session().doubtful_since());
  house.standing.configure(house.policy->config().standing);
  house.standing.delivered(*dns::IpAddress::parse("192.0.2.8"), 1);
  house.connect("192.0.2.8");
  CHECK_FALSE(house.session().doubtful_since());
}

TEST_CASE("a dialog that yields has given its place back at once, and its client hears why") {
  test::Harness house;
  auto& client = house.connect();
  CHECK(client.play("S: 220\nC: EHLO a.example\nS: 250\n") == "");
  CHECK(house.places.in_use() == 1);
  house.session().yield();
  CHECK(house.places.in_use() == 0);
  CHECK_FALSE(house.session().doubtful_since());  // not twice
  house.loop().run();
  CHECK(client.play("S: 421 4.7.0\n") == "");
  house.wait(1s);
  CHECK_FALSE(house.session_lives());
}

TEST_CASE("who has heard the last words and does not close holds its place for nobody's good") {
  test::Harness house;
  auto& client = house.connect();
  client.peer().lingers = true;
  CHECK(client.play("S: 220\nC: QUIT\nS: 221\n") == "");
  REQUIRE(house.session_lives());
  CHECK(house.session().doubtful_since());
  house.session().yield();
  CHECK(house.places.in_use() == 0);
  CHECK_FALSE(house.session().doubtful_since());
  house.wait(1s);
  CHECK_FALSE(house.session_lives());
  CHECK(client.peer().received.find("421") == std::string::npos);  // all has been said
}

TEST_CASE("look-ups of strangers leave room for those of clients whom we trust") {
  test::Harness house("[access]\nallow = ['192.0.2.7']\n");
  house.connect("192.0.2.7");
  CHECK(house.resolver().of_strangers == 0);
  CHECK_FALSE(house.resolver().asked.empty());
  house.connect("192.0.2.8");
  CHECK(house.resolver().of_strangers > 0);
}

TEST_CASE(
    "strangers with the null sender have places of their own, and hear so when these are taken") {
  test::Harness house("[access]\nallow = ['192.0.2.7']\n");
  house.most_bounces = 1;
  auto& first = house.connect("192.0.2.2");
  const std::string hello = "S: 220\nC: EHLO a.example\nS: 250\n";
  CHECK(first.play(hello + "C: MAIL FROM:<>\nS: 250\n") == "");
  auto& second = house.connect("192.0.2.3");
  CHECK(second.play(hello +
                    "C: MAIL FROM:<>\nS: 451 4.3.2\nC: MAIL FROM:<x@a.example>\nS: 250\n") == "");
  CHECK(house.log().has("Too many bounces at once"));
  auto& trusted = house.connect("192.0.2.7");
  CHECK(trusted.play(hello + "C: MAIL FROM:<>\nS: 250\n") == "");
  CHECK(first.play("C: RSET\nS: 250\n") == "");
  CHECK(second.play("C: RSET\nS: 250\nC: MAIL FROM:<>\nS: 250\n") == "");
  CHECK(house.bounces.in_use() == 1);
  house.leave(second);
  CHECK(house.bounces.in_use() == 0);
}
