// Greylisting: a stranger's first try is deferred; a mail server comes back, most of the rest does
// not.                                                                     RFC 6647
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/ip.h"
#include "dns/occupancy.h"
#include "proxy/config/config.h"
#include "proxy/event/clock.h"
#include "smtp/address.h"

namespace ravelin::proxy {

class Store;

// Thread-safe, never blocks on disk. One per process.
class Greylist {
 public:
  // |clock| and |store| (may be null: memory only) must outlive it. Rows of the store are read
  // behind, while calls are answered already.
  Greylist(const Clock& clock, Store* store);
  ~Greylist();

  void configure(const GreylistSettings& settings);  // at start and at reload

  struct Tuple {
    dns::IpAddress client;
    std::string_view organisation;  // organisation_of(confirmed name); "" if none
    const smtp::Address& sender;
    const smtp::Address& recipient;
  };
  enum class Kind : uint8_t {
    First,   // never seen: deferred
    Early,   // seen, but less than the delay ago: deferred, the clock goes on
    Passed,  // came back inside the window, now
    Known,   // had passed before
    Full,    // the table cannot remember: passes
  };
  struct Result {
    Kind kind = Kind::First;
    std::chrono::seconds left{};  // until a retry passes; > 0 if deferred

    bool deferred() const { return kind == Kind::First || kind == Kind::Early; }
  };
  // Looks up under the exact address, the network and the organisation; any hit counts; writes
  // under all of them. |doublings| as Standing says.
  Result check(const Tuple& tuple, uint32_t doublings);

  struct Shown {
    Result result;
    std::chrono::seconds age{};
  };
  std::optional<Shown> show(const Tuple& tuple) const;
  void pass(const Tuple& tuple);    // as if it had come back in time
  bool forget(const Tuple& tuple);  // under all of its keys; false: it was not known
  size_t size() const;
  dns::Occupancy occupancy() const;

 private:
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

// The organisational domain of a confirmed name ("mail-eopbgr50061.outbound.example.com" ->
// "example.com") by the public suffix list; "" if the name contains its address (decimal, hex,
// reversed) or a word of dynamic lines (dsl, dyn, dial, pool, ...): one customer must not vouch for
// its provider.
std::string organisation_of(std::string_view name, const dns::IpAddress& address);

// The sender with per-message parts of VERP, SRS and BATV made equal, so that a mailing list is one
// sender: runs of digits and hexadecimal ids in the local part become "#", what follows the first
// "+" is dropped, the signatures too. Lower case.
std::string normalise_sender(const smtp::Address& sender);

}  // namespace ravelin::proxy
