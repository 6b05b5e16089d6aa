// FNV-1a with 64 bits: the same number for the same octets, for ever and on every machine. For
// names of crowds, never where somebody could gain by two things that have the same number: that is
// SipHash's (hash.h).                                        Fowler, Noll and Vo, 1991
#pragma once

#include <cstdint>
#include <string_view>

namespace ravelin::proxy {

class Fnv {
 public:
  constexpr Fnv() = default;
  explicit constexpr Fnv(uint64_t state) : state_(state) {}

  constexpr Fnv& octet(uint8_t octet) { return mix(octet); }
  // Mixed in at once, which is not its octets one after the other.
  constexpr Fnv& mix(uint64_t value) {
    state_ = (state_ ^ value) * kPrime;
    return *this;
  }
  // The lowest octet first.
  constexpr Fnv& number(uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) octet(static_cast<uint8_t>(value >> shift));
    return *this;
  }
  // And where it ends, so that ("ab", "c") is not ("a", "bc").
  constexpr Fnv& text(std::string_view text) {
    for (const char byte : text) octet(static_cast<uint8_t>(byte));
    return octet(0xff);
  }
  constexpr uint64_t value() const { return state_; }

  static constexpr uint64_t kBasis = 0xcbf29ce484222325;

 private:
  static constexpr uint64_t kPrime = 0x100000001b3;

  uint64_t state_ = kBasis;
};

}  // namespace ravelin::proxy
