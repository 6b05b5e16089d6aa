#include "proxy/overload/harvest_shield.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <tuple>

namespace ravelin::proxy {
namespace {

// Only where most recipients are unknown: a list of old addresses is no harvest.
constexpr double kMostly = 0.5;

// Of what shields, the share that must be of mail for backscatter to count as mail, too.
constexpr double kOfMail = 0.25;

template <class Shards>
auto& shard_of(Shards& shards, const dns::IpAddress& address) {
  return shards[(dns::IpHash()(address) >> 56) % shards.size()];
}

}  // namespace

void HarvestShield::answered(const dns::IpAddress& client, Asked asked, bool unknown, dns::Time now,
                             const HarvestSettings& settings) {
  if (settings.unknown == 0) return;
  count(clients_, {client.client_key(), asked}, client, unknown, settings.unknown, now, settings);
  count(networks_, {client.site_key(), asked}, client, unknown, kNetwork * settings.unknown, now,
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

void HarvestShield::Entry::run_out(dns::Time now, std::chrono::milliseconds time) {
  const auto left = std::max(0.0, 1 - std::chrono::duration<double>(now - at) / time);
  unknown *= left;
  known *= left;
  at = now;
}

bool HarvestShield::Entry::mostly_unknown() const { return unknown > kMostly * (unknown + known); }

void HarvestShield::Entry::hold(uint32_t most, dns::Time now, std::chrono::milliseconds time) {
  unknown = most / 2.0;     // half of it is there when it ends and more come
  if (now < until) return;  // asked before it was shielded
  const bool at_once = until != dns::Time{} && now - until < time;
  again = at_once ? std::min(again + 1, kDoublings) : 0;
  until = now + time * (1U << again);
}

// Without memory one is not counted.
void HarvestShield::count(Shards& shards, const Key& key, const dns::IpAddress& client,
                          bool unknown, uint32_t most, dns::Time now,
                          const HarvestSettings& settings) try {
  shard_of(shards, key.address).with([&](Shard& shard) {
    const auto found = shard.entries.find(key);
    if (found == shard.entries.end() && (!unknown || !has_room(shard, now, settings))) return;
    auto& entry = found == shard.entries.end() ? shard.entries[key] : found->second;
    entry.run_out(now, settings.time);
    (unknown ? entry.unknown : entry.known) += 1;
    if (!unknown) return;
    const auto from = static_cast<uint32_t>(dns::IpHash()(client.client_key())) | 1;
    entry.many |= entry.from != 0 && entry.from != from;
    entry.from = from;
    const auto is_one = [&](const Entry& its, double sum) {
      return (&shards == &clients_ || its.many) && its.mostly_unknown() && sum > most - 0.5;
    };
    // Whose mail goes to names that nobody has, too, does not answer forged mail.
    const bool is_mail = key.asked == Asked::Mail;
    const auto other =
        shard.entries.find({key.address, is_mail ? Asked::Backscatter : Asked::Mail});
    if (other != shard.entries.end()) {
      other->second.run_out(now, settings.time);
      auto& mail = is_mail ? entry : other->second;
      const auto sum = entry.unknown + other->second.unknown;
      if (mail.unknown >= kOfMail * most && is_one(mail, sum)) mail.hold(most, now, settings.time);
    }
    if (is_one(entry, entry.unknown)) entry.hold(most, now, settings.time);
  });
} catch (const std::bad_alloc&) {
}

bool HarvestShield::holds(Shards& shards, const Key& key, dns::Time now) {
  return shard_of(shards, key.address).with([&](Shard& shard) {
    const auto held = [&](Asked asked) {
      const auto entry = shard.entries.find({key.address, asked});
      return entry != shard.entries.end() && now < entry->second.until;
    };
    return held(Asked::Mail) || (key.asked == Asked::Backscatter && held(Asked::Backscatter));
  });
}

bool HarvestShield::holds(const dns::IpAddress& client, Asked asked, dns::Time now,
                          const HarvestSettings& settings) {
  return settings.unknown > 0 && (holds(clients_, {client.client_key(), asked}, now) ||
                                  holds(networks_, {client.site_key(), asked}, now));
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
