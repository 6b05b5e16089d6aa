#include "proxy/backend/remembered.h"

#include <new>

#include "smtp/address.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kWriteAgain = 24h;
constexpr auto kForgotten = 24h;

}  // namespace

// FNV-1a with a final mix. Only accepted recipients get in, so nobody gains by collisions, and a
// key per process would make yesterday's rows worthless.
Remembered::Key Remembered::key_of(std::string_view recipient) {
  uint64_t hash = 14'695'981'039'346'656'037ULL;
  for (const char c : smtp::to_lower(recipient)) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1'099'511'628'211ULL;
  }
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdULL;
  return hash ^ (hash >> 33);
}

void Remembered::insert(Shard& shard, Key key, dns::Time accepted) {
  if (shard.entries.size() >= most_per_shard_) {  // the longest known goes; it is asked about soon
    shard.entries.erase(shard.order.front());
    shard.order.pop_front();
  }
  shard.order.push_back(key);  // first: an entry that it does not name would stay for ever
  try {
    if (shard.entries.insert_or_assign(key, Entry{accepted, {}, {}}).second) return;
  } catch (const std::bad_alloc&) {
    shard.order.pop_back();
    throw;
  }
  shard.order.pop_back();  // it was there
}

void Remembered::restore(Key key, dns::Time accepted) {
  shard_of(key).with([&](Shard& shard) { insert(shard, key, accepted); });
}

bool Remembered::accepted(Key key, dns::Time now) {
  bool write = true;
  const bool before = shard_of(key).with([&](Shard& shard) {
    const auto found = shard.entries.find(key);
    if (found == shard.entries.end()) {
      insert(shard, key, now);
      return false;
    }
    auto& entry = found->second;
    const bool valid = entry.lives(now);
    write = now - entry.accepted >= kWriteAgain;
    entry.unknown_since = {};
    if (write) entry.accepted = now;
    return valid;
  });
  if (write && keep_) keep_(key, now);
  return before;
}

bool Remembered::expected(Key key, dns::Time now) {
  return shard_of(key).with([&](const Shard& shard) {
    const auto found = shard.entries.find(key);
    return found != shard.entries.end() && found->second.lives(now) &&
           found->second.unknown_since == dns::Time{};
  });
}

std::chrono::nanoseconds Remembered::unknown(Key key, dns::Time now) {
  return shard_of(key).with([&](Shard& shard) -> std::chrono::nanoseconds {
    const auto found = shard.entries.find(key);
    if (found == shard.entries.end() || !found->second.lives(now)) return -1ns;
    auto& entry = found->second;
    const bool anew = entry.unknown_since == dns::Time{} || now - entry.unknown_last >= kForgotten;
    if (anew) entry.unknown_since = now;
    entry.unknown_last = now;
    return now - entry.unknown_since;
  });
}

size_t Remembered::size() const { return occupancy().entries; }

dns::Occupancy Remembered::occupancy() const {
  dns::Occupancy sum{0, most_per_shard_ * kShards, 0};
  for (const auto& guarded : shards_)
    guarded.with([&](const Shard& shard) {
      sum.entries += shard.entries.size();
      sum.bytes += dns::heap_of_nodes(shard.entries) + shard.order.size() * sizeof(Key);
    });
  return sum;
}

}  // namespace ravelin::proxy
