#include "dns/host_lookup.h"

#include <catch2/catch.hpp>

#include "tests/support/fake_dns_server.h"
#include "tests/support/poll_reactor.h"

using namespace ravelin::dns;
using namespace ravelin::test;
using namespace std::chrono_literals;

namespace {

struct Bench {
  PollReactor reactor;
  FakeDnsServer server{reactor};
  std::unique_ptr<HostLookup> lookup = std::make_unique<HostLookup>(reactor, settings());

  AresSettings settings() const {
    AresSettings settings;
    settings.servers = {server.endpoint()};
    settings.resolv_conf = "/dev/null";  // no search list
    settings.try_timeout = 100ms;
    return settings;
  }

  struct Found {
    Status status;
    std::vector<std::string> addresses;
  };
  std::optional<Found> found;
  int calls = 0;

  Handle start(const std::string& name) {
    found.reset();
    return lookup->look_up(name, [this](Status status, std::vector<IpAddress> addresses) {
      ++calls;
      found = Found{status, {}};
      for (const auto& address : addresses) found->addresses.push_back(address.to_string());
    });
  }
  Found look_up(const std::string& name) {
    const auto query = start(name);
    CHECK_FALSE(found);
    reactor.run_until([this] { return found.has_value(); });
    return *found;
  }
  void set_a(const std::string& name) {
    server.set(WireMessage::answer_to(name, RrType::A).a(name, std::string("\x7f\x02\x03\x04", 4)));
  }
  void set_aaaa(const std::string& name) {
    const auto six = *IpAddress::parse("2001:db8::1");
    server.set(WireMessage::answer_to(name, RrType::Aaaa)
                   .add(name, RrType::Aaaa, {reinterpret_cast<const char*>(six.bytes()), 16}));
  }
  void no(const std::string& name, RrType type, int rcode) {
    server.set(WireMessage::answer_to(name, type).rcode(rcode));
  }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a backend's name gives both families, IPv4 first") {
  Bench bench;
  bench.set_a("mail.example");
  bench.set_aaaa("mail.example");
  const auto found = bench.look_up("mail.example");
  CHECK(found.status == Status::Ok);
  CHECK(found.addresses == Names{"127.2.3.4", "2001:db8::1"});
}

TEST_CASE("a backend with one family only") {
  Bench bench;
  bench.set_aaaa("mail.example");
  SECTION("the other has no data") { bench.no("mail.example", RrType::A, 0); }
  SECTION("the other failed") { bench.no("mail.example", RrType::A, 2); }
  CHECK(bench.look_up("mail.example").addresses == Names{"2001:db8::1"});
}

TEST_CASE("why a backend's name has no address") {
  Bench bench;
  SECTION("no such name") { CHECK(bench.look_up("mail.example").status == Status::NoName); }
  SECTION("no address") {
    bench.no("mail.example", RrType::A, 0);
    bench.no("mail.example", RrType::Aaaa, 0);
    CHECK(bench.look_up("mail.example").status == Status::NoData);
  }
  SECTION("trouble with one family is not hidden by the other's no") {
    const auto broken = GENERATE(RrType::A, RrType::Aaaa);
    bench.no("mail.example", RrType::A, 0);
    bench.no("mail.example", RrType::Aaaa, 0);
    bench.no("mail.example", broken, 2);
    CHECK(bench.look_up("mail.example").status == Status::TempFail);
  }
  SECTION("silence") {
    bench.server.silence("mail.example", RrType::A);
    bench.server.silence("mail.example", RrType::Aaaa);
    CHECK(bench.look_up("mail.example").status == Status::TempFail);
  }
}

TEST_CASE("address literals and this machine need no DNS") {
  Bench bench;
  CHECK(bench.look_up("192.0.2.1").addresses == Names{"192.0.2.1"});
  CHECK(bench.look_up("2001:db8::2").addresses == Names{"2001:db8::2"});
  CHECK(bench.look_up("LocalHost").addresses == Names{"127.0.0.1", "::1"});
  CHECK(bench.server.seen.empty());
}

TEST_CASE("a look-up for which nobody waits calls nobody") {
  Bench bench;
  bench.set_a("mail.example");
  bench.start("mail.example").reset();
  bench.start("192.0.2.1").reset();
  CHECK(bench.look_up("mail.example").status == Status::Ok);
  CHECK(bench.calls == 1);
}

TEST_CASE("HostLookup may go with names on their way, and be reconfigured") {
  Bench bench;
  bench.server.silence("mail.example", RrType::A);
  const auto query = bench.start("mail.example");
  bench.reactor.run_until([&] { return !bench.server.seen.empty(); });
  SECTION("gone") {
    bench.lookup.reset();
    bench.reactor.turn();
    CHECK(bench.calls == 0);
  }
  SECTION("reconfigured") {
    bench.set_a("mail.example");
    bench.lookup->reconfigure();
    bench.reactor.run_until([&] { return bench.calls == 1; });
    CHECK(bench.found->status == Status::Ok);
  }
}
