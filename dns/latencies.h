// How long things took, counted by steps that are the same everywhere.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace ravelin::dns {

// Written by one thread, read by any.
class Latencies {
 public:
  // Upper bounds; what took longer than the last counts, too.
  static constexpr std::array<std::chrono::milliseconds, 14> kBounds = {
      std::chrono::milliseconds(1),      std::chrono::milliseconds(2),
      std::chrono::milliseconds(5),      std::chrono::milliseconds(10),
      std::chrono::milliseconds(25),     std::chrono::milliseconds(50),
      std::chrono::milliseconds(100),    std::chrono::milliseconds(250),
      std::chrono::milliseconds(500),    std::chrono::milliseconds(1000),
      std::chrono::milliseconds(2500),   std::chrono::milliseconds(5000),
      std::chrono::milliseconds(10'000), std::chrono::milliseconds(60'000)};

  struct Sums {
    std::array<uint64_t, kBounds.size() + 1> counts{};  // each for itself
    std::chrono::nanoseconds sum{};

    Sums& operator+=(const Sums& other) {
      for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
      sum += other.sum;
      return *this;
    }
  };

  void add(std::chrono::nanoseconds took) {
    const auto step = std::lower_bound(kBounds.begin(), kBounds.end(), took) - kBounds.begin();
    add(counts_[static_cast<size_t>(step)], 1);
    add(sum_, static_cast<uint64_t>(took.count()));
  }
  Sums read() const {
    Sums sums;
    for (size_t i = 0; i < counts_.size(); ++i)
      sums.counts[i] = counts_[i].load(std::memory_order_relaxed);
    sums.sum = std::chrono::nanoseconds(sum_.load(std::memory_order_relaxed));
    return sums;
  }

 private:
  using Count = std::atomic<uint64_t>;
  static void add(Count& count, uint64_t more) {  // one thread writes: no locked addition
    count.store(count.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }

  std::array<Count, kBounds.size() + 1> counts_{};
  Count sum_{0};  // ns
};

}  // namespace ravelin::dns
