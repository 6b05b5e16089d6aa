// Wall time: only for log lines, headers, and rows that are written to disk. Everything that
// measures a duration uses Reactor::now().
#pragma once

#include <chrono>

#include "dns/reactor.h"

namespace ravelin::proxy {

using Wall = std::chrono::system_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual dns::Time boot() const = 0;  // CLOCK_BOOTTIME; thread-safe
  virtual Wall wall() const = 0;       // CLOCK_REALTIME; thread-safe; may jump
};

}  // namespace ravelin::proxy
