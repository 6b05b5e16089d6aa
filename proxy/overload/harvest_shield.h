// Who tries names to find out which exist hears no more of it: after some unknown recipients of a
// client, or of a network, the answer for all of its recipients is "later", and nobody is asked.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <unordered_map>

#include "dns/ip.h"
#include "dns/occupancy.h"
#include "dns/reactor.h"
#include "proxy/config/config.h"
#include "proxy/event/guarded.h"

namespace ravelin::proxy {

// What mail servers ask in answer to mail that somebody else sent in our users' names: bounces, and
// call-outs of senders. Its unknown recipients are not the asker's fault, and shield against more
// of the same only; unless most recipients of its mail are unknown as well.
enum class Asked : uint8_t { Mail, Backscatter };

// Thread-safe; one per process. Only for clients without standing, so that nobody who delivers mail
// is hit; it ends by itself. Holds at most kMost entries of some 72 B: beyond them nobody new is
// counted until old ones have run out.
class HarvestShield {
 public:
  // The backend knew the recipient, or did not.
  void answered(const dns::IpAddress& client, Asked asked, bool unknown, dns::Time now,
                const HarvestSettings& settings);
  // Is |client| to hear nothing? False whenever |settings| switch it off.
  bool holds(const dns::IpAddress& client, Asked asked, dns::Time now,
             const HarvestSettings& settings);

  size_t size();
  dns::Occupancy occupancy();
  static constexpr size_t kMost = 200'000;
  // A network is shielded at so many times as many, and if they came from more than one client.
  static constexpr uint32_t kNetwork = 3;
  // Who goes on where it was is shielded for twice as long each time, so often.
  static constexpr uint32_t kDoublings = 4;

 private:
  struct Key {
    dns::IpAddress address;
    Asked asked = Asked::Mail;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return dns::IpHash()(key.address) + static_cast<size_t>(key.asked);
    }
  };
  // Counts run out: |unknown| of them in |settings.time|.
  struct Entry {
    double unknown = 0;
    double known = 0;
    dns::Time at{};      // of these
    dns::Time until{};   // shielded
    uint32_t again = 0;  // how often that followed upon itself
    uint32_t from = 0;   // a network's: of the last client with an unknown recipient
    bool many = false;   // and there was another one

    void run_out(dns::Time now, std::chrono::milliseconds time);
    bool mostly_unknown() const;
    void hold(uint32_t most, dns::Time now, std::chrono::milliseconds time);
  };
  struct Shard {
    std::unordered_map<Key, Entry, KeyHash> entries;
    dns::Time swept{};
  };
  using Shards = std::array<Guarded<Shard>, 16>;

  static bool has_room(Shard& shard, dns::Time now, const HarvestSettings& settings);

  void count(Shards& shards, const Key& key, const dns::IpAddress& client, bool unknown,
             uint32_t most, dns::Time now, const HarvestSettings& settings);
  static bool holds(Shards& shards, const Key& key, dns::Time now);

  Shards clients_;
  Shards networks_;
};

}  // namespace ravelin::proxy
