// Which mail servers take the mail of a recipient's domain.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proxy/config/config.h"
#include "smtp/address.h"

namespace ravelin::proxy {

// Immutable; lives as long as its table.
struct Route {
  RouteSettings settings;
  // Routes with the same backends and the same way to them count as one: a transaction may hold
  // recipients of all of them.
  size_t group = 0;
  std::string name;  // its first domain: for logs, "breaker show", and keys of cached answers

  // Must a connection that carries mail say whose it is before anything else?
  // Each question says whose it is: so the answer may be about that one.
  bool tells_client() const { return settings.client_info == ClientInfo::Xforward; }
  bool introduces() const {
    return settings.client_info == ClientInfo::Xclient ||
           settings.client_info == ClientInfo::ProxyV2;
  }
  bool listed() const { return !settings.recipients_file.empty(); }
  // Always true without a list. It is written by hand, so upper and lower case are the same.
  bool lists(const smtp::Address& recipient) const;
  // The same, and postmaster, whom every domain that takes mail has (RFC 5321 §4.5.1).
  bool exists(const smtp::Address& recipient) const;
};

// Thread-safe because it never changes.
class RouteTable {
 public:
  explicit RouteTable(const std::vector<RouteSettings>& routes);

  // |domain| in lower case. An exact entry before a subdomain entry, the longer one before the
  // shorter; "", of <postmaster>, has the first route. nullptr: we do not serve it.
  const Route* find(std::string_view domain) const;
  // The first that is written out; "" if all are entries of subdomains.
  const std::string& first_domain() const { return first_domain_; }
  const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }
  // The domains to probe: those that are written out, with their routes.
  std::vector<std::pair<std::string, const Route*>> named_domains() const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Domains = std::unordered_map<std::string, const Route*, Hash, std::equal_to<>>;

  void add_domain(std::string_view text, const Route& route);

  std::vector<std::unique_ptr<Route>> routes_;
  Domains exact_;
  Domains below_;  // "example.com" for ".example.com"
  std::string first_domain_;
};

}  // namespace ravelin::proxy
