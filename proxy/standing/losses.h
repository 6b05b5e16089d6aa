// Losses of standing in a row: each doubles the greylist's delay, a clean day ends the row.
#pragma once

#include <cstdint>

#include "proxy/state/row.h"
#include "proxy/state/seconds.h"

namespace ravelin::proxy {

class Losses {
 public:
  static constexpr Seconds kClean = 24 * 3600;

  void add(Seconds now) {
    count_ = static_cast<uint8_t>(at(now) < UINT8_MAX ? at(now) + 1 : UINT8_MAX);
    last_ = now;
  }
  uint32_t at(Seconds now) const { return count_ != 0 && now - last_ < kClean ? count_ : 0; }

  void write(RowWriter& row, const WallFrame& frame) const {
    row.put(count_).put(frame.to_wall(last_));
  }
  void read(RowReader& row, const WallFrame& frame) {
    int64_t last = 0;
    row.get(count_);
    row.get(last);
    last_ = frame.from_wall(last);
  }

 private:
  Seconds last_ = 0;
  uint8_t count_ = 0;
};

}  // namespace ravelin::proxy
