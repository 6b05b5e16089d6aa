// What holds for whom: the limits of the configuration, and made stricter by the level of pressure
// for clients without standing.
#pragma once

#include "proxy/config/config.h"

namespace ravelin::proxy {

// The stricter of both, value by value: pressure loosens nothing. At Calm it is |calm|.
Limits pressed_limits(const Limits& calm, const PressureSettings& settings, PressureLevel level);

}  // namespace ravelin::proxy
