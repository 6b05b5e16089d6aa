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
  Access find(const dns::IpAddress& client) const;

 private:
  CidrSet allow_;
  CidrSet deny_;
};

// What a denied client hears instead of a greeting.
extern const Sign kAccessDenied;

}  // namespace ravelin::proxy
