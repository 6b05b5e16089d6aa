// Answers that were given, kept for as long as they hold. One per process, shared by all workers.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "dns/occupancy.h"
#include "dns/resolver.h"

namespace ravelin::dns {

// Thread-safe. Bounded: an entry is at most about 3 kB (answers are bounded, dns/answer.h) and
// typically 300 bytes. When a part of the cache is full, what has expired goes first, then the
// oldest.
class DnsCache {
 public:
  static constexpr size_t kDefaultEntries = 32768;

  // Bounds on how long an answer is kept. The floor spares the resolver names with a TTL of 0,
  // which would otherwise be asked for again by each dialog of a burst.
  static constexpr std::chrono::seconds kFloor{5};
  static constexpr std::chrono::seconds kCap{3600};
  static constexpr std::chrono::seconds kNoWithoutSoa{60};
  // "Don't know" is kept for a moment, so that an outage does not multiply the questions.
  static constexpr std::chrono::seconds kTempFail{5};

  explicit DnsCache(size_t max_entries = kDefaultEntries);

  // |question.name| must be canonical (dns/name.h).
  std::optional<Answer> find(const Question& question, Time now);
  // |ttl|: what the answer itself says, if it says anything.
  void put(const Question& question, Answer answer, std::optional<std::chrono::seconds> ttl,
           Time now);
  void clear();

  size_t size() const;
  Occupancy occupancy() const;

 private:
  using Key = std::pair<Type, std::string>;
  struct Entry;
  // An ordered map: names come from strangers, and comparing them cannot be made slow by choosing
  // names that collide.
  using Map = std::map<Key, Entry>;
  struct Entry {
    std::shared_ptr<const Answer> answer;
    Time expires;
    std::list<Map::iterator>::iterator age;
  };
  struct ByExpiry {
    bool operator()(Map::iterator one, Map::iterator other) const {
      return std::pair(one->second.expires, &one->first) <
             std::pair(other->second.expires, &other->first);
    }
  };
  struct Shard {
    mutable std::mutex mutex;
    Map entries;
    std::list<Map::iterator> ages;  // oldest first
    std::set<Map::iterator, ByExpiry> expiries;
    size_t bytes = 0;

    void insert(Key key, std::shared_ptr<const Answer> answer, Time expires);
    void make_room(size_t capacity, Time now);
    void erase(Map::iterator entry);
  };

  Shard& shard_of(const Key& key);

  const size_t shard_capacity_;
  std::array<Shard, 16> shards_;
};

}  // namespace ravelin::dns
