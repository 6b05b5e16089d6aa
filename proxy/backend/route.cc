#include "proxy/backend/route.h"

#include <map>
#include <tuple>

#include "proxy/config/loader.h"

namespace ravelin::proxy {
namespace {

std::unordered_set<std::string> read_recipients(const std::string& file, std::string& error) {
  std::unordered_set<std::string> all;
  for (const auto& line : read_list_file(file, error)) all.insert(smtp::to_lower(line));
  return all;
}

}  // namespace

bool Route::exists(const smtp::Address& recipient) const {
  return !listed || recipients.contains(smtp::to_lower(recipient.to_string()));
}

RouteTable::RouteTable(const std::vector<RouteSettings>& routes, std::vector<std::string>& faults) {
  std::map<std::tuple<std::vector<std::string>, BackendProtocol, ClientInfo>, size_t> groups;
  for (const auto& settings : routes) {
    auto route = std::make_unique<Route>();
    route->settings = settings;
    const auto way = std::tie(settings.backends, settings.protocol, settings.client_info);
    route->group = groups.emplace(way, groups.size()).first->second;
    if (!settings.recipients_file.empty()) {
      std::string error;
      route->recipients = read_recipients(settings.recipients_file, error);
      route->listed = error.empty();
      if (!error.empty()) faults.push_back(std::move(error));
    }
    add_domains(*route, faults);
    routes_.push_back(std::move(route));
  }
}

void RouteTable::add_domains(Route& route, std::vector<std::string>& faults) {
  auto domains = route.settings.domains;
  if (!route.settings.domains_file.empty()) {
    std::string error;
    const auto more = read_list_file(route.settings.domains_file, error);
    domains.insert(domains.end(), more.begin(), more.end());
    if (!error.empty()) faults.push_back(std::move(error));
  }
  for (const auto& domain : domains) {
    if (route.name.empty()) route.name = smtp::to_lower(domain);
    add_domain(domain, route);
  }
}

// The first route that names a domain has it; --check reports the second.
void RouteTable::add_domain(std::string_view text, const Route& route) {
  const bool below = text.starts_with('.');
  auto domain = smtp::to_lower(below ? text.substr(1) : text);
  if (domain.empty()) return;
  if (first_domain_.empty()) first_domain_ = domain;
  (below ? below_ : exact_).emplace(std::move(domain), &route);
}

const Route* RouteTable::find(std::string_view domain) const {
  if (const auto hit = exact_.find(domain); hit != exact_.end()) return hit->second;
  if (below_.empty()) return nullptr;
  for (auto dot = domain.find('.'); dot != std::string_view::npos; dot = domain.find('.')) {
    domain.remove_prefix(dot + 1);
    if (const auto hit = below_.find(domain); hit != below_.end()) return hit->second;
  }
  return nullptr;
}

std::vector<std::pair<std::string, const Route*>> RouteTable::named_domains() const {
  std::vector<std::pair<std::string, const Route*>> all(exact_.begin(), exact_.end());
  return all;
}

}  // namespace ravelin::proxy
