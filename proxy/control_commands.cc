#include "proxy/control_commands.h"

#include <unistd.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/config/builtin.h"
#include "proxy/config/units.h"
#include "proxy/control_args.h"
#include "proxy/control_history.h"
#include "proxy/overload/pressed_limits.h"
#include "proxy/table_sizes.h"
#include "smtp/command.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

constexpr std::string_view kModes[] = {"enforce", "shadow"};
constexpr std::string_view kGrades[] = {"unknown", "passed", "good"};
constexpr std::string_view kTls[] = {"off", "may", "encrypt", "verify"};
constexpr std::string_view kKinds[] = {"first", "early", "passed", "known", "full"};

// Who is asked about: an address, or an error that says what was given.
json with_client(const json& args, const std::function<json(const dns::IpAddress&)>& answer) {
  const auto given = text(args, "client");
  const auto client = dns::IpAddress::parse(given);
  if (!client) return control_error("'" + given + "' is not an IP address");
  return answer(*client);
}

json sessions(Daemon& daemon) {
  const auto& places = daemon.shared().places;
  return {{"open", places.in_use()}, {"peak", places.peak()}, {"limit", daemon.places()}};
}

json pressure(Daemon& daemon) {
  const auto now = daemon.pressure();
  json shown = {{"level", pressure_level_name(now.level)}};
  if (now.level == PressureLevel::Calm) return shown;
  shown["cause"] = now.cause;
  shown["since_s"] = now.lasted.count();
  return shown;
}

json backends(Daemon& daemon) {
  json all = json::array();
  for (const auto& one : daemon.shared().backends.snapshot()) {
    json addresses = json::array();
    for (const auto& address : one.addresses) addresses.push_back(address.to_string());
    all.push_back({{"name", one.name},
                   {"addresses", addresses},
                   {"healthy", !one.down},
                   {"open", one.open},
                   {"idle", one.idle},
                   {"waiting", one.waiting},
                   {"ties", one.ties},
                   {"cap", one.cap},
                   {"learned_cap", one.learned_cap},
                   {"connects", one.connects},
                   {"connect_failures", one.connect_failures},
                   {"questions", one.questions},
                   {"pipelined", one.pipelined},
                   {"refusals", one.refusals},
                   {"messages", one.messages},
                   {"tls", kTls[static_cast<size_t>(one.tls)]},
                   {"secured", one.secured}});
  }
  return all;
}

json breakers(Daemon& daemon) {
  json all = json::array();
  for (const auto& one : daemon.shared().backends.breakers())
    all.push_back({{"route", one.route},
                   {"open", one.state == Breaker::State::Open},
                   {"lost", one.lost},
                   {"asked", one.asked}});
  return all;
}

json store(Daemon& daemon) {
  const auto& path = daemon.config()->state.path;
  const auto& store = daemon.shared().store;
  if (!store) return {{"path", path}, {"healthy", true}, {"memory_only", true}};
  const auto stats = store->stats();
  return {{"path", path},
          {"healthy", !stats.degraded},
          {"memory_only", stats.memory_only},
          {"loading", stats.loading},
          {"rows", stats.rows},
          {"failures", stats.failures},
          {"pending", stats.pending}};
}

json history(Daemon& daemon) {
  const auto stats = daemon.shared().history.stats();
  return {{"dialogs", stats.entries}, {"bytes", stats.bytes}, {"written", stats.written},
          {"merged", stats.merged},   {"lost", stats.lost},   {"healthy", !stats.degraded}};
}

json tables(Daemon& daemon) {
  json all = json::array();
  for (const auto& [name, word, its] : table_sizes(daemon.shared()))
    all.push_back(
        {{"name", name}, {"entries", its.entries}, {"limit", its.limit}, {"bytes", its.bytes}});
  return all;
}

json status(Daemon& daemon) {
  const auto config = daemon.config();
  const auto journal = daemon.journal();
  return {{"version", RAVELIN_VERSION},
          {"pid", getpid()},
          {"uptime_s", daemon.uptime().count()},
          {"mode", kModes[static_cast<size_t>(config->mode)]},
          {"hostname", config->hostname},
          {"workers", daemon.workers()},
          {"sessions", sessions(daemon)},
          {"pressure", pressure(daemon)},
          {"mails",
           {{"accepted", journal.messages},
            {"recipients", journal.recipients},
            {"bytes", journal.bytes},
            {"refused", journal.refused},
            {"warned", journal.warned},
            {"no_place", journal.no_places}}},
          {"backends", backends(daemon)},
          {"breaker", breakers(daemon)},
          {"store", store(daemon)},
          {"log",
           {{"lines", journal.lines}, {"dropped", journal.dropped}, {"flooded", journal.flooded}}},
          {"history", history(daemon)},
          {"greylist", {{"tuples", daemon.shared().greylist.size()}}},
          {"standing", {{"clients", daemon.shared().standing.size()}}},
          {"tables", tables(daemon)}};
}

