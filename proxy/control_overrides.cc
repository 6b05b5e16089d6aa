#include "proxy/control_overrides.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "proxy/config/units.h"
#include "proxy/control_args.h"
#include "proxy/control_audit.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr int64_t kLongest = 10LL * 365 * 24 * 3600;  // s

// For how long; nothing if it is missing or out of range.
std::optional<seconds> duration(const json& args) {
  const auto given = args.value("for_s", int64_t{0});
  if (given < 1 || given > kLongest) return {};
  return seconds(given);
}
json no_duration() { return control_error("for how long? for_s must be 1 to 315360000"); }

std::string duration_text(const json& args) {
  return format_duration(seconds(args.value("for_s", int64_t{0})));
}

const char* list_name(bool allow) { return allow ? "allow" : "deny"; }

// --- allow, deny ---

json with_network(const json& args, const std::function<json(const dns::Cidr&)>& answer) {
  const auto given = text(args, "network");
  const auto network = dns::Cidr::parse(given);
  if (!network)
    return control_error("'" + given + "' is no IP address and no network like 192.0.2.0/24");
  return answer(*network);
}

json add(Daemon& daemon, const json& args, bool allow, const std::string& by) {
  return with_network(args, [&](const dns::Cidr& network) -> json {
    const auto time = duration(args);
    if (!time) return no_duration();
    auto& access = daemon.overrides().access;
    const auto& entries = access.entries();
    const auto before = entries.find(network.to_string());
    const bool moved = before != entries.end() && before->second.allow != allow;
    const auto until = daemon.shared().clock.wall() + *time;
    const auto why = access.add(network, {allow, until, text(args, "note"), by});
    if (!why.empty()) return control_error(why);
    daemon.overrides_changed();
    json result = {
        {"network", network.to_string()}, {"list", list_name(allow)}, {"left_s", time->count()}};
    if (moved) result["was"] = list_name(!allow);
    return result;
  });
}

json remove(Daemon& daemon, const json& args, bool allow) {
  return with_network(args, [&](const dns::Cidr& network) -> json {
    if (!daemon.overrides().access.remove(network, allow))
      return control_error(network.to_string() + " is not on the " + list_name(allow) +
                           " list made by hand; what the configuration says is changed there");
    daemon.overrides_changed();
    return {{"network", network.to_string()}, {"removed", true}};
  });
}

json list(Daemon& daemon, bool allow) {
  const auto now = daemon.shared().clock.wall();
  json all = json::array();
  for (const auto& [network, entry] : daemon.overrides().access.entries()) {
    if (entry.allow != allow) continue;
    const auto left = std::chrono::duration_cast<seconds>(entry.until - now).count();
    all.push_back({{"network", network}, {"left_s", left}, {"note", entry.note}, {"by", entry.by}});
  }
  return all;
}

void add_lists(ControlServer& server, Daemon& daemon, bool allow) {
  const auto name = [allow](const char* verb) {
    return fmt::format("{}.{}", list_name(allow), verb);
  };
  const auto added = [](const json& args) {
    const auto note = text(args, "note");
    return text(args, "network") + " for " + duration_text(args) +
           (note.empty() ? "" : ": " + note);
  };
  handle_audited(server, daemon, name("add"), added, [&server, &daemon, allow](const json& args) {
    return add(daemon, args, allow, asker_text(server));
  });
  handle_audited(
      server, daemon, name("del"), [](const json& args) { return text(args, "network"); },
      [&daemon, allow](const json& args) { return remove(daemon, args, allow); });
  server.handle(name("list"), [&daemon, allow](const json&) { return list(daemon, allow); });
}

// --- limits ---

json set_limit(Daemon& daemon, const json& args, const std::string& by) {
  const auto time = duration(args);
  if (!time) return no_duration();
  const auto name = text(args, "name");
  const auto why = daemon.overrides().limits.set(name, text(args, "value"),
                                                 daemon.shared().clock.boot() + *time, by);
  if (!why.empty()) return control_error(why);
  daemon.overrides_changed();
  return {{"name", name}, {"value", text(args, "value")}, {"left_s", time->count()}};
}

json reset_limit(Daemon& daemon, const json& args) {
  const auto name = text(args, "name");
  if (!daemon.overrides().limits.reset(name))
    return control_error("'" + name + "' was not set by hand");
  daemon.overrides_changed();
  return {{"name", name}, {"reset", true}};
}

}  // namespace

json limits_set(Daemon& daemon) {
  const auto now = daemon.shared().clock.boot();
  json all = json::array();
  for (const auto& [name, entry] : daemon.overrides().limits.entries())
    all.push_back({{"name", name},
                   {"value", entry.text},
                   {"left_s", std::chrono::duration_cast<seconds>(entry.until - now).count()},
                   {"by", entry.by}});
  return all;
}

void add_override_commands(ControlServer& server, Daemon& daemon) {
  add_lists(server, daemon, true);
  add_lists(server, daemon, false);
  handle_audited(
      server, daemon, "limit.set",
      [](const json& args) {
        return text(args, "name") + " = " + text(args, "value") + " for " + duration_text(args);
      },
      [&server, &daemon](const json& args) { return set_limit(daemon, args, asker_text(server)); });
  handle_audited(
      server, daemon, "limit.reset", [](const json& args) { return text(args, "name"); },
      [&daemon](const json& args) { return reset_limit(daemon, args); });
}

}  // namespace ravelin::proxy
