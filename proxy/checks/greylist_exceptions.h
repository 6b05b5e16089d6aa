// Who is never greylisted: greylist.except_*, and the mailboxes that everybody must reach.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "proxy/checks/cidr_set.h"
#include "proxy/config/config.h"
#include "smtp/address.h"

namespace ravelin::proxy {

// Postmaster (RFC 5321 §4.5.1) and abuse (RFC 2142 §2) hear those who have trouble with us: exempt
// from all checks.
bool is_role_mailbox(const smtp::Address& recipient);

// "user@domain", "user@", "@domain"; letters in any case.
class AddressPatterns {
 public:
  explicit AddressPatterns(const std::vector<std::string>& patterns);
  bool match(const smtp::Address& address) const;

 private:
  std::unordered_set<std::string> patterns_;
};

class GreylistExceptions {
 public:
  explicit GreylistExceptions(const GreylistSettings& settings);

  // |name| is the confirmed one, or "".
  bool client(const dns::IpAddress& address, std::string_view name) const;
  bool sender(const smtp::Address& address) const { return senders_.match(address); }
  bool recipient(const smtp::Address& address) const { return recipients_.match(address); }

 private:
  const AddressPatterns senders_;
  const AddressPatterns recipients_;
  const CidrSet networks_;
  std::unordered_set<std::string> names_;  // "host.example", ".example"
};

}  // namespace ravelin::proxy
