#include "proxy/overload/recent_sources.h"

namespace ravelin::proxy {

RecentSources::RecentSources() : halves_(std::make_unique<std::array<Half, 2>>()) {}

// Two bits for each, of one hash: with 50,000 sources in a half one of 500 is taken for known.
bool RecentSources::set(Half& half, uint64_t hash) {
  bool fresh = false;
  for (const auto bit : {hash % kBits, (hash >> 32) % kBits}) {
    const auto mask = uint64_t{1} << (bit % 64);
    auto& word = half[bit / 64];
    if ((word.load(std::memory_order_relaxed) & mask) != 0) continue;
    word.fetch_or(mask, std::memory_order_relaxed);
    fresh = true;
  }
  return fresh;
}

bool RecentSources::is_new(const dns::IpAddress& client) {
  const auto hash = dns::IpHash()(client.client_key());
  const auto current = current_.load(std::memory_order_relaxed);
  const auto& other = (*halves_)[current ^ 1];
  bool before = true;
  for (const auto bit : {hash % kBits, (hash >> 32) % kBits})
    before = before && (other[bit / 64].load(std::memory_order_relaxed) >> (bit % 64) & 1) != 0;
  return set((*halves_)[current], hash) && !before;
}

void RecentSources::sweep(dns::Time now) {
  if (!begun_ || now - turned_ < kSpan) {
    if (!begun_) turned_ = now;
    begun_ = true;
    return;
  }
  turned_ = now;
  const auto next = current_.load(std::memory_order_relaxed) ^ 1;
  for (auto& word : (*halves_)[next]) word.store(0, std::memory_order_relaxed);
  current_.store(next, std::memory_order_relaxed);
}

}  // namespace ravelin::proxy
