// Which clients were here lately: for the rate of new ones. A Bloom filter of two halves that take
// turns, so that memory is bounded whoever comes; now and then a new client is taken for a known
// one, never the other way round.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "dns/ip.h"
#include "dns/reactor.h"

namespace ravelin::proxy {

// Thread-safe; one per process. 512 kB.
class RecentSources {
 public:
  RecentSources();

  // True if |client| was not seen for between kSpan and twice that; now it is.
  bool is_new(const dns::IpAddress& client);
  // From one thread, now and then: forgets what is older.
  void sweep(dns::Time now);

  static constexpr std::chrono::minutes kSpan{10};

 private:
  static constexpr size_t kBits = size_t{1} << 21;  // of each half
  using Half = std::array<std::atomic<uint64_t>, kBits / 64>;

  static bool set(Half& half, uint64_t hash);

  const std::unique_ptr<std::array<Half, 2>> halves_;
  std::atomic<uint32_t> current_{0};
  dns::Time turned_{};
  bool begun_ = false;
};

}  // namespace ravelin::proxy