// A parameter's value, written as the configuration writes it.
json value_of(const Param& param, void* settings) {
  const void* member = param.member(settings);
  switch (param.kind) {
    case ParamKind::Duration:
      return format_duration(*static_cast<const milliseconds*>(member));
    case ParamKind::Size:
      return format_size(*static_cast<const uint64_t*>(member));
    case ParamKind::Share:
      return format_share(*static_cast<const double*>(member));
    case ParamKind::Rate:
      return format_rate(*static_cast<const uint32_t*>(member));
    case ParamKind::Integer:
      return *static_cast<const uint32_t*>(member);
    default:
      return nullptr;  // limits are numbers
  }
}

// What holds for clients without standing.
json limits(Daemon& daemon) {
  const auto config = daemon.config();
  auto now = pressed_limits(config->limits, config->pressure, daemon.pressure().level);
  json all = {{"places", daemon.places()}};
  for (const auto& param : kLimitsSection.section.params)
    all[std::string(param.name)] = value_of(param, &now);
  return all;
}

json reload(Daemon& daemon) {
  const auto errors = daemon.reload();
  if (errors.empty()) return {{"reloaded", true}};
  return control_error("the configuration was not changed", errors);
}

// --- greylist ---

std::optional<smtp::Address> address(std::string_view given) {
  const auto parsed = smtp::parse_rcpt("TO:<" + std::string(given) + ">", smtp::Offered{}, true,
                                       smtp::SyntaxLimits{});
  if (!parsed) return {};
  return parsed->to;
}

// "" and "<>" are the null sender.
std::optional<smtp::Address> sender(const std::string& given) {
  if (given.empty() || given == "<>") return smtp::Address{};
  return address(given);
}

using OnTuple = std::function<json(Greylist&, const Greylist::Tuple&)>;

json with_tuple(Daemon& daemon, const json& args, const OnTuple& answer) {
  return with_client(args, [&](const dns::IpAddress& client) -> json {
    const auto from = sender(text(args, "from"));
    const auto to = address(text(args, "to"));
    if (!from) return control_error("'" + text(args, "from") + "' is not an address");
    if (!to) return control_error("'" + text(args, "to") + "' is not an address");
    return answer(daemon.shared().greylist, {client, "", *from, *to});
  });
}

json greylist_show(Greylist& greylist, const Greylist::Tuple& tuple) {
  const auto shown = greylist.show(tuple);
  if (!shown) return control_error("never seen");
  return {{"kind", kKinds[static_cast<size_t>(shown->result.kind)]},
          {"left_s", shown->result.left.count()},
          {"age_s", shown->age.count()}};
}

json greylist_pass(Greylist& greylist, const Greylist::Tuple& tuple) {
  greylist.pass(tuple);
  return greylist_show(greylist, tuple);
}

// --- standing ---

json standing_show(Standing& standing, const dns::IpAddress& client) {
  const auto info = standing.show(client);
  if (!info) return control_error(client.to_string() + ": never seen");
  return {{"client", client.client_key().to_string()},
          {"grade", kGrades[static_cast<size_t>(info->grade)]},
          {"deliveries", info->deliveries},
          {"days", info->days},
          {"recipients", info->recipients},
          {"unknown_recipients", info->unknown_recipients},
          {"losses", info->losses},
          {"age_s", info->age.count()},
          {"idle_s", info->idle.count()}};
}

json standing_reset(Standing& standing, const dns::IpAddress& client) {
  if (!standing.reset(client)) return control_error(client.to_string() + ": never seen");
  return {{"client", client.client_key().to_string()}, {"grade", "unknown"}};
}

json verify_forget(Daemon& daemon, const json& args) {
  const auto what = text(args, "what");
  if (what.empty()) return control_error("an address or a domain is missing");
  return {{"forgotten", daemon.shared().backends.forget(smtp::to_lower(what))}};
}

json breaker_reset(Daemon& daemon, const json& args) {
  const auto wanted = text(args, "route");
  auto& backends = daemon.shared().backends;
  size_t count = 0;
  for (const auto& one : backends.breakers())
    if (wanted.empty() || one.route == wanted) count += backends.reset_breaker(one.route) ? 1 : 0;
  if (count == 0 && !wanted.empty()) return control_error("no route '" + wanted + "'");
  return {{"reset", count}};
}

}  // namespace

void add_control_commands(ControlServer& server, Daemon& daemon) {
  Standing& standing = daemon.shared().standing;
  server.handle("status", [&daemon](const json&) { return status(daemon); });
  server.handle("limits", [&daemon](const json&) { return limits(daemon); });
  server.handle("reload", [&daemon](const json&) { return reload(daemon); });
  server.handle("greylist.show",
                [&daemon](const json& args) { return with_tuple(daemon, args, greylist_show); });
  server.handle("greylist.pass",
                [&daemon](const json& args) { return with_tuple(daemon, args, greylist_pass); });
  server.handle("standing.show", [&standing](const json& args) {
    return with_client(args, [&](const auto& client) { return standing_show(standing, client); });
  });
  server.handle("standing.reset", [&standing](const json& args) {
    return with_client(args, [&](const auto& client) { return standing_reset(standing, client); });
  });
  server.handle("verify.forget",
                [&daemon](const json& args) { return verify_forget(daemon, args); });
  server.handle("breaker.show", [&daemon](const json&) { return breakers(daemon); });
  add_history_commands(server, daemon);
  server.handle("breaker.reset",
                [&daemon](const json& args) { return breaker_reset(daemon, args); });
}

}  // namespace ravelin::proxy
