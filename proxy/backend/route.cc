#include "proxy/backend/route.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace ravelin::proxy {

bool Route::exists(const smtp::Address& recipient) const {
  return lists(recipient) || smtp::to_lower(recipient.local) == "postmaster";
}

bool Route::lists(const smtp::Address& recipient) const {
  if (!listed()) return true;
  const auto& list = settings.recipients;
  return std::binary_search(list.begin(), list.end(), smtp::to_lower(recipient.to_string()));
}

RouteTable::RouteTable(const std::vector<RouteSettings>& routes) {
  std::map<std::tuple<std::vector<std::string>, BackendProtocol, ClientInfo>, size_t> groups;
  for (const auto& settings : routes) {
    auto route = std::make_unique<Route>();
    route->settings = settings;
    const auto way = std::tie(settings.backends, settings.protocol, settings.client_info);
    route->group = groups.emplace(way, groups.size()).first->second;
    if (!settings.domains.empty()) route->name = smtp::to_lower(settings.domains.front());
    for (const auto& domain : settings.domains) add_domain(domain, *route);
    routes_.push_back(std::move(route));
  }
}

// The first route that names a domain has it; --check reports the second.
void RouteTable::add_domain(std::string_view text, const Route& route) {
  const bool below = text.starts_with('.');
  auto domain = smtp::to_lower(below ? text.substr(1) : text);
  if (domain.empty()) return;
  // ".example.com" does not serve example.com itself.
  if (!below && first_domain_.empty()) first_domain_ = domain;
  (below ? below_ : exact_).emplace(std::move(domain), &route);
}

const Route* RouteTable::find(std::string_view domain) const {
  if (domain.empty()) return routes_.empty() ? nullptr : routes_.front().get();
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
