// What ravelinctl can ask about messages that were captured.
#pragma once

#include "proxy/control_commands.h"

namespace ravelin::proxy {

// |daemon| must outlive |server|.
void add_capture_commands(ControlServer& server, Daemon& daemon);

}  // namespace ravelin::proxy
