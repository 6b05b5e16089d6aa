// One of the shards of a Table: entries in slots that never move, found by open addressing over
// cells that hold a slot's number and a piece of its key. Not thread-safe.
//
// The piece spares the look at other keys on the way, which is a miss of the caches each: without
// it, reading ten million entries back took a third longer.
//
// A general hash map was refused: it keeps 39 to 58 bytes per entry beside our data, stalls for one
// or two seconds when 10 million entries grow, and has no stable place that can serve as the rowid
// on disk.
#pragma once

#include <array>
#include <bit>
#include <cassert>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "proxy/state/hash.h"

namespace ravelin::proxy {

template <class Value>
class TableShard {
  static_assert(std::is_trivially_copyable_v<Value> && sizeof(Value) >= 4 && alignof(Value) <= 4);

 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kMaxSlots = (1 << 24) - 1;  // so that 256 shards number them in 32 bits

  struct Entry {
    Hash128 key;  // three zero words mark a free slot; the fourth then is the next free one + 1
    Value value;

    bool used() const { return (key.words[0] | key.words[1] | key.words[2]) != 0; }
  };
  // Slots allocated together: a page. Each of 256 shards has one soon, so that larger ones would
  // make few entries dear; smaller ones would cost more for themselves.
  static constexpr uint32_t kChunk = std::bit_floor(uint32_t{4096} / uint32_t{sizeof(Entry)});

  uint32_t size() const { return size_; }
  uint32_t slots() const { return fresh_; }  // every used slot is below
  // Null where nothing was ever stored.
  Entry* at(uint32_t slot) {
    if (slot / kChunk >= chunks_.size() || !chunks_[slot / kChunk]) return nullptr;
    return &(*chunks_[slot / kChunk])[slot % kChunk];
  }
  size_t bytes() const {
    size_t bytes = sizeof *this + chunks_.capacity() * sizeof chunks_[0] +
                   index_.capacity() * sizeof index_[0];
    for (const auto& chunk : chunks_) bytes += chunk ? sizeof(Chunk) : 0;
    return bytes;
  }

  uint32_t find(const Hash128& key) const {
    if (index_.empty()) return kNone;
    return slot_in(index_[locate(key)]);
  }

  void prefetch(const Hash128& key) const {
    if (!index_.empty()) __builtin_prefetch(&index_[key.words[1] & (index_.size() - 1)]);
  }

  // |key| must not be there. Throws std::bad_alloc and is unchanged then.
  uint32_t insert(const Hash128& key) {
    make_room();
    const auto slot = free_ != kNone ? free_ : fresh_;
    if (slot >= kMaxSlots) throw std::bad_alloc();
    auto& entry = ensure(slot);
    if (slot == free_) {
      free_ = entry.key.words[3] - 1;
    } else {
      ++fresh_;
    }
    return put(slot, entry, key);
  }

  // The same in a slot of the caller's choice, which must be free and must never have been used:
  // for rows that are read back. False if the slot is taken.
  bool place(uint32_t slot, const Hash128& key) {
    assert(slot < kMaxSlots);  // half of it is the most that a store has
    make_room();
    auto& entry = ensure(slot);
    if (entry.used()) return false;
    if (slot >= fresh_) fresh_ = slot + 1;
    put(slot, entry, key);
    return true;
  }

  void erase(uint32_t slot) {
    auto& entry = *at(slot);
    assert(entry.used());
    unlink(locate(entry.key));
    entry = Entry{};
    release(slot, entry);
    --size_;
  }

  // New entries go to slots from |slot| on, until collect_holes(): those below are being read back.
  void begin_at(uint32_t slot) { fresh_ = slot > fresh_ ? slot : fresh_; }
  // Makes every free slot below slots() usable. Chunks that were never touched stay out: they cost
  // nothing but a gap in the numbers.
  void collect_holes() {
    free_ = kNone;
    for (uint32_t slot = fresh_; slot-- > 0;) {
      auto* entry = at(slot);
      if (entry != nullptr && !entry->used()) release(slot, *entry);
    }
  }

