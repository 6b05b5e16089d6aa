// What ravelinctl can ask about dialogs that have ended.
#pragma once

#include "proxy/control_commands.h"

namespace ravelin::proxy {

// |daemon| must outlive |server|.
void add_history_commands(ControlServer& server, Daemon& daemon);

}  // namespace ravelin::proxy
