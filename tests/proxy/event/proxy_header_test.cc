#include "proxy/event/proxy_header.h"

#include <catch2/catch.hpp>
#include <string>

namespace ravelin::proxy {
namespace {

using Status = ProxyHeader::Status;
using namespace std::string_literals;

std::string v2(uint8_t command, uint8_t family, const std::string& block) {
  std::string header = "\r\n\r\n\0\r\nQUIT\n"s;
  header += static_cast<char>(command);
  header += static_cast<char>(family);
  header += static_cast<char>(block.size() >> 8);
  header += static_cast<char>(block.size() & 0xff);
  return header + block;
}

const std::string kV4 = "\xc0\x00\x02\x01\xc0\x00\x02\x19\x0f\xb9\x00\x19"s;  // 192.0.2.1:4025
const std::string kV6 = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01"s +
                        "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x02\x0f\xb9\x00\x19"s;

struct Row {
  const char* name;
  std::string header;
  Status status;
  const char* client = "";
};

TEST_CASE("read_proxy_header takes what balancers send, and nothing else") {
  const auto row = GENERATE(values<Row>({
      {"v1 IPv4", "PROXY TCP4 192.0.2.1 192.0.2.25 4025 25\r\n", Status::Done, "192.0.2.1:4025"},
      {"v1 IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 4025 25\r\n", Status::Done,
       "[2001:db8::1]:4025"},
      {"v1 unknown", "PROXY UNKNOWN\r\n", Status::Done},
      {"v1 unknown with rest", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", Status::Done},
      {"v1 wrong family", "PROXY TCP4 2001:db8::1 2001:db8::2 4025 25\r\n", Status::Bad},
      {"v1 two families", "PROXY TCP4 192.0.2.1 2001:db8::2 4025 25\r\n", Status::Bad},
      {"v1 two families", "PROXY TCP6 2001:db8::1 192.0.2.25 4025 25\r\n", Status::Bad},
      {"v1 UDP", "PROXY UDP4 192.0.2.1 192.0.2.25 4025 25\r\n", Status::Bad},
      {"v1 port too large", "PROXY TCP4 192.0.2.1 192.0.2.25 65536 25\r\n", Status::Bad},
      {"v1 port with sign", "PROXY TCP4 192.0.2.1 192.0.2.25 +25 25\r\n", Status::Bad},
      {"v1 port padded", "PROXY TCP4 192.0.2.1 192.0.2.25 025 25\r\n", Status::Bad},
      {"v1 two spaces", "PROXY TCP4  192.0.2.1 192.0.2.25 4025 25\r\n", Status::Bad},
      {"v1 more words", "PROXY TCP4 192.0.2.1 192.0.2.25 4025 25 1\r\n", Status::Bad},
      {"v1 LF alone", "PROXY TCP4 192.0.2.1 192.0.2.25 4025 25\n" + std::string(80, 'x'),
       Status::Bad},
      {"v1 of 108 octets", "PROXY UNKNOWN " + std::string(92, 'x') + "\r\n", Status::Bad},
      {"v2 IPv4", v2(0x21, 0x11, kV4), Status::Done, "192.0.2.1:4025"},
      {"v2 IPv6", v2(0x21, 0x21, kV6), Status::Done, "[2001:db8::1]:4025"},
      {"v2 with TLVs", v2(0x21, 0x11, kV4 + "\x04\x00\x03xyz"s), Status::Done, "192.0.2.1:4025"},
      {"v2 local", v2(0x20, 0x00, ""), Status::Done},
      {"v2 local with addresses", v2(0x20, 0x11, kV4), Status::Done},
      {"v2 unspecified", v2(0x21, 0x00, ""), Status::Done},
      {"v2 short", v2(0x21, 0x11, kV4.substr(1)), Status::Bad},
      {"v2 UNIX", v2(0x21, 0x31, std::string(216, 'x')), Status::Bad},
      {"v2 UDP", v2(0x21, 0x12, kV4), Status::Bad},
      {"v2 version 1", v2(0x11, 0x11, kV4), Status::Bad},
      {"v2 command 2", v2(0x22, 0x11, kV4), Status::Bad},
      {"v2 too long", v2(0x21, 0x11, std::string(65535, 'x')), Status::Bad},
      {"SMTP", "EHLO client.example\r\n", Status::Bad},
      {"lower case", "proxy TCP4 192.0.2.1 192.0.2.25 4025 25\r\n", Status::Bad},
  }));
  CAPTURE(row.name);
  const auto found = read_proxy_header(row.header + "EHLO x\r\n");
  CHECK(found.status == row.status);
  CHECK((found.client ? found.client->to_string() : "") == row.client);
  if (row.status != Status::Done) return;
  CHECK(found.size == row.header.size());
  for (size_t part = 0; part < row.header.size(); ++part) {
    CAPTURE(part);
    CHECK(read_proxy_header(row.header.substr(0, part)).status == Status::Incomplete);
  }
}

TEST_CASE("a header written is a header read") {
  const auto client = *dns::Endpoint::parse(GENERATE("192.0.2.1:4025", "[2001:db8::1]:4025"));
  const dns::Endpoint server{client.address, 25};
  const auto wire = proxy_v2_header(client, server);
  const auto found = read_proxy_header(wire);
  CHECK(found.status == Status::Done);
  CHECK(found.size == wire.size());
  CHECK(found.client == client);
}

TEST_CASE("two families have no header that names both") {
  const auto wire = proxy_v2_header(*dns::Endpoint::parse("[2001:db8::1]:4025"),
                                    *dns::Endpoint::parse("127.0.0.1:25"));
  const auto found = read_proxy_header(wire);
  CHECK(found.status == Status::Done);
  CHECK_FALSE(found.client);
}

}  // namespace
}  // namespace ravelin::proxy
