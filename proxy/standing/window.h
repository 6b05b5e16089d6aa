// A count of what happened lately, which forgets by itself: N buckets of time, the oldest dropped
// as a new one begins. It covers between (N-1)/N and all of its span.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "proxy/state/row.h"
#include "proxy/state/seconds.h"

namespace ravelin::proxy {

template <class Count, size_t N, Seconds kBucket>
class Window {
 public:
  // Stops at the largest Count.
  void add(Seconds now, uint32_t more = 1) {
    roll(bucket(now));
    const auto room = static_cast<uint32_t>(std::numeric_limits<Count>::max() - counts_[0]);
    counts_[0] = static_cast<Count>(counts_[0] + std::min(room, more));
  }
  // Nothing more can be counted for now.
  bool full(Seconds now) const {
    return bucket(now) <= newest_ && counts_[0] == std::numeric_limits<Count>::max();
  }
  uint32_t sum(Seconds now) const {
    uint32_t total = 0;
    const int64_t past = int64_t{bucket(now)} - newest_;
    for (size_t i = 0; i < N; ++i)
      if (static_cast<int64_t>(i) + past < static_cast<int64_t>(N)) total += counts_[i];
    return total;
  }
  void clear() { counts_ = {}; }

  // A restart moves the borders between buckets, because they are multiples of the boot clock.
  void write(RowWriter& row, const WallFrame& frame) const {
    row.put(frame.to_wall(newest_ * kBucket));
    for (const auto count : counts_) row.put(count);
  }
  void read(RowReader& row, const WallFrame& frame) {
    int64_t start = 0;
    row.get(start);
    newest_ = bucket(frame.from_wall(start));
    for (auto& count : counts_) row.get(count);
  }

 private:
  static int32_t bucket(Seconds time) {
    return time >= 0 ? time / kBucket : -((-time + kBucket - 1) / kBucket);
  }
  void roll(int32_t to) {
    const int64_t steps = std::min<int64_t>(N, int64_t{to} - newest_);
    for (int64_t i = 0; i < steps; ++i) {
      std::move_backward(counts_.begin(), counts_.end() - 1, counts_.end());
      counts_[0] = 0;
    }
    newest_ = std::max(newest_, to);
  }

  std::array<Count, N> counts_{};  // the newest first
  int32_t newest_ = 0;             // number of the newest bucket
};

using DayWindow = Window<uint16_t, 4, 6 * 3600>;        // 24 hours
using MonthWindow = Window<uint8_t, 6, 5 * 24 * 3600>;  // 30 days

}  // namespace ravelin::proxy
