#include "dns/name.h"

#include <catch2/catch.hpp>

#include "tests/support/dns_wire.h"

using namespace ravelin::dns;
using ravelin::test::as_bytes;
using ravelin::test::wire_name;

TEST_CASE("is_host_name takes what RFC 1123 takes and nothing else") {
  struct Row {
    std::string text;
    bool host, query;
  };
  const std::string label63(63, 'a');
  const std::string long253 = label63 + '.' + label63 + '.' + label63 + '.' + std::string(61, 'b');
  const auto row = GENERATE_COPY(values<Row>({
      {"mx.example.net", true, true},
      {"MX.Example.NET", true, true},
      {"localhost", true, true},
      {"3com.com", true, true},
      {"1.2.3.example", true, true},
      {"xn--bcher-kva.example", true, true},
      {label63 + ".example", true, true},
      {long253, true, true},
      {long253 + "b", false, false},
      {label63 + "a.example", false, false},
      {"192.0.2.1", false, true},
      {"", false, false},
      {".", false, false},
      {".example", false, false},
      {"example.", false, false},
      {"a..example", false, false},
      {"-a.example", false, true},
      {"a-.example", false, true},
      {"_dmarc.example", false, true},
      {"a b.example", false, false},
      {"$(id).example", false, false},
      {"a\\.b.example", false, false},
      {"a\r\n.example", false, false},
      {std::string("a\0.example", 10), false, false},
      {"b\xc3\xbc"
       "cher.example",
       false, false},
  }));
  CAPTURE(row.text);
  CHECK(is_host_name(row.text) == row.host);
  CHECK(is_query_name(row.text) == row.query);
}

TEST_CASE("canonical_name lowers ASCII and drops one last dot") {
  CHECK(canonical_name("MX.Example.NET.") == "mx.example.net");
  CHECK(canonical_name("a..") == "a.");
  CHECK(canonical_name("").empty());
  CHECK(canonical_name("\xc3\x9c") == "\xc3\x9c");
}

TEST_CASE("wire names come back as they went") {
  const auto wire = to_wire("Mx.Example");
  CHECK(wire == wire_name("mx.example"));
  CHECK(host_name_of(wire) == "mx.example");
  size_t at = 0;
  CHECK(read_name(as_bytes(wire_name("MX.example")), at) == wire);
  CHECK(at == wire.size());
}

TEST_CASE("host_name_of gives nothing for what only looks like a host name") {
  const std::string dotted(
      "\x04"
      "mx.a"
      "\x07"
      "example"
      "\0",
      14);
  CHECK(host_name_of(dotted).empty());
  CHECK(host_name_of(wire_name("")).empty());
  CHECK(host_name_of(wire_name("a_b.example")).empty());
  CHECK(host_name_of(wire_name("192.0.2.1")).empty());
  CHECK(host_name_of(std::string("\x02"
                                 "\r\n"
                                 "\0",
                                 4))
            .empty());
}

TEST_CASE("read_name follows pointers backwards and stands behind the first") {
  const auto message = wire_name("example") + "\x02mx" + std::string("\xc0\x00", 2) + "tail";
  size_t at = 9;
  CHECK(read_name(as_bytes(message), at) == wire_name("mx.example"));
  CHECK(at == 14);
}

TEST_CASE("read_name refuses what is not a name") {
  struct Row {
    const char* what;
    std::string bytes;
    size_t at;
  };
  std::string ladder = wire_name("a");  // each pointer leads to the one before it
  for (int i = 0; i < 40; ++i)
    ladder += ravelin::test::be16(0xc000 | (i == 0 ? 0 : 3 + 2 * (i - 1)));
  std::string long_name;
  for (int i = 0; i < 4; ++i) long_name += '\x3f' + std::string(63, 'a');
  const auto row = GENERATE_COPY(values<Row>({
      {"nothing", "", 0},
      {"label runs out",
       "\x05"
       "abc",
       0},
      {"no root",
       "\x03"
       "abc",
       0},
      {"half a pointer", "\xc0", 0},
      {"pointer to itself", std::string("\xc0\x00", 2), 0},
      {"pointer forward", std::string("\xc0\x02\x00", 3), 0},
      {"loop through a label",
       std::string("\x01"
                   "a"
                   "\xc0\x00",
                   4),
       0},
      {"two that point at each other", std::string("\xc0\x02\xc0\x00", 4), 0},
      {"reserved label type",
       std::string("\x80"
                   "a\0",
                   3),
       0},
      {"extended label type",
       std::string("\x41"
                   "a\0",
                   3),
       0},
      {"more than 255 bytes", long_name + std::string(1, '\0'), 0},
      {"a ladder of pointers", ladder, ladder.size() - 2},
  }));
  CAPTURE(row.what);
  auto at = row.at;
  CHECK_FALSE(read_name(as_bytes(row.bytes), at));
}
