#include "proxy/overload/places.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <new>
#include <unordered_map>
#include <utility>

#include "proxy/event/guarded.h"

namespace ravelin::proxy {
namespace {

// How many dialogs there are per key; a key without any is not there.
class Counters {
 public:
  // Counts |key| unless it has |limit| already (0: no limit).
  bool enter(const dns::IpAddress& key, uint32_t limit) {
    return shard_of(key).with([&](Map& map) {
      const auto [entry, fresh] = map.try_emplace(key, 0);
      if (limit != 0 && entry->second >= limit) return false;  // never fresh: 0 < limit
      ++entry->second;
      return true;
    });
  }
  uint32_t count(const dns::IpAddress& key) {
    return shard_of(key).with([&](Map& map) {
      const auto entry = map.find(key);
      return entry == map.end() ? 0 : entry->second;
    });
  }
  void leave(const dns::IpAddress& key) {
    shard_of(key).with([&](Map& map) {
      const auto entry = map.find(key);
      assert(entry != map.end());
      if (--entry->second == 0) map.erase(entry);
    });
  }

 private:
  using Map = std::unordered_map<dns::IpAddress, uint32_t, dns::IpHash>;

  // The high bits choose the shard, because the maps use the low ones.
  Guarded<Map>& shard_of(const dns::IpAddress& key) {
    return shards_[(dns::IpHash()(key) >> 56) % shards_.size()];
  }

  std::array<Guarded<Map>, 64> shards_;
};

// Adds one unless |limit| is reached.
bool take_one(std::atomic<uint32_t>& count, uint32_t limit) {
  auto now = count.load(std::memory_order_relaxed);
  do {
    if (now >= limit) return false;
  } while (!count.compare_exchange_weak(now, now + 1, std::memory_order_relaxed));
  return true;
}

void raise_to(std::atomic<uint32_t>& peak, uint32_t value) {
  auto now = peak.load(std::memory_order_relaxed);
  while (now < value && !peak.compare_exchange_weak(now, value, std::memory_order_relaxed)) {
  }
}

}  // namespace

dns::IpAddress wide_network(const dns::IpAddress& client) {
  return client.network(client.is_v4() ? 16 : 48);
}

struct Places::Shards {
  std::atomic<uint32_t> total = 0;
  std::atomic<uint32_t> others = 0;  // those not in good standing
  std::atomic<uint32_t> peak = 0;
  Counters clients;
  Counters networks;  // strangers
  Counters wide;      // strangers

  // All or nothing.
  PlaceLimit count_network(const dns::IpAddress& client, const Limits& limits) {
    if (!networks.enter(client.network_key(), limits.sessions_per_network))
      return PlaceLimit::Network;
    try {
      wide.enter(wide_network(client), 0);
    } catch (...) {
      networks.leave(client.network_key());
      throw;
    }
    return PlaceLimit::None;
  }
  void uncount_network(const dns::IpAddress& client) {
    wide.leave(wide_network(client));
    networks.leave(client.network_key());
  }

