// Networks, exceptions, and the order of checks.
#include <catch2/catch.hpp>
#include <chrono>

#include "proxy/checks/access.h"
#include "proxy/checks/check.h"
#include "proxy/checks/greylist_exceptions.h"

namespace ravelin::proxy {
namespace {

dns::IpAddress ip(const std::string& text) { return *dns::IpAddress::parse(text); }

TEST_CASE("CidrSet finds the longest prefix") {
  const CidrSet set({"192.0.2.0/24", "192.0.2.128/25", "192.0.2.200", "2001:db8::/32", "nonsense"});
  CHECK(set.longest_match(ip("192.0.2.1")) == 24);
  CHECK(set.longest_match(ip("192.0.2.129")) == 25);
  CHECK(set.longest_match(ip("192.0.2.200")) == 32);
  CHECK(set.longest_match(ip("192.0.3.1")) == -1);
  CHECK(set.longest_match(ip("2001:db8:1::1")) == 32);
  CHECK(set.longest_match(ip("2001:db9::1")) == -1);
  CHECK(set.longest_match(ip("::ffff:192.0.2.1")) == 24);
  CHECK(CidrSet({"0.0.0.0/0"}).longest_match(ip("8.8.8.8")) == 0);
  CHECK_FALSE(CidrSet({"0.0.0.0/0"}).contains(ip("::1")));
  CHECK_FALSE(CidrSet().contains(ip("8.8.8.8")));
}

TEST_CASE("CidrSet holds a hundred thousand networks") {
  std::vector<std::string> networks;
  for (int i = 0; i < 100'000; ++i) {
    networks.push_back("10." + std::to_string(i >> 16) + "." + std::to_string(i >> 8 & 255) + "." +
                       std::to_string(i & 255));
  }
  const CidrSet set(networks);
  size_t found = 0;
  for (const auto& network : networks) found += set.contains(ip(network)) ? 1 : 0;
  CHECK(found == networks.size());
  CHECK_FALSE(set.contains(ip("10.1.134.160")));  // the first that is not in it
}

TEST_CASE("the longest prefix of either list decides; at the same length it is allowed") {
  AccessSettings settings;
  settings.allow = {"192.0.2.1", "198.51.100.0/24"};
  settings.deny = {"192.0.2.0/24", "198.51.100.7", "203.0.113.0/24"};
  const AccessList list(settings);
  CHECK(list.find(ip("192.0.2.1")) == Access::Allow);
  CHECK(list.find(ip("192.0.2.2")) == Access::Deny);
  CHECK(list.find(ip("198.51.100.7")) == Access::Deny);
  CHECK(list.find(ip("198.51.100.8")) == Access::Allow);
  CHECK(list.find(ip("127.0.0.1")) == Access::None);
  settings.allow = settings.deny;
  CHECK(AccessList(settings).find(ip("203.0.113.5")) == Access::Allow);
}

TEST_CASE("exceptions match addresses in any case, and names by their suffix") {
  const AddressPatterns patterns({"User@one.example", "any@", "@whole.example"});
  CHECK(patterns.match({"uSER", "one.example"}));
  CHECK(patterns.match({"Any", "else.example"}));
  CHECK(patterns.match({"x", "whole.example"}));
  CHECK_FALSE(patterns.match({"x", "one.example"}));
  CHECK_FALSE(patterns.match({"x", "sub.whole.example"}));
  const AddressPatterns international({"joe@xn--bcher-kva.example", "@xn--mller-kva.example"});
  CHECK(international.match({"joe", "bücher.example"}));
  CHECK(international.match({"x", "Müller.example"}));
  CHECK_FALSE(international.match({"x", "bücher.example"}));

  GreylistSettings settings{};
  settings.except_clients = {"192.0.2.0/24", "mail.one.example", ".two.example"};
  const GreylistExceptions exceptions(settings);
  CHECK(exceptions.client(ip("192.0.2.9"), ""));
  CHECK(exceptions.client(ip("198.51.100.1"), "mail.one.example"));
  CHECK(exceptions.client(ip("198.51.100.1"), "a.b.two.example"));
  CHECK_FALSE(exceptions.client(ip("198.51.100.1"), "two.example"));
  CHECK_FALSE(exceptions.client(ip("198.51.100.1"), "xtwo.example"));
  CHECK_FALSE(exceptions.client(ip("198.51.100.1"), "x.mail.one.example"));
  CHECK_FALSE(exceptions.client(ip("198.51.100.1"), ""));
}

TEST_CASE("checks run in order of stage and name") {
  std::string order;
  for (const auto* def : registered_checks()) order.append(def->name).append(" ");
  CHECK(order == "rdns helo sender_domain relay_domain ");
}

TEST_CASE("a refusal has the class digit of its action") {
  static constexpr Sign kSign{"", {7, 25}, "Client host rejected", "why", 554};
  CHECK(to_wire(refusal_of({&kSign, Action::Defer})) == "450 4.7.25 Client host rejected: why\r\n");
  CHECK(to_wire(refusal_of({&kSign, Action::Reject})) ==
        "554 5.7.25 Client host rejected: why\r\n");
}

}  // namespace
}  // namespace ravelin::proxy
