// Recipients that a backend has accepted in the last 30 days (kLife). Never used as an answer: only
// to see that somebody who existed is suddenly said not to, which is more often a broken directory
// than a deleted mailbox.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "dns/occupancy.h"
#include "dns/reactor.h"
#include "proxy/event/guarded.h"

namespace ravelin::proxy {

// Thread-safe, bounded. Addresses are kept as hashes, stable over restarts.
class Remembered {
 public:
  using Key = uint64_t;
  static constexpr std::chrono::hours kLife{30 * 24};  // since it was last accepted
  // Where acceptances are written, so that they outlive a restart; called outside locks, on any
  // worker's thread, at most once a day per key. Must not block.
  using Keep = std::function<void(Key key, dns::Time accepted)>;

  explicit Remembered(size_t most = 1'000'000) : most_per_shard_(most / kShards + 1) {}
  void set_keep(Keep keep) { keep_ = std::move(keep); }  // before the first worker starts
  void restore(Key key, dns::Time accepted);             // from the store, at start

  // Case is folded: a backend may fold it too, and two mailboxes as one only make us more patient.
  static Key key_of(std::string_view recipient);

  // True if it was remembered before.
  bool accepted(Key key, dns::Time now);
  // Remembered, and not unknown since: the next answer will most likely be a yes.
  bool expected(Key key, dns::Time now);
  // For how long a remembered one has been unknown now; negative if it is not remembered. A day
  // without the question begins anew: it may have been there in between.
  std::chrono::nanoseconds unknown(Key key, dns::Time now);
  size_t size() const;
  dns::Occupancy occupancy() const;

 private:
  struct Entry {
    dns::Time accepted{};
    dns::Time unknown_since{};  // the clock's zero: it is not
    dns::Time unknown_last{};

    bool lives(dns::Time now) const { return now - accepted < kLife; }
  };
  struct Shard {
    std::unordered_map<Key, Entry> entries;
    std::deque<Key> order;  // of arrival; each entry once
  };
  static constexpr size_t kShards = 16;

  void insert(Shard& shard, Key key, dns::Time accepted);
  Guarded<Shard>& shard_of(Key key) { return shards_[key % kShards]; }

  const size_t most_per_shard_;
  Keep keep_;
  std::array<Guarded<Shard>, kShards> shards_;
};

}  // namespace ravelin::proxy
