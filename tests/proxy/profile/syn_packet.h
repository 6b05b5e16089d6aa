// Headers of a SYN, made by hand.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace ravelin::test {

using Octets = std::vector<uint8_t>;

inline Octets operator+(Octets a, const Octets& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// Options, as they stand on the wire.
namespace option {
inline const Octets kEnd = {0};
inline const Octets kNop = {1};
inline const Octets kSack = {4, 2};
inline const Octets kTime = {8, 10, 0, 1, 2, 3, 0, 0, 0, 0};
inline Octets mss(uint16_t value) {
  return {2, 4, static_cast<uint8_t>(value >> 8), static_cast<uint8_t>(value)};
}
inline Octets scale(uint8_t shift) { return {3, 3, shift}; }
}  // namespace option

inline Octets all(std::initializer_list<Octets> parts) {
  Octets whole;
  for (const auto& part : parts) whole = std::move(whole) + part;
  return whole;
}

// |options| of a length that is a multiple of four, at most 40.
inline Octets tcp(const Octets& options, uint16_t window = 64240, uint8_t flags = 0x02) {
  return Octets{0x9c,
                0x40,
                0,
                25,
                1,
                2,
                3,
                4,
                0,
                0,
                0,
                0,
                static_cast<uint8_t>((5 + options.size() / 4) << 4),
                flags,
                static_cast<uint8_t>(window >> 8),
                static_cast<uint8_t>(window),
                0,
                0,
                0,
                0} +
         options;
}
inline Octets v4(uint8_t ttl, const Octets& behind, const Octets& ip_options = {}) {
  return Octets{static_cast<uint8_t>(0x45 + ip_options.size() / 4),
                0,
                0,
                60,
                0,
                0,
                0x40,
                0,
                ttl,
                6,
                0,
                0,
                192,
                0,
                2,
                1,
                192,
                0,
                2,
                25} +
         ip_options + behind;
}
inline Octets v6(uint8_t hops, const Octets& behind, uint8_t next = 6) {
  Octets header(40);
  header[0] = 0x60;
  header[6] = next;
  header[7] = hops;
  return header + behind;
}

}  // namespace ravelin::test
