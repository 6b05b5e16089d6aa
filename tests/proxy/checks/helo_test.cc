#include <catch2/catch.hpp>

#include "check_bench.h"

namespace ravelin::test {
namespace {

TEST_CASE("the name in HELO has one test for each thing that can be wrong with it") {
  struct Row {
    std::string helo, found;
  };
  const auto row = GENERATE(values<Row>({
      {"client.example", "helo:pass"},
      {"CLIENT.example", "helo:pass"},
      {"client.example.", "helo:pass"},
      {"localhost.", "helo.not_fqdn:greylist"},
      {"ours.example.", "helo.own_name:reject"},
      {"client.example..", "helo.syntax:reject"},
      {".", "helo.syntax:reject"},
      {"only-mx.example", "helo.ptr_mismatch:note"},
      {"six.example", "helo.ptr_mismatch:note"},
      {"down.example", "helo.ptr_mismatch:note"},
      {"gone.example", "helo.unresolvable:greylist,helo.ptr_mismatch:note"},
      {"under_score.example", "helo.unresolvable:greylist,helo.ptr_mismatch:note"},
      {"[192.0.2.1]", "helo.literal:greylist"},
      {"[IPv6:2001:db8::1]", "helo.literal:greylist"},
      {"localhost", "helo.not_fqdn:greylist"},
      {"OURS.EXAMPLE", "helo.own_name:reject"},
      {"192.0.2.1", "helo.syntax:reject"},
      {"-x-.example", "helo.syntax:reject"},
      {"a..b", "helo.syntax:reject"},
      {"x>", "helo.syntax:reject"},
  }));
  const bool later = GENERATE(false, true);
  CAPTURE(row.helo, later);
  CheckBench bench;
  bench.resolver.later = later;
  bench.resolver.set_name("192.0.2.1", "client.example");
  const auto no_data = dns::Answer{dns::Status::NoData, {}, {}, {}};
  for (const auto* name : {"only-mx.example", "six.example"})
    bench.resolver.set(dns::Type::A, name, no_data);
  bench.resolver.set(dns::Type::Aaaa, "only-mx.example", no_data);
  bench.resolver.set(dns::Type::Mx, "only-mx.example",
                     {dns::Status::Ok, {}, {}, {{1, "m.example"}}});
  bench.resolver.set(dns::Type::Aaaa, "six.example",
                     {dns::Status::Ok, {*dns::IpAddress::parse("2001:db8::1")}, {}, {}});
  bench.resolver.set(dns::Type::A, "down.example", {dns::Status::TempFail, {}, {}, {}});
  bench.dialog.helo = row.helo;
  CHECK(bench.run(proxy::Stage::Helo) == row.found);
}

TEST_CASE("a test that is off asks nothing and finds nothing") {
  CheckBench bench("[checks.helo]\nunresolvable = 'off'\nptr_mismatch = 'off'\nsyntax = 'off'\n");
  bench.dialog.helo = GENERATE("gone.example", "a..b");
  CHECK(bench.run(proxy::Stage::Helo) == "helo:pass");
  CHECK(bench.resolver.asked.empty());
}

TEST_CASE("without a confirmed name there is no mismatch") {
  CheckBench bench("[checks.helo]\nunresolvable = 'off'\n");
  bench.dialog.helo = "client.example";
  bench.resolver.silent = GENERATE(false, true);
  CHECK(bench.run(proxy::Stage::Helo) == "helo:pass");
}

}  // namespace
}  // namespace ravelin::test
