#include "proxy/control_stats.h"

#include <nlohmann/json.hpp>
#include <string>

#include "proxy/control_audit.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

// Only what grows; "status" has what goes up and down.
json stats(Daemon& daemon) {
  const auto journal = daemon.journal();
  json by_code = json::object();
  for (const auto& [code, count] : journal.refused_by_code) by_code[std::to_string(code)] = count;
  json by_reason = json::object();
  for (size_t i = 0; i < kCauses; ++i)
    if (journal.refused_by_cause[i] > 0)
      by_reason[std::string(kCauseNames[i])] = journal.refused_by_cause[i];
  json backends = json::object();
  for (const auto& one : daemon.shared().backends.snapshot())
    backends[one.name] = {{"connects", one.connects},   {"connect_failures", one.connect_failures},
                          {"questions", one.questions}, {"refusals", one.refusals},
                          {"messages", one.messages},   {"secured", one.secured}};
  return {{"uptime_s", daemon.uptime().count()},
          {"dialogs", journal.connects},
          {"dialogs_ended", journal.disconnects},
          {"messages", journal.messages},
          {"recipients", journal.recipients},
          {"bytes", journal.bytes},
          {"refused", journal.refused},
          {"refused_by_code", by_code},
          {"refused_by_reason", by_reason},
          {"warned", journal.warned},
          {"decisions", journal.decisions},
          {"ended", journal.ended},
          {"early_talkers", journal.pregreets},
          {"secured", journal.secured},
          {"not_secured", journal.not_secured},
          {"no_place", journal.no_places_by_limit},
          {"warnings", journal.warnings},
          {"log_lines", journal.lines},
          {"log_dropped", journal.dropped},
          {"log_flooded", journal.flooded},
          {"backends", backends}};
}

}  // namespace

void add_stats_commands(ControlServer& server, Daemon& daemon) {
  server.handle("stats", [&daemon](const json&) { return stats(daemon); });
  handle_audited(server, daemon, "reopen-logs", no_subject, [&daemon](const json&) -> json {
    daemon.reopen_log();
    return {{"reopened", true}};
  });
}

}  // namespace ravelin::proxy
