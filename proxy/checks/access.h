// Allow and deny lists of client addresses.
#pragma once

#include "dns/ip.h"
#include "proxy/checks/check.h"
#include "proxy/checks/cidr_set.h"
#include "proxy/config/config.h"

namespace ravelin::proxy {

enum class Access : uint8_t {
  None,
  Allow,  // skips connect checks, greylisting, loss of standing and limits per client and network
  Deny,   // 554 at once
};

class AccessList {
 public:
  explicit AccessList(const AccessSettings& settings);

  // The longest prefix of either list decides, so that an exception can be made from a network in
  // both directions; in both lists alike: allowed.
  // |by_hand|, which may be null, is asked along with it; at equal length it is the one that
  // counts.
  Access find(const dns::IpAddress& client, const AccessList* by_hand = nullptr) const;

 private:
  struct Match {
    Access access = Access::None;
    int prefix = -1;
  };
  Match match(const dns::IpAddress& client) const;

  CidrSet allow_;
  CidrSet deny_;
};

// What a denied client hears instead of a greeting.
extern const Sign kAccessDenied;

}  // namespace ravelin::proxy
