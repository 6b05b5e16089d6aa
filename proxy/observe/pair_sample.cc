#include "proxy/observe/pair_sample.h"

#include <algorithm>

#include "proxy/state/fnv.h"

namespace ravelin::proxy {
namespace {

// The lowest of FNV's octets move most; the highest decide here.
uint64_t spread(uint64_t hash) {
  hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9;
  hash = (hash ^ hash >> 27) * 0x94d049bb133111eb;
  return hash ^ hash >> 31;
}

}  // namespace

bool PairSample::add(std::string_view from, std::string_view to) {
  const auto hash = spread(Fnv().text(from).text(to).value());
  const auto at =
      std::lower_bound(pairs_.begin(), pairs_.end(), hash,
                       [](const Pair& one, uint64_t value) { return one.hash < value; });
  if (at != pairs_.end() && at->hash == hash) {
    if (at->count == UINT32_MAX) return false;
    ++at->count;
    return true;
  }
  if (at == pairs_.end() && pairs_.size() >= kPairs) return false;
  std::string text;
  text.reserve(from.size() + to.size() + 1);
  text.append(from).append(1, ',').append(to);
  bytes_ += sizeof(Pair) + text.capacity();
  pairs_.insert(at, {hash, 1, std::move(text)});
  if (pairs_.size() > kPairs) {
    bytes_ -= sizeof(Pair) + pairs_.back().text.capacity();
    pairs_.pop_back();
  }
  return true;
}

std::string PairSample::text() const {
  std::string out = "[";
  for (const auto& pair : pairs_) {
    if (out.size() > 1) out += ',';
    out.append(1, '[').append(pair.text).append(1, ',').append(std::to_string(pair.count));
    out += ']';
  }
  return out + ']';
}

}  // namespace ravelin::proxy
