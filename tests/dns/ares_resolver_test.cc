#include "dns/ares_resolver.h"

#include <catch2/catch.hpp>
#include <new>

#include "tests/dns/resolver_bench.h"

using namespace ravelin::dns;
using namespace ravelin::test;
using namespace std::chrono_literals;
using Asked = ResolverBench::Asked;

namespace {

const std::string kIp("\x7f\x02\x03\x04", 4);
const Question kMx{Type::A, "mx.example"};

WireMessage mx_is_here(uint32_t ttl = 300) {
  return WireMessage::answer_to("mx.example", RrType::A).a("mx.example", kIp, ttl);
}

}  // namespace

TEST_CASE("an answer comes later, once, then from the cache until its TTL has passed") {
  ResolverBench bench;
  bench.server.set(mx_is_here(60));
  {
    Asked first(bench, {Type::A, "MX.Example."});
    CHECK_FALSE(first.answered());
    bench.reactor.run_until([&] { return first.answered(); });
    CHECK(first.answer->addresses == std::vector{*IpAddress::parse("127.2.3.4")});
  }
  CHECK(Asked(bench, kMx).at_once);
  bench.reactor.skip(59s);
  CHECK(Asked(bench, kMx).at_once);
  bench.reactor.skip(1s);
  CHECK_FALSE(Asked(bench, kMx).at_once);
  CHECK(bench.ask(Type::A, "mx.example").status == Status::Ok);
  CHECK(bench.server.times_seen("mx.example", RrType::A) == 2);
}

TEST_CASE("what a resolver may say, each kept apart") {
  struct Row {
    const char* what;
    WireMessage message;
    Status want;
  };
  const auto no = [] { return WireMessage::answer_to("mx.example", RrType::A); };
  const auto row = GENERATE_COPY(values<Row>({
      {"NXDOMAIN", no().rcode(3), Status::NoName},
      {"empty NOERROR", no(), Status::NoData},
      {"FORMERR", no().rcode(1), Status::TempFail},
      {"SERVFAIL", no().rcode(2), Status::TempFail},
      {"REFUSED", no().rcode(5), Status::TempFail},
      {"NXDOMAIN with a contradiction", mx_is_here().rcode(3), Status::TempFail},
      {"a loop", no().cname("mx.example", "mx.example"), Status::TempFail},
      {"a pointer that bites its tail", no().add("mx.example", RrType::Cname, "\xc0\x32"),
       Status::TempFail},
  }));
  CAPTURE(row.what);
  ResolverBench bench;
  bench.server.set(row.message);
  CHECK(bench.ask(Type::A, "mx.example").status == row.want);
}

TEST_CASE("what is not an answer to the question is not taken for one") {
  ResolverBench bench;
  const char* const what =
      GENERATE("wrong id", "wrong question", "no bytes", "one byte", "silence");
  CAPTURE(what);
  bench.server.set("mx.example", RrType::A, [what](const FakeDnsServer::Query& query) {
    auto reply = mx_is_here();
    reply.id = query.id;
    if (what == std::string("wrong id")) reply.id ^= 1;
    if (what == std::string("wrong question")) reply.question_name = "my.example";
    if (what == std::string("no bytes")) return std::vector<std::string>{""};
    if (what == std::string("one byte")) return std::vector<std::string>{"x"};
    if (what == std::string("silence")) return std::vector<std::string>{};
    return std::vector{reply.bytes()};
  });
  CHECK(bench.ask(Type::A, "mx.example").status == Status::TempFail);
}

TEST_CASE("the right answer behind a forged one is heard") {
  ResolverBench bench;
  bench.server.set("mx.example", RrType::A, [](const FakeDnsServer::Query& query) {
    auto forged = WireMessage::answer_to("mx.example", RrType::A).rcode(3);
    forged.id = query.id ^ 1;
    auto right = mx_is_here();
    right.id = query.id;
    return std::vector{forged.bytes(), std::string(), right.bytes()};
  });
  CHECK(bench.ask(Type::A, "mx.example").status == Status::Ok);
}

TEST_CASE("a lost question is repeated") {
  ResolverBench bench;
  int times = 0;
  bench.server.set("mx.example", RrType::A, [&times](const FakeDnsServer::Query& query) {
    auto reply = mx_is_here();
    reply.id = query.id;
    return ++times == 1 ? std::vector<std::string>() : std::vector{reply.bytes()};
  });
  CHECK(bench.ask(Type::A, "mx.example").status == Status::Ok);
  CHECK(times == 2);
}

TEST_CASE("an answer that was cut is asked for again over TCP") {
  ResolverBench bench;
  bench.server.set("mx.example", RrType::A, [](const FakeDnsServer::Query& query) {
    auto reply = mx_is_here();
    reply.id = query.id;
    if (!query.tcp) reply.truncate();
    return std::vector{reply.bytes()};
  });
  CHECK(bench.ask(Type::A, "mx.example").status == Status::Ok);
  REQUIRE(bench.server.seen.size() == 2);
  CHECK(bench.server.seen[1].tcp);
}

