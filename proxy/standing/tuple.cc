#include "proxy/standing/tuple.h"

#include <algorithm>

namespace ravelin::proxy {
namespace {

constexpr int32_t kPassedWait = -1;  // stands for kPassed in a row

}  // namespace

int64_t TupleKind::worth(const TupleValue& value) const {
  const int64_t rank = value.passed() ? 2 : value.retried() ? 1 : 0;
  return rank * (int64_t{1} << 32) + value.last;
}

// The wait is written as a length, not as a time: a wall clock that was set back must not prolong
// it.
RowWriter TupleKind::write(const Hash128& key, const TupleValue& value,
                           const WallFrame& frame) const {
  RowWriter row;
  row.put(key).put(frame.to_wall(value.first)).put(frame.to_wall(value.last));
  return row.put(value.passed() ? kPassedWait : int32_t{value.wait});
}

std::optional<std::pair<Hash128, TupleValue>> TupleKind::read(std::string_view row,
                                                              const WallFrame& frame) const {
  Hash128 key;
  int64_t first = 0;
  int64_t last = 0;
  int32_t wait = 0;
  RowReader in(row);
  in.get(key);
  in.get(first);
  in.get(last);
  in.get(wait);
  if (!in.complete() || wait < kPassedWait || wait > TupleValue::kLongestWait) return {};
  TupleValue value;
  value.first = frame.from_wall(first);
  value.last = frame.from_wall(last);
  value.wait = wait == kPassedWait ? TupleValue::kPassed : static_cast<uint16_t>(wait);
  return std::pair(key, value);
}

void TupleKind::merge(TupleValue& ours, const TupleValue& row) const {
  if (ours.passed() || row.passed()) {
    ours.wait = TupleValue::kPassed;
    ours.first = std::min(ours.first, row.first);
  } else {
    const auto due = std::min(ours.due(), row.due());
    ours.first = std::min(ours.first, row.first);
    // Not longer than one of both, unless the clock that the row was written by was wrong.
    ours.wait = static_cast<uint16_t>(std::clamp(due - ours.first, 0, TupleValue::kLongestWait));
  }
  ours.last = std::max(ours.last, row.last);
  if (ours.network == 0) ours.network = row.network;
}

}  // namespace ravelin::proxy
