// What "ravelinctl top" shows: the figures that move.
#pragma once

#include "proxy/control_commands.h"

namespace ravelin::proxy {

// |daemon| must outlive |server|.
void add_top_commands(ControlServer& server, Daemon& daemon);

}  // namespace ravelin::proxy
