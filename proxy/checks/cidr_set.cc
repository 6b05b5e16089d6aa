#include "proxy/checks/cidr_set.h"

#include <algorithm>

namespace ravelin::proxy {

CidrSet::CidrSet(const std::vector<std::string>& networks) {
  for (const auto& text : networks) {
    const auto network = dns::Cidr::parse(text);
    if (!network) continue;
    auto& lists = network->base.is_v4() ? v4_ : v6_;
    lists[network->prefix].push_back(network->base);
  }
  for (auto* lists : {&v4_, &v6_}) {
    for (auto& [prefix, list] : *lists) {
      std::sort(list.begin(), list.end());
      list.erase(std::unique(list.begin(), list.end()), list.end());
      list.shrink_to_fit();
    }
  }
}

int CidrSet::longest_match(const dns::IpAddress& address) const {
  for (const auto& [prefix, list] : address.is_v4() ? v4_ : v6_) {
    if (std::binary_search(list.begin(), list.end(), address.network(prefix))) return prefix;
  }
  return -1;
}

}  // namespace ravelin::proxy