  // Which limit of its own would fire, whatever else does.
  PlaceLimit own_limit(const dns::IpAddress& client, bool good, const Limits& limits) {
    const auto full = [](uint32_t limit, Counters& counters, const dns::IpAddress& key) {
      return limit != 0 && counters.count(key) >= limit;
    };
    if (full(limits.sessions_per_client, clients, client.client_key())) return PlaceLimit::Client;
    if (!good && full(limits.sessions_per_network, networks, client.network_key()))
      return PlaceLimit::Network;
    return PlaceLimit::None;
  }
};

const char* place_limit_name(PlaceLimit limit) {
  switch (limit) {
    case PlaceLimit::None:
      return "none";
    case PlaceLimit::Total:
      return "sessions";
    case PlaceLimit::Reserved:
      return "reserved_for_known";
    case PlaceLimit::Client:
      return "sessions_per_client";
    case PlaceLimit::Network:
      return "sessions_per_network";
  }
  return "";
}

bool is_fair(const dns::IpAddress& newcomer, const Crowd& its, const dns::IpAddress& holder,
             const Crowd& holders, uint32_t times) {
  const auto more = [&](uint32_t Crowd::*count) {
    return holders.*count > times * (its.*count) + 1;
  };
  if (wide_network(newcomer) != wide_network(holder)) return more(&Crowd::wide);
  if (newcomer.network_key() != holder.network_key()) return more(&Crowd::network);
  return newcomer.client_key() != holder.client_key() && more(&Crowd::client);
}

uint32_t share_of_strangers(double reserved, uint32_t total) {
  return total - static_cast<uint32_t>(std::clamp(reserved, 0.0, 1.0) * total);
}

uint32_t Places::wide_crowd(const dns::IpAddress& client) const {
  return shards_->wide.count(wide_network(client));
}

uint32_t Places::network_crowd(const dns::IpAddress& client) const {
  return shards_->networks.count(client.network_key());
}

uint32_t Places::client_crowd(const dns::IpAddress& client) const {
  return shards_->clients.count(client.client_key());
}

Crowd Places::crowd(const dns::IpAddress& client) const {
  return {
      .wide = wide_crowd(client), .network = network_crowd(client), .client = client_crowd(client)};
}

Places::Places() : shards_(std::make_unique<Shards>()) {}

Places::~Places() { assert(in_use() == 0); }

// The place is built up step by step; where a limit fires, its destructor gives back what it got.
Places::Entry Places::enter(const dns::IpAddress& client, bool good, bool exempt,
                            const Limits& limits, uint32_t total) {
  auto& counts = *shards_;
  if (!take_one(counts.total, total)) {
    const auto own = exempt ? PlaceLimit::None : counts.own_limit(client, good, limits);
    return {{}, own == PlaceLimit::None ? PlaceLimit::Total : own};
  }
  Place place;
  place.places_ = this;
  place.client_ = client;
  const auto limit = count(place, good, exempt, limits, total);
  if (limit != PlaceLimit::None) return {{}, limit};
  raise_to(counts.peak, counts.total.load(std::memory_order_relaxed));
  return {std::move(place), PlaceLimit::None};
}

PlaceLimit Places::count(Place& place, bool good, bool exempt, const Limits& limits,
                         uint32_t total) {
  if (exempt) return PlaceLimit::None;
  auto& counts = *shards_;
  const auto& client = place.client_;
  try {
    place.of_client_ = counts.clients.enter(client.client_key(), limits.sessions_per_client);
    if (!place.of_client_) return PlaceLimit::Client;
    if (good) return PlaceLimit::None;
    const auto limit = counts.count_network(client, limits);
    place.of_network_ = limit == PlaceLimit::None;
    if (!place.of_network_) return limit;
  } catch (const std::bad_alloc&) {
    return PlaceLimit::Total;  // no memory is no room
  }
  place.stranger_ = take_one(counts.others, share_of_strangers(limits.reserved_for_known, total));
  return place.stranger_ ? PlaceLimit::None : PlaceLimit::Reserved;
}

uint32_t Places::in_use() const { return shards_->total.load(std::memory_order_relaxed); }
double Places::strangers(const Limits& limits, uint32_t total) const {
  const auto most = std::max(1U, share_of_strangers(limits.reserved_for_known, total));
  return static_cast<double>(shards_->others.load(std::memory_order_relaxed)) / most;
}
bool Places::one_makes_room(const Limits& limits, uint32_t total) const {
  return in_use() <= total && shards_->others.load(std::memory_order_relaxed) <=
                                  share_of_strangers(limits.reserved_for_known, total);
}
uint32_t Places::room_for_strangers(const Limits& limits, uint32_t total) const {
  const auto left = [](uint32_t most, const std::atomic<uint32_t>& count) {
    const auto used = count.load(std::memory_order_relaxed);
    return used < most ? most - used : 0;
  };
  return std::min(left(share_of_strangers(limits.reserved_for_known, total), shards_->others),
                  left(total, shards_->total));
}
uint32_t Places::peak() const { return shards_->peak.load(std::memory_order_relaxed); }

Places::Place::Place(Place&& other) noexcept
    : places_(std::exchange(other.places_, nullptr)),
      client_(other.client_),
      stranger_(other.stranger_),
      of_client_(other.of_client_),
      of_network_(other.of_network_) {}

Places::Place& Places::Place::operator=(Place&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  places_ = std::exchange(other.places_, nullptr);
  client_ = other.client_;
  stranger_ = other.stranger_;
  of_client_ = other.of_client_;
  of_network_ = other.of_network_;
  return *this;
}

Places::Place::~Place() { give_back(); }

void Places::Place::give_back() {
  if (places_ == nullptr) return;
  auto& counts = *std::exchange(places_, nullptr)->shards_;
  if (of_network_) counts.uncount_network(client_);
  if (of_client_) counts.clients.leave(client_.client_key());
  if (stranger_) counts.others.fetch_sub(1, std::memory_order_relaxed);
  counts.total.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace ravelin::proxy
