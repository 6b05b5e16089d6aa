#include "dns/fcrdns.h"

#include <catch2/catch.hpp>

#include "tests/support/fake_resolver.h"
#include "tests/support/manual_reactor.h"

using namespace ravelin::dns;
using namespace ravelin::test;
using namespace std::chrono_literals;
using Fc = Fcrdns::Status;

namespace {

struct Bench {
  ManualClock clock;
  ManualReactor reactor{clock};
  FakeResolver resolver{reactor};
  Handle query;
  bool let_go = true;  // of the query, once answered, as an owner would
  int calls = 0;
  std::optional<Fcrdns> found;

  const IpAddress client = *IpAddress::parse("192.0.2.7");

  void ptr(std::vector<std::string> names, Status status = Status::Ok) {
    resolver.set(Type::Ptr, client.reverse_name(), {status, {}, std::move(names), {}});
  }
  void forward(const std::string& name, const std::string& address) {
    resolver.set(Type::A, name, {Status::Ok, {*IpAddress::parse(address)}, {}, {}});
  }
  void fail(const std::string& name) { resolver.set(Type::A, name, Answer{}); }

  void start(const IpAddress& address) {
    found = look_up_fcrdns(resolver, reactor, address, 5s, query, [this](const Fcrdns& result) {
      ++calls;
      if (let_go) query.reset();
      found = result;
    });
  }
  Fc run() {
    start(client);
    CHECK(found.has_value() == !resolver.later);
    reactor.run();
    CHECK(calls == (resolver.later ? 1 : 0));
    REQUIRE(found);
    CHECK(found->name.empty() == !found->confirmed());
    return found->status;
  }
};

}  // namespace

TEST_CASE("forward-confirmed reverse DNS tells four things apart") {
  Bench bench;
  bench.resolver.later = GENERATE(false, true);
  SECTION("no name") { CHECK(bench.run() == Fc::None); }
  SECTION("a name without data") {
    bench.ptr({}, Status::NoData);
    CHECK(bench.run() == Fc::None);
  }
  SECTION("names, none of a host") {
    bench.ptr({"$(id).example", "192.0.2.7", "a_b.example"});
    CHECK(bench.run() == Fc::None);
    CHECK(bench.resolver.asked.size() == 1);
  }
  SECTION("the reverse look-up failed") {
    bench.ptr({}, Status::TempFail);
    CHECK(bench.run() == Fc::DontKnow);
  }
  SECTION("confirmed") {
    bench.ptr({"MX.example."});
    bench.forward("mx.example", "192.0.2.7");
    CHECK(bench.run() == Fc::Confirmed);
    CHECK(bench.found->name == "mx.example");
  }
  SECTION("any of the names will do") {
    bench.ptr({"gone.example", "broken.example", "mx.example"});
    bench.fail("broken.example");
    bench.forward("mx.example", "192.0.2.7");
    CHECK(bench.run() == Fc::Confirmed);
    CHECK(bench.found->name == "mx.example");
  }
  SECTION("names that lead elsewhere") {
    bench.ptr({"gone.example", "mx.example"});
    bench.forward("mx.example", "192.0.2.8");
    CHECK(bench.run() == Fc::Mismatch);
  }
  SECTION("one look-up failed, so the name may be right") {
    bench.ptr({"broken.example", "mx.example"});
    bench.fail("broken.example");
    bench.forward("mx.example", "192.0.2.8");
    CHECK(bench.run() == Fc::DontKnow);
  }
  SECTION("only the first five different host names are asked for: the others may be right") {
    std::vector<std::string> names{"1.example", "1.EXAMPLE", "_.example", "2.example",
                                   "3.example", "4.example", "5.example", "5.example"};
    const bool more = GENERATE(false, true);
    if (more) names.push_back("6.example");
    bench.ptr(names);
    bench.forward("6.example", "192.0.2.7");
    CHECK(bench.run() == (more ? Fc::DontKnow : Fc::Mismatch));
    CHECK(bench.resolver.asked.size() == 6);
  }
  SECTION("names that were left out may be right") {
    bench.resolver.set(Type::Ptr, bench.client.reverse_name(),
                       {Status::Ok, {}, {"mx.example"}, {}, /*partial=*/true});
    bench.forward("mx.example", "192.0.2.8");
    CHECK(bench.run() == Fc::DontKnow);
  }
  SECTION("so may addresses") {
    bench.ptr({"mx.example"});
    bench.resolver.set(Type::A, "mx.example",
                       {Status::Ok, {*IpAddress::parse("192.0.2.8")}, {}, {}, /*partial=*/true});
    CHECK(bench.run() == Fc::DontKnow);
  }
}

TEST_CASE("an IPv6 client's name must lead back by AAAA") {
  Bench bench;
  bench.resolver.set_name("2001:db8::7", "mx.example");
  bench.start(*IpAddress::parse("2001:db8::7"));
  REQUIRE(bench.found);
  CHECK(bench.found->confirmed());
  CHECK(bench.resolver.asked.back().type == Type::Aaaa);
}

TEST_CASE("one limit holds for both steps") {
  Bench bench;
  bench.resolver.silent = true;
  bench.start(bench.client);
  bench.reactor.advance(5s - 1ms);
  CHECK_FALSE(bench.found);
  bench.reactor.advance(1ms);
  REQUIRE(bench.found);
  CHECK(bench.found->status == Fc::DontKnow);
}

TEST_CASE("the answer comes once, however many names lead back") {
  Bench bench;
  bench.resolver.later = true;
  bench.let_go = false;
  bench.ptr({"mx.example", "my.example"});
  bench.forward("mx.example", "192.0.2.7");
  bench.forward("my.example", "192.0.2.7");
  CHECK(bench.run() == Fc::Confirmed);
}

TEST_CASE("destroying the query ends the look-up") {
  Bench bench;
  bench.resolver.later = true;
  bench.ptr({"mx.example"});
  bench.start(bench.client);
  bench.query.reset();
  bench.reactor.run();
  CHECK(bench.calls == 0);
  CHECK(bench.resolver.asked.size() == 1);
}
