#include "proxy/control_backends.h"

#include <nlohmann/json.hpp>
#include <string>

#include "proxy/control_args.h"
#include "proxy/control_audit.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

json drain(Daemon& daemon, const json& args, bool drained) {
  const auto name = text(args, "name");
  auto& backends = daemon.shared().backends;
  if (backends.drain(name, drained)) return {{"name", name}, {"drained", drained}};
  std::string known;
  for (const auto& one : backends.snapshot()) known += (known.empty() ? "" : ", ") + one.name;
  return control_error("no backend '" + name + "'; there are " + known);
}

}  // namespace

void add_backend_commands(ControlServer& server, Daemon& daemon) {
  const auto subject = [](const json& args) { return text(args, "name"); };
  server.handle("backend.list", [&daemon](const json&) { return backends_now(daemon); });
  handle_audited(server, daemon, "backend.drain", subject,
                 [&daemon](const json& args) { return drain(daemon, args, true); });
  handle_audited(server, daemon, "backend.up", subject,
                 [&daemon](const json& args) { return drain(daemon, args, false); });
}

}  // namespace ravelin::proxy
