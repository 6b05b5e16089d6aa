#include "proxy/observe/curves.h"

#include <algorithm>
#include <limits>

namespace ravelin::proxy {
namespace {

constexpr std::string_view kNames[] = {
    "connections", "accepted",  "recipients",    "warned",          "null_senders", "questions",
    "dialogs",     "strangers", "dialogs_limit", "strangers_limit", "backends",     "pressure"};
static_assert(std::size(kNames) == kCurves - kCauses);

constexpr char kFormat = 1;  // of a row; more curves may follow, none may change its place

uint32_t sum(uint32_t a, uint32_t b) {
  return static_cast<uint32_t>(
      std::min<uint64_t>(uint64_t{a} + b, std::numeric_limits<uint32_t>::max()));
}

void merge(CurveSample& into, const CurveSample& more) {
  for (size_t i = 0; i < kCurves; ++i)
    into.values[i] = i < kFirstGauge ? sum(into.values[i], more.values[i])
                                     : std::max(into.values[i], more.values[i]);
}

}  // namespace

std::string_view curve_name(size_t curve) {
  return curve < kCauses ? kCauseNames[curve] : kNames[curve - kCauses];
}

std::string pack_sample(const CurveSample& sample) {
  std::string bytes(1, kFormat);
  for (const auto value : sample.values)
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

std::optional<CurveSample> unpack_sample(int64_t at, std::string_view bytes) {
  if (bytes.empty() || bytes.front() != kFormat || bytes.size() % 4 != 1) return {};
  CurveSample sample;
  sample.at = at;
  const auto count = std::min(kCurves, bytes.size() / 4);
  for (size_t i = 0; i < count; ++i)
    for (size_t byte = 0; byte < 4; ++byte)
      sample.values[i] |= uint32_t{static_cast<uint8_t>(bytes[1 + 4 * i + byte])} << (8 * byte);
  return sample;
}

const CurveSample& CurveRing::newest() const {
  return samples_[(next_ + samples_.size() - 1) % samples_.size()];
}

CurveSample& CurveRing::last_one() {
  return samples_[(next_ + samples_.size() - 1) % samples_.size()];
}

// Makes |at| a time that may come next; false if it has passed. Without it, a clock that was once
// a year ahead would stop the curve for a year.
bool CurveRing::turn_back(int64_t at) {
  if (at >= last()) return true;
  if (last() - at <= kBack * step_) return false;
  std::rotate(samples_.begin(), samples_.begin() + static_cast<ptrdiff_t>(next_), samples_.end());
  next_ = 0;
  while (last() > at) samples_.pop_back();
  return true;
}

void CurveRing::push(const CurveSample& sample) {
  if (!turn_back(sample.at)) return;
  if (sample.at == last()) return merge(last_one(), sample);
  if (samples_.size() < size_) {
    samples_.push_back(sample);
    return;
  }
  samples_[next_] = sample;
  next_ = (next_ + 1) % size_;
}

std::vector<CurveSample> CurveRing::since(int64_t since) const {
  std::vector<CurveSample> found;
  for (size_t i = 0; i < samples_.size(); ++i) {
    const auto& sample = samples_[(next_ + i) % samples_.size()];
    if (sample.at >= since) found.push_back(sample);
  }
  return found;
}

void CurveRing::put(const CurveSample& sample) {
  if (!turn_back(sample.at)) return;
  if (sample.at == last())
    last_one() = sample;
  else
    push(sample);
}

// Coarse samples begin at multiples of their step. A clock that jumps ends the one under way; one
// that is there already, from before a restart, goes on.
std::vector<Curves::Done> Curves::add(const CurveSample& second) {
  std::vector<Done> done;
  levels_[0].ring.push(second);
  for (size_t i = 1; i < levels_.size(); ++i) {
    auto& [ring, open, begun] = levels_[i];
    const auto at = second.at - second.at % ring.step();
    if (begun && open.at != at) {
      ring.put(open);
      done.push_back({ring.step(), open});
      begun = false;
    }
    if (!begun) open = ring.last() == at ? ring.newest() : CurveSample{.at = at, .values = {}};
    begun = true;
    merge(open, second);
  }
  return done;
}

std::vector<Curves::Done> Curves::unfinished() const {
  std::vector<Done> all;
  for (const auto& level : levels_)
    if (level.begun) all.push_back({level.ring.step(), level.open});
  return all;
}

void Curves::restore(uint32_t step, const CurveSample& sample) {
  for (auto& level : levels_)
    if (level.ring.step() == step) level.ring.push(sample);
}

const CurveRing* Curves::ring(uint32_t step) const {
  for (const auto& level : levels_)
    if (level.ring.step() == step) return &level.ring;
  return nullptr;
}

}  // namespace ravelin::proxy
