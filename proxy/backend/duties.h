// Probes that belong to no dialog: which is due, and who does it. Any worker may take the next one;
// one of a kind is out at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dns/reactor.h"
#include "proxy/event/guarded.h"

namespace ravelin::proxy {

struct Duty {
  enum class Kind : uint8_t {
    Canary,    // is postmaster@domain accepted while a breaker is not closed?
    CatchAll,  // is an address accepted that nobody has?
  };
  Kind kind = Kind::Canary;
  std::string route;
  std::string domain;
  std::string recipient;
};

// Thread-safe.
class Duties {
 public:
  static constexpr std::chrono::hours kCatchAllEvery{1};

  // The domains to probe for catch-all, with their routes' names. Those that stay keep their time.
  void set_domains(const std::vector<std::pair<std::string, std::string>>& domains, dns::Time now);
  void ask_canary(const std::string& route, const std::string& domain);
  std::optional<Duty> next(dns::Time now);
  void done(const Duty& duty);

 private:
  struct Domain {
    std::string route;
    dns::Time due{};
  };
  struct State {
    std::map<std::string, Domain> domains;
    std::deque<Duty> canaries;
    dns::Time earliest{};  // of |domains|
    bool probing = false;  // a catch-all probe is out
    uint64_t random = 0;
  };
  static std::optional<Duty> next_catch_all(State& state, dns::Time now);
  Guarded<State> state_;
};

// "jorlan.meves": reads like a person's, is nobody's. |random| is any number and is changed.
std::string invented_local_part(uint64_t& random);

}  // namespace ravelin::proxy
