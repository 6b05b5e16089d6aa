// SipHash-2-4 with 128 bits of result: the keys of the tables. Keyed, so that nobody outside can
// make entries collide, and wide, so that a collision by chance never lets a stranger in.
//                                   Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ravelin::proxy {

using HashKey = std::array<uint8_t, 16>;

// From the system's random source.
HashKey random_hash_key();

// 32-bit words, so that an entry of a table has no padding.
struct Hash128 {
  std::array<uint32_t, 4> words{};

  bool operator==(const Hash128&) const = default;
};

class Hasher {
 public:
  explicit Hasher(const HashKey& key);

  // A piece with its length in front, so that ("ab", "c") is not ("a", "bc").
  Hasher& add(std::string_view piece);
  Hasher& add_raw(std::string_view text);  // the plain function
  // Never all zeros in its first three words: tables mark free entries that way.
  Hash128 finish();

 private:
  void take(uint64_t bytes, size_t count);  // the first lowest; at most eight
  void absorb(uint64_t word);
  uint64_t squeeze();

  std::array<uint64_t, 4> v_;
  uint64_t pending_ = 0;  // bytes not yet absorbed, the first lowest
  uint64_t length_ = 0;   // bytes taken
};

}  // namespace ravelin::proxy
