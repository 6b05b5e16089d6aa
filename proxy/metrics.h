// /metrics: what the program has counted, for Prometheus. Each number is the one that ravelinctl
// shows, read where it is counted, when it is asked for. No address is in it: a metric per address
// would be the attacker's to multiply.
#pragma once

#include <string>

#include "proxy/control_commands.h"
#include "proxy/observe/metrics_text.h"

namespace ravelin::proxy {

std::string metrics_text(Daemon& daemon);

// docs/metrics.md.
std::string print_metrics_docs();

}  // namespace ravelin::proxy
