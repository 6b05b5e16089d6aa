#include "proxy/backend/alarms.h"

#include <chrono>

namespace ravelin::proxy {
namespace {

constexpr auto kEvery = std::chrono::minutes(1);

}  // namespace

void Alarms::raise(Alarm kind, const std::string& about, std::string_view text, dns::Time now) {
  uint64_t held_back = 0;
  const bool say = last_.with([&](auto& last) {
    const auto [found, first] = last.try_emplace({kind, about});
    auto& entry = found->second;
    if (!first && now - entry.at < kEvery) {
      ++entry.held_back;
      return false;
    }
    held_back = std::exchange(entry.held_back, 0);
    entry.at = now;
    return true;
  });
  if (!say) return;
  auto line = about + ": " + std::string(text);
  if (held_back > 0) line += " (and " + std::to_string(held_back) + " times more before)";
  journal_.message(Severity::Warning, line);
}

}  // namespace ravelin::proxy
