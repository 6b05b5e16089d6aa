// A bounded hash table for many threads: 256 shards under their own locks, small values, 16-byte
// keyed hashes as keys, and a number for each entry that does not change (the rowid on disk).
//
// What a table knows of its values comes from |Traits|:
//   using Value                          trivially copyable, at most 4-byte aligned
//   int64_t worth(const Value&) const    the lowest is forgotten first when the table is full
//   bool expired(const Value&, Seconds now) const
//   void changed(uint32_t slot, const Hash128&, const Value&)   called under the shard's lock, so
//   void forgotten(uint32_t slot)                               that rows keep the order of changes
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <utility>

#include "dns/occupancy.h"
#include "proxy/event/guarded.h"
#include "proxy/state/seconds.h"
#include "proxy/state/table_shard.h"

namespace ravelin::proxy {

template <class Traits>
class Table {
 public:
  using Value = typename Traits::Value;
  static constexpr uint32_t kShards = 256;
  // Entries looked at to find the one to forget: the cost stays the same however large the table
  // is, and an entry of the least worthy third survives one time in 650.
  static constexpr int kSamples = 16;
  // So many of one owner among them: it has a good part of the table. Who has 2 % of it is taken
  // for such a one four times in a thousand, who has 40 % 98 times in a hundred.
  static constexpr int kCrowd = 3;

  explicit Table(Traits traits)
      : traits_(std::move(traits)), shards_(new Guarded<Shard>[kShards]) {}

  Traits& traits() { return traits_; }
  const Traits& traits() const { return traits_; }

  // At least one entry per shard is kept. A lower number than before acts as entries are added.
  void set_capacity(uint64_t entries) {
    per_shard_ = static_cast<uint32_t>(std::max<uint64_t>(1, entries / kShards));
  }

  std::optional<Value> find(const Hash128& key) const {
    return shard_of(key).with([&](Shard& shard) -> std::optional<Value> {
      const auto slot = shard.entries.find(key);
      if (slot == Entries::kNone) return {};
      return shard.entries.at(slot)->value;
    });
  }

  // Runs |change|(Value&, bool created) on the entry, which is made if it is not there; what it
  // returns says whether the row is to be written. False if there was no memory for it.
  template <class Change>
  bool update(const Hash128& key, Seconds now, Change&& change) {
    return update(key, now, change, [](const Value&) { return false; });
  }
  // |own|(const Value&): is it of whom the new entry is? Whoever fills the table loses its own.
  template <class Change, class Own>
  bool update(const Hash128& key, Seconds now, Change&& change, const Own& own) {
    return shard_of(key).with([&](Shard& shard) {
      auto slot = shard.entries.find(key);
      const bool created = slot == Entries::kNone;
      if (created) slot = add(shard, key, now, own);
      if (slot == Entries::kNone) return false;
      auto& value = shard.entries.at(slot)->value;
      if (change(value, created)) traits_.changed(number(slot, key), key, value);
      return true;
    });
  }

  // The same for an entry that exists; false if it does not.
  template <class Change>
  bool update_existing(const Hash128& key, Change&& change) {
    return shard_of(key).with([&](Shard& shard) {
      const auto slot = shard.entries.find(key);
      if (slot == Entries::kNone) return false;
      auto& value = shard.entries.at(slot)->value;
      if (change(value)) traits_.changed(number(slot, key), key, value);
      return true;
    });
  }

  bool erase(const Hash128& key) {
    return shard_of(key).with([&](Shard& shard) {
      const auto slot = shard.entries.find(key);
      if (slot == Entries::kNone) return false;
      forget(shard, slot, number(slot, key));
      return true;
    });
  }

  // Reading back: begin_load() with the highest number that may come, place() for each row,
  // end_load(). Entries may be added meanwhile; they get higher numbers.
  void begin_load(uint32_t highest) {
    for (uint32_t i = 0; i < kShards; ++i)
      shards_[i].with([&](Shard& shard) { shard.entries.begin_at(highest / kShards + 1); });
  }
  // Has the memory come that place() of |key| will look at.
  void prefetch(const Hash128& key) const {
    shard_of(key).with([&](Shard& shard) { shard.entries.prefetch(key); });
  }
  // |merge|(Value& ours) joins the row into an entry that was made meanwhile. False if the row is
  // not needed on disk any more: merged, or not ours.
  template <class Merge>
  bool place(uint32_t row, const Hash128& key, const Value& value, Merge&& merge) {
    if (row % kShards != key.words[0] % kShards) return false;
    return shard_of(key).with([&](Shard& shard) {
      const auto slot = shard.entries.find(key);
      if (slot == Entries::kNone) {
        if (!shard.entries.place(row / kShards, key)) return false;
        shard.entries.at(row / kShards)->value = value;
        return true;
      }
      auto& ours = shard.entries.at(slot)->value;
      merge(ours);
      traits_.changed(number(slot, key), key, ours);
      return number(slot, key) == row;
    });
  }
  void end_load() {
    for (uint32_t i = 0; i < kShards; ++i)
      shards_[i].with([](Shard& shard) { shard.entries.collect_holes(); });
  }

