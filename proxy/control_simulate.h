// ravelinctl simulate: what would become of a mail.
#pragma once

#include "proxy/control_commands.h"

namespace ravelin::proxy {

// |daemon| must outlive |server|.
void add_simulate_commands(ControlServer& server, Daemon& daemon);

}  // namespace ravelin::proxy
