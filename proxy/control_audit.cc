#include "proxy/control_audit.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace ravelin::proxy {

using nlohmann::json;

std::string asker_text(const ControlServer& server) {
  const auto& who = server.asker();
  return "uid " + std::to_string(who.uid) + " (pid " + std::to_string(who.pid) + ")";
}

void audit(const ControlServer& server, Daemon& daemon, const std::string& what) {
  daemon.shared().journal.message(Severity::Info, "control: " + asker_text(server) + ": " + what);
}

void handle_audited(ControlServer& server, Daemon& daemon, const std::string& command,
                    Subject subject, ControlServer::Handler handler) {
  server.handle(command, [&server, &daemon, command, subject = std::move(subject),
                          handler = std::move(handler)](const json& args) {
    auto result = handler(args);
    if (result.is_object() && result.contains("error")) return result;
    auto words = command;
    std::replace(words.begin(), words.end(), '.', ' ');
    const auto about = subject(args);
    audit(server, daemon, about.empty() ? words : words + " " + about);
    return result;
  });
}

std::string no_subject(const json&) { return ""; }

}  // namespace ravelin::proxy
