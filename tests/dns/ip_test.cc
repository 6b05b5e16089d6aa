// Addresses as text, and what is special about them.
#include "dns/ip.h"

#include <catch2/catch.hpp>

using ravelin::dns::IpAddress;

TEST_CASE("an address is written as it is read") {
  const auto text = GENERATE(as<std::string>{}, "0.0.0.0", "255.255.255.255", "192.0.2.10",
                             "10.200.3.0", "::", "::1", "2001:db8::1");
  CHECK(IpAddress::parse(text).value().to_string() == text);
}

TEST_CASE("the unspecified addresses are where one listens for all") {
  CHECK(IpAddress::parse("0.0.0.0").value().is_unspecified());
  CHECK(IpAddress::parse("::").value().is_unspecified());
  CHECK_FALSE(IpAddress::parse("0.0.0.1").value().is_unspecified());
  CHECK_FALSE(IpAddress::parse("::1").value().is_unspecified());
  CHECK_FALSE(IpAddress::parse("127.0.0.1").value().is_unspecified());
}
