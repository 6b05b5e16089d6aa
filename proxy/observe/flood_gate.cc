#include "proxy/observe/flood_gate.h"

#include <chrono>
#include <utility>

namespace ravelin::proxy {
namespace {

constexpr size_t kMaxReasons = 64;
constexpr size_t kMaxReasonLength = 100;

using Reasons = std::map<std::string, uint64_t, std::less<>>;

void count(Reasons& reasons, std::string_view reason) {
  reason = reason.substr(0, kMaxReasonLength);
  const auto known = reasons.find(reason);
  if (known != reasons.end()) {
    ++known->second;
  } else {
    ++reasons[reasons.size() < kMaxReasons ? std::string(reason) : "other"];
  }
}

}  // namespace

FloodGate::FloodGate(uint32_t lines_per_second) : limit_(lines_per_second) {}

void FloodGate::set_limit(uint32_t lines_per_second) { limit_ = lines_per_second; }

bool FloodGate::admit(std::string_view reason, dns::Time now) {
  const uint64_t limit = limit_.load(std::memory_order_relaxed);
  if (limit == 0) return true;
  const auto since_boot = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
  const uint64_t second = static_cast<uint64_t>(since_boot.count()) << 32;

  auto seen = window_.load(std::memory_order_relaxed);
  for (;;) {  // ends: whoever makes the exchange fail has itself got on
    // A thread that read its clock a moment before another one counts into the newer second.
    const auto current = second > (seen & ~0xffffffffULL) ? second : seen;
    if ((current & 0xffffffffULL) >= limit) break;
    if (window_.compare_exchange_weak(seen, current + 1, std::memory_order_relaxed)) return true;
  }
  held_.fetch_add(1, std::memory_order_relaxed);
  reasons_.with([&](Reasons& reasons) { count(reasons, reason); });
  return false;
}

std::vector<FloodGate::Held> FloodGate::take() {
  const auto taken = reasons_.with([](Reasons& reasons) { return std::exchange(reasons, {}); });
  std::vector<Held> held;
  for (const auto& [reason, lines] : taken) held.push_back({reason, lines});
  return held;
}

}  // namespace ravelin::proxy
