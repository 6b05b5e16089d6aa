// What the greylist remembers of one key: its table's values and their rows.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/state/row.h"
#include "proxy/state/seconds.h"

namespace ravelin::proxy {

struct TupleValue {
  static constexpr uint16_t kPassed = UINT16_MAX;  // as |wait|
  static constexpr Seconds kLongestWait = UINT16_MAX - 1;

  Seconds first = 0;  // seen
  Seconds last = 0;   // seen
  uint16_t wait = 0;  // seconds after |first| a retry passes; fixed when it was announced
  uint16_t network =
      0;  // of the client that made it: part of a hash; 0: not known, as after a restart

  bool passed() const { return wait == kPassed; }
  bool retried() const { return last != first; }
  Seconds due() const { return first + wait; }  // unless passed
  // Has not passed, and is of the network that |other| is of.
  bool waits_beside(const TupleValue& other) const {
    return !passed() && network != 0 && network == other.network;
  }
};

// What a StoredTable needs to know of tuples.
class TupleKind {
 public:
  using Value = TupleValue;

  // After |window| since the first sight a tuple that has not passed is forgotten; one that has,
  // after |keep| without mail.
  void set_life(Seconds window, Seconds keep) {
    window_ = window;
    keep_ = keep;
  }
  bool expired(const TupleValue& value, Seconds now) const {
    return value.passed() ? now - value.last > keep_ : now - value.first > window_;
  }
  // Those that never came back go first, those that passed last; within each, the longest unseen.
  int64_t worth(const TupleValue& value) const;

  RowWriter write(const Hash128& key, const TupleValue& value, const WallFrame& frame) const;
  std::optional<std::pair<Hash128, TupleValue>> read(std::string_view row,
                                                     const WallFrame& frame) const;
  // Having passed wins, then the earlier wait.
  void merge(TupleValue& ours, const TupleValue& row) const;

 private:
  // Until the settings come nothing expires, so that loading may begin before.
  std::atomic<Seconds> window_ = INT32_MAX;
  std::atomic<Seconds> keep_ = INT32_MAX;
};

}  // namespace ravelin::proxy
