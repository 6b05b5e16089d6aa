#include "proxy/control_commands.h"

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/checks/early_talker.h"
#include "proxy/config/builtin.h"
#include "proxy/config/units.h"
#include "proxy/control_args.h"
#include "proxy/control_audit.h"
#include "proxy/control_backends.h"
#include "proxy/control_capture.h"
#include "proxy/control_history.h"
#include "proxy/control_overrides.h"
#include "proxy/control_senders.h"
#include "proxy/control_sessions.h"
#include "proxy/control_simulate.h"
#include "proxy/control_stats.h"
#include "proxy/control_top.h"
#include "proxy/control_trace.h"
#include "proxy/overload/pressed_limits.h"
#include "proxy/table_sizes.h"
#include "smtp/command.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

constexpr std::string_view kModes[] = {"enforce", "shadow"};
constexpr std::string_view kTls[] = {"off", "may", "encrypt", "verify"};

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

}  // namespace

json backends_now(Daemon& daemon) {
  json all = json::array();
  for (const auto& one : daemon.shared().backends.snapshot()) {
    json addresses = json::array();
    for (const auto& address : one.addresses) addresses.push_back(address.to_string());
    all.push_back({{"name", one.name},
                   {"addresses", addresses},
                   {"healthy", !one.down},
                   {"drained", one.drained},
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

namespace {

json breakers(Daemon& daemon) {
  json all = json::array();
  for (const auto& one : daemon.shared().backends.breakers())
    all.push_back({{"route", one.route},
                   {"open", one.state == Breaker::State::Open},
                   {"state", Breaker::name(one.state)},
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

}  // namespace

json status_now(Daemon& daemon) {
  return {{"uptime_s", daemon.uptime().count()},
          {"hostname", daemon.config()->hostname},
          {"sessions", sessions(daemon)},
          {"pressure", pressure(daemon)},
          {"backends", backends_now(daemon)}};
}

namespace {

json status(Daemon& daemon) {
  const auto config = daemon.config();
  const auto journal = daemon.journal();
  json now = status_now(daemon);
  now.update(
      {{"version", RAVELIN_VERSION},
       {"pid", getpid()},
       {"mode", kModes[static_cast<size_t>(config->mode)]},
       {"workers", daemon.workers()},
       {"mails",
        {{"accepted", journal.messages},
         {"recipients", journal.recipients},
         {"bytes", journal.bytes},
         {"refused", journal.refused},
         {"warned", journal.warned},
         {"no_place", journal.no_places}}},
       {"breaker", breakers(daemon)},
       {"store", store(daemon)},
       {"log",
        {{"lines", journal.lines}, {"dropped", journal.dropped}, {"flooded", journal.flooded}}},
       {"history", history(daemon)},
       {"greylist", {{"tuples", daemon.shared().greylist.size()}}},
       {"standing", {{"clients", daemon.shared().standing.size()}}},
       {"tables", tables(daemon)}});
  auto& syslog = now["log"]["syslog"];  // null without one
  if (journal.syslog != nullptr) syslog = *journal.syslog == '\0' ? "ok" : journal.syslog;
  return now;
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

milliseconds pause_of(const Config& config, const Limits& now) {
  const auto& early_talker = config.section<EarlyTalkerSettings>(kEarlyTalkerPath);
  return std::max(early_talker.pause, now.least_pause);
}

std::string_view order_of(const Config& config, const Limits& now) {
  const bool after = now.verify_order == PressedOrder::Configured
                         ? config.verify.order == VerifyOrder::AfterGreylist
                         : now.verify_order == PressedOrder::AfterGreylist;
  return after ? "after-greylist" : "before-greylist";
}

// What holds for clients without standing; |pause| and |order| as a level of pressure has them.
json limits(Daemon& daemon) {
  const auto config = daemon.config();
  auto now = pressed_limits(daemon.limits(), config->pressure, daemon.pressure().level);
  json all = {{"places", daemon.places()},
              {"pause", format_duration(pause_of(*config, now))},
              {"order", order_of(*config, now)}};
  for (const auto& param : kLimitsSection.section.params)
    all[std::string(param.name)] = value_of(param, &now);
  if (auto set = limits_set(daemon); !set.empty()) all["set"] = std::move(set);
  return all;
}

json reload(Daemon& daemon) {
  const auto errors = daemon.reload();
  if (errors.empty()) return {{"reloaded", true}};
  return control_error("the configuration was not changed", errors);
}

json verify_forget(Daemon& daemon, const json& args) {
  const auto what = text(args, "what");
  if (what.empty()) return control_error("an address or a domain is missing");
  return {{"forgotten", daemon.shared().backends.forget(smtp::to_lower(what))}};
}

json breaker_show(Daemon& daemon, const json& args) {
  const auto wanted = text(args, "route");
  auto shown = breakers(daemon);
  if (wanted.empty()) return shown;
  std::erase_if(shown.get_ref<json::array_t&>(),
                [&](const json& one) { return one["route"] != wanted; });
  return shown.empty() ? control_error("no route '" + wanted + "'") : shown;
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
  server.handle("status", [&daemon](const json&) { return status(daemon); });
  server.handle("limits", [&daemon](const json&) { return limits(daemon); });
  handle_audited(server, daemon, "reload", no_subject,
                 [&daemon](const json&) { return reload(daemon); });
  handle_audited(
      server, daemon, "verify.forget", [](const json& args) { return text(args, "what"); },
      [&daemon](const json& args) { return verify_forget(daemon, args); });
  server.handle("breaker.show", [&daemon](const json& args) { return breaker_show(daemon, args); });
  handle_audited(
      server, daemon, "breaker.reset", [](const json& args) { return text(args, "route"); },
      [&daemon](const json& args) { return breaker_reset(daemon, args); });
  add_history_commands(server, daemon);
  add_capture_commands(server, daemon);
  add_sender_commands(server, daemon);
  add_session_commands(server, daemon);
  add_override_commands(server, daemon);
  add_backend_commands(server, daemon);
  add_stats_commands(server, daemon);
  add_trace_commands(server, daemon);
  add_top_commands(server, daemon);
  add_simulate_commands(server, daemon);
}

}  // namespace ravelin::proxy
