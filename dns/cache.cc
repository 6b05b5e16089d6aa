#include "dns/cache.h"

#include <algorithm>
#include <functional>

namespace ravelin::dns {
namespace {

std::chrono::seconds lifetime(Status status, std::optional<std::chrono::seconds> ttl) {
  if (status == Status::TempFail) return DnsCache::kTempFail;
  return std::clamp(ttl.value_or(DnsCache::kNoWithoutSoa), DnsCache::kFloor, DnsCache::kCap);
}

template <class T>
size_t heap_of_elements(const std::vector<T>& all) {
  return all.empty() ? 0 : heap_block(all.capacity() * sizeof(T));
}

size_t heap_of_answer(const Answer& answer) {
  size_t sum = heap_block(sizeof answer + 2 * sizeof(void*)) + heap_of_elements(answer.addresses) +
               heap_of_elements(answer.names) + heap_of_elements(answer.mx);
  for (const auto& name : answer.names) sum += heap_of(name);
  for (const auto& mx : answer.mx) sum += heap_of(mx.exchange);
  return sum;
}

// The nodes of a map and of a set have four words of their own, that of a list has two.
template <class Value>
size_t heap_of_entry(const Value& entry) {
  constexpr size_t kNodes = heap_block(sizeof(Value) + 4 * sizeof(void*)) +
                            heap_block(5 * sizeof(void*)) + heap_block(3 * sizeof(void*));
  return kNodes + heap_of(entry.first.second) + heap_of_answer(*entry.second.answer);
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
    shard.bytes = 0;
  }
}

size_t DnsCache::size() const { return occupancy().entries; }

Occupancy DnsCache::occupancy() const {
  Occupancy sum{0, shard_capacity_ * shards_.size(), 0};
  for (const auto& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum.entries += shard.entries.size();
    sum.bytes += shard.bytes;
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
  bytes += heap_of_entry(*entry);
}

void DnsCache::Shard::make_room(size_t capacity, Time now) {
  while (entries.size() >= capacity) {
    const auto next = *expiries.begin();
    erase(next->second.expires <= now ? next : ages.front());
  }
}

void DnsCache::Shard::erase(Map::iterator entry) {
  bytes -= heap_of_entry(*entry);
  expiries.erase(entry);
  ages.erase(entry->second.age);
  entries.erase(entry);
}

}  // namespace ravelin::dns
