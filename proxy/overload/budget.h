// How many of something there may be at once in the whole process: TLS handshakes with clients
// (each holds some 50 kB for as long as it is stalled), strangers with the null sender.
#pragma once

#include <atomic>
#include <cstdint>

#include "dns/reactor.h"

namespace ravelin::proxy {

// Thread-safe.
class Budget {
 public:
  // A place, free again when the handle is destroyed; null if |most| are taken. The handle must not
  // outlive this.
  dns::Handle enter(double most);

  uint32_t in_use() const { return count_.load(std::memory_order_relaxed); }

 private:
  class Place;
  std::atomic<uint32_t> count_{0};
};

}  // namespace ravelin::proxy
