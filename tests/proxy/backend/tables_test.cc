// The small tables: routes, kept refusals, remembered recipients.
#include <catch2/catch.hpp>

#include "harness.h"
#include "proxy/backend/duties.h"
#include "proxy/backend/negative_answers.h"
#include "proxy/backend/remembered.h"
#include "proxy/backend/route.h"

namespace ravelin::test {

TEST_CASE("a domain finds its route") {
  auto one = route_to({"192.0.2.1:25"}), two = route_to({"192.0.2.2:25"});
  one.domains = {"Example.com", ".example.com"};
  two.domains = {".sub.example.com", "other.example.com"};
  const proxy::RouteTable table({one, two});
  const auto* first = table.routes()[0].get();
  const auto* second = table.routes()[1].get();
  CHECK(table.first_domain() == "example.com");
  CHECK(table.find("example.com") == first);
  CHECK(table.find("a.b.example.com") == first);
  CHECK(table.find("other.example.com") == second);
  CHECK(table.find("x.sub.example.com") == second);
  CHECK(table.find("sub.example.com") == first);
  CHECK(table.find("example.org") == nullptr);
  CHECK(table.find("notexample.com") == nullptr);
  CHECK(table.find("com") == nullptr);
  CHECK(table.find("") == first);  // <postmaster>
}

TEST_CASE("where all domains are subdomains <postmaster> has no domain, but a route") {
  auto one = route_to({"192.0.2.1:25"});
  one.domains = {".example.com"};
  const proxy::RouteTable table({one});
  CHECK(table.first_domain() == "");
  CHECK(table.find("") == table.routes()[0].get());
  CHECK(table.find("example.com") == nullptr);
}

// RFC 5321 §4.5.1
TEST_CASE("a list of recipients need not name postmaster") {
  auto one = route_to({"192.0.2.1:25"});
  one.recipients_file = "recipients";
  one.recipients = {"anna@example.com"};
  const proxy::RouteTable table({one});
  CHECK(table.routes()[0]->exists({"PostMaster", "example.com"}));
  CHECK_FALSE(table.routes()[0]->exists({"abuse", "example.com"}));
}

TEST_CASE("routes with the same way to the same backends count as one") {
  auto one = route_to({"192.0.2.1:25"}), two = one, three = one, four = one;
  two.domains = {"example.org"};
  three.client_info = proxy::ClientInfo::Xforward;
  four.backends = {"192.0.2.1:25", "192.0.2.2:25"};
  const proxy::RouteTable table({one, two, three, four});
  CHECK(table.routes()[0]->group == table.routes()[1]->group);
  CHECK(table.routes()[0]->group != table.routes()[2]->group);
  CHECK(table.routes()[0]->group != table.routes()[3]->group);
}

TEST_CASE("of two routes to one backend the smaller numbers hold") {
  auto one = route_to({"192.0.2.7:25"}, 9), two = route_to({"192.0.2.7:25", "192.0.2.8:25"}, 4);
  two.domains = {"example.org"};
  one.max_refusals = 3;
  Harness mx({one, two});
  CHECK(mx.backends.snapshot()[0].cap == 4);
  CHECK(mx.backends.plan()->all[0]->settings().rotation.max_refusals == 3);
  CHECK(mx.backends.plan()->all[1]->settings().rotation.max_refusals == 9);
}

TEST_CASE("kept refusals are bounded, and forgotten by address or domain") {
  proxy::NegativeAnswers table(160);
  const dns::Time now{1h};
  const proxy::SharedAnswer no{smtp::Reply(550, {1, 1}, "no"), true, "", ""};
  for (int i = 0; i < 1000; ++i) table.add("r", std::to_string(i) + "@example.com", no, 5min, now);
  CHECK(table.size() <= 176);
  table.add("r", "Mixed@example.org", no, 5min, now);
  table.add("r", "xmixed@example.org", no, 5min, now);
  CHECK(table.forget("mixed@example.org") == 1);
  CHECK_FALSE(table.find("r", "Mixed@example.org", now));
  CHECK(table.find("r", "xmixed@example.org", now));
  CHECK_FALSE(table.find("other", "xmixed@example.org", now));
  CHECK(table.forget("example.com") > 100);
  CHECK(table.size() == 1);
  table.add("r", "joe@xn--bcher-kva.example", no, 5min, now);
  table.add("r", "eve@xn--bcher-kva.example", no, 5min, now);
  CHECK(table.forget("Joe@Bücher.example") == 1);
  CHECK(table.forget("bücher.example") == 1);
}

// Counted as they come and go, so whatever was there before must not be left in the sum.
TEST_CASE("what kept refusals take is counted, also of those that are gone") {
  const dns::Time now{1h};
  const std::string text(100, 'x');
  const proxy::SharedAnswer no{smtp::Reply(550, {1, 1}, "no"), true, "", ""};
  const proxy::SharedAnswer longer{smtp::Reply(550, {1, 1}, text), true, text, text};
  proxy::NegativeAnswers table(1600), fresh(1600);
  const auto fill = [&](proxy::NegativeAnswers& which, const proxy::SharedAnswer& answer,
                        const std::string& domain) {
    for (int i = 0; i < 20'000; ++i)
      which.add("r", std::to_string(i % 9'000) + domain, answer, 5min, now);
  };
  fill(table, longer, "@a.rather.long.domain.example.com");
  const auto full = table.occupancy();
  CHECK(full.limit >= 1600);
  CHECK(full.entries == full.limit);
  CHECK(full.bytes > full.entries * 500);
  CHECK(full.bytes < full.entries * 1000);
  table.add("r", "0@example.com", longer, 5min, now);
  table.accepted("r", "0@example.com");
  CHECK(table.forget("a.rather.long.domain.example.com") > 1500);
  fill(table, no, "@b.c");
  fill(fresh, no, "@b.c");
  CHECK(table.occupancy().bytes == fresh.occupancy().bytes);
  CHECK(table.occupancy().bytes < full.bytes / 2);
}

TEST_CASE("remembered recipients are counted, and what they take") {
  proxy::Remembered table(160);
  CHECK(table.occupancy().entries == 0);
  for (int i = 0; i < 1000; ++i)
    table.accepted(proxy::Remembered::key_of(std::to_string(i)), dns::Time{1h});
  const auto full = table.occupancy();
  CHECK(full.entries <= full.limit);
  CHECK(full.entries > 100);
  CHECK(full.bytes > full.entries * 48);
  CHECK(full.bytes < full.entries * 100);
}

TEST_CASE("accepted recipients are remembered for 30 days") {
  proxy::Remembered table;
  int written = 0;
  table.set_keep([&](auto, auto) { ++written; });
  const auto key = proxy::Remembered::key_of("a@example.com");
  CHECK(key == proxy::Remembered::key_of("A@Example.com"));
  dns::Time now{1h};
  CHECK_FALSE(table.accepted(key, now));
  CHECK(table.accepted(key, now + 1h));
  CHECK(written == 1);  // once a day is enough
  CHECK(table.unknown(key, now + 2h) == 0ns);
  CHECK(table.unknown(key, now + 3h) == 1h);
  CHECK(table.accepted(key, now + 4h));
  CHECK(table.unknown(key, now + 5h) == 0ns);
  CHECK(table.unknown(key, now + 30 * 24h - 1s) >= 0ns);
  CHECK(table.unknown(key, now + 30 * 24h) < 0ns);
  CHECK(table.unknown(key + 1, now) < 0ns);
}

TEST_CASE("a recipient that nobody found missing for a day is suddenly missing again") {
  proxy::Remembered table;
  const dns::Time now{1h};
  table.accepted(1, now);
  CHECK(table.unknown(1, now) == 0ns);
  CHECK(table.unknown(1, now + 24h - 1s) == 24h - 1s);  // asked for daily: gone since then
  CHECK(table.unknown(1, now + 47h) == 47h);
  CHECK(table.unknown(1, now + 71h) == 0ns);
  CHECK(table.unknown(1, now + 71h + 10min) == 10min);
}

TEST_CASE("remembered recipients are bounded") {
  proxy::Remembered table(1600);
  for (uint64_t i = 0; i < 10'000; ++i) table.accepted(i, dns::Time{1h});
  CHECK(table.size() <= 1616);
}

TEST_CASE("an invented address reads like a person's") {
  uint64_t random = 1;
  const auto one = proxy::invented_local_part(random);
  const auto two = proxy::invented_local_part(random);
  CHECK(one != two);
  CHECK(one.find_first_not_of("abcdefghijklmnopqrstuvwxyz.") == std::string::npos);
}

}  // namespace ravelin::test
