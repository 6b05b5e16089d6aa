#include "proxy/checks/greylist_exceptions.h"

#include "dns/idn.h"
#include "dns/ip.h"

namespace ravelin::proxy {

bool is_role_mailbox(const smtp::Address& recipient) {
  const auto local = smtp::to_lower(recipient.local);
  return local == "postmaster" || local == "abuse";
}

AddressPatterns::AddressPatterns(const std::vector<std::string>& patterns) {
  for (const auto& pattern : patterns) patterns_.insert(smtp::to_lower(pattern));
}

bool AddressPatterns::match(const smtp::Address& address) const {
  if (patterns_.empty()) return false;
  const auto local = smtp::to_lower(address.local) + '@';
  const auto domain = dns::to_a_labels(address.domain);  // a sender's is as it was said
  return patterns_.contains(local + domain) || patterns_.contains(local) ||
         patterns_.contains('@' + domain);
}

GreylistExceptions::GreylistExceptions(const GreylistSettings& settings)
    : senders_(settings.except_senders),
      recipients_(settings.except_recipients),
      networks_(settings.except_clients) {
  for (const auto& entry : settings.except_clients) {
    if (!dns::Cidr::parse(entry)) names_.insert(smtp::to_lower(entry));
  }
}

// "a.b.example" is found as itself, as ".b.example" and as ".example".
bool GreylistExceptions::client(const dns::IpAddress& address, std::string_view name) const {
  if (networks_.contains(address)) return true;
  if (names_.empty() || name.empty()) return false;
  if (names_.contains(std::string(name))) return true;
  for (auto dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1)) {
    if (names_.contains(std::string(name.substr(dot)))) return true;
  }
  return false;
}

}  // namespace ravelin::proxy
