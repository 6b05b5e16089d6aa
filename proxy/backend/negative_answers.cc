#include "proxy/backend/negative_answers.h"

#include <functional>
#include <utility>

#include "smtp/address.h"

namespace ravelin::proxy {

// A space cannot be in a route's name or begin an address that was parsed.
std::string NegativeAnswers::key_of(std::string_view route, std::string_view recipient) {
  std::string key(route);
  key += ' ';
  return key += recipient;
}

Guarded<NegativeAnswers::Shard>& NegativeAnswers::shard_of(const std::string& key) {
  return shards_[std::hash<std::string>{}(key) % kShards];
}
const Guarded<NegativeAnswers::Shard>& NegativeAnswers::shard_of(const std::string& key) const {
  return shards_[std::hash<std::string>{}(key) % kShards];
}

std::optional<SharedAnswer> NegativeAnswers::find(std::string_view route,
                                                  std::string_view recipient, dns::Time now) const {
  const auto key = key_of(route, recipient);
  return shard_of(key).with([&](const Shard& shard) -> std::optional<SharedAnswer> {
    const auto found = shard.entries.find(key);
    if (found == shard.entries.end() || found->second.until <= now) return {};
    return found->second.answer;
  });
}

void NegativeAnswers::add(std::string_view route, std::string_view recipient,
                          const SharedAnswer& answer, std::chrono::nanoseconds ttl, dns::Time now) {
  if (ttl <= std::chrono::nanoseconds::zero()) return;
  auto key = key_of(route, recipient);
  shard_of(key).with([&](Shard& shard) {
    auto& entry = shard.entries[key];
    entry = {answer, now + ttl};
    shard.order.push_back(std::move(key));
    // Every addition takes at most one out: the order holds each entry at least once.
    while (shard.order.size() > most_per_shard_) {
      shard.entries.erase(shard.order.front());
      shard.order.pop_front();
    }
  });
}

void NegativeAnswers::accepted(std::string_view route, std::string_view recipient) {
  const auto key = key_of(route, recipient);
  shard_of(key).with([&](Shard& shard) { shard.entries.erase(key); });
}

size_t NegativeAnswers::forget(std::string_view address_or_domain) {
  const bool domain = address_or_domain.find('@') == std::string_view::npos;
  const auto wanted = (domain ? "@" : " ") + smtp::to_lower(address_or_domain);
  size_t count = 0;
  for (auto& guarded : shards_) {
    count += guarded.with([&](Shard& shard) {
      return std::erase_if(shard.entries, [&](const auto& entry) {
        return smtp::to_lower(entry.first).ends_with(wanted);
      });
    });
  }
  return count;
}

void NegativeAnswers::clear() {
  for (auto& guarded : shards_) guarded.with([](Shard& shard) { shard = {}; });
}

size_t NegativeAnswers::size() const {
  size_t count = 0;
  for (const auto& guarded : shards_)
    count += guarded.with([](const Shard& shard) { return shard.entries.size(); });
  return count;
}

}  // namespace ravelin::proxy
