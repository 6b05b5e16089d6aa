// Is the greylist asked about a recipient?
#pragma once

#include <string_view>

#include "proxy/checks/policy.h"
#include "proxy/session/transaction.h"

namespace ravelin::proxy {

struct GreylistCase {
  const dns::IpAddress& client;
  std::string_view name;  // confirmed, or ""
  bool standing = false;  // any, or allow-listed
  const smtp::Address& sender;
  const smtp::Address& recipient;
  bool suspicious = false;  // some check said so
  bool at_data = false;     // DATA has come
};

// Ask, or why it is not asked.
GreylistAnswer greylist_scope(const Policy& policy, const GreylistCase& its);

}  // namespace ravelin::proxy
