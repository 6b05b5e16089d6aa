// TLS handshakes with clients that are under way: how many there may be. Each holds some 50 kB, and
// whoever stalls in one holds it for limits.handshake_timeout.
#pragma once

#include <atomic>
#include <cstdint>

#include "dns/reactor.h"
#include "proxy/config/config.h"

namespace ravelin::proxy {

// Thread-safe; one per process.
class Handshakes {
 public:
  // A place, free again when the handle is destroyed; null if there is none. Those who are not
  // |trusted| may hold limits.handshakes less the share of limits.reserved_for_known. The handle
  // must not outlive this.
  dns::Handle enter(bool trusted, const Limits& limits);

  uint32_t in_use() const { return count_.load(std::memory_order_relaxed); }

 private:
  class Place;
  std::atomic<uint32_t> count_{0};
};

}  // namespace ravelin::proxy
