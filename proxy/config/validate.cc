#include "proxy/config/validate.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <set>
#include <string>

#include "dns/ip.h"
#include "proxy/config/root.h"
#include "proxy/config/units.h"

namespace ravelin::proxy {
namespace {

const Value* find(const Value& root, std::string_view section, std::string_view key) {
  const Value* table = root.find(section);
  return table ? table->find(key) : nullptr;
}

// |smaller| and |larger| are keys of [greylist]; the fault stands where one of them was written.
void require_order(const Value& root, std::string_view smaller, std::string_view larger,
                   const std::string& message, Report& report) {
  const Value* at = find(root, "greylist", larger);
  if (!at) at = find(root, "greylist", smaller);
  if (at) report.error(at->place, message);
}

void check_greylist(const Value& root, const GreylistSettings& greylist, Report& report) {
  if (greylist.delay >= greylist.window)
    require_order(root, "delay", "window",
                  fmt::format("window ({}) must be above delay ({}): no retry could pass",
                              format_duration(greylist.window), format_duration(greylist.delay)),
                  report);
  if (greylist.keep < greylist.window)
    require_order(root, "window", "keep",
                  fmt::format("keep ({}) must not be below window ({})",
                              format_duration(greylist.keep), format_duration(greylist.window)),
                  report);
}

// Only a part that was written can contradict: whoever sets sessions = 20 need not lower the rest.
void check_limits(const Value& root, const Limits& limits, Report& report) {
  const auto check = [&](std::string_view key, uint32_t part, std::string_view whole_key,
                         uint32_t whole) {
    const Value* at = find(root, "limits", key);
    if (at && whole > 0 && part > whole)
      report.error(at->place, fmt::format("{} ({}) is above {} ({})", key, part, whole_key, whole));
  };
  check("sessions_per_client", limits.sessions_per_client, "sessions", limits.sessions);
  check("sessions_per_network", limits.sessions_per_network, "sessions", limits.sessions);
  if (find(root, "limits", "sessions_per_network"))
    check("sessions_per_client", limits.sessions_per_client, "sessions_per_network",
          limits.sessions_per_network);
}

void check_listen(const Value& root, Report& report) {
  const Value* list = find(root, "listen", "smtp");
  if (!list || !list->is(Value::Type::List)) return;
  if (list->items.empty()) report.error(list->place, "smtp is empty: Ravelin would listen nowhere");
  std::set<dns::Endpoint> seen;
  for (const Value& item : list->items) {
    const auto endpoint = dns::Endpoint::parse(item.text);
    if (endpoint && !seen.insert(*endpoint).second)
      report.error(item.place, fmt::format("smtp: {} is there twice", quoted(item.text)));
  }
}

// The address that a backend's name stands for, as far as no look-up is needed to know it.
std::optional<dns::Endpoint> known_endpoint(std::string_view backend) {
  constexpr std::string_view kLocal = "localhost:";
  if (backend.starts_with(kLocal))
    return dns::Endpoint::parse(fmt::format("127.0.0.1:{}", backend.substr(kLocal.size())));
  return dns::Endpoint::parse(backend);
}

// A wildcard takes what comes to any address of this machine, of its family.
bool listens_on(const ListenSettings& listen, const dns::Endpoint& target) {
  return std::any_of(listen.smtp.begin(), listen.smtp.end(), [&](const std::string& text) {
    const auto own = dns::Endpoint::parse(text);
    if (!own || own->port != target.port) return false;
    if (own->address.is_v4() != target.address.is_v4()) return false;
    const bool wildcard = own->address == own->address.network(0);
    return own->address == target.address || (wildcard && target.address.is_loopback());
  });
}

// Mail would go round in circles until the Received lines stop it.
void check_loops(const Value& route, const ListenSettings& listen, Report& report) {
  const Value* backends = route.find("backends");
  if (!backends) return;
  for (const Value& item : backends->items) {
    const auto target = known_endpoint(item.text);
    if (target && listens_on(listen, *target))
      report.error(item.place,
                   fmt::format("backends: {} is where Ravelin itself listens", quoted(item.text)));
  }
}

// A connection is one route's as well as another's.
const char* disagreement(const RouteSettings& a, const RouteSettings& b) {
  if (a.protocol != b.protocol) return "another protocol";
  // A port that wants PROXY headers wants them always, and any other refuses them.
  if ((a.client_info == ClientInfo::ProxyV2) != (b.client_info == ClientInfo::ProxyV2))
    return "another client_info";
  const bool same_tls =
      a.tls == b.tls && a.tls_name == b.tls_name && a.tls_ca_file == b.tls_ca_file;
  return same_tls ? nullptr : "other tls settings";
}

void check_shared(const Value& routes, const std::vector<RouteSettings>& settings, size_t index,
                  Report& report) {
  const Value* backends = routes.items[index].find("backends");
  if (!backends) return;
  for (size_t i = 0; i < index; ++i) {
    const char* const what = disagreement(settings[i], settings[index]);
    if (what == nullptr) continue;
    const auto& others = settings[i].backends;
    for (const Value& item : backends->items)
      if (std::find(others.begin(), others.end(), item.text) != others.end())
        report.error(item.place, fmt::format("backends: {} has {} in the [[route]] of line {}",
                                             quoted(item.text), what, routes.items[i].place.line));
  }
}

// What does nothing is not what was meant.
void check_tls(const Value& route, const RouteSettings& settings, Report& report) {
  if (settings.tls == BackendTls::Verify) return;
  for (const auto* key : {"tls_name", "tls_ca_file"})
    if (const Value* value = route.find(key); value && !value->text.empty())
      report.error(value->place,
                   fmt::format("{}: only tls = \"verify\" looks at certificates", key));
}

void check_routes(const Value& root, const Config& config, Report& report) {
  const Value* routes = root.find("route");
  if (!routes || (routes->is(Value::Type::List) && routes->items.empty()))
    return report.error({}, "no [[route]]: at least one with domains and backends is needed");
  for (size_t i = 0; i < routes->items.size(); ++i) {
    check_loops(routes->items[i], config.listen, report);
    check_tls(routes->items[i], config.routes[i], report);
    check_shared(*routes, config.routes, i, report);
  }
}

// The same entry in both lists of one file is a slip. In list files it is not: a block list from
// elsewhere may well name what is allowed here.
void check_access(const Value& root, Report& report) {
  const Value* allow = find(root, "access", "allow");
  const Value* deny = find(root, "access", "deny");
  if (!allow || !deny) return;
  for (const Value& item : deny->items) {
    const auto denied = dns::Cidr::parse(item.text);
    const bool both =
        denied && std::any_of(allow->items.begin(), allow->items.end(), [&](auto& a) {
          const auto allowed = dns::Cidr::parse(a.text);
          return allowed && allowed->base == denied->base && allowed->prefix == denied->prefix;
        });
    if (both) report.error(item.place, fmt::format("deny: {} is in allow, too", quoted(item.text)));
  }
}

void check_not_empty(const Value& root, std::string_view section, std::string_view key,
                     std::string_view remedy, Report& report) {
  const Value* value = find(root, section, key);
  if (value && value->is(Value::Type::Text) && value->text.empty())
    report.error(value->place, fmt::format("{} must not be empty{}", key, remedy));
}

// No error: the syslogd may come later, and its socket with it.
void check_syslog(const LogSettings& log, Report& report) {
  if (log.syslog.empty()) return;
  struct stat about {};
  if (stat(seen_here(log.syslog).c_str(), &about) != 0)
    return report.warn(fmt::format("log.syslog: {}: {}; lines will wait for it", quoted(log.syslog),
                                   std::strerror(errno)));
  if (!S_ISSOCK(about.st_mode))
    report.warn(fmt::format("log.syslog: {} is not a socket", quoted(log.syslog)));
}

}  // namespace

void validate(const Value& root, const Config& config, Report& report) {
  check_listen(root, report);
  check_routes(root, config, report);
  check_limits(root, config.limits, report);
  check_access(root, report);
  check_greylist(root, config.greylist, report);
  if (config.log.syslog.empty()) check_not_empty(root, "log", "file", "; \"-\" is stderr", report);
  check_syslog(config.log, report);
  check_not_empty(root, "log", "syslog_name", "", report);
  if (!config.hostname.empty() && config.hostname.find('.') == config.hostname.npos)
    report.warn(fmt::format("hostname {} has no dot: some servers refuse to talk to such a name",
                            quoted(config.hostname)));
}

}  // namespace ravelin::proxy
