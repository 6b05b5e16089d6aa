// Living dialogs for ravelinctl.
#pragma once

#include "proxy/control_commands.h"

namespace ravelin::proxy {

// |daemon| must outlive |server|.
void add_session_commands(ControlServer& server, Daemon& daemon);

}  // namespace ravelin::proxy
