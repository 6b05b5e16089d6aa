#include "dns/answer.h"

#include <catch2/catch.hpp>

#include "tests/support/dns_wire.h"

using namespace ravelin::dns;
using namespace ravelin::test;
using namespace std::chrono_literals;

namespace {

const std::string kIp("\x7f\x02\x03\x04", 4);
const Question kA{Type::A, "mx.example"};
const Question kPtr{Type::Ptr, "4.3.2.127.in-addr.arpa"};

Reading read(const Question& question, const WireMessage& message) {
  return read_answer(question, as_bytes(message.bytes()));
}
WireMessage to(const Question& question) {
  return WireMessage::answer_to(question.name, static_cast<RrType>(number_of(question.type)));
}

}  // namespace

TEST_CASE("read_answer takes addresses and the least TTL") {
  const auto got =
      read(kA, to(kA).a("mx.example", kIp, 300).a("MX.example", "\x7f\x01\x01\x01", 200));
  CHECK(got.answer.status == Status::Ok);
  REQUIRE(got.answer.addresses.size() == 2);
  CHECK(got.answer.addresses[0].to_string() == "127.2.3.4");
  CHECK(got.ttl == 200s);

  const Question six{Type::Aaaa, "mx.example"};
  const auto v6 = IpAddress::parse("2001:db8::1");
  const std::string data(reinterpret_cast<const char*>(v6->bytes()), 16);
  CHECK(read(six, to(six).add("mx.example", RrType::Aaaa, data)).answer.addresses ==
        std::vector{*v6});
}

TEST_CASE("read_answer follows aliases within the answer") {
  const auto chain = [](int length) {
    auto message = to(kA);
    std::string owner = kA.name;
    for (int i = 0; i < length; ++i) {
      const auto next = "c" + std::to_string(i) + ".example";
      message.cname(owner, next, 100);
      owner = next;
    }
    return message.a(owner, kIp, 300);
  };
  CHECK(read(kA, chain(1)).answer.addresses.size() == 1);
  CHECK(read(kA, chain(1)).ttl == 100s);
  CHECK(read(kA, chain(kMaxAliases)).answer.status == Status::Ok);
  CHECK(read(kA, chain(kMaxAliases + 1)).answer.status == Status::TempFail);
  CHECK(read(kA, chain(20)).answer.status == Status::TempFail);

  SECTION("a reverse name may be an alias into a part of a /24, RFC 2317") {
    const auto part = "4.0/25.3.2.127.in-addr.arpa";
    const auto got = read(kPtr, to(kPtr).cname(kPtr.name, part).ptr(part, "mx.example"));
    CHECK(got.answer.names == std::vector<std::string>{"mx.example"});
  }
  SECTION("a loop") {
    const auto got =
        read(kA, to(kA).cname(kA.name, "other.example").cname("other.example", kA.name));
    CHECK(got.answer.status == Status::TempFail);
  }
  SECTION("an alias to nowhere") {
    CHECK(read(kA, to(kA).cname(kA.name, "other.example")).answer.status == Status::NoData);
    auto gone = to(kA).cname(kA.name, "other.example").rcode(3);
    CHECK(read(kA, gone).answer.status == Status::NoName);
  }
}

TEST_CASE("read_answer keeps no, not this, and don't know apart") {
  struct Row {
    const char* what;
    WireMessage message;
    Status want;
  };
  auto foreign_type = to(kA);
  foreign_type.add(kA.name, RrType::Ptr, wire_name("a.example"));
  auto two_questions = to(kA).a(kA.name, kIp);
  two_questions.questions = 2;
  auto query = to(kA).a(kA.name, kIp);
  query.flags &= 0x7fff;
  auto notify = to(kA).a(kA.name, kIp);
  notify.flags |= 4 << 11;
  auto more_than_there = to(kA).a(kA.name, kIp);
  more_than_there.answer_count = 2;
  auto fewer_than_there = to(kA).rcode(3);
  fewer_than_there.answers = "junk";
  auto badvers = to(kA);
  badvers.additional = WireMessage::record("", RrType::Opt, "", 1u << 24);
  badvers.additional_count = 1;
  const auto row = GENERATE_COPY(values<Row>({
      {"NXDOMAIN", to(kA).rcode(3), Status::NoName},
      {"empty NOERROR", to(kA), Status::NoData},
      {"records of another type only", foreign_type, Status::NoData},
      {"records of another name only", to(kA).a("evil.example", kIp), Status::NoData},
      {"FORMERR", to(kA).rcode(1), Status::TempFail},
      {"SERVFAIL", to(kA).rcode(2), Status::TempFail},
      {"NOTIMP", to(kA).rcode(4), Status::TempFail},
      {"REFUSED", to(kA).rcode(5), Status::TempFail},
      {"SERVFAIL with an answer", to(kA).a(kA.name, kIp).rcode(2), Status::TempFail},
      {"NXDOMAIN with an answer", to(kA).a(kA.name, kIp).rcode(3), Status::TempFail},
      {"NXDOMAIN with junk behind it", fewer_than_there, Status::TempFail},
      {"an error only EDNS can say", badvers, Status::TempFail},
      {"an address of three bytes", to(kA).a(kA.name, "\x7f\x01\x01"), Status::TempFail},
      {"another question", WireMessage::answer_to("x.example", RrType::A).a(kA.name, kIp),
       Status::TempFail},
      {"another type", WireMessage::answer_to(kA.name, RrType::Aaaa).a(kA.name, kIp),
       Status::TempFail},
      {"two questions", two_questions, Status::TempFail},
      {"a query", query, Status::TempFail},
      {"another opcode", notify, Status::TempFail},
      {"fewer records than announced", more_than_there, Status::TempFail},
  }));
  CAPTURE(row.what);
  const auto got = read(kA, row.message);
  CHECK(got.answer.status == row.want);
  CHECK(got.answer.addresses.empty());
  CHECK_FALSE(got.truncated);
}