  // Calls |visit|(number, const Hash128* key, const Value&) for each slot of part |part|, with a
  // null key for a free one. A part is what is looked at under one lock. False past the last.
  template <class Visit>
  bool visit_part(uint32_t part, Visit&& visit) {
    const auto first = part / kShards * Entries::kChunk;
    if (part % kShards == 0 && first >= longest()) return false;
    shards_[part % kShards].with([&](Shard& shard) {
      const auto end = std::min(first + Entries::kChunk, shard.entries.slots());
      for (auto slot = first; slot < end; ++slot) {
        const auto* entry = shard.entries.at(slot);
        if (entry == nullptr) break;  // so is the whole chunk
        visit(slot * kShards + part % kShards, entry->used() ? &entry->key : nullptr, entry->value);
      }
    });
    return true;
  }

  uint64_t size() const {
    return sum([](const Shard& shard) { return shard.entries.size(); });
  }
  // All memory that the entries and the index take.
  uint64_t bytes() const {
    return sum([](const Shard& shard) { return shard.entries.bytes(); });
  }
  dns::Occupancy occupancy() const { return {size(), uint64_t{per_shard_} * kShards, bytes()}; }

 private:
  using Entries = TableShard<Value>;
  struct Least {
    uint32_t slot = Entries::kNone;
    int64_t worth = INT64_MAX;
    int count = 0;

    void look(uint32_t other, int64_t its_worth) {
      if (its_worth < worth) slot = other;
      worth = std::min(worth, its_worth);
      ++count;
    }
  };
  struct Shard {
    Entries entries;
    uint32_t hand = 0;  // goes round looking for what has expired
  };

  static uint32_t number(uint32_t slot, const Hash128& key) {
    return slot * kShards + key.words[0] % kShards;
  }
  Guarded<Shard>& shard_of(const Hash128& key) const { return shards_[key.words[0] % kShards]; }

  template <class Own>
  uint32_t add(Shard& shard, const Hash128& key, Seconds now, const Own& own) {
    sweep(shard, key, now);
    for (int i = 0; i < 2 && shard.entries.size() >= per_shard_; ++i) evict(shard, key, own);
    try {
      return shard.entries.insert(key);
    } catch (const std::bad_alloc&) {
      return Entries::kNone;
    }
  }
  // Each new entry pays for a look at two old ones, so what has expired goes without a timer.
  void sweep(Shard& shard, const Hash128& key, Seconds now) {
    for (int i = 0; i < 2; ++i) {
      if (shard.hand >= shard.entries.slots()) shard.hand = 0;
      if (shard.hand >= shard.entries.slots()) return;
      const auto slot = shard.hand++;
      const auto* entry = shard.entries.at(slot);
      if (entry != nullptr && entry->used() && traits_.expired(entry->value, now))
        forget(shard, slot, number(slot, key));
    }
  }
  // Of those looked at the least worthy one, of its own where kCrowd of them are.
  template <class Own>
  void evict(Shard& shard, const Hash128& key, const Own& own) {
    Least of_all, of_own;
    for (int seen = 0, tries = 0; seen < kSamples && tries < 8 * kSamples; ++tries) {
      const auto slot = shard.entries.sample();
      if (slot == Entries::kNone) continue;
      ++seen;
      const auto& value = shard.entries.at(slot)->value;
      const auto worth = traits_.worth(value);
      of_all.look(slot, worth);
      if (own(value)) of_own.look(slot, worth);
    }
    const auto slot = of_own.count >= kCrowd ? of_own.slot : of_all.slot;
    if (slot != Entries::kNone) forget(shard, slot, number(slot, key));
  }
  void forget(Shard& shard, uint32_t slot, uint32_t row) {
    shard.entries.erase(slot);
    traits_.forgotten(row);
  }

  uint32_t longest() {
    uint32_t most = 0;
    for (uint32_t i = 0; i < kShards; ++i)
      most = std::max(most, shards_[i].with([](Shard& shard) { return shard.entries.slots(); }));
    return most;
  }
  template <class Use>
  uint64_t sum(Use use) const {
    uint64_t total = 0;
    for (uint32_t i = 0; i < kShards; ++i) total += shards_[i].with(use);
    return total;
  }

  Traits traits_;
  std::atomic<uint32_t> per_shard_{UINT32_MAX};
  std::unique_ptr<Guarded<Shard>[]> shards_;
};

}  // namespace ravelin::proxy
