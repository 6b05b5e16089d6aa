#include "proxy/overload/places.h"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "dns/ip.h"

using namespace ravelin;
using namespace ravelin::proxy;

namespace {

dns::IpAddress ip(const std::string& text) { return dns::IpAddress::parse(text).value(); }
dns::IpAddress host(uint32_t i) {
  return dns::IpAddress::v4({10, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i), 1});
}

Limits limits(uint32_t client, uint32_t network, double reserved) {
  Limits limits{};
  limits.sessions_per_client = client;
  limits.sessions_per_network = network;
  limits.reserved_for_known = reserved;
  return limits;
}

}  // namespace

TEST_CASE("a place is held until it is destroyed") {
  Places places;
  {
    auto entry = places.enter(host(1), false, false, limits(1, 0, 0), 10);
    CHECK(entry.place);
    CHECK(entry.limit == PlaceLimit::None);
    CHECK(places.in_use() == 1);
    auto moved = std::move(entry.place);
    CHECK_FALSE(entry.place);
    CHECK(places.in_use() == 1);
    moved = Places::Place();
    CHECK(places.in_use() == 0);
  }
  CHECK(places.enter(host(1), false, false, limits(1, 0, 0), 10).place);
  CHECK(places.in_use() == 0);
  CHECK(places.peak() == 1);
}

TEST_CASE("a client's limit counts the IPv4 address or the IPv6 /64") {
  struct Row {
    const char* first;
    const char* second;
    PlaceLimit want;
  };
  const auto row = GENERATE(values<Row>({
      {"192.0.2.1", "192.0.2.1", PlaceLimit::Client},
      {"192.0.2.1", "192.0.2.2", PlaceLimit::None},
      {"2001:db8::1", "2001:db8::2", PlaceLimit::Client},
      {"2001:db8::1", "2001:db8:0:1::1", PlaceLimit::None},
  }));
  CAPTURE(row.first, row.second);
  Places places;
  const auto first = places.enter(ip(row.first), false, false, limits(1, 0, 0), 10);
  const auto second = places.enter(ip(row.second), true, false, limits(1, 0, 0), 10);
  CHECK(second.limit == row.want);
  CHECK(static_cast<bool>(second.place) == (row.want == PlaceLimit::None));
}

TEST_CASE("a network's limit counts the /24") {
  Places places;
  const auto limit = limits(5, 2, 0);
  const auto a = places.enter(ip("192.0.2.1"), false, false, limit, 10);
  auto b = places.enter(ip("192.0.2.2"), false, false, limit, 10);
  CHECK(places.enter(ip("192.0.2.3"), false, false, limit, 10).limit == PlaceLimit::Network);
  CHECK(places.enter(ip("192.0.3.3"), false, false, limit, 10).place);
  CHECK(places.in_use() == 2);
  b.place = Places::Place();
  CHECK(places.enter(ip("192.0.2.3"), false, false, limit, 10).place);
}

TEST_CASE("a client in good standing is not kept out by what its neighbours hold, nor they by it") {
  Places places;
  const auto limit = limits(2, 2, 0);
  const auto a = places.enter(ip("192.0.2.1"), false, false, limit, 10);
  auto b = places.enter(ip("192.0.2.2"), false, false, limit, 10);
  const auto good = places.enter(ip("192.0.2.3"), true, false, limit, 10);
  CHECK(good.place);
  const auto twice = places.enter(ip("192.0.2.3"), true, false, limit, 10);
  CHECK(twice.place);
  CHECK(places.enter(ip("192.0.2.3"), true, false, limit, 10).limit == PlaceLimit::Client);
  b.place = Places::Place();
  CHECK(places.enter(ip("192.0.2.4"), false, false, limit, 10).place);
}

// Else somebody would give a place up for one that cannot take it.
TEST_CASE("where no place is left, a client at a limit of its own hears of that one") {
  Places places;
  const auto limit = limits(1, 2, 0);
  const auto a = places.enter(ip("192.0.2.1"), false, false, limit, 2);
  const auto b = places.enter(ip("192.0.2.2"), false, false, limit, 2);
  CHECK(places.enter(ip("192.0.2.1"), true, false, limit, 2).limit == PlaceLimit::Client);
  CHECK(places.enter(ip("192.0.2.3"), false, false, limit, 2).limit == PlaceLimit::Network);
  CHECK(places.enter(ip("192.0.2.3"), true, false, limit, 2).limit == PlaceLimit::Total);
  CHECK(places.enter(ip("192.0.2.1"), false, true, limit, 2).limit == PlaceLimit::Total);
}

TEST_CASE("a refused client leaves no trace in any count") {
  Places places;
  const auto hold = places.enter(ip("192.0.2.1"), false, false, limits(1, 1, 0), 2);
  CHECK(places.enter(ip("192.0.2.1"), false, false, limits(1, 1, 0), 2).limit ==
        PlaceLimit::Client);
  CHECK(places.enter(ip("192.0.2.2"), false, false, limits(1, 1, 0), 2).limit ==
        PlaceLimit::Network);
  CHECK(places.enter(ip("192.0.2.2"), false, false, limits(1, 2, 0), 2).place);
  CHECK(places.in_use() == 1);
}

