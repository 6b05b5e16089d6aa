// ravelin --check --live: would it work here? Asks the backends, the DNS and the system.
#pragma once

#include <functional>
#include <string_view>

#include "proxy/config/config.h"

namespace ravelin::proxy {

// Prints a line per question: "ok", "warning" or "FAILED", and what to do. Takes a minute at most.
// False if mail would not flow. Sends no mail: transactions end at RCPT. Ports are not bound.
bool check_live(const Config& config, const std::function<void(std::string_view)>& print);

}  // namespace ravelin::proxy
