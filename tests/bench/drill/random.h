// Chance that can be repeated: everybody who needs it has a generator of its own, made from the
// run's seed and his number, so that the order of events does not change what he does.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace ravelin::drill {

// SplitMix64: eight octets of state, where std::mt19937 has 2.5 kB, for thousands of dialogs.
class Random {
 public:
  Random(uint64_t seed, uint64_t number) : state_(seed * 0x9e3779b97f4a7c15 + number) { next(); }

  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // In [0, 1).
  double fraction() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  size_t below(size_t n) { return static_cast<size_t>(next() % n); }
  bool chance(double share) { return fraction() < share; }
  // Of mean |mean|: the gaps of a Poisson process.
  double exponential(double mean) { return -mean * std::log(1 - fraction()); }
  // |value| give or take |share| of it.
  double jitter(double value, double share) { return value * (1 + share * (2 * fraction() - 1)); }

 private:
  uint64_t state_;
};

}  // namespace ravelin::drill
