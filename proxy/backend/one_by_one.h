// Clients and senders whose mail was taken for some of its recipients and put off for others
// (LMTP). There is one reply for all of them, "later", and whoever had it gets it again. So they
// are served one recipient a transaction from then on: one duplicate, and not one with each retry.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>
#include <utility>

#include "dns/ip.h"
#include "dns/reactor.h"
#include "proxy/event/guarded.h"
#include "smtp/address.h"

namespace ravelin::proxy {

// Thread-safe, bounded: who sends for every sender's name is forgotten for others, and that costs
// them a duplicate at most. Kept as hashes, stable over restarts.
class OneByOne {
 public:
  using Key = uint64_t;
  static constexpr std::chrono::hours kLife{5 * 24};  // as long as mail servers try
  // Where it is written, so that it outlives a restart; called outside of the lock, on any worker's
  // thread. Must not block.
  using Keep = std::function<void(Key key, dns::Time since)>;

  explicit OneByOne(size_t most = 100'000) : most_(most) {}
  void set_keep(Keep keep) { keep_ = std::move(keep); }  // before the first worker starts
  void restore(Key key, dns::Time since);                // from the store, at start

  static Key key_of(const dns::IpAddress& client, const smtp::Address& sender);

  void add(Key key, dns::Time now);
  bool holds(Key key, dns::Time now) const;
  size_t size() const { return count_.load(std::memory_order_relaxed); }

 private:
  struct Entries {
    std::unordered_map<Key, dns::Time> since;
    std::deque<Key> order;  // of arrival; each entry once
  };
  void insert(Key key, dns::Time since);

  const size_t most_;
  Keep keep_;
  Guarded<Entries> entries_;
  std::atomic<size_t> count_{0};  // spares most the lock: where there is no LMTP there are none
};

}  // namespace ravelin::proxy