TEST_CASE("the reserved share is for good standing, the total for nobody to exceed") {
  Places places;
  const auto limit = limits(0, 0, 0.25);
  std::vector<Places::Entry> entries;
  for (uint32_t i = 0; i < 6; ++i) {
    entries.push_back(places.enter(host(i), false, false, limit, 8));
    REQUIRE(entries.back().place);
  }
  CHECK(places.enter(host(90), false, false, limit, 8).limit == PlaceLimit::Reserved);
  entries.push_back(places.enter(host(91), true, false, limit, 8));
  CHECK(entries.back().place);
  entries.push_back(places.enter(host(92), false, true, limit, 8));  // allow-listed
  CHECK(entries.back().place);
  CHECK(places.enter(host(93), true, false, limit, 8).limit == PlaceLimit::Total);
  CHECK(places.enter(host(94), false, true, limit, 8).limit == PlaceLimit::Total);
  CHECK(places.enter(host(95), false, false, limit, 8).limit == PlaceLimit::Total);

  entries.erase(entries.begin());  // one of the others leaves: its place is theirs again
  CHECK(places.enter(host(96), false, false, limit, 8).place);
}

TEST_CASE("good clients beyond their share do not shrink that of the others") {
  Places places;
  const auto limit = limits(0, 0, 0.25);
  std::vector<Places::Entry> entries;
  for (uint32_t i = 0; i < 4; ++i) entries.push_back(places.enter(host(i), true, false, limit, 8));
  for (uint32_t i = 4; i < 8; ++i) {
    entries.push_back(places.enter(host(i), false, false, limit, 8));
    CHECK(entries.back().place);
  }
}

TEST_CASE("allow-listed clients are neither limited nor counted per client and network") {
  Places places;
  const auto limit = limits(1, 1, 0);
  const auto a = places.enter(ip("192.0.2.1"), false, true, limit, 10);
  const auto b = places.enter(ip("192.0.2.1"), false, true, limit, 10);
  CHECK((a.place && b.place));
  CHECK(places.enter(ip("192.0.2.1"), false, false, limit, 10).place);
}

TEST_CASE(
    "limits are those of the call: lifting them lets in at once, lowering takes nothing away") {
  Places places;
  const auto a = places.enter(host(1), false, false, limits(1, 0, 0), 1);
  CHECK(places.enter(host(2), false, false, limits(1, 0, 0), 1).limit == PlaceLimit::Total);
  const auto b = places.enter(host(2), false, false, limits(1, 0, 0), 2);
  CHECK(b.place);
  CHECK(places.enter(host(3), false, false, limits(1, 0, 0), 1).limit == PlaceLimit::Total);
  CHECK(places.in_use() == 2);
}

