#include "proxy/limit_overrides.h"

#include <catch2/catch.hpp>

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;

TEST_CASE("a limit is set as the file writes it, and by its row") {
  struct Row {
    const char* name;
    const char* text;
    const char* why;  // part of it; "": it is taken
  };
  const auto row = GENERATE(values<Row>({
      {"sessions", "20", ""},
      {"sessions", "\"20\"", ""},
      {"command_timeout", "30s", ""},
      {"command_timeout", "\"30s\"", ""},
      {"reserved_for_known", "10%", ""},
      {"message_size", "1MB", ""},
      {"message_size", "1000000", ""},
      {"refusals_rate", "5/s", ""},
      {"sessions", "", "sessions"},
      {"sessions", "many", "sessions"},
      {"sessions", "-1", "0 to 1000000"},
      {"sessions", "99999999999999999999", "sessions"},
      {"command_timeout", "30", "duration"},
      {"command_timeout", "2h", "1s to 1h"},
      {"reserved_for_known", "95%", "0% to 90%"},
      {"least_pause", "1s", "no limit \"least_pause\"; there are sessions, "},
  }));
  CAPTURE(row.name, row.text);
  LimitOverrides limits;
  const auto why = limits.set(row.name, row.text, dns::Time(1h), "uid 0");
  CAPTURE(why);
  CHECK(why.empty() == (row.why[0] == '\0'));
  CHECK(why.find(row.why) != why.npos);
  CHECK(limits.entries().size() == (why.empty() ? 1 : 0));
}

TEST_CASE("what is set by hand lies over the configuration until its time is over") {
  Limits configured{};
  configured.sessions = 4000;
  configured.errors = 20;
  LimitOverrides limits;
  REQUIRE(limits.set("sessions", "10", dns::Time(2h), "uid 0").empty());
  REQUIRE(limits.set("errors", "5", dns::Time(1h), "uid 0").empty());
  REQUIRE(limits.set("errors", "6", dns::Time(1h), "uid 0").empty());
  CHECK(limits.apply(configured).sessions == 10);
  CHECK(limits.apply(configured).errors == 6);
  CHECK(limits.expire(dns::Time(59min)).empty());
  CHECK(limits.expire(dns::Time(1h)) == std::vector<std::string>{"errors"});
  CHECK(limits.apply(configured).errors == 20);
  CHECK(limits.reset("sessions"));
  CHECK_FALSE(limits.reset("sessions"));
  CHECK(limits.apply(configured).sessions == 4000);
}
