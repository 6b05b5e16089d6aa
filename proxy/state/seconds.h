// Ages. In memory a time is whole seconds of CLOCK_BOOTTIME, which never jumps; only a row on disk
// carries wall time, because the boot clock starts anew with the machine.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "proxy/event/clock.h"

namespace ravelin::proxy {

// Seconds since boot; below zero: before this boot. Rounded down, so that the difference of two is
// never less than what has passed, in whole seconds.
using Seconds = int32_t;

inline Seconds boot_seconds(const Clock& clock) {
  return static_cast<Seconds>(
      std::chrono::floor<std::chrono::seconds>(clock.boot().time_since_epoch()).count());
}

// Between rows and memory, as of one moment.
class WallFrame {
 public:
  explicit WallFrame(const Clock& clock)
      : boot_(boot_seconds(clock)),
        wall_(std::chrono::floor<std::chrono::seconds>(clock.wall().time_since_epoch()).count()) {}

  Seconds now() const { return boot_; }
  int64_t to_wall(Seconds time) const { return wall_ - boot_ + time; }
  // A time in the future counts as now: the clock was wrong then or is wrong now, and neither may
  // make anybody wait.
  Seconds from_wall(int64_t wall) const {
    constexpr int64_t kOldest = 1 << 30;  // 34 years; all limits are far below
    const auto age = wall >= wall_ ? 0 : std::min(kOldest, wall_ - std::max<int64_t>(wall, 0));
    return static_cast<Seconds>(boot_ - age);
  }

 private:
  Seconds boot_;
  int64_t wall_;
};

}  // namespace ravelin::proxy
