// The PROXY protocol, versions 1 and 2, by HAProxy's "The PROXY protocol" (2020): a load balancer
// says in front of a connection who the client is. Whoever may connect can say anything, so it is
// read from trusted addresses only, and from those it must come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dns/ip.h"

namespace ravelin::proxy {

struct ProxyHeader {
  enum class Status : uint8_t {
    Incomplete,  // so far it could be one
    Done,
    Bad,
  };
  Status status = Status::Bad;
  size_t size = 0;  // octets of the header, if Done
  // Nothing: the connection is the balancer's own (LOCAL, a health check), or it does not know.
  std::optional<dns::Endpoint> client{};
};

// Version 1 is a line of at most 107 octets. A header of version 2 is refused beyond 2 kB: what
// balancers add to it (TLVs, which are passed over) is far smaller.
ProxyHeader read_proxy_header(std::string_view data);

// Version 2, for a backend: |client| talked to |server|, which is of the same family.
std::string proxy_v2_header(const dns::Endpoint& client, const dns::Endpoint& server);
// For a connection of our own: the receiver takes it for what it sees.
std::string proxy_v2_local_header();

}  // namespace ravelin::proxy
