#include "proxy/overload/pressed_limits.h"

#include <algorithm>

namespace ravelin::proxy {
namespace {

// 0 is no limit.
uint32_t fewer(uint32_t a, uint32_t b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

}  // namespace

Limits pressed_limits(const Limits& calm, const PressureSettings& settings, PressureLevel level) {
  if (level == PressureLevel::Calm) return calm;
  const auto& overlay = settings.overlays.at(static_cast<size_t>(level) - 1);
  auto pressed = calm;
  pressed.command_timeout = std::min(calm.command_timeout, overlay.command_timeout);
  pressed.data_timeout = std::min(calm.data_timeout, overlay.data_timeout);
  pressed.handshake_timeout = std::min(calm.handshake_timeout, overlay.handshake_timeout);
  pressed.dialog_time = std::min(calm.dialog_time, overlay.dialog_time);
  pressed.data_min_rate = std::max(calm.data_min_rate, overlay.data_min_rate);
  pressed.errors = std::min(calm.errors, overlay.errors);
  pressed.junk_commands = std::min(calm.junk_commands, overlay.junk_commands);
  pressed.sessions_per_client = fewer(calm.sessions_per_client, overlay.sessions_per_client);
  pressed.sessions_per_network = fewer(calm.sessions_per_network, overlay.sessions_per_network);
  pressed.least_pause = overlay.pause;
  pressed.verify_order = overlay.order;
  return pressed;
}

}  // namespace ravelin::proxy
