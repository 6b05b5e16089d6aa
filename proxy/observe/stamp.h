// What a line begins with: when, and on which host.                     RFC 3164 §4.1, RFC 3339
#pragma once

#include <cstdint>
#include <string>

#include "proxy/event/clock.h"

namespace ravelin::proxy {

enum class StampStyle : uint8_t {
  Traditional,  // "Nov  3 07:00:00", local time: what readers of logs expect
  Rfc3339,      // "2026-11-03T07:00:00.123456+01:00", local time with its offset
};

// Thread-safe and immutable.
class Stamp {
 public:
  explicit Stamp(StampStyle style);

  // Appends the time, without a space behind. Broken-down time is kept per thread for as long as
  // the second lasts: localtime takes a lock that all threads share.
  void append(std::string& out, Wall now) const;

 private:
  StampStyle style_;
};

}  // namespace ravelin::proxy
