#include "proxy/control_senders.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <string_view>

#include "proxy/control_address.h"
#include "proxy/control_args.h"
#include "proxy/control_audit.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

constexpr std::string_view kGrades[] = {"unknown", "passed", "good"};
constexpr std::string_view kKinds[] = {"first", "early", "passed", "known", "full"};

// Who is asked about: an address, or an error that says what was given.
json with_client(const json& args, const std::function<json(const dns::IpAddress&)>& answer) {
  const auto given = text(args, "client");
  const auto client = dns::IpAddress::parse(given);
  if (!client) return control_error("'" + given + "' is not an IP address");
  return answer(*client);
}

// --- greylist ---

using OnTuple = std::function<json(Greylist&, const Greylist::Tuple&)>;

json with_tuple(Daemon& daemon, const json& args, const OnTuple& answer) {
  return with_client(args, [&](const dns::IpAddress& client) -> json {
    const auto from = parse_sender(text(args, "from"));
    const auto to = parse_recipient(text(args, "to"));
    if (!from) return control_error("'" + text(args, "from") + "' is not an address");
    if (!to) return control_error("'" + text(args, "to") + "' is not an address");
    const auto name = text(args, "name");
    const auto organisation = name.empty() ? std::string() : organisation_of(name, client);
    return answer(daemon.shared().greylist, {client, organisation, *from, *to});
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

json greylist_reset(Greylist& greylist, const Greylist::Tuple& tuple) {
  if (!greylist.forget(tuple)) return control_error("never seen");
  return {{"forgotten", true}};
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

json standing_set(Standing& standing, const dns::IpAddress& client, const std::string& wanted) {
  for (size_t i = 0; i < std::size(kGrades); ++i) {
    if (kGrades[i] != wanted) continue;
    if (!standing.set(client, static_cast<Grade>(i))) return control_error("no memory for it");
    return standing_show(standing, client);
  }
  return control_error("'" + wanted + "' is no grade; there are unknown, passed, good");
}

}  // namespace

void add_sender_commands(ControlServer& server, Daemon& daemon) {
  Standing& standing = daemon.shared().standing;
  const auto tuples = [&](const char* command, const OnTuple& answer) {
    server.handle(command,
                  [&daemon, answer](const json& args) { return with_tuple(daemon, args, answer); });
  };
  const auto of_tuple = [](const json& args) {
    return "client " + text(args, "client") + " from <" + text(args, "from") + "> to <" +
           text(args, "to") + ">";
  };
  tuples("greylist.show", greylist_show);
  handle_audited(server, daemon, "greylist.pass", of_tuple,
                 [&daemon](const json& args) { return with_tuple(daemon, args, greylist_pass); });
  handle_audited(server, daemon, "greylist.reset", of_tuple,
                 [&daemon](const json& args) { return with_tuple(daemon, args, greylist_reset); });

  const auto of_client = [](const json& args) {
    const auto grade = text(args, "grade");
    return text(args, "client") + (grade.empty() ? "" : " " + grade);
  };
  server.handle("standing.show", [&standing](const json& args) {
    return with_client(args, [&](const auto& client) { return standing_show(standing, client); });
  });
  handle_audited(server, daemon, "standing.reset", of_client, [&standing](const json& args) {
    return with_client(args, [&](const auto& client) { return standing_reset(standing, client); });
  });
  handle_audited(server, daemon, "standing.set", of_client, [&standing](const json& args) {
    return with_client(args, [&](const auto& client) {
      return standing_set(standing, client, text(args, "grade"));
    });
  });
}

}  // namespace ravelin::proxy
