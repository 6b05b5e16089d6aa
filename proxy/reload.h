// What a reload cannot change.
#pragma once

#include <string>
#include <vector>

#include "proxy/config/config.h"

namespace ravelin::proxy {

// The settings in which |next| differs from |now| although they are fixed at start: sockets are
// bound before root is given up, and the state belongs to a thread that has it open. A reload
// that changes one of them fails as a whole. Each entry is one line, "listen.smtp: needs restart".
std::vector<std::string> needs_restart(const Config& now, const Config& next);

}  // namespace ravelin::proxy
