#include "proxy/control_top.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proxy/control_gather.h"
#include "proxy/sessions.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

constexpr size_t kLooked = 5'000;  // dialogs of a worker: a look must not hold the others up
constexpr size_t kShown = 10;
constexpr size_t kLatest = 40;

using Counts = std::unordered_map<dns::IpAddress, uint32_t, dns::IpHash>;

// Of dialogs that are open. The table behind "sources" knows only those that have ended, and
// whoever holds dialogs and says nothing is who one looks for here.
std::vector<dns::IpAddress> clients_of(const WorkerParts& worker) {
  std::vector<dns::IpAddress> all;
  worker.sessions.each(
      kLooked, [&](const Session& session) { all.push_back(session.info().client.address); });
  return all;
}

json largest(const Counts& counts, int v4_bits) {
  std::vector<std::pair<dns::IpAddress, uint32_t>> all(counts.begin(), counts.end());
  const auto most = all.begin() + static_cast<ptrdiff_t>(std::min(kShown, all.size()));
  std::partial_sort(all.begin(), most, all.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  json list = json::array();
  for (auto one = all.begin(); one != most; ++one) {
    auto name = one->first.to_string();
    if (!one->first.is_v4()) name += "/64";
    if (one->first.is_v4() && v4_bits < 32) name += "/" + std::to_string(v4_bits);
    list.push_back({{"network", name}, {"dialogs", one->second}});
  }
  return list;
}

// By the first digit of the code: what a refusal was to its client.
json counters(const JournalCounters& journal) {
  uint64_t refused = 0, deferred = 0;
  for (const auto& [code, count] : journal.refused_by_code)
    (code < 500 ? deferred : refused) += count;
  return {{"dialogs", journal.connects},
          {"accepted", journal.messages},
          {"refused", refused},
          {"deferred", deferred},
          {"no_place", journal.no_places}};
}

// An account may come from a damaged file.
std::string word_of(const json& event, const char* name) {
  const auto found = event.find(name);
  return found != event.end() && found->is_string() ? found->get<std::string>() : "";
}

bool is_for_now(const json& event) {
  const auto code = event.find("code");
  return code != event.end() && code->is_number() && *code < 500;
}

// The last that was decided in a dialog, or how it ended. A refusal that is about no recipient
// counts where it is about the message, or if nothing else is known.
json in_short(const HistoryFound::Entry& entry) {
  const auto account = json::parse(entry.account, nullptr, false);
  json one = {{"last_ms", entry.last_ms}, {"count", entry.count}};
  if (!account.is_object()) return one;
  const auto take = [&one](const json& from, const char* name) {
    if (const auto found = from.find(name); found != from.end()) one[name] = *found;
  };
  for (const auto* const name : {"id", "client", "name", "end"}) take(account, name);
  const auto events = account.value("events", json::array());
  for (const auto& event : events) {
    if (!event.is_object()) continue;
    const auto what = word_of(event, "what");
    const bool refused =
        what == "refused" && (word_of(event, "stage") == "DATA" || !one.contains("verdict"));
    if (what != "rcpt" && !refused) continue;
    if (refused) one["verdict"] = is_for_now(event) ? "defer" : "reject";
    for (const auto* const name : {"verdict", "code", "from", "to"}) take(event, name);
  }
  return one;
}

void add_latest(Daemon& daemon, json top, const ControlServer::Answer& answer) {
  HistoryQuery query;
  query.limit = kLatest;
  query.since = daemon.shared().clock.wall() - std::chrono::hours(1);
  const auto shared_top = std::make_shared<json>(std::move(top));
  const bool searching = daemon.config()->history.memory > 0 &&
                         daemon.shared().history.search(
                             query, [&daemon, shared_top, answer](const HistoryFound& found) {
                               json latest = json::array();
                               for (const auto& entry : found.entries)
                                 latest.push_back(in_short(entry));
                               daemon.post([shared_top, answer, latest] {
                                 (*shared_top)["latest"] = latest;
                                 answer(std::move(*shared_top));
                               });
                             });
  if (!searching) answer(std::move(*shared_top));
}

void top(Daemon& daemon, ControlServer::Answer answer) {
  gather<std::vector<dns::IpAddress>>(daemon, clients_of,
                                      [&daemon, answer = std::move(answer)](const auto& parts) {
                                        Counts clients, networks;
                                        for (const auto& part : parts) {
                                          for (const auto& client : part) {
                                            ++clients[client.client_key()];
                                            ++networks[client.network_key()];
                                          }
                                        }
                                        json now = status_now(daemon);
                                        now["counters"] = counters(daemon.journal());
                                        now["sources"] = largest(clients, 32);
                                        now["networks"] = largest(networks, 24);
                                        now["latest"] = json::array();
                                        add_latest(daemon, std::move(now), answer);
                                      });
}

}  // namespace

void add_top_commands(ControlServer& server, Daemon& daemon) {
  server.handle_later("top", [&daemon](const json&, ControlServer::Answer answer) {
    top(daemon, std::move(answer));
  });
}

}  // namespace ravelin::proxy
