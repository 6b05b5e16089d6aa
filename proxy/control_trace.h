// ravelinctl trace: living dialogs, line by line.
#pragma once

#include "proxy/control_commands.h"

namespace ravelin::proxy {

// |daemon| must outlive |server|.
void add_trace_commands(ControlServer& server, Daemon& daemon);

}  // namespace ravelin::proxy
