// Ids of dialogs and transactions: 48 bits, ordered in time, unique in the process, and after a
// restart above all earlier ones. They are printed as 12 hex digits, and are the rowid of what is
// stored about the dialog.
#pragma once

#include <atomic>
#include <chrono>

#include "proxy/event/clock.h"
#include "proxy/observe/journal.h"

namespace ravelin::proxy {

// Thread-safe. Seconds since 2020 in the upper 32 bits, the fraction of the second in the lower 16,
// so that a process that starts in the second in which another one ended does not say its ids
// again. More than 65,536 ids in a second borrow from the seconds to come, and a wall clock that
// jumps back goes on from the last id.
class IdSource {
 public:
  explicit IdSource(const Clock& clock) : clock_(clock) {}

  Id next() {
    const auto floor = at(clock_.wall());
    auto last = last_.load(std::memory_order_relaxed);
    Id next = 0;
    do {
      next = last < floor ? floor : (last + 1) & kMask;
    } while (!last_.compare_exchange_weak(last, next, std::memory_order_relaxed));
    return next;
  }

 private:
  static constexpr Id kMask = 0xffff'ffff'ffff;

  static Id at(std::chrono::system_clock::time_point wall) {
    using namespace std::chrono;
    constexpr auto k2020 = sys_days(year(2020) / January / 1);
    if (wall < k2020) return 0;
    const auto second = floor<seconds>(wall);
    const auto fraction = nanoseconds(wall - second).count() * 65'536 / 1'000'000'000;
    return (static_cast<Id>((second - k2020).count()) << 16 | static_cast<Id>(fraction)) & kMask;
  }

  const Clock& clock_;
  std::atomic<Id> last_{0};
};

}  // namespace ravelin::proxy
