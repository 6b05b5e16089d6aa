// What is drawn over time: one sample a second, kept for an hour; ten-second ones for a day;
// five-minute ones for a month. The coarse ones are in history.db, too.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/observe/journal.h"

namespace ravelin::proxy {

// Counts are those of the sample's time; gauges are their highest value in it.
enum class Curve : uint8_t {
  Connections = kCauses,  // with those that got no place; before it the refusals, by Cause
  Accepted,               // messages
  Recipients,             // of them
  Warned,                 // refusals of shadow mode
  NullSenders,            // transactions of clients without standing
  Questions,              // to backends
  Dialogs,                // gauges from here on
  Strangers,              // of them, without good standing
  Limit,                  // of dialogs
  StrangersLimit,         // what the reserve leaves
  Backends,               // connections to them
  Pressure,               // 0 calm to 3 siege
};
inline constexpr size_t kCurves = static_cast<size_t>(Curve::Pressure) + 1;
inline constexpr size_t kFirstGauge = static_cast<size_t>(Curve::Dialogs);
std::string_view curve_name(size_t curve);

struct CurveSample {
  int64_t at = 0;  // s since 1970: its beginning
  std::array<uint32_t, kCurves> values{};
};

// The bytes of a row, and back; nothing if they are none of ours.
std::string pack_sample(const CurveSample& sample);
std::optional<CurveSample> unpack_sample(int64_t at, std::string_view bytes);

// The last |size| samples, |step| seconds apart.
class CurveRing {
 public:
  CurveRing(uint32_t step, size_t size) : step_(step), size_(size) {}

  uint32_t step() const { return step_; }
  // In order of time. One of the last one's time is put together with it: a thread that is late
  // may look twice in a second. A little earlier one, of a clock that was set right, is dropped;
  // one that is more than kBack steps earlier drops those behind it, which a wrong clock made.
  void push(const CurveSample& sample);
  // Likewise, but in the place of one of the same time.
  void put(const CurveSample& sample);
  // From |since| on, oldest first.
  std::vector<CurveSample> since(int64_t since) const;
  int64_t last() const { return samples_.empty() ? INT64_MIN : newest().at; }
  const CurveSample& newest() const;  // there must be one

 private:
  static constexpr int64_t kBack = 5;

  CurveSample& last_one();
  bool turn_back(int64_t at);

  const uint32_t step_;
  const size_t size_;
  std::vector<CurveSample> samples_;  // a ring once it is full
  size_t next_ = 0;
};

// Used on one thread.
class Curves {
 public:
  // One more second. Returns the coarser samples that it completed, with their step: they are to
  // be kept.
  struct Done {
    uint32_t step;
    CurveSample sample;
  };
  std::vector<Done> add(const CurveSample& second);
  // Those that are not complete yet: at the end of the process they are to be kept, too.
  std::vector<Done> unfinished() const;
  // As it was kept.
  void restore(uint32_t step, const CurveSample& sample);

  // Null if there is none of that step.
  const CurveRing* ring(uint32_t step) const;
  static constexpr uint32_t kSteps[] = {1, 10, 300};
  static constexpr int64_t kKept[] = {3600, 86'400, 31 * 86'400};  // s

 private:
  struct Level {
    CurveRing ring;
    CurveSample open{};  // under way
    bool begun = false;
  };
  std::array<Level, 3> levels_{Level{{1, 3600}}, Level{{10, 8640}}, Level{{300, 8928}}};
};

}  // namespace ravelin::proxy
