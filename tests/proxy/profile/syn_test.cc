#include "proxy/profile/syn.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "proxy/event/fd.h"
#include "proxy/event/open_listener.h"
#include "proxy/event/saved_syn.h"
#include "syn_packet.h"

using namespace ravelin;
using namespace ravelin::proxy;
using namespace ravelin::test;
using namespace ravelin::test::option;

namespace {

const Octets kLinux = all({mss(1460), kSack, kTime, kNop, scale(7)});
const Octets kWindows = all({mss(1460), kNop, scale(8), kNop, kNop, kSack});
const Octets kMac = all({mss(1460), kNop, scale(6), kNop, kNop, kTime, kSack, kEnd, kEnd});
const Octets kFreeBsd = all({mss(1460), kNop, scale(6), kSack, kTime});
const Octets kOpenBsd = all({mss(1460), kNop, kNop, kSack, kNop, scale(6), kNop, kNop, kTime});

Stack stack_of(const Octets& packet) {
  const auto syn = parse_syn(packet);
  REQUIRE(syn);
  return classify(*syn);
}

}  // namespace

TEST_CASE("the headers of a SYN are read") {
  const auto syn = parse_syn(v4(117, tcp(kWindows, 64240, 0xc2)));
  REQUIRE(syn);
  CHECK_FALSE(syn->v6);
  CHECK(syn->ttl == 117);
  CHECK(syn->initial_ttl == 128);
  CHECK(syn->dont_fragment);
  CHECK(syn->ecn);
  CHECK(syn->window == 64240);
  CHECK(syn->mss == 1460);
  CHECK(syn->scale == 8);
  CHECK(layout_text(*syn) == "mss,nop,scale,nop,nop,sack");
  CHECK_FALSE(syn->malformed);
}

TEST_CASE("a TTL is taken for the next of the usual ones") {
  struct Row {
    uint8_t ttl;
    uint8_t initial;
  };
  const auto row = GENERATE(values<Row>(
      {{1, 32}, {32, 32}, {33, 64}, {64, 64}, {65, 128}, {128, 128}, {129, 255}, {255, 255}}));
  CAPTURE(int(row.ttl));
  CHECK(parse_syn(v4(row.ttl, tcp({})))->initial_ttl == row.initial);
  CHECK(parse_syn(v6(row.ttl, tcp({})))->initial_ttl == row.initial);
}

TEST_CASE("what stands between the IP header and TCP is stepped over") {
  const auto want = layout_hash(*parse_syn(v4(64, tcp(kLinux))));
  const Octets hop_by_hop = {60, 1, 5, 2, 0, 0, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0};  // 16 octets
  const Octets destination = {44, 0, 1, 4, 0, 0, 0, 0};
  const Octets fragment = {51, 0, 0, 1, 0, 0, 0, 9};  // the first of several
  const Octets authentication = {6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2,
                                 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9};
  const auto chain = hop_by_hop + destination + fragment + authentication;
  const auto packet = GENERATE_COPY(v4(64, tcp(kLinux), {7, 4, 4, 0}), v6(64, tcp(kLinux)),
                                    v6(64, chain + tcp(kLinux), 0));
  const auto syn = parse_syn(packet);
  REQUIRE(syn);
  CHECK(layout_hash(*syn) == want);
  CHECK(classify(*syn) == Stack::Linux);
}

