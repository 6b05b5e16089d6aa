#include "proxy/observe/top.h"

#include <catch2/catch.hpp>
#include <string>

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

dns::IpAddress ip(const std::string& text) { return *dns::IpAddress::parse(text); }

}  // namespace

TEST_CASE("who comes most stands first, by client and by network") {
  TopTable top;
  const dns::Time now{1h};
  for (int i = 0; i < 3; ++i) top.add(ip("192.0.2.1"), TopOutcome::Refused, now);
  top.add(ip("192.0.2.1"), TopOutcome::Accepted, now);
  top.add(ip("192.0.2.2"), TopOutcome::NoPlace, now);
  top.add(ip("2001:db8::1"), TopOutcome::Refused, now);
  top.add(ip("2001:db8::2"), TopOutcome::Refused, now);
  const auto clients = top.clients(2, now);
  REQUIRE(clients.size() == 2);
  CHECK(clients[0].who == ip("192.0.2.1"));
  CHECK(clients[0].refused == 3);
  CHECK(clients[0].accepted == 1);
  CHECK(clients[1].dialogs() == 2);  // one /64
  CHECK(clients[1].bits == 64);
  const auto networks = top.networks(10, now);
  REQUIRE(networks.size() == 2);
  CHECK(networks[0].who == ip("192.0.2.0"));
  CHECK(networks[0].bits == 24);
  CHECK(networks[0].no_place == 1);
}

TEST_CASE("what is older than ten minutes is forgotten, what is younger than five is not") {
  TopTable top;
  top.add(ip("192.0.2.1"), TopOutcome::Refused, dns::Time{1h});
  CHECK(top.clients(9, dns::Time{1h + 4min}).size() == 1);
  CHECK(top.clients(9, dns::Time{1h + 6min}).size() == 1);
  CHECK(top.clients(9, dns::Time{1h + 12min}).empty());
  TopTable idle;
  idle.add(ip("192.0.2.1"), TopOutcome::Refused, dns::Time{1h});
  CHECK(idle.clients(9, dns::Time{1h + 11min}).empty());
}

TEST_CASE("a full table keeps those who come often") {
  TopTable top(16);
  const dns::Time now{1h};
  for (int i = 0; i < 100; ++i) top.add(ip("192.0.2.1"), TopOutcome::Refused, now);
  for (int i = 0; i < 40; ++i)
    top.add(ip("198.51.100." + std::to_string(i)), TopOutcome::Refused, now);
  const auto clients = top.clients(100, now);
  CHECK(clients.size() <= 16);
  REQUIRE(!clients.empty());
  CHECK(clients[0].who == ip("192.0.2.1"));
}

}  // namespace ravelin::proxy
