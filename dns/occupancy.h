// How full a bounded table is and what it takes, for whoever wants to know where memory goes. The
// octets are what glibc sets aside, from sizes that are known: nothing is walked through for them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace ravelin::dns {

struct Occupancy {
  uint64_t entries = 0;
  uint64_t limit = 0;  // of entries
  uint64_t bytes = 0;
};

// What malloc() takes for |size| octets: a word in front, multiples of 16, 32 at least.
constexpr size_t heap_block(size_t size) {
  return std::max<size_t>(32, (size + sizeof(size_t) + 15) / 16 * 16);
}

// What |text| has outside of itself.
inline size_t heap_of(const std::string& text) {
  constexpr size_t kInside = 15;  // libstdc++'s
  return text.capacity() <= kInside ? 0 : heap_block(text.capacity() + 1);
}

// An unordered map's nodes (with a pointer and the hash in each) and its buckets, without what the
// values have elsewhere.
template <class Map>
size_t heap_of_nodes(const Map& map) {
  constexpr size_t kNode = heap_block(sizeof(typename Map::value_type) + 2 * sizeof(void*));
  return map.size() * kNode + map.bucket_count() * sizeof(void*);
}

}  // namespace ravelin::dns