TEST_CASE("each octet that is missing is missed, and what follows the headers is not looked at") {
  const auto packet = GENERATE_COPY(v4(64, tcp(kLinux)), v4(64, tcp({}), {1, 1, 1, 0}),
                                    v6(64, Octets{6, 0, 1, 4, 0, 0, 0, 0} + tcp(kMac), 60));
  const auto whole = parse_syn(packet);
  REQUIRE(whole);
  for (size_t size = 0; size < packet.size(); ++size) {
    CAPTURE(size);
    const Octets part(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK_FALSE(parse_syn(part));
  }
  CHECK(parse_syn(packet + Octets{2, 4, 5, 180}) == whole);
}

TEST_CASE("what is no opening SYN over IP is none") {
  struct Row {
    const char* name;
    Octets packet;
  };
  auto short_header = v4(64, tcp(kLinux));
  short_header[0] = 0x44;
  auto version = v4(64, tcp(kLinux));
  version[0] = 0x55;
  auto udp = v4(64, tcp(kLinux));
  udp[9] = 17;
  auto later = v4(64, tcp(kLinux));
  later[7] = 1;
  auto offset = tcp(kLinux);
  offset[12] = 0x40;
  const Octets endless(8 * 9, 0);  // nine hop-by-hop headers
  const auto row = GENERATE_COPY(values<Row>({
      {"IPv4 header of 16 octets", short_header},
      {"version 5", version},
      {"UDP", udp},
      {"not the first fragment", later},
      {"TCP header of 16 octets", v4(64, offset)},
      {"SYN+ACK", v4(64, tcp(kLinux, 1, 0x12))},
      {"SYN+RST", v4(64, tcp(kLinux, 1, 0x06))},
      {"SYN+FIN", v4(64, tcp(kLinux, 1, 0x03))},
      {"ACK", v4(64, tcp(kLinux, 1, 0x10))},
      {"more extension headers than anybody sends", v6(64, endless + tcp(kLinux), 0)},
      {"a later fragment of IPv6", v6(64, Octets{6, 0, 0, 8, 0, 0, 0, 1} + tcp(kLinux), 44)},
      {"encrypted", v6(64, tcp(kLinux), 50)},
      {"no next header", v6(64, tcp(kLinux), 59)},
  }));
  CAPTURE(row.name);
  CHECK_FALSE(parse_syn(row.packet));
}

TEST_CASE("options that lie about their length end the reading") {
  struct Row {
    Octets options;
    const char* text;
  };
  const auto row = GENERATE(values<Row>({
      {{2, 4, 5, 180, 8, 10, 0, 0}, "mss,time(malformed)"},  // reaches beyond the header
      {{2, 0, 1, 1}, "mss(malformed)"},
      {{1, 1, 1, 3}, "nop,nop,nop,scale(malformed)"},  // no length
      {{4, 1, 1, 1}, "sack(malformed)"},
      {{0, 2, 4, 5}, "end+3"},                              // what is behind the end is padding
      {{2, 3, 5, 1, 3, 2, 1, 1}, "mss,nop,scale,nop,nop"},  // of a wrong length: no value
      {{254, 4, 0xf9, 0x89}, "254"},
  }));
  const auto syn = parse_syn(v4(64, tcp(row.options)));
  REQUIRE(syn);
  CHECK(layout_text(*syn) == row.text);
  CHECK(classify(*syn) == Stack::Unknown);
  CHECK_FALSE((syn->mss && row.options.size() == 8 && row.options[1] == 3));
  CHECK_FALSE(syn->scale);
}

TEST_CASE("forty octets of options are as many kinds, and a text that fits") {
  const auto syn = parse_syn(v4(64, tcp(Octets(40, 1))));
  REQUIRE(syn);
  CHECK(syn->kind_count == 40);
  CHECK(layout_text(*syn).size() == 40 * 4 - 1);
  const Octets wide = {253, 2};
  Octets options;
  for (int i = 0; i < 20; ++i) options = options + wide;
  CHECK(layout_text(*parse_syn(v4(64, tcp(options)))).size() <= 400);
}

TEST_CASE("stacks are known by TTL and order of options") {
  struct Row {
    const char* name;
    uint8_t ttl;
    Octets options;
    Stack want;
  };
  const auto row = GENERATE(values<Row>({
      {"Windows 7, 10, 11, Server", 113, kWindows, Stack::Windows},
      {"Windows with timestamps", 120, kFreeBsd, Stack::Windows},
      {"Windows XP", 109, all({mss(1460), kNop, kNop, kSack}), Stack::Windows},
      {"Linux", 52, kLinux, Stack::Linux},
      {"Linux without timestamps", 52, all({mss(1460), kNop, kNop, kSack, kNop, scale(7)}),
       Stack::Linux},
      {"FreeBSD", 57, kFreeBsd, Stack::Bsd},
      {"macOS", 49, kMac, Stack::Bsd},
      {"OpenBSD", 49, kOpenBsd, Stack::Bsd},
      {"a small stack", 60, mss(536), Stack::Appliance},
      {"a router", 247, mss(536), Stack::Appliance},
      {"Linux's options, Windows' TTL", 113, kLinux, Stack::Unknown},
      {"Windows' options, Linux's TTL", 52, kWindows, Stack::Unknown},
      {"an order that nobody uses", 52, all({kSack, mss(1460), kNop, kNop}), Stack::Unknown},
  }));
  CAPTURE(row.name);
  CHECK(stack_of(v4(row.ttl, tcp(row.options))) == row.want);
  CHECK(stack_of(v6(row.ttl, tcp(row.options))) == row.want);
}

TEST_CASE("the hash is of the order of options alone, and stays what it is") {
  const auto hash = [](uint8_t ttl, const Octets& options, uint16_t window) {
    return layout_hash(*parse_syn(v4(ttl, tcp(options, window))));
  };
  const auto linux_hash = hash(52, kLinux, 29200);
  CHECK(linux_hash == hash(60, all({mss(1412), kSack, kTime, kNop, scale(9)}), 64240));
  CHECK(linux_hash != hash(52, kWindows, 29200));
  CHECK(hash(52, kMac, 1) != hash(52,
                                  all({mss(1460), kNop, scale(6), kNop, kNop, kTime, kSack, kEnd,
                                       kEnd, kEnd, kEnd, kEnd, kEnd}),
                                  1));
  CHECK(linux_hash == 0x3448bbaa22e76246);  // it is in reports that are compared over years
}

TEST_CASE("this Linux is called Linux") {
  const auto* const address = GENERATE("127.0.0.1:0", "[::1]:0");
  const auto listener = open_listener(*dns::Endpoint::parse(address), false);
  REQUIRE(listener);
  const auto at = local_endpoint(listener->get());
  sockaddr_storage to;
  const auto size = at.address.to_sockaddr(at.port, to);
  const Fd client(socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(connect(client.get(), reinterpret_cast<const sockaddr*>(&to), size) == 0);
  const Fd accepted(accept(listener->get(), nullptr, nullptr));
  REQUIRE(accepted);

  std::array<uint8_t, kSynRoom> room{};
  const auto syn = parse_syn(std::span(room).first(take_saved_syn(accepted.get(), room)));
  REQUIRE(syn);
  CAPTURE(layout_text(*syn));
  CHECK(syn->v6 == !at.address.is_v4());
  CHECK(classify(*syn) == Stack::Linux);
}
