// The defaults of the sample configuration, for tests of what is remembered of clients.
#pragma once

#include <optional>
#include <string>

#include "dns/ip.h"
#include "proxy/config/config.h"

namespace ravelin::test {

inline proxy::GreylistSettings greylist_settings() {
  using namespace std::chrono_literals;
  proxy::GreylistSettings settings{};
  settings.delay = 4min;
  settings.window = 24h;
  settings.keep = 24h * 36;
  settings.max_tuples = 100'000;
  return settings;
}

inline proxy::StandingSettings standing_settings() {
  proxy::StandingSettings settings{};
  settings.good_deliveries = 5;
  settings.good_days = 2;
  settings.good_unknown = 0.1;
  settings.max_clients = 100'000;
  return settings;
}

inline dns::IpAddress ip(const std::string& text) { return dns::IpAddress::parse(text).value(); }

}  // namespace ravelin::test
