#include "proxy/overload/harvest_shield.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <tuple>

namespace ravelin::proxy {
namespace {

// Only where most recipients are unknown: a list of old addresses is no harvest.
constexpr double kMostly = 0.5;

template <class Shards>
auto& shard_of(Shards& shards, const dns::IpAddress& address) {
  return shards[(dns::IpHash()(address) >> 56) % shards.size()];
}

}  // namespace

void HarvestShield::answered(const dns::IpAddress& client, Asked asked, bool unknown, dns::Time now,
                             const HarvestSettings& settings) {
  if (settings.unknown == 0) return;
  count(clients_, {client.client_key(), asked}, client, unknown, settings.unknown, now, settings);
  count(networks_, {client.network_key(), asked}, client, unknown, kNetwork * settings.unknown, now,
        settings);
}

// Whoever has run out makes room, once a second at most.
bool HarvestShield::has_room(Shard& shard, dns::Time now, const HarvestSettings& settings) {
  constexpr auto kMostHere = kMost / (2 * std::tuple_size_v<Shards>);
  if (shard.entries.size() < kMostHere) return true;
  if (now - shard.swept < std::chrono::seconds(1)) return false;
  shard.swept = now;
  std::erase_if(shard.entries, [&](const auto& item) {
    return now - item.second.at >= settings.time && now >= item.second.until;
  });
  return shard.entries.size() < kMostHere;
}

// Without memory one is not counted.
void HarvestShield::count(Shards& shards, const Key& key, const dns::IpAddress& client,
                          bool unknown, uint32_t most, dns::Time now,
                          const HarvestSettings& settings) try {
  shard_of(shards, key.address).with([&](Shard& shard) {
    const auto found = shard.entries.find(key);
    if (found == shard.entries.end() && (!unknown || !has_room(shard, now, settings))) return;
    auto& entry = found == shard.entries.end() ? shard.entries[key] : found->second;
    const auto left = 1 - std::chrono::duration<double>(now - entry.at) / settings.time;
    entry.unknown *= std::max(0.0, left);
    entry.known *= std::max(0.0, left);
    entry.at = now;
    (unknown ? entry.unknown : entry.known) += 1;
    if (!unknown) return;
    const auto from = static_cast<uint32_t>(dns::IpHash()(client.client_key())) | 1;
    entry.many |= entry.from != 0 && entry.from != from;
    entry.from = from;
    const bool widely = &shards == &clients_ || entry.many;
    const bool mostly = entry.unknown > kMostly * (entry.unknown + entry.known);
    if (!widely || !mostly || entry.unknown <= most - 0.5) return;
    const bool at_once = entry.until != dns::Time{} && now - entry.until < settings.time;
    entry.again = at_once ? std::min(entry.again + 1, kDoublings) : 0;
    entry.until = now + settings.time * (1U << entry.again);
    entry.unknown = most / 2.0;  // half of it is there when it ends and more come
  });
} catch (const std::bad_alloc&) {
}

bool HarvestShield::holds(Shards& shards, const Key& key, dns::Time now) {
  return shard_of(shards, key.address).with([&](Shard& shard) {
    const auto entry = shard.entries.find(key);
    return entry != shard.entries.end() && now < entry->second.until;
  });
}

bool HarvestShield::holds(const dns::IpAddress& client, Asked asked, dns::Time now,
                          const HarvestSettings& settings) {
  if (settings.unknown == 0) return false;
  const auto held = [&](Asked what) {
    return holds(clients_, {client.client_key(), what}, now) ||
           holds(networks_, {client.network_key(), what}, now);
  };
  return held(Asked::Mail) || (asked == Asked::Backscatter && held(Asked::Backscatter));
}

size_t HarvestShield::size() { return occupancy().entries; }

dns::Occupancy HarvestShield::occupancy() {
  dns::Occupancy sum{0, kMost, 0};
  for (auto* const shards : {&clients_, &networks_})
    for (auto& each : *shards)
      each.with([&](Shard& shard) {
        sum.entries += shard.entries.size();
        sum.bytes += dns::heap_of_nodes(shard.entries);
      });
  return sum;
}

}  // namespace ravelin::proxy
