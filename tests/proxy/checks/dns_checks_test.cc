// Reverse DNS, the sender's domain, and the budget of time that they share.
#include <catch2/catch.hpp>

#include "check_bench.h"

namespace ravelin::test {
namespace {

using dns::Answer, dns::Status, dns::Type;
using namespace std::chrono_literals;

TEST_CASE("reverse DNS: none, mismatch, confirmed, and not knowing") {
  CheckBench bench;
  std::string want = "rdns:greylist";
  SECTION("none") {}
  SECTION("mismatch") {
    bench.resolver.set_name("192.0.2.1", "client.example");
    bench.resolver.set(Type::A, "client.example",
                       {Status::Ok, {*dns::IpAddress::parse("192.0.2.2")}, {}, {}});
  }
  SECTION("confirmed") {
    bench.resolver.set_name("192.0.2.1", "client.example");
    want = "rdns:pass";
  }
  SECTION("the PTR is not known") {
    bench.resolver.set(Type::Ptr, "1.2.0.192.in-addr.arpa", {Status::TempFail, {}, {}, {}});
    want = "rdns:pass";
  }
  SECTION("the way back is not known") {
    bench.resolver.set_name("192.0.2.1", "client.example");
    bench.resolver.set(Type::A, "client.example", {Status::TempFail, {}, {}, {}});
    want = "rdns:pass";
  }
  SECTION("nobody answers") {
    bench.resolver.silent = true;
    want = "rdns:pass";
  }
  CHECK(bench.run(proxy::Stage::Connect) == want);
}

TEST_CASE("the sender's domain must exist, and must take mail") {
  struct Row {
    const char* name;
    Answer mx, a, aaaa;
    std::string found;
  };
  const Answer no_name{Status::NoName, {}, {}, {}}, no_data{Status::NoData, {}, {}, {}};
  const Answer unknown{}, address{Status::Ok, {dns::IpAddress()}, {}, {}};
  const auto mx = [](std::vector<dns::MxRecord> records) {
    return Answer{Status::Ok, {}, {}, std::move(records)};
  };
  auto partial = mx({{0, ""}});
  partial.partial = true;
  const auto row = GENERATE_COPY(values<Row>({
      {"an MX", mx({{10, "m.example"}}), no_data, no_data, "sender_domain:pass"},
      {"an address only", no_data, address, no_data, "sender_domain:pass"},
      {"an IPv6 address only", no_data, no_data, address, "sender_domain:pass"},
      {"nothing", no_data, no_data, no_data, "sender_domain:defer"},
      {"no such name", no_name, no_data, no_data, "sender_domain:defer"},
      {"null MX", mx({{0, ""}}), address, address, "sender_domain.null_mx:reject"},
      {"null MX beside another", mx({{0, ""}, {5, "m.example"}}), no_data, no_data,
       "sender_domain:pass"},
      {"null MX beside one that is not legible", partial, no_data, no_data, "sender_domain:pass"},
      {"MX not known", unknown, no_name, no_name, "sender_domain:pass"},
      {"A not known", no_data, unknown, no_name, "sender_domain:pass"},
      {"AAAA not known", no_data, no_data, unknown, "sender_domain:pass"},
  }));
  const bool later = GENERATE(false, true);
  CAPTURE(row.name, later);
  CheckBench bench;
  bench.resolver.later = later;
  bench.resolver.set(Type::Mx, "from.example", row.mx);
  bench.resolver.set(Type::A, "from.example", row.a);
  bench.resolver.set(Type::Aaaa, "from.example", row.aaaa);
  bench.mail.from = {"a", "from.example"};
  CHECK(bench.run(proxy::Stage::Mail) == row.found);
}

TEST_CASE("senders without a domain in DNS are not looked up") {
  CheckBench bench;
  // The last: a space of no width is in no name.
  const auto domain = GENERATE("", "[192.0.2.1]", "\xe2\x80\x8b.example");
  bench.mail.from = {*domain ? "a" : "", domain};
  CHECK(bench.run(proxy::Stage::Mail) == "sender_domain:pass");
  CHECK(bench.resolver.asked.empty());
}

TEST_CASE("U-labels are looked up as the A-labels that DNS has") {
  CheckBench bench;
  bench.mail.from = {"a",
                     "b\xc3\xbc"
                     "cher.example"};
  CHECK(bench.run(proxy::Stage::Mail) == "sender_domain:defer");
  CHECK(bench.resolver.asked.front().name == "xn--bcher-kva.example");
}

TEST_CASE("a sender's domain with an underscore is looked up as any other") {
  CheckBench bench;
  bench.mail.from = {"a", "no_such.example"};
  CHECK(bench.run(proxy::Stage::Mail) == "sender_domain:defer");
}

TEST_CASE("off is off, the null MX included") {
  CheckBench bench("[checks.sender_domain]\naction = 'off'");
  bench.mail.from = {"a", "from.example"};
  CHECK(bench.run(proxy::Stage::Mail) == "sender_domain:pass");
  CHECK(bench.resolver.asked.empty());
}

TEST_CASE("one budget for all look-ups of a dialog") {
  CheckBench bench("[dns]\ntimeout = '5s'");
  bench.resolver.silent = true;
  dns::Handle first, second;
  int answers = 0;
  const auto count = [&answers](const Answer& answer) {
    answers += answer.status == Status::TempFail ? 1 : 0;
  };
  SECTION("spent one after the other") {
    CHECK_FALSE(bench.dns->ask({Type::A, "x.example"}, first, count));
    bench.reactor.advance(2s);
    first.reset();
    CHECK(bench.dns->left() == 5s);  // who does not wait does not pay
    CHECK_FALSE(bench.dns->ask({Type::A, "x.example"}, first, count));
    bench.reactor.advance(5s);
    CHECK(answers == 1);
    CHECK(bench.dns->left() == 0s);
    CHECK(bench.dns->ask({Type::A, "x.example"}, first, count)->status == Status::TempFail);
    CHECK(bench.resolver.asked.size() == 2);
  }
  SECTION("two at the same time count once") {
    bench.resolver.silent = false;
    bench.resolver.later = true;
    CHECK_FALSE(bench.dns->ask({Type::A, "x.example"}, first, [](const Answer&) {}));
    CHECK_FALSE(bench.dns->ask({Type::A, "y.example"}, second, [](const Answer&) {}));
    bench.clock.advance(2s);
    bench.reactor.run();
    CHECK(bench.dns->left() == 3s);
  }
}

TEST_CASE("a budget of 0 switches look-ups off") {
  ManualClock clock;
  ManualReactor reactor(clock);
  FakeResolver resolver(reactor);
  proxy::DialogDns dns(resolver, reactor, 0ms);
  CHECK(dns.look_up_name(dns::IpAddress(), [] {}));
  CHECK(dns.fcrdns()->status == dns::Fcrdns::Status::DontKnow);
  CHECK(resolver.asked.empty());
}

TEST_CASE("only our own domains are taken") {
  CheckBench bench;
  bench.rcpt.to = {"b", "mx.example"};
  CHECK(bench.run(proxy::Stage::Rcpt) == "relay_domain:pass");
  bench.rcpt.to.domain = GENERATE("else.example", "sub.mx.example", "[127.0.0.1]", "");
  CHECK(bench.run(proxy::Stage::Rcpt) == "relay_domain:reject");
}

}  // namespace
}  // namespace ravelin::test