TEST_CASE("a server that refuses TCP hurts the cut answer only") {
  // So long that no question is repeated by itself in this test.
  ResolverBench bench(FakeDnsServer::Tcp::Refused, 10s);
  bench.server.set(WireMessage::answer_to("big.example", RrType::A).truncate());
  bench.server.silence("mx.example", RrType::A);
  Asked other(bench, kMx);
  bench.reactor.run_until([&] { return !bench.server.seen.empty(); });
  const auto query = bench.server.seen.front();

  CHECK(bench.ask(Type::A, "big.example").status == Status::TempFail);
  auto reply = mx_is_here();
  reply.id = query.id;
  bench.server.send(query, reply.bytes());
  bench.reactor.run_until([&] { return other.answered(); });
  CHECK(other.status() == Status::Ok);
  CHECK(bench.server.times_seen("mx.example", RrType::A) == 1);
}

TEST_CASE("equal questions on their way are asked once") {
  ResolverBench bench;
  bench.server.set(mx_is_here());
  Asked one(bench, kMx);
  auto two = std::make_unique<Asked>(bench, kMx);
  Asked three(bench, {Type::A, "Mx.example"});
  Asked ours(bench, kMx, Trust::Ours);  // does not wait for what strangers' names may delay
  CHECK(bench.resolver->in_flight() == 2);
  two.reset();
  bench.reactor.run_until([&] { return one.answered() && three.answered() && ours.answered(); });
  CHECK(one.calls + three.calls == 2);
  CHECK(one.status() == Status::Ok);
  CHECK(bench.server.times_seen("mx.example", RrType::A) == 2);
}

TEST_CASE("a question that nobody waits for still fills the cache") {
  ResolverBench bench;
  bench.server.set(mx_is_here());
  Asked(bench, kMx).query.reset();
  bench.reactor.run_until([&] { return bench.resolver->in_flight() == 0; });
  CHECK(Asked(bench, kMx).at_once);
}

TEST_CASE("the limit of each who waits is its own") {
  ResolverBench bench;
  bench.server.silence("mx.example", RrType::A);
  const auto begin = bench.reactor.now();
  Asked patient(bench, kMx);
  Asked hasty(bench, kMx, Trust::Theirs, 20ms);
  CHECK(Asked(bench, {Type::A, "b.example"}, Trust::Theirs, 0ms).status() == Status::TempFail);
  bench.reactor.run_until([&] { return hasty.answered(); });
  CHECK(hasty.status() == Status::TempFail);
  CHECK(bench.reactor.now() - begin >= 20ms);
  CHECK_FALSE(patient.answered());
  bench.reactor.run_until([&] { return patient.answered(); });
  CHECK(patient.calls == 1);
  CHECK(hasty.calls == 1);
  CHECK(Asked(bench, kMx).at_once);  // trouble is remembered for a moment
  bench.reactor.skip(5s);
  CHECK_FALSE(Asked(bench, kMx).at_once);
}

TEST_CASE("too many questions on their way are not asked, and not remembered") {
  ResolverBench bench;
  std::vector<std::unique_ptr<Asked>> asked;
  const auto question = [](int i) { return Question{Type::A, std::to_string(i) + ".example"}; };
  for (int i = 0; i < 20; ++i) {
    bench.server.silence(question(i).name, RrType::A);
    asked.push_back(std::make_unique<Asked>(bench, question(i)));
    CHECK_FALSE(asked.back()->at_once);
  }
  CHECK(Asked(bench, question(20)).status() == Status::TempFail);
  CHECK_FALSE(Asked(bench, question(3)).at_once);
  CHECK_FALSE(Asked(bench, question(20), Trust::Ours).at_once);
  bench.reactor.run_until([&] { return bench.resolver->in_flight() == 0; });
  CHECK(bench.ask(Type::A, "20.example").status == Status::NoName);
}

TEST_CASE("a stranger's questions leave a quarter of those on their way to others") {
  ResolverBench bench;  // of 20
  std::vector<std::unique_ptr<Asked>> asked;
  const auto question = [](int i) { return Question{Type::A, std::to_string(i) + ".example"}; };
  constexpr Asker kStranger{Trust::Theirs, true};
  for (int i = 0; i < 15; ++i) {
    bench.server.silence(question(i).name, RrType::A);
    asked.push_back(std::make_unique<Asked>(bench, question(i), kStranger));
    CHECK_FALSE(asked.back()->at_once);
  }
  CHECK(Asked(bench, question(15), kStranger).status() == Status::TempFail);
  CHECK_FALSE(Asked(bench, question(3), kStranger).at_once);  // that one is on its way
  CHECK_FALSE(Asked(bench, question(16)).at_once);
}

