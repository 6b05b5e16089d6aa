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
  static constexpr Seconds kPassed = INT32_MIN;  // as |due|

  Seconds first = 0;  // seen
  Seconds due = 0;    // a retry passes from here on; fixed when it was announced
  Seconds last = 0;   // seen

  bool passed() const { return due == kPassed; }
  bool retried() const { return last != first; }
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
