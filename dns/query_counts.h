// What a resolver was asked, as numbers that only grow. Written by its thread, read by any.
#pragma once

#include <atomic>
#include <cstdint>

#include "dns/latencies.h"

namespace ravelin::dns {

struct QuerySums {
  uint64_t cached = 0;   // questions that the cache answered
  uint64_t failed = 0;   // of those that were sent, without an answer to go by
  uint64_t refused = 0;  // not sent: too many were on their way
  Latencies::Sums took;  // of those that were sent

  QuerySums& operator+=(const QuerySums& other) {
    cached += other.cached;
    failed += other.failed;
    refused += other.refused;
    took += other.took;
    return *this;
  }
};

class QueryCounts {
 public:
  void cached() { add(cached_); }
  void refused() { add(refused_); }
  void answered(std::chrono::nanoseconds took, bool failed) {
    took_.add(took);
    if (failed) add(failed_);
  }
  QuerySums read() const {
    return {.cached = cached_.load(std::memory_order_relaxed),
            .failed = failed_.load(std::memory_order_relaxed),
            .refused = refused_.load(std::memory_order_relaxed),
            .took = took_.read()};
  }

 private:
  using Count = std::atomic<uint64_t>;
  static void add(Count& count) {
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  Count cached_{0}, failed_{0}, refused_{0};
  Latencies took_;
};

}  // namespace ravelin::dns
