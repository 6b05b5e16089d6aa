// What ravelinctl sets for a time: allow, deny, limits.
#pragma once

#include "proxy/control_commands.h"

namespace ravelin::proxy {

// What of [limits] was set by hand, as "limits" shows it.
nlohmann::json limits_set(Daemon& daemon);

// |daemon| must outlive |server|.
void add_override_commands(ControlServer& server, Daemon& daemon);

}  // namespace ravelin::proxy
