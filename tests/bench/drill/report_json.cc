#include <nlohmann/json.hpp>

#include "tests/bench/drill/report.h"

namespace ravelin::drill {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value) {
  return static_cast<double>(static_cast<int64_t>(value * 1000)) / 1000;
}

Json spread_json(const std::vector<double>& values) {
  if (values.empty()) return nullptr;
  const Spread found = spread(values);
  return {{"p50", rounded(found.p50)}, {"p99", rounded(found.p99)}, {"max", rounded(found.max)}};
}

Json messages_json(const MessageCounts& messages, bool good) {
  if (!good) return {{"accepted", messages.accepted}};
  return {{"queued", messages.queued},
          {"accepted", messages.accepted},
          {"refused", messages.refused},
          {"left", messages.left()},
          {"deferred", messages.deferred},
          {"deferrals", messages.deferrals},
          {"places_told", messages.places_told},
          {"places_wordless", messages.places_wordless},
          {"causes", messages.causes},
          {"delay_ms", spread_json(messages.delays)},
          {"attempt_ms", spread_json(messages.attempts)}};
}

Json phase_json(const PhaseCounts& counts, bool good) {
  Json ends = Json::object(), replies = Json::object();
  for (size_t i = 0; i < kEnds; ++i) ends[name_of(static_cast<End>(i))] = counts.ends[i];
  std::map<std::string, uint64_t> sorted;
  for (const auto& [key, count] : counts.replies) sorted[reply_name(key)] = count;
  for (const auto& [name, count] : sorted) replies[name] = count;
  return {
      {"dialogs",
       {{"opened", counts.opened},
        {"greeted", counts.greeted},
        {"secured", counts.secured},
        {"peak", counts.peak},
        {"ends", ends}}},
      {"rcpt",
       {{"accepted", counts.rcpt[0]}, {"deferred", counts.rcpt[1]}, {"refused", counts.rcpt[2]}}},
      {"replies", replies},
      {"messages", messages_json(counts.messages, good)}};
}

Json series_json(const std::vector<Second>& seconds) {
  Json series = Json::object();
  const auto add = [&](const char* name, uint32_t Second::*member) {
    Json& row = series[name] = Json::array();
    for (const Second& second : seconds) row.push_back(second.*member);
  };
  add("opened", &Second::opened);
  add("open", &Second::open);
  add("lost", &Second::lost);
  add("rcpt_accepted", &Second::rcpt_accepted);
  add("rcpt_deferred", &Second::rcpt_deferred);
  add("rcpt_refused", &Second::rcpt_refused);
  add("messages", &Second::messages);
  return series;
}

Json group_json(const Group& group) {
  Json phases = Json::object();
  for (size_t i = 0; i < kPhases; ++i) {
    const auto phase = static_cast<Phase>(i);
    phases[name_of(phase)] = phase_json(group.phase(phase), group.good());
  }
  return {{"members", group.members}, {"phases", phases}, {"series", series_json(group.seconds())}};
}

}  // namespace

std::string report_json(const Report& report) {
  const RunSettings& settings = report.settings;
  const std::chrono::duration<double> start = report.wall_start.time_since_epoch();
  Json groups = Json::object();
  for (const auto& group : report.groups) groups[group->name()] = group_json(*group);
  const Json all = {{"target", settings.target.text()},
                    {"domain", settings.domain},
                    {"seed", settings.seed},
                    {"started", rounded(start.count())},
                    {"interrupted", report.interrupted},
                    {"trouble", report.trouble},
                    {"seconds",
                     {{"onset", settings.onset.count()},
                      {"duration", settings.duration.count()},
                      {"quiet", settings.quiet.count()},
                      {"warm_up", rounded(report.warm_up.count())},
                      {"elapsed", rounded(report.elapsed.count())}}},
                    {"own",
                     {{"cpu_seconds", rounded(report.cpu.count())},
                      {"lag_ms", rounded(report.lag.count() * 1000)},
                      {"peak_dialogs", report.peak}}},
                    {"groups", groups}};
  return all.dump(1) + "\n";
}

}  // namespace ravelin::drill
