#include "proxy/overload/recent_sources.h"

namespace ravelin::proxy {
namespace {

// Two bits for each, of one hash: with 50,000 clients in two million bits one of 500 is taken for
// known.
std::array<uint64_t, 2> bits_of(const dns::IpAddress& client, size_t of) {
  const auto hash = dns::IpHash()(client.client_key());
  return {hash % of, (hash >> 32) % of};
}

uint64_t mask_of(uint64_t bit) { return uint64_t{1} << (bit % 64); }

}  // namespace

ClientFilter::ClientFilter(size_t bits) : words_(bits / 64) {}

bool ClientFilter::insert(const dns::IpAddress& client) {
  bool fresh = false;
  for (const auto bit : bits_of(client, words_.size() * 64)) {
    auto& word = words_[bit / 64];
    if ((word.load(std::memory_order_relaxed) & mask_of(bit)) != 0) continue;
    if ((word.fetch_or(mask_of(bit), std::memory_order_relaxed) & mask_of(bit)) == 0) fresh = true;
  }
  return fresh;
}

bool ClientFilter::contains(const dns::IpAddress& client) const {
  bool there = true;
  for (const auto bit : bits_of(client, words_.size() * 64))
    there = there && (words_[bit / 64].load(std::memory_order_relaxed) & mask_of(bit)) != 0;
  return there;
}

void ClientFilter::clear() {
  for (auto& word : words_) word.store(0, std::memory_order_relaxed);
}

bool RecentSources::is_new(const dns::IpAddress& client) {
  const auto current = current_.load(std::memory_order_relaxed);
  const bool before = halves_[current ^ 1].contains(client);
  return halves_[current].insert(client) && !before;
}

void RecentSources::sweep(dns::Time now) {
  if (!begun_ || now - turned_ < kSpan) {
    if (!begun_) turned_ = now;
    begun_ = true;
    return;
  }
  turned_ = now;
  const auto next = current_.load(std::memory_order_relaxed) ^ 1;
  halves_[next].clear();
  current_.store(next, std::memory_order_relaxed);
}

}  // namespace ravelin::proxy