TEST_CASE("names that cannot be asked for are answered at once") {
  ResolverBench bench;
  const auto at_once = [&bench](const std::string& name) {
    Asked asked(bench, {Type::A, name});
    REQUIRE(asked.at_once);
    return asked.status();
  };
  CHECK(at_once("a..example") == Status::NoName);
  CHECK(at_once("") == Status::NoName);
  CHECK(at_once("a\\.b.example") == Status::NoName);
  CHECK(at_once(std::string(64, 'a') + ".example") == Status::NoName);
  CHECK(at_once("b\xc3\xbc"
                "cher.example") == Status::TempFail);
  CHECK(bench.ask(Type::A, "hidden.onion").status == Status::NoName);  // RFC 7686
  CHECK(bench.server.seen.empty());
}

TEST_CASE("who is called may ask, cancel, and let go") {
  ResolverBench bench;
  bench.server.set(mx_is_here());
  Handle first, second;
  int calls = 0;
  std::unique_ptr<Asked> next;
  const auto answered = [&](const Answer&) {
    ++calls;
    first.reset();
    second.reset();
    next = std::make_unique<Asked>(bench, kMx);
  };
  CHECK_FALSE(bench.resolver->ask(kMx, Trust::Theirs, 15s, first, answered));
  CHECK_FALSE(bench.resolver->ask(kMx, Trust::Theirs, 15s, second, answered));
  bench.reactor.run_until([&] { return bench.resolver->in_flight() == 0; });
  bench.reactor.turn();
  CHECK(calls == 1);
  CHECK(next->at_once);
}

TEST_CASE("one who is told and throws takes nothing but the answer from the others") {
  ResolverBench bench;
  bench.server.set(mx_is_here());
  Handle query;
  const auto throws = [](const Answer&) { throw std::bad_alloc(); };
  CHECK_FALSE(bench.resolver->ask(kMx, Trust::Theirs, 15s, query, throws));
  Asked other(bench, kMx, Trust::Theirs, 100ms);
  const auto never = [] { return false; };
  CHECK_THROWS_AS(bench.reactor.run_until(never), std::bad_alloc);
  bench.reactor.run_until([&] { return other.answered(); });
  CHECK(other.calls == 1);
  CHECK(other.status() == Status::TempFail);
  CHECK(Asked(bench, kMx).status() == Status::Ok);
}

TEST_CASE("a resolver may go with questions on their way") {
  ResolverBench bench;
  bench.server.silence("mx.example", RrType::A);
  bench.server.set(WireMessage::answer_to("big.example", RrType::A).truncate());
  Asked asked(bench, kMx);
  Asked big(bench, {Type::A, "big.example"});
  bench.reactor.run_until([&] { return bench.server.times_seen("big.example", RrType::A) == 2; });
  SECTION("the resolver first") {
    bench.resolver.reset();
    bench.reactor.turn();
    CHECK(asked.calls == 0);
    asked.query.reset();
  }
  SECTION("the question first") {
    asked.query.reset();
    bench.resolver.reset();
    CHECK(asked.calls == 0);
  }
}

TEST_CASE("after a change of servers the questions go to the new ones") {
  ResolverBench bench;
  bench.server.silence("mx.example", RrType::A);
  FakeDnsServer other(bench.reactor);
  other.set(mx_is_here());
  Asked asked(bench, kMx);
  bench.reactor.run_until([&] { return !bench.server.seen.empty(); });
  bench.resolver->reconfigure({other.endpoint()});
  bench.reactor.run_until([&] { return asked.answered(); });
  CHECK(asked.status() == Status::Ok);
  CHECK(asked.calls == 1);
}

TEST_CASE("without a server that answers, the answer is don't know") {
  ResolverBench bench;
  auto settings = bench.settings();
  SECTION("nobody listens") {
    FakeDnsServer gone(bench.reactor);
    settings.servers = {gone.endpoint()};
  }
  SECTION("no resolv.conf") {
    settings.servers.clear();
    settings.resolv_conf = "/proc/self/mem/none";
  }
  bench.resolver = std::make_unique<AresResolver>(bench.reactor, bench.cache, settings);
  CHECK(bench.ask(Type::A, "mx.example", 1s).status == Status::TempFail);
}

TEST_CASE("the resolver knows whether its servers are on this machine") {
  ResolverBench bench;
  CHECK(bench.resolver->uses_loopback_only());
  bench.resolver->reconfigure({*parse_server("127.0.0.1"), *parse_server("[::1]:5353")});
  CHECK(bench.resolver->uses_loopback_only());
  bench.resolver->reconfigure({*parse_server("::1"), *parse_server("192.0.2.1:53")});
  CHECK_FALSE(bench.resolver->uses_loopback_only());
  CHECK_FALSE(parse_server("localhost"));
  CHECK_FALSE(parse_server("127.0.0.1:0"));
  CHECK(parse_server("127.0.0.1")->port == 53);
}
