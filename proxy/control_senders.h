// What ravelinctl can ask and set of clients: greylist and standing.
#pragma once

#include "proxy/control_commands.h"

namespace ravelin::proxy {

// |daemon| must outlive |server|.
void add_sender_commands(ControlServer& server, Daemon& daemon);

}  // namespace ravelin::proxy