TEST_CASE("threads never get more places than there are") {
  Places places;
  std::atomic<uint32_t> most = 0;
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&places, &most, t] {
      for (uint32_t i = 0; i < 20'000; ++i) {
        const auto entry = places.enter(host(i % 7), t == 0, false, limits(3, 3, 0.5), 4);
        const auto now = places.in_use();
        auto seen = most.load();
        while (seen < now && !most.compare_exchange_weak(seen, now)) {
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(most <= 4);
  CHECK(places.in_use() == 0);
}

TEST_CASE("each limit has the name of its parameter") {
  CHECK(std::string(place_limit_name(PlaceLimit::Total)) == "sessions");
  CHECK(std::string(place_limit_name(PlaceLimit::Reserved)) == "reserved_for_known");
  CHECK(std::string(place_limit_name(PlaceLimit::Client)) == "sessions_per_client");
  CHECK(std::string(place_limit_name(PlaceLimit::Network)) == "sessions_per_network");
}

TEST_CASE("a crowd is counted by client, network and the wide network around it") {
  Places places;
  std::vector<Places::Entry> entries;
  for (const auto* client : {"10.1.1.1", "10.1.1.1", "10.1.1.2", "10.1.9.1", "10.2.1.1"})
    entries.push_back(places.enter(ip(client), false, false, limits(0, 0, 0), 10));
  CHECK(places.crowd(ip("10.1.1.1")) == Crowd{.wide = 4, .network = 3, .client = 2});
  CHECK(places.crowd(ip("10.1.7.7")) == Crowd{.wide = 4, .network = 0, .client = 0});
  CHECK(places.crowd(ip("10.3.1.1")) == Crowd{});
  entries.clear();
  CHECK(places.crowd(ip("10.1.1.1")) == Crowd{});
  for (const auto* client : {"2001:db8:1:1::1", "2001:db8:1:1::2", "2001:db8:1:2::1"})
    entries.push_back(places.enter(ip(client), false, false, limits(0, 0, 0), 10));
  CHECK(places.crowd(ip("2001:db8:1:1::9")) == Crowd{.wide = 3, .network = 2, .client = 2});
}

TEST_CASE("clients in good standing are no part of the crowd around a stranger") {
  Places places;
  std::vector<Places::Entry> entries;
  for (int i = 0; i < 5; ++i)
    entries.push_back(places.enter(ip("10.1.1.1"), true, false, limits(0, 0, 0), 10));
  entries.push_back(places.enter(ip("10.1.1.2"), false, false, limits(0, 0, 0), 10));
  CHECK(places.crowd(ip("10.1.1.2")) == Crowd{.wide = 1, .network = 1, .client = 1});
}

TEST_CASE("a limit that fires counts nobody in any crowd") {
  Places places;
  const auto first = places.enter(ip("10.1.1.1"), false, false, limits(1, 1, 0), 10);
  const auto client = places.enter(ip("10.1.1.1"), false, false, limits(1, 1, 0), 10);
  const auto network = places.enter(ip("10.1.1.2"), false, false, limits(1, 1, 0), 10);
  CHECK(client.limit == PlaceLimit::Client);
  CHECK(network.limit == PlaceLimit::Network);
  CHECK(places.crowd(ip("10.1.1.1")) == Crowd{.wide = 1, .network = 1, .client = 1});
}

TEST_CASE("a place goes to a newcomer from where fewer are, in the widest network that differs") {
  const auto fair = [](const char* newcomer, Crowd its, const char* holder, Crowd holders) {
    return is_fair(ip(newcomer), its, ip(holder), holders);
  };
  // Of other /16: what is in their /24 does not matter.
  CHECK(fair("10.1.1.1", {0, 0, 0}, "10.2.1.1", {2, 1, 1}));
  CHECK_FALSE(fair("10.1.1.1", {0, 0, 0}, "10.2.1.1", {1, 1, 1}));  // it would only turn around
  CHECK_FALSE(fair("10.1.1.1", {5, 0, 0}, "10.2.1.1", {6, 6, 6}));
  // Of the same /16: by /24.
  CHECK(fair("10.1.1.1", {90, 0, 0}, "10.1.2.1", {90, 30, 1}));
  CHECK_FALSE(fair("10.1.1.1", {90, 30, 0}, "10.1.2.1", {90, 30, 30}));
  // Of the same /24: by address.
  CHECK(fair("10.1.1.1", {90, 30, 1}, "10.1.1.2", {90, 30, 3}));
  CHECK_FALSE(fair("10.1.1.1", {90, 30, 3}, "10.1.1.1", {90, 30, 3}));
  CHECK(fair("2001:db8:1:1::1", {9, 0, 0}, "2001:db8:1:2::1", {9, 9, 9}));
  // Twice as many are wanted.
  CHECK(is_fair(ip("10.1.1.1"), {3, 0, 0}, ip("10.2.1.1"), {8, 1, 1}, 2));
  CHECK_FALSE(is_fair(ip("10.1.1.1"), {3, 0, 0}, ip("10.2.1.1"), {7, 1, 1}, 2));
}

TEST_CASE("the share of strangers is of what they may have") {
  Places places;
  const auto some = limits(0, 0, 0.5);
  std::vector<Places::Entry> entries;
  entries.push_back(places.enter(host(1), true, false, some, 8));
  entries.push_back(places.enter(host(2), false, true, some, 8));
  CHECK(places.strangers(some, 8) == 0);
  entries.push_back(places.enter(host(3), false, false, some, 8));
  CHECK(places.strangers(some, 8) == 0.25);
}

TEST_CASE("strangers have room for what is free, and for their share at most") {
  Places places;
  const auto half = limits(0, 0, 0.5);
  std::vector<Places::Entry> entries;
  CHECK(places.room_for_strangers(half, 8) == 4);
  entries.push_back(places.enter(host(1), false, false, half, 8));
  CHECK(places.room_for_strangers(half, 8) == 3);
  for (uint32_t i = 2; i < 8; ++i) entries.push_back(places.enter(host(i), true, false, half, 8));
  CHECK(places.room_for_strangers(half, 8) == 1);
  CHECK(places.room_for_strangers(half, 4) == 0);  // fewer than are in use
}

TEST_CASE("where more are than there may be, one that leaves makes no room") {
  Places places;
  const auto half = limits(0, 0, 0.5);
  std::vector<Places::Entry> entries;
  for (uint32_t i = 0; i < 4; ++i) entries.push_back(places.enter(host(i), false, false, half, 8));
  CHECK(places.one_makes_room(half, 8));
  CHECK_FALSE(places.one_makes_room(limits(0, 0, 0.75), 8));
  CHECK_FALSE(places.one_makes_room(limits(0, 0, 0), 3));
  CHECK(entries[0].place.of_stranger());
  entries.push_back(places.enter(host(5), true, false, half, 8));
  CHECK_FALSE(entries.back().place.of_stranger());
}
