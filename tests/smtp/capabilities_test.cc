#include "smtp/capabilities.h"

#include <catch2/catch.hpp>

namespace ravelin::smtp {
namespace {

Capabilities parse(std::vector<std::string> lines, int code = 250) {
  Reply reply;
  reply.code = code;
  reply.lines = std::move(lines);
  return parse_ehlo_reply(reply);
}

TEST_CASE("An EHLO reply says what a server can do") {
  const auto found =
      parse({"mx.example Hello", "PIPELINING", "size 1000", "8bitMIME", "", "SMTPUTF8", "DSN",
             "ENHANCEDSTATUSCODES", "STARTTLS", "XFORWARD NAME addr  PROTO", "XCLIENT NAME",
             "AUTH PLAIN", "X-UNKNOWN", "VRFY"});
  CHECK(found.esmtp);
  CHECK(found.pipelining);
  CHECK(found.size);
  CHECK(found.size_limit == 1000);
  CHECK(found.eightbitmime);
  CHECK(found.smtputf8);
  CHECK(found.dsn);
  CHECK(found.enhanced_codes);
  CHECK(found.starttls);
  CHECK(found.xforward == std::vector<std::string>{"NAME", "ADDR", "PROTO"});
  CHECK(found.xclient == std::vector<std::string>{"NAME"});
}

TEST_CASE("The first line is a name, whatever it looks like, and keywords are whole words") {
  CHECK_FALSE(parse({"PIPELINING"}).pipelining);
  CHECK_FALSE(parse({"mx", "PIPELININGS"}).pipelining);
  CHECK_FALSE(parse({"mx", "X-DSN"}).dsn);
  CHECK(parse({"mx"}) == [] {
    Capabilities none;
    none.esmtp = true;
    return none;
  }());
}

TEST_CASE("A refused EHLO offers nothing") {
  CHECK(parse({"mx", "PIPELINING"}, 502) == Capabilities{});
  CHECK(parse({"mx", "PIPELINING"}, 354) == Capabilities{});
}

TEST_CASE("SIZE without a usable number is no limit") {
  const std::string line =
      GENERATE("SIZE", "SIZE 0", "SIZE x", "SIZE -1", "SIZE 1x", "SIZE 99999999999999999999999");
  CAPTURE(line);
  const auto found = parse({"mx", line});
  CHECK(found.size);
  CHECK(found.size_limit == 0);
}

TEST_CASE("LIMITS are numbers, each read for itself") {
  const auto all = parse({"mx", "limits rcptmax=20 MAILMAX=5 RCPTDOMAINMAX=1 NEWMAX=x"});
  CHECK(all.rcpt_max == 20);
  CHECK(all.mail_max == 5);
  CHECK(all.rcpt_domain_max == 1);
  CHECK(parse({"mx", "LIMITS RCPTMAX=20 RCPTMAX=30", "LIMITS RCPTMAX=25"}).rcpt_max == 20);
  CHECK(parse({"mx", "LIMITS RCPTMAX=999999"}).rcpt_max == 999'999);

  const std::string broken =
      GENERATE("RCPTMAX", "RCPTMAX=", "RCPTMAX=0", "RCPTMAX=05", "RCPTMAX=-1", "RCPTMAX=+1",
               "RCPTMAX=1x", "RCPTMAX=0x10", "RCPTMAX=1=2", "RCPTMAX = 1", "XRCPTMAX=1",
               "RCPTMAX=1000000", "RCPTMAX=99999999999999999999999", "=1", "RCPTMAX=1,MAILMAX=2");
  CAPTURE(broken);
  const auto found = parse({"mx", "LIMITS " + broken + " MAILMAX=7"});
  CHECK(found.rcpt_max == 0);
  CHECK(found.mail_max == 7);
}

TEST_CASE("Of two servers' LIMITS the smaller holds, and none is none") {
  const auto a = parse({"a", "LIMITS RCPTMAX=20 MAILMAX=5"});
  const auto b = parse({"b", "LIMITS RCPTMAX=30 RCPTDOMAINMAX=2"});
  const auto both = intersect(a, b);
  CHECK(both == intersect(b, a));
  CHECK(both.rcpt_max == 20);
  CHECK(both.mail_max == 5);
  CHECK(both.rcpt_domain_max == 2);
  CHECK(intersect(parse({"c"}), parse({"d"})).rcpt_max == 0);
}

TEST_CASE("What two servers have in common") {
  const auto a = parse(
      {"a", "PIPELINING", "8BITMIME", "DSN", "SIZE 1000", "XFORWARD NAME ADDR", "REQUIRETLS"});
  const auto b = parse({"b", "PIPELINING", "SMTPUTF8", "DSN", "SIZE 2000", "XFORWARD ADDR HELO"});
  const auto both = intersect(a, b);
  CHECK(both.esmtp);
  CHECK(both.pipelining);
  CHECK(both.dsn);
  CHECK_FALSE(both.eightbitmime);
  CHECK_FALSE(both.smtputf8);
  CHECK(a.requiretls);
  CHECK_FALSE(both.requiretls);
  // RFC 6531 §3.1: only with 8BITMIME.
  CHECK_FALSE(parse({"x", "SMTPUTF8"}).smtputf8);
  CHECK(both.size_limit == 1000);
  CHECK(both.xforward == std::vector<std::string>{"ADDR"});
  CHECK(intersect(b, a).size_limit == 1000);
  CHECK(intersect(a, a) == a);

  const auto unlimited = intersect(a, parse({"c", "SIZE 0"}));
  CHECK(unlimited.size_limit == 1000);
  const auto without = intersect(parse({"c"}), a);
  CHECK(without.size);
  CHECK(without.size_limit == 1000);
  CHECK_FALSE(intersect(parse({"c"}), parse({"d"})).size);
}

TEST_CASE("We state how many recipients we take, and no more than the backends do") {
  const auto last = [](uint32_t ours, uint32_t theirs) {
    Capabilities common;
    common.rcpt_max = theirs;
    common.mail_max = common.rcpt_domain_max = 1;  // of connections that are not the client's
    return ehlo_reply("mx", common, {.rcpt_max = ours}).lines.back();
  };
  CHECK(last(1000, 0) == "LIMITS RCPTMAX=1000");
  CHECK(last(1000, 20) == "LIMITS RCPTMAX=20");
  CHECK(last(100, 2000) == "LIMITS RCPTMAX=100");
  CHECK(last(0, 20) == "LIMITS RCPTMAX=20");
  CHECK(last(0, 0) == "ENHANCEDSTATUSCODES");
}

std::string size_line(uint64_t ours, uint64_t theirs, uint64_t room) {
  Capabilities common;
  common.size = true;
  common.size_limit = theirs;
  return ehlo_reply("mx", common, {ours, room}).lines.at(2);
}

TEST_CASE("Our EHLO reply has what is ours and what all backends have") {
  CHECK(to_wire(ehlo_reply("mx.example", Capabilities{}, {1000, 100})) ==
        "250-mx.example\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n");
  const auto common = parse(
      {"a", "8BITMIME", "SMTPUTF8", "DSN", "SIZE", "STARTTLS", "XCLIENT NAME", "XFORWARD NAME"});
  CHECK(to_wire(ehlo_reply("mx.example", common, {1000, 100})) ==
        "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-ENHANCEDSTATUSCODES\r\n"
        "250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n");
  CHECK(ehlo_reply("mx.example", parse({"a", "REQUIRETLS"}), {1000, 100}).lines.back() ==
        "REQUIRETLS");
}

TEST_CASE("Our SIZE leaves room for the line that we add") {
  CHECK(size_line(1000, 0, 100) == "SIZE 1000");
  CHECK(size_line(1000, 1100, 100) == "SIZE 1000");
  CHECK(size_line(1000, 1000, 100) == "SIZE 900");
  CHECK(size_line(0, 1000, 100) == "SIZE 900");
  CHECK(size_line(0, 0, 100) == "SIZE 0");
  CHECK(size_line(1000, 50, 100) == "SIZE 1");
}

}  // namespace
}  // namespace ravelin::smtp
