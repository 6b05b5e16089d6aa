// Many networks, quickly asked.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dns/ip.h"

namespace ravelin::proxy {

// Sorted lists, one per prefix length: a look-up is a binary search for each length that occurs
// (rarely more than a handful), and 17 bytes a network. A trie would save the few searches and cost
// ten times the memory.
class CidrSet {
 public:
  CidrSet() = default;
  // Elements that are not networks were refused by the loader, and are passed over here.
  explicit CidrSet(const std::vector<std::string>& networks);

  // The longest prefix that |address| is in; -1 if none.
  int longest_match(const dns::IpAddress& address) const;
  bool contains(const dns::IpAddress& address) const { return longest_match(address) >= 0; }

 private:
  using Lists = std::map<int, std::vector<dns::IpAddress>, std::greater<>>;
  Lists v4_;
  Lists v6_;
};

}  // namespace ravelin::proxy
