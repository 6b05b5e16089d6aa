#include "proxy/control_sessions.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "proxy/control_args.h"
#include "proxy/control_audit.h"
#include "proxy/control_gather.h"
#include "proxy/session/services.h"
#include "proxy/session/session_view.h"
#include "proxy/sessions.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

constexpr int64_t kMaxShown = 1'000;
constexpr int64_t kShown = 100;

double seconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time / std::chrono::milliseconds(1)) / 1000;
}

json shown(const MailView& mail) {
  return {{"id", id_text(mail.id)},
          {"from", mail.from},
          {"to", mail.recipients},
          {"recipients", mail.accepted},
          {"octets", mail.octets}};
}

json shown(const SessionView& view) {
  json one = {{"id", id_text(view.dialog.id)},   {"client", view.dialog.client.address.to_string()},
              {"port", view.dialog.client.port}, {"name", view.dialog.name},
              {"helo", view.dialog.helo},        {"tls", view.dialog.tls},
              {"standing", view.standing},       {"phase", view.phase},
              {"age_s", seconds(view.age)},      {"idle_s", seconds(view.in_phase)}};
  if (view.mail) one["mail"] = shown(*view.mail);
  return one;
}

// The oldest first: they are what one looks for.
json page(std::vector<std::vector<SessionView>> parts, size_t limit) {
  std::vector<SessionView> all;
  for (auto& part : parts) std::move(part.begin(), part.end(), std::back_inserter(all));
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.dialog.id < b.dialog.id; });
  json list = json::array();
  for (size_t i = 0; i < std::min(all.size(), limit); ++i) list.push_back(shown(all[i]));
  return {{"dialogs", std::move(list)}, {"more", all.size() > limit}};
}

void sessions(Daemon& daemon, const json& args, ControlServer::Answer answer) {
  const auto wanted = text(args, "client");
  const auto network = dns::Cidr::parse(wanted);
  if (!wanted.empty() && !network)
    return answer(
        control_error("'" + wanted + "' is no IP address and no network like 192.0.2.0/24"));
  const auto limit =
      static_cast<size_t>(std::clamp<int64_t>(args.value("limit", kShown), 1, kMaxShown));
  gather<std::vector<SessionView>>(
      daemon,
      [network, limit](const WorkerParts& worker) {
        return worker.sessions.views(worker.services.reactor.now(), limit + 1,
                                     [&](const DialogInfo& dialog) {
                                       return !network || network->contains(dialog.client.address);
                                     });
      },
      [answer = std::move(answer), limit](auto parts) { answer(page(std::move(parts), limit)); });
}

enum class Killed : uint8_t { NotHere, Yes, InCustody };

Killed kill_here(const WorkerParts& worker, Id id) {
  auto* const session = worker.sessions.find(id);
  if (session == nullptr) return Killed::NotHere;
  return session->kill() ? Killed::Yes : Killed::InCustody;
}

json outcome(const std::vector<Killed>& parts, Id id) {
  const auto here = *std::max_element(parts.begin(), parts.end());
  if (here == Killed::Yes) return {{"killed", id_text(id)}};
  if (here == Killed::NotHere)
    return control_error("no dialog " + id_text(id) + "; \"sessions\" lists them");
  return control_error("the message of " + id_text(id) +
                       " is with the backend, and its sender must hear what became of it: it is "
                       "not killed");
}

void kill(ControlServer& server, Daemon& daemon, const json& args, ControlServer::Answer answer) {
  const auto given = text(args, "id");
  const auto id = parse_id(given);
  if (!id) return answer(control_error("'" + given + "' is no id: 12 hex digits"));
  audit(server, daemon, "kill " + given);
  gather<Killed>(
      daemon, [id = *id](const WorkerParts& worker) { return kill_here(worker, id); },
      [answer = std::move(answer), id = *id](const auto& parts) {
        answer(parts.empty() ? control_error("no workers") : outcome(parts, id));
      });
}

}  // namespace

void add_session_commands(ControlServer& server, Daemon& daemon) {
  server.handle_later("sessions", [&daemon](const json& args, ControlServer::Answer answer) {
    sessions(daemon, args, std::move(answer));
  });
  server.handle_later("kill", [&](const json& args, ControlServer::Answer answer) {
    kill(server, daemon, args, std::move(answer));
  });
}

}  // namespace ravelin::proxy