TEST_CASE("read_answer says when the answer was cut, and takes nothing of it") {
  const auto got = read(kA, to(kA).a(kA.name, kIp).truncate());
  CHECK(got.truncated);
  CHECK(got.answer.addresses.empty());
}

TEST_CASE("one broken name does not cost the good ones") {
  const auto got = read(kPtr, to(kPtr)
                                  .add(kPtr.name, RrType::Ptr,
                                       "\x05"
                                       "abc")
                                  .add(kPtr.name, RrType::Ptr, wire_name("b.example") + "x")
                                  .ptr(kPtr.name, "")
                                  .ptr(kPtr.name, "$(id).example")
                                  .ptr(kPtr.name, "MX.Example"));
  CHECK(got.answer.status == Status::Ok);
  CHECK(got.answer.names == std::vector<std::string>{"mx.example"});

  CHECK(read(kPtr, to(kPtr).add(kPtr.name, RrType::Ptr,
                                "\x05"
                                "abc"))
            .answer.status == Status::TempFail);
  const auto no_host = read(kPtr, to(kPtr).ptr(kPtr.name, "a_b.example")).answer;
  CHECK(no_host.status == Status::Ok);
  CHECK(no_host.names.empty());
}

TEST_CASE("a name in a record may point back into the message, but not in a circle") {
  CHECK(read(kPtr, to(kPtr).add(kPtr.name, RrType::Ptr, "\x02mx\xc0\x0c")).answer.names ==
        std::vector<std::string>{"mx.4.3.2.127.in-addr.arpa"});
  auto loop = to(kPtr);
  const auto at = static_cast<int>(loop.bytes().size() + wire_name(kPtr.name).size() + 10);
  loop.add(kPtr.name, RrType::Ptr, be16(0xc000 | at));
  CHECK(read(kPtr, loop).answer.status == Status::TempFail);
}

TEST_CASE("MX records come best first, the null MX with an empty exchange") {
  const Question mx{Type::Mx, "example"};
  const auto add = [](WireMessage& message, int preference, std::string_view exchange) {
    message.add("example", RrType::Mx, be16(preference) + wire_name(exchange));
  };
  auto message = to(mx);
  add(message, 20, "b.example");
  add(message, 10, "A.example");
  add(message, 5, "not_a_host.example");
  message.add("example", RrType::Mx, "\x01");
  CHECK(read(mx, message).answer.mx == std::vector<MxRecord>{{10, "a.example"}, {20, "b.example"}});
  CHECK(read(mx, message).answer.partial);

  auto null = to(mx);
  add(null, 0, "");
  CHECK(read(mx, null).answer.mx == std::vector<MxRecord>{{0, ""}});
  CHECK_FALSE(read(mx, null).answer.partial);
  SECTION("beside one that is no host name it is not alone") {
    add(null, 10, "not_a_host.example");
    CHECK(read(mx, null).answer.partial);
  }
  SECTION("nor beside a broken one") {
    null.add("example", RrType::Mx, "\x01");
    CHECK(read(mx, null).answer.partial);
  }
}

TEST_CASE("a stranger's long answer is taken in part") {
  auto names = to(kPtr);
  for (int i = 0; i < 300; ++i) names.ptr(kPtr.name, "h" + std::to_string(i) + ".example");
  CHECK(read(kPtr, names).answer.names.size() == kMaxNames);
  CHECK(read(kPtr, names).answer.partial);
  auto addresses = to(kA);
  for (int i = 0; i < 300; ++i) addresses.a(kA.name, kIp);
  CHECK(read(kA, addresses).answer.addresses.size() == kMaxAddresses);
  CHECK(read(kA, addresses).answer.partial);
  const Question mx{Type::Mx, "example"};
  auto exchanges = to(mx);
  for (int i = 0; i < 300; ++i)
    exchanges.add("example", RrType::Mx, be16(300 - i) + wire_name("mx.example"));
  CHECK(read(mx, exchanges).answer.partial);
  const auto got = read(mx, exchanges).answer.mx;
  REQUIRE(got.size() == kMaxMx);
  CHECK(got[0].preference == 300 - 255);  // of the first 256
}

TEST_CASE("how long a no holds comes from the SOA") {
  CHECK(read(kA, to(kA).rcode(3).soa("example", 300, 900)).ttl == 300s);
  CHECK(read(kA, to(kA).soa("example", 900, 30)).ttl == 30s);
  CHECK_FALSE(read(kA, to(kA).rcode(3)).ttl);
  CHECK(read(kA, to(kA).a(kA.name, kIp, 0x80000000u)).ttl == 0s);
}

TEST_CASE("no damage to a message breaks the reader") {
  const auto good = to(kPtr)
                        .cname(kPtr.name, "x.example")
                        .add("x.example", RrType::Ptr, "\x02mx\xc0\x0c")
                        .soa("example", 1, 2)
                        .bytes();
  for (size_t size = 0; size < good.size(); ++size) {
    // A copy of just that size, so that a sanitizer sees a read beyond it.
    const std::vector<uint8_t> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(read_answer(kPtr, cut).answer.status == Status::TempFail);
  }
  for (size_t at = 0; at < good.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::vector<uint8_t> bytes(good.begin(), good.end());
      bytes[at] = static_cast<uint8_t>(value);
      const auto got = read_answer(kPtr, bytes).answer;
      for (const auto& name : got.names)
        if (!is_host_name(name)) FAIL("byte " << at << " made a name of " << name);
    }
  }
}
