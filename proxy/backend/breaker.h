// Many remembered recipients of a route vanish at once: then it is the directory that is gone, not
// the users, and "no such user" must not be passed on, because the senders would believe it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "dns/reactor.h"

namespace ravelin::proxy {

// Of one route. Not thread-safe.
class Breaker {
 public:
  enum class State : uint8_t {
    Closed,   // answers are passed on
    Suspect,  // unknown answers become 451 until the canary has been asked
    Open,     // unknown answers become 451
  };
  static std::string_view name(State state);  // "closed", "suspect", "open"

  State state() const { return state_; }
  bool holds_back() const { return state_ != State::Closed; }

  // A remembered recipient was asked and is unknown. True if the canary must be asked now.
  bool vanished(uint64_t recipient, dns::Time now);
  // A remembered recipient was asked and is there; it closes the breaker. True if it was not
  // closed.
  bool found(uint64_t recipient, dns::Time now);
  // Any other acceptance of the route, the canary's too. True if it was not closed.
  bool accepted();
  // The canary was refused or could not be asked. True if this opened it.
  bool canary_refused(dns::Time now);
  // While it is open the canary is asked again, once a minute. True if it is time.
  bool canary_due(dns::Time now);
  bool reset() { return accepted(); }

  size_t lost() const { return lost_; }
  size_t asked() const { return seen_.size(); }

 private:
  struct Seen {
    dns::Time at{};
    bool lost = false;
  };
  void note(uint64_t recipient, bool lost, dns::Time now);
  void forget_old(dns::Time now);

  State state_ = State::Closed;
  std::unordered_map<uint64_t, Seen> seen_;  // remembered recipients asked in the window
  std::deque<std::pair<dns::Time, uint64_t>> order_;
  size_t lost_ = 0;
  dns::Time canary_at_{};
};

}  // namespace ravelin::proxy
