// Ids of dialogs and transactions: 48 bits, ordered in time, unique in the process, and after a
// restart above all earlier ones. They are printed as 12 hex digits, and are the rowid of what is
// stored about the dialog.
#pragma once

#include <atomic>

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
    const auto floor = id_at(clock_.wall());
    auto last = last_.load(std::memory_order_relaxed);
    Id next = 0;
    do {
      next = last < floor ? floor : (last + 1) & kMask;
    } while (!last_.compare_exchange_weak(last, next, std::memory_order_relaxed));
    return next;
  }

 private:
  static constexpr Id kMask = 0xffff'ffff'ffff;

  const Clock& clock_;
  std::atomic<Id> last_{0};
};

}  // namespace ravelin::proxy
