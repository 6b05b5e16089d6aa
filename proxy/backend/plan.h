// The part of the configuration that concerns backends, with the backends it names. Immutable; a
// transaction keeps the plan it began with.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dns/ip.h"
#include "proxy/backend/backend.h"
#include "proxy/backend/fault_table.h"
#include "proxy/backend/route.h"
#include "proxy/config/config.h"

namespace ravelin::proxy {

struct Plan {
  using BackendList = std::vector<std::shared_ptr<Backend>>;

  explicit Plan(const std::vector<RouteSettings>& settings) : routes(settings) {}

  RouteTable routes;
  std::vector<BackendList> groups;  // by Route::group, in order of preference
  BackendList all;                  // each once
  VerifySettings verify{};
  RelaySettings relay{};
  std::string hostname;
  std::vector<dns::IpAddress> own_addresses;

  const BackendList& backends_of(const Route& route) const { return groups[route.group]; }
  // Points into the plan and |facts|.
  JudgeContext judge_context(const Route& route, const Facts& facts) const {
    return {.sees_us_as_client = !facts.introduced,
            .unknown_codes = route.settings.unknown_codes,
            .own_addresses = own_addresses,
            .seen_as = facts.our_address ? &*facts.our_address : nullptr,
            .local = facts.local ? &*facts.local : nullptr,
            .hostname = hostname};
  }
};

}  // namespace ravelin::proxy
