// All counters for ravelinctl, and the log's file.
#pragma once

#include "proxy/control_commands.h"

namespace ravelin::proxy {

// |daemon| must outlive |server|.
void add_stats_commands(ControlServer& server, Daemon& daemon);

}  // namespace ravelin::proxy
