// Forward-confirmed reverse DNS: has an address a name that leads back to it?   RFC 8601 §3
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "dns/resolver.h"

namespace ravelin::dns {

struct Fcrdns {
  enum class Status : uint8_t {
    None,       // the address has no name, or none that is a host name
    Mismatch,   // it has names, and none of them leads back to it
    Confirmed,  // |name| leads back to it
    DontKnow,   // DNS trouble on the way, or more names or addresses than are looked at; never
                // counts against the client
  };
  Status status = Status::DontKnow;
  std::string name;  // only if Confirmed; a checked host name, lower case, no last dot

  bool confirmed() const { return status == Status::Confirmed; }
};

// One look-up: PTR, then A or AAAA of the first few names, all at once. As Resolver::ask: answers
// now by value or later through |done|, never both; destroying |query| ends it. |limit| bounds the
// whole.
std::optional<Fcrdns> look_up_fcrdns(Resolver& resolver, Reactor& reactor, const IpAddress& address,
                                     std::chrono::milliseconds limit, Handle& query,
                                     std::function<void(const Fcrdns&)> done,
                                     bool stranger = false);

}  // namespace ravelin::dns
