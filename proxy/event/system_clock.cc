#include "proxy/event/system_clock.h"

#include <ctime>

namespace ravelin::proxy {

// Both clocks are read in the vDSO, without entering the kernel. The call fails only for a clock
// that the kernel does not know; both exist since Linux 2.6.39.
dns::Time SystemClock::boot() const {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return dns::Time(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

Wall SystemClock::wall() const { return std::chrono::system_clock::now(); }

const SystemClock& SystemClock::instance() {
  static const SystemClock clock;
  return clock;
}

}  // namespace ravelin::proxy
