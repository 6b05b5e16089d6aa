// Backends for ravelinctl: list, drain, up.
#pragma once

#include "proxy/control_commands.h"

namespace ravelin::proxy {

// |daemon| must outlive |server|.
void add_backend_commands(ControlServer& server, Daemon& daemon);

}  // namespace ravelin::proxy
