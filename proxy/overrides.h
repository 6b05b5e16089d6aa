// What an administrator has set by hand, beside the configuration.
#pragma once

#include "proxy/access_overrides.h"
#include "proxy/limit_overrides.h"

namespace ravelin::proxy {

struct Overrides {
  Overrides(const Clock& clock, Store* store) : access(clock, store) {}

  AccessOverrides access;
  LimitOverrides limits;
};

}  // namespace ravelin::proxy
