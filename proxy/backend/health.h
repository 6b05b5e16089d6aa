// Is a backend there, and how many connections does it take? Back-off after failures, a ramp when
// it returns (the waiting must not all connect at once), and a cap learned from "too many" banners.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "dns/reactor.h"

namespace ravelin::proxy {

enum class ConnectFault : uint8_t {
  Down,  // refused, timeout, garbage, 5xx: it is not there for us
  Full,  // 421 or 4xx at the banner: it is there, and has had enough of us
  None,  // given up by us: says nothing at all
  Ours,  // no port, no descriptor: says nothing about it
};

class Health {
 public:
  // |ready|: connections that are up now.
  void failed(ConnectFault fault, uint32_t ready, dns::Time now);
  void succeeded(dns::Time now);

  bool down() const { return down_; }
  dns::Time retry_at() const { return retry_at_; }
  uint32_t connect_limit() const { return connect_limit_; }  // connects at the same time
  uint32_t learned() const { return learned_; }              // 0: nothing learned
  uint32_t cap(uint32_t configured) const {
    return learned_ == 0 ? configured : std::min(learned_, configured);
  }
  // Forgets a learned cap step by step. True if something changed.
  bool relearn(uint32_t configured, dns::Time now);

 private:
  void back_off(dns::Time now);

  static constexpr uint32_t kConnects = 5;

  bool down_ = false;
  uint32_t failures_ = 0;  // in a row
  uint32_t connect_limit_ = kConnects;
  uint32_t learned_ = 0;
  dns::Time retry_at_{};
  dns::Time learned_at_{};
};

}  // namespace ravelin::proxy
