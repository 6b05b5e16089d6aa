// So many a second and no more, in the whole process.
#pragma once

#include <atomic>
#include <cstdint>

#include "dns/reactor.h"

namespace ravelin::proxy {

// Thread-safe, without a lock. Counts by the second of the clock: two seconds' worth may come
// within less than one where two meet.
class Rate {
 public:
  // One more? Then it is counted.
  bool take(uint32_t per_second, dns::Time now) noexcept {
    const auto second = static_cast<uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
    auto known = seconds_and_count_.load(std::memory_order_relaxed);
    uint64_t next = 0;
    do {
      const auto count = known >> 32 == second ? static_cast<uint32_t>(known) : 0;
      if (count >= per_second) return false;
      next = uint64_t{second} << 32 | (count + 1);
    } while (!seconds_and_count_.compare_exchange_weak(known, next, std::memory_order_relaxed));
    return true;
  }

 private:
  std::atomic<uint64_t> seconds_and_count_{0};  // the second in the upper half
};

}  // namespace ravelin::proxy
