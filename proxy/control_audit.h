// Commands that change something are put down in the log: who, what, until when.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "proxy/control_commands.h"

namespace ravelin::proxy {

// "uid 0 (pid 4711)": what the kernel says of whoever asks. Inside a handler.
std::string asker_text(const ControlServer& server);
// "control: uid 0 (pid 4711): |what|" as a line of the log; |what| may hold
// anything, for the log escapes it.
void audit(const ControlServer& server, Daemon& daemon, const std::string& what);

// As ControlServer::handle(), and what |handler| did not refuse goes to the log: the command and
// what |subject| says of its arguments, if it says anything.
using Subject = std::function<std::string(const nlohmann::json& args)>;
void handle_audited(ControlServer& server, Daemon& daemon, const std::string& command,
                    Subject subject, ControlServer::Handler handler);
std::string no_subject(const nlohmann::json& args);  // of a command that says it all

}  // namespace ravelin::proxy
