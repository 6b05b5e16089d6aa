// ravelin --check --live: would it work here? Asks the backends, the DNS and the system.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "proxy/config/config.h"

namespace ravelin::proxy {

// Files that it opens: a loop, two resolvers, a connection.
inline constexpr uint64_t kLiveCheckFiles = 24;

// Prints a line per question: "ok", "warning" or "FAILED", and what to do. Every address of every
// backend is asked, on one connection each; one that says nothing costs 15 s. False if mail would
// not flow. Sends no mail: transactions end at RCPT. Ports are not bound.
bool check_live(const Config& config, const std::function<void(std::string_view)>& print);

}  // namespace ravelin::proxy
