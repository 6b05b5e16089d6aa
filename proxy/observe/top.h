// Who comes most: clients and their networks, of the last five to ten minutes. The table is
// bounded: when it is full, all counts are halved and whoever is left with nothing goes, so that
// who comes often stays (after Misra and Gries, "Finding repeated elements", 1982).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "dns/ip.h"
#include "dns/reactor.h"
#include "proxy/event/guarded.h"

namespace ravelin::proxy {

enum class TopOutcome : uint8_t { Accepted, Refused, NoPlace };

struct TopRow {
  dns::IpAddress who;  // a client's address (IPv6: its /64), or its network
  int bits = 0;        // of the network: 24, 48; 32 or 64 for a client
  uint32_t accepted = 0;
  uint32_t refused = 0;
  uint32_t no_place = 0;

  uint32_t dialogs() const { return accepted + refused + no_place; }
};

// Thread-safe.
class TopTable {
 public:
  explicit TopTable(size_t most = 4096) : most_(most) {}

  // A dialog of |client| has ended so. Throws std::bad_alloc, and then it is not counted.
  void add(const dns::IpAddress& client, TopOutcome outcome, dns::Time now);
  std::vector<TopRow> clients(size_t count, dns::Time now);
  std::vector<TopRow> networks(size_t count, dns::Time now);

 private:
  struct Counts {
    std::array<uint32_t, 3> by_outcome{};
  };
  using Map = std::unordered_map<dns::IpAddress, Counts, dns::IpHash>;
  struct Window {
    Map clients, networks;
  };
  struct State {
    Window now, before;
    dns::Time began{};
  };

  void turn(State& state, dns::Time now) const;
  void count(Map& map, const dns::IpAddress& who, TopOutcome outcome) const;
  std::vector<TopRow> most(Map Window::*which, size_t count, dns::Time now);

  const size_t most_;
  Guarded<State> state_;
};

}  // namespace ravelin::proxy
