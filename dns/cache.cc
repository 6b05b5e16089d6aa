#include "dns/cache.h"

#include <algorithm>
#include <functional>

namespace ravelin::dns {
namespace {

std::chrono::seconds lifetime(Status status, std::optional<std::chrono::seconds> ttl) {
  if (status == Status::TempFail) return DnsCache::kTempFail;
  return std::clamp(ttl.value_or(DnsCache::kNoWithoutSoa), DnsCache::kFloor, DnsCache::kCap);
}

}  // namespace

DnsCache::DnsCache(size_t max_entries)
    : shard_capacity_(std::max<size_t>(1, max_entries / std::tuple_size_v<decltype(shards_)>)) {}

// The hash only spreads the load over the locks; who aims at one shard gains nothing but a full
// shard, which costs others no more than a look-up.
DnsCache::Shard& DnsCache::shard_of(const Key& key) {
  const auto hash = std::hash<std::string>()(key.second) + static_cast<size_t>(key.first);
  return shards_[hash % shards_.size()];
}

std::optional<Answer> DnsCache::find(const Question& question, Time now) {
  const Key key(question.type, question.name);
  auto& shard = shard_of(key);
  std::shared_ptr<const Answer> answer;  // copied from outside the lock
  {
    const std::lock_guard lock(shard.mutex);
    const auto entry = shard.entries.find(key);
    if (entry == shard.entries.end() || entry->second.expires <= now) return {};
    answer = entry->second.answer;
  }
  return *answer;
}

void DnsCache::put(const Question& question, Answer answer, std::optional<std::chrono::seconds> ttl,
                   Time now) {
  const auto expires = now + lifetime(answer.status, ttl);
  auto kept = std::make_shared<const Answer>(std::move(answer));
  Key key(question.type, question.name);
  auto& shard = shard_of(key);

  const std::lock_guard lock(shard.mutex);
  if (const auto old = shard.entries.find(key); old != shard.entries.end()) {
    // Trouble does not displace an answer that still holds.
    if (kept->status == Status::TempFail && old->second.expires > now) return;
    shard.erase(old);
  }
  shard.make_room(shard_capacity_, now);
  shard.insert(std::move(key), std::move(kept), expires);
}

void DnsCache::clear() {
  for (auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    shard.expiries.clear();
    shard.ages.clear();
    shard.entries.clear();
  }
}

size_t DnsCache::size() const {
  size_t sum = 0;
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.entries.size();
  }
  return sum;
}

// All three or none: no memory in the middle must not leave an entry that erase() cannot take out.
void DnsCache::Shard::insert(Key key, std::shared_ptr<const Answer> answer, Time expires) {
  std::list<Map::iterator> age(1);
  const auto entry = entries.try_emplace(std::move(key)).first;
  age.front() = entry;
  entry->second = {std::move(answer), expires, age.begin()};
  try {
    expiries.insert(entry);
  } catch (...) {
    entries.erase(entry);
    throw;
  }
  ages.splice(ages.end(), age);
}

void DnsCache::Shard::make_room(size_t capacity, Time now) {
  while (entries.size() >= capacity) {
    const auto next = *expiries.begin();
    erase(next->second.expires <= now ? next : ages.front());
  }
}

void DnsCache::Shard::erase(Map::iterator entry) {
  expiries.erase(entry);
  ages.erase(entry->second.age);
  entries.erase(entry);
}

}  // namespace ravelin::dns