  // Some used slot, from a random cell of the index; kNone if the cell is empty.
  uint32_t sample() {
    if (index_.empty()) return kNone;
    random_ = random_ * 6364136223846793005 + 1442695040888963407;  // Knuth's MMIX generator
    return slot_in(index_[(random_ >> 32) & (index_.size() - 1)]);
  }

 private:
  using Chunk = std::array<Entry, kChunk>;

  // A cell: 24 bits of slot + 1 below 8 bits of the key that do not choose the cell; 0 if empty.
  static constexpr uint32_t kSlotBits = 24;
  static constexpr uint32_t kSlotMask = (1 << kSlotBits) - 1;
  static uint32_t piece(const Hash128& key) { return key.words[2] & ~kSlotMask; }
  static uint32_t cell_of(uint32_t slot, const Hash128& key) { return piece(key) | (slot + 1); }
  static uint32_t slot_in(uint32_t cell) { return cell == 0 ? kNone : (cell & kSlotMask) - 1; }

  // The cell that holds |key|, or the empty one where it would go.
  size_t locate(const Hash128& key) const {
    const auto mask = index_.size() - 1;
    size_t cell = key.words[1] & mask;
    while (index_[cell] != 0 && !holds(cell, key)) cell = (cell + 1) & mask;
    return cell;
  }
  bool holds(size_t cell, const Hash128& key) const {
    return (index_[cell] & ~kSlotMask) == piece(key) && key_at(cell) == key;
  }
  const Hash128& key_at(size_t cell) const {
    const auto slot = slot_in(index_[cell]);
    return (*chunks_[slot / kChunk])[slot % kChunk].key;
  }

  // At most three quarters full. Growth touches this shard only: 40,000 entries of 10 million. It
  // goes through the entries in the order of their memory, which is ten times as fast as the order
  // of the index; all keys differ, so none is compared.
  void make_room() {
    if ((size_ + 1) * uint64_t{4} <= index_.size() * uint64_t{3}) return;
    std::vector<uint32_t> larger(index_.empty() ? 16 : index_.size() * 2);
    const auto mask = larger.size() - 1;
    for (uint32_t slot = 0; slot < fresh_; ++slot) {
      const auto* entry = at(slot);
      if (entry == nullptr || !entry->used()) continue;
      size_t cell = entry->key.words[1] & mask;
      while (larger[cell] != 0) cell = (cell + 1) & mask;
      larger[cell] = cell_of(slot, entry->key);
    }
    index_.swap(larger);
  }
  Entry& ensure(uint32_t slot) {
    if (slot / kChunk >= chunks_.size()) chunks_.resize(slot / kChunk + 1);
    auto& chunk = chunks_[slot / kChunk];
    if (!chunk) chunk = std::make_unique<Chunk>();
    return (*chunk)[slot % kChunk];
  }
  uint32_t put(uint32_t slot, Entry& entry, const Hash128& key) {
    index_[locate(key)] = cell_of(slot, key);
    entry = Entry{key, Value{}};
    ++size_;
    return slot;
  }
  void release(uint32_t slot, Entry& entry) {
    entry.key.words[3] = free_ + 1;
    free_ = slot;
  }
  // Closes the gap by moving later members of the run back, so that no tombstones pile up.
  void unlink(size_t gap) {
    const auto mask = index_.size() - 1;
    for (auto cell = (gap + 1) & mask; index_[cell] != 0; cell = (cell + 1) & mask) {
      const auto home = key_at(cell).words[1] & mask;
      if (((cell - home) & mask) < ((cell - gap) & mask)) continue;
      index_[gap] = index_[cell];
      gap = cell;
    }
    index_[gap] = 0;
  }

  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::vector<uint32_t> index_;  // cells
  uint32_t size_ = 0;
  uint32_t fresh_ = 0;
  uint32_t free_ = kNone;  // head of the list of free slots
  uint64_t random_ = 0x853c49e6748fea9b;
};

}  // namespace ravelin::proxy
