#include "smtp/address.h"

#include <catch2/catch.hpp>

#include "smtp/utf8.h"

namespace ravelin::smtp {
namespace {

using namespace std::string_view_literals;

TEST_CASE("Domains") {
  const std::string label63(63, 'a');
  CHECK(is_domain("example.com"));
  CHECK(is_domain("a"));
  CHECK(is_domain("xn--bcher-kva.example"));
  CHECK(is_domain("1.2.3.4"));
  CHECK(is_domain(label63 + ".example"));
  CHECK_FALSE(is_domain(label63 + "a.example"));
  CHECK_FALSE(is_domain(""));
  CHECK_FALSE(is_domain("."));
  CHECK_FALSE(is_domain("example.com."));
  CHECK_FALSE(is_domain(".example.com"));
  CHECK_FALSE(is_domain("a..b"));
  CHECK_FALSE(is_domain("-a.b"));
  CHECK_FALSE(is_domain("a-.b"));
  CHECK_FALSE(is_domain("a_b.c"));
  CHECK_FALSE(is_domain("a b"));
  CHECK_FALSE(is_domain("a\0b"sv));
  CHECK_FALSE(
      is_domain("b\xc3\xbc"
                "cher.example"));
  CHECK(
      is_domain("b\xc3\xbc"
                "cher.example",
                true));
  CHECK_FALSE(
      is_domain("b\xfc"
                "cher.example",
                true));
}

TEST_CASE("A domain has 255 octets at most") {
  std::string name;
  while (name.size() < 253) name += "a.";
  CHECK(is_domain(name + "a"));
  CHECK_FALSE(is_domain(name + "aa"));
}

TEST_CASE("Address literals") {
  for (const auto text :
       {"[192.0.2.1]", "[0.0.0.0]", "[255.255.255.255]", "[IPv6:2001:db8::1]", "[ipv6:::1]",
        "[IPv6:::]", "[IPv6:1:2:3:4:5:6:7:8]", "[IPv6:1::8]", "[IPv6:::ffff:192.0.2.1]",
        "[IPv6:1:2:3:4:5:6:192.0.2.1]", "[IPv6:1:2:3:4:5:6:7::]"}) {
    CAPTURE(text);
    CHECK(is_address_literal(text));
  }
  for (const auto text : {"",
                          "[",
                          "[]",
                          "192.0.2.1",
                          "[192.0.2.1",
                          "[192.0.2]",
                          "[192.0.2.1.5]",
                          "[192.0.2.256]",
                          "[192.0.02.1]",
                          "[192.0.2.1 ]",
                          "[2001:db8::1]",
                          "[IPv6:]",
                          "[IPv6::]",
                          "[IPv6:1:2:3:4:5:6:7]",
                          "[IPv6:1:2:3:4:5:6:7:8:9]",
                          "[IPv6:1::2::3]",
                          "[IPv6:12345::]",
                          "[IPv6:g::]",
                          "[IPv6::1:2]",
                          "[IPv6:1:2:3:4:5:6:7:8::]",
                          "[IPv6:192.0.2.1::]",
                          "[IPv6:fe80::1%eth0]",
                          "[X25:1234]"}) {
    CAPTURE(text);
    CHECK_FALSE(is_address_literal(text));
  }
}

TEST_CASE("Fully qualified names") {
  CHECK(is_fqdn("mx.example"));
  CHECK_FALSE(is_fqdn("localhost"));
  CHECK_FALSE(is_fqdn("192.0.2.1"));
  CHECK_FALSE(is_fqdn("mx.example."));
  CHECK_FALSE(is_fqdn("[192.0.2.1]"));
  CHECK_FALSE(is_fqdn(""));
}

TEST_CASE("Forms of an address") {
  CHECK(Address{}.null());
  CHECK(Address{}.to_string().empty());
  CHECK(Address{}.path() == "<>");
  CHECK(Address{"a", "b.c"}.to_string() == "a@b.c");
  CHECK(Address{"a", "b.c"}.path() == "<a@b.c>");
  CHECK(Address{"postmaster", ""}.path() == "<postmaster>");
  CHECK_FALSE(Address{"postmaster", ""}.null());
  CHECK(Address{"\xc3\xa9", "x"}.utf8());
  CHECK(Address{"e", "\xc3\xa9"}.utf8());
  CHECK_FALSE(Address{"e", "x"}.utf8());
  CHECK(to_lower("ExAMPLE-[\xc3\x89]") == "example-[\xc3\x89]");
}

TEST_CASE("UTF-8 is read strictly") {
  for (const auto text : {"", "a", "\xc2\xa0", "\xdf\xbf", "\xe0\xa0\x80", "\xef\xbf\xbf",
                          "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "a\xc3\xa9z"})
    CHECK(is_utf8(text));
  for (const auto text : {"\x80", "\xc3", "\xc3z", "\xc0\xaf", "\xc1\xbf", "\xc2\x80", "\xc2\x9f",
                          "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80", "\xed\xbf\xbf",
                          "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff"})
    CHECK_FALSE(is_utf8(text));
}

}  // namespace
}  // namespace ravelin::smtp
