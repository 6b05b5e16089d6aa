#include <catch2/catch.hpp>

#include "smtp/command.h"

namespace ravelin::smtp {
namespace {

using Name = XclientCommand::Name;

// "" if it was taken, else what the client hears.
std::string refusal(const std::string& argument) {
  const auto parsed = parse_xclient(argument);
  if (parsed) return "";
  CHECK(parsed.error().code == 501);
  return parsed.error().text;
}

}  // namespace

TEST_CASE("XCLIENT says who the client is") {
  const auto parsed = parse_xclient(
      "name=Mail.Example ADDR=192.0.2.1 PORT=4025 PROTO=esmtp "
      "HELO=client.example LOGIN=x+3Dy REVERSE_NAME=a.example "
      "DESTADDR=IPV6:2001:db8::1 DESTPORT=25");
  REQUIRE(parsed);
  CHECK(*parsed == XclientCommand{"192.0.2.1", false, 4025, Name::Given, "mail.example"});
  CHECK(*parse_xclient("ADDR=ipv6:2001:db8::1") ==
        XclientCommand{"2001:db8::1", true, 0, Name::NotSaid, ""});
  CHECK(*parse_xclient("HELO=a PROTO=SMTP") == XclientCommand{});
}

TEST_CASE("XCLIENT may say that something is not known") {
  CHECK(parse_xclient("ADDR=192.0.2.1 NAME=[UNAVAILABLE]")->name_is == Name::None);
  CHECK(parse_xclient("ADDR=192.0.2.1 NAME=[tempunavail]")->name_is == Name::Unsure);
  for (const auto* name :
       {"PORT", "PROTO", "HELO", "LOGIN", "REVERSE_NAME", "DESTADDR", "DESTPORT"})
    CHECK(refusal(std::string(name) + "=[UNAVAILABLE]") == "");
  CHECK(refusal("ADDR=[UNAVAILABLE]") == "Bad value of ADDR");
}

TEST_CASE("XCLIENT with anything else is refused") {
  const auto* const bad = GENERATE(
      "", " ", "ADDR", "ADDR=", "=1", "ADDR =192.0.2.1", "ADDR= 192.0.2.1", " ADDR=192.0.2.1",
      "ADDR=192.0.2.1  PORT=1", "ADDR=192.0.2.1\tPORT=1", "ADDR=192.0.2.1,PORT=1", "IDENT=x",
      "XADDR=192.0.2.1", "ADDR=192.0.2.1 ADDR=192.0.2.1", "ADDR=192.0.2.1 addr=192.0.2.2",
      "ADDR=192.0.2.1+0A", "ADDR=192.0.2.1+0d+0aMAIL", "ADDR=[192.0.2.1]", "ADDR=a_b",
      "ADDR=192.0.2.1/24", "ADDR=fe80::1%eth0", "PORT=65536", "PORT=-1", "PORT=1x", "PORT=+31x",
      "PROTO=LMTP", "PROTO=E", "NAME=a+20b", "NAME=a+00b", "NAME=-a.example", "NAME=a..example",
      "NAME=<a>", "NAME=+C3+A9.example", "NAME=\xc3\xa9.example", "HELO=a+20b", "HELO=a+7F",
      "HELO=+", "HELO=+4", "HELO=+4g", "HELO=+4a", "LOGIN=+1B[31m", "DESTADDR=x/y", "DESTPORT=a",
      "REVERSE_NAME=a+0Ab");
  CAPTURE(bad);
  CHECK_FALSE(refusal(bad).empty());
}

TEST_CASE("XCLIENT's values are bounded") {
  CHECK(refusal("LOGIN=" + std::string(255, 'x')) == "");
  CHECK(refusal("LOGIN=" + std::string(256, 'x')) == "Bad value of LOGIN");
  CHECK(refusal("NAME=" + std::string(300, 'a') + ".example") == "Bad value of NAME");
}

}  // namespace ravelin::smtp
