#include "proxy/overload/recent_sources.h"

#include <catch2/catch.hpp>

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;

namespace {

dns::IpAddress host(uint32_t i) {
  return dns::IpAddress::v4(
      {10, static_cast<uint8_t>(i >> 16), static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i)});
}

}  // namespace

TEST_CASE("a source is new once, and again after it has stayed away") {
  RecentSources sources;
  dns::Time now(100s);
  sources.sweep(now);
  CHECK(sources.is_new(host(1)));
  CHECK_FALSE(sources.is_new(host(1)));
  CHECK(sources.is_new(host(2)));
  sources.sweep(now += RecentSources::kSpan);
  CHECK_FALSE(sources.is_new(host(1)));  // which makes it known for another while
  sources.sweep(now += RecentSources::kSpan);
  CHECK_FALSE(sources.is_new(host(1)));
  CHECK(sources.is_new(host(2)));
  sources.sweep(now += RecentSources::kSpan);
  sources.sweep(now += RecentSources::kSpan);
  CHECK(sources.is_new(host(1)));
}

TEST_CASE("a filter has a client once, until it is emptied") {
  ClientFilter filter(1024);
  CHECK(filter.insert(host(1)));
  CHECK_FALSE(filter.insert(host(1)));
  CHECK(filter.contains(host(1)));
  CHECK_FALSE(filter.contains(host(2)));
  filter.clear();
  CHECK_FALSE(filter.contains(host(1)));
  CHECK(filter.insert(host(1)));
}

TEST_CASE("an IPv6 /64 is one source") {
  RecentSources sources;
  CHECK(sources.is_new(dns::IpAddress::parse("2001:db8::1").value()));
  CHECK_FALSE(sources.is_new(dns::IpAddress::parse("2001:db8::ffff").value()));
}

TEST_CASE("among many sources hardly a new one is taken for known") {
  RecentSources sources;
  uint32_t fresh = 0;
  for (uint32_t i = 0; i < 50'000; ++i) fresh += sources.is_new(host(i)) ? 1 : 0;
  CHECK(fresh >= 49'800);
  for (uint32_t i = 0; i < 50'000; ++i) REQUIRE_FALSE(sources.is_new(host(i)));
}
