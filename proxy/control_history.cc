#include "proxy/control_history.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "proxy/control_args.h"
#include "proxy/episode_reports.h"
#include "proxy/observe/dialog_record.h"
#include "proxy/observe/history.h"
#include "proxy/profile/dialog_print.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

constexpr int64_t kMaxEntries = 1'000;
constexpr int64_t kLongAgo = 10LL * 365 * 24 * 3600;  // s
constexpr int64_t kMaxSources = 100'000;              // named in a report
constexpr size_t kShortest = 3;                       // of a text that is looked for

// An id, an address of a client, or a part of what was put down: a mail address, a domain. "" is
// everything.
std::optional<HistoryQuery> query_for(const std::string& what, const RecordOptions& options) {
  HistoryQuery query;
  if (query.id = parse_id(what); query.id) return query;
  if (query.client = dns::IpAddress::parse(what); query.client) return query;
  if (what.empty()) return query;
  if (what.size() < kShortest) return {};
  query.text = what.find('@') == what.npos ? what : recorded_address(what, options);
  return query;
}

json shown(const HistoryFound& found) {
  json entries = json::array();
  for (const auto& one : found.entries) {
    auto entry = json::parse(one.account, nullptr, false);
    if (!entry.is_object()) continue;  // damage in the file
    if (const auto print = parse_print(text(entry, "print"))) entry["habits"] = print_words(*print);
    entry["count"] = one.count;
    entry["last_ms"] = one.last_ms;
    entries.push_back(std::move(entry));
  }
  return {{"entries", std::move(entries)}, {"more", found.more}};
}

void explain(Daemon& daemon, const json& args, ControlServer::Answer answer) {
  const auto settings = daemon.config()->history;
  if (settings.memory == 0)
    return answer(control_error("history.memory is 0: nothing is put down"));
  const auto what = text(args, "what");
  auto query = query_for(what, {settings.hash_addresses, daemon.shared().record_key});
  if (!query)
    return answer(control_error("'" + what + "' is no id, no IP address and no mail address"));
  const auto since = std::clamp<int64_t>(args.value("since_s", kLongAgo), 0, kLongAgo);
  query->since = daemon.shared().clock.wall() - std::chrono::seconds(since);
  query->limit = static_cast<size_t>(std::clamp<int64_t>(args.value("limit", 20), 1, kMaxEntries));
  const bool taken = daemon.shared().history.search(
      *std::move(query), [&daemon, answer](const HistoryFound& found) {
        daemon.post([answer, all = shown(found)] { answer(all); });
      });
  if (!taken) answer(control_error("others are searching already: try again in a moment"));
}

json curves(Daemon& daemon, const json& args) {
  const auto step = args.value("step", uint32_t{10});
  auto shown = curves_json(daemon.curves(), step, args.value("since", int64_t{0}), INT64_MAX);
  return shown.is_null() ? control_error("a step is 1, 10 or 300 seconds") : shown;
}

json rows(const std::vector<TopRow>& all) {
  json rows = json::array();
  for (const auto& row : all) {
    const auto whole = row.who.is_v4() ? 32 : 128;
    rows.push_back(
        {{"who", row.who.to_string() + (row.bits < whole ? "/" + std::to_string(row.bits) : "")},
         {"dialogs", row.dialogs()},
         {"accepted", row.accepted},
         {"refused", row.refused},
         {"no_place", row.no_place}});
  }
  return rows;
}

json sources(Daemon& daemon, const json& args) {
  const auto count = static_cast<size_t>(std::clamp<int64_t>(args.value("limit", 10), 1, 100));
  const auto now = daemon.shared().clock.boot();
  auto& top = daemon.shared().top;
  return {{"clients", rows(top.clients(count, now))}, {"networks", rows(top.networks(count, now))}};
}

json shown_episode(const Episode& one) {
  return {{"number", one.number},
          {"onset", one.onset},
          {"began", one.began},
          {"ended", one.ended == 0 ? json() : json(one.ended)},
          {"worst", pressure_level_name(static_cast<PressureLevel>(one.worst))},
          {"cause", one.cause}};
}

// The newest first.
json episodes(Daemon& daemon) {
  json all = json::array();
  const auto& kept = daemon.episodes().all();
  for (auto one = kept.rbegin(); one != kept.rend(); ++one) all.push_back(shown_episode(*one));
  return {{"episodes", std::move(all)}};
}

json report_later() {
  return control_error("others are searching already, or memory is short: try again in a moment");
}

void report(Daemon& daemon, const json& args, ControlServer::Answer answer) {
  const auto& all = daemon.episodes().all();
  if (all.empty()) return answer(control_error("there were no hard times to report"));
  const auto number = args.value("number", all.back().number);
  const auto* const episode = daemon.episodes().find(number);
  if (episode == nullptr)
    return answer(control_error("there is no episode " + std::to_string(number)));
  const auto now = std::chrono::floor<std::chrono::seconds>(daemon.shared().clock.wall());
  EpisodeReports::Wanted wanted;
  wanted.episode = *episode;
  wanted.curves = curves_of(daemon.curves(), *episode, now.time_since_epoch().count(), false);
  wanted.fresh = args.value("fresh", false);
  wanted.sources =
      static_cast<size_t>(std::clamp<int64_t>(args.value("sources", kMaxSources), 0, kMaxSources));
  const bool taken = daemon.reports().get(
      std::move(wanted), [&daemon, answer, head = shown_episode(*episode)](json made) {
        if (made.is_object()) made["episode"] = head;
        daemon.post(
            [answer, made = std::move(made)] { answer(made.is_object() ? made : report_later()); });
      });
  if (!taken) answer(report_later());
}

}  // namespace

void add_history_commands(ControlServer& server, Daemon& daemon) {
  server.handle("sources", [&daemon](const json& args) { return sources(daemon, args); });
  server.handle("episodes", [&daemon](const json&) { return episodes(daemon); });
  server.handle("curves", [&daemon](const json& args) { return curves(daemon, args); });
  server.handle_later("report", [&daemon](const json& args, ControlServer::Answer answer) {
    report(daemon, args, std::move(answer));
  });
  server.handle_later("explain", [&daemon](const json& args, ControlServer::Answer answer) {
    explain(daemon, args, std::move(answer));
  });
}

}  // namespace ravelin::proxy
