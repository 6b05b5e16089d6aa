#include "proxy/checks/access.h"

namespace ravelin::proxy {

constexpr Sign kAccessDenied{.test = "deny",
                             .enhanced = {7, 1},
                             .reason = "Client host rejected",
                             .text = "Access denied",
                             .reject_code = 554};

AccessList::AccessList(const AccessSettings& settings)
    : allow_(settings.allow), deny_(settings.deny) {}

AccessList::Match AccessList::match(const dns::IpAddress& client) const {
  const int allowed = allow_.longest_match(client);
  const int denied = deny_.longest_match(client);
  if (denied > allowed) return {Access::Deny, denied};
  return {allowed >= 0 ? Access::Allow : Access::None, allowed};
}

Access AccessList::find(const dns::IpAddress& client, const AccessList* by_hand) const {
  const auto configured = match(client);
  const auto set = by_hand != nullptr ? by_hand->match(client) : Match{};
  return set.prefix >= 0 && set.prefix >= configured.prefix ? set.access : configured.access;
}

}  // namespace ravelin::proxy
