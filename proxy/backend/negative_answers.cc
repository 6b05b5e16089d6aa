#include "proxy/backend/negative_answers.h"

#include <functional>
#include <utility>

#include "dns/idn.h"
#include "smtp/address.h"

namespace ravelin::proxy {
namespace {

size_t texts_of(const std::string& key, const SharedAnswer& answer) {
  const auto& lines = answer.reply.lines;
  size_t sum = dns::heap_of(key) + dns::heap_of(answer.relay) + dns::heap_of(answer.said);
  if (!lines.empty()) sum += dns::heap_block(lines.capacity() * sizeof(std::string));
  for (const auto& line : lines) sum += dns::heap_of(line);
  return sum;
}

}  // namespace

// A space cannot be in a route's name or begin an address that was parsed.
std::string NegativeAnswers::key_of(std::string_view route, std::string_view recipient) {
  std::string key;
  key.reserve(route.size() + 1 + recipient.size());
  key += route;
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
    shard.put(std::move(key), answer, now + ttl);
    // Every addition takes at most one out: the order holds each entry at least once.
    while (shard.order.size() > most_per_shard_) shard.drop_oldest();
  });
}

void NegativeAnswers::Shard::put(std::string key, const SharedAnswer& answer, dns::Time until) {
  order.push_back(key);  // first: an entry that it does not name would stay for ever
  texts += dns::heap_of(order.back());
  erase(key);
  const auto made = entries.emplace(std::move(key), Entry{answer, until}).first;
  texts += texts_of(made->first, made->second.answer);
}

void NegativeAnswers::Shard::erase(const std::string& key) {
  const auto found = entries.find(key);
  if (found == entries.end()) return;
  texts -= texts_of(found->first, found->second.answer);
  entries.erase(found);
}

void NegativeAnswers::Shard::drop_oldest() {
  erase(order.front());
  texts -= dns::heap_of(order.front());
  order.pop_front();
}

void NegativeAnswers::accepted(std::string_view route, std::string_view recipient) {
  const auto key = key_of(route, recipient);
  shard_of(key).with([&](Shard& shard) { shard.erase(key); });
}

size_t NegativeAnswers::forget(std::string_view address_or_domain) {
  const auto domain = address_or_domain.rfind('@') + 1;  // without an @ all of it
  const auto local = smtp::to_lower(address_or_domain.substr(0, domain));
  const auto wanted = (local.empty() ? "@" : " " + local) +
                      smtp::to_lower(dns::to_a_labels(address_or_domain.substr(domain)));
  size_t count = 0;
  for (auto& guarded : shards_) {
    count += guarded.with([&](Shard& shard) {
      return std::erase_if(shard.entries, [&](const auto& entry) {
        const bool gone = smtp::to_lower(entry.first).ends_with(wanted);
        if (gone) shard.texts -= texts_of(entry.first, entry.second.answer);
        return gone;
      });
    });
  }
  return count;
}

void NegativeAnswers::clear() {
  for (auto& guarded : shards_) guarded.with([](Shard& shard) { shard = {}; });
}

size_t NegativeAnswers::size() const { return occupancy().entries; }

dns::Occupancy NegativeAnswers::occupancy() const {
  dns::Occupancy sum{0, most_per_shard_ * kShards, 0};
  for (const auto& guarded : shards_)
    guarded.with([&](const Shard& shard) {
      sum.entries += shard.entries.size();
      sum.bytes += dns::heap_of_nodes(shard.entries) + shard.order.size() * sizeof(std::string) +
                   shard.texts;
    });
  return sum;
}

}  // namespace ravelin::proxy
