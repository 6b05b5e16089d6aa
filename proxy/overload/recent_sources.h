// Which clients were here lately, in Bloom filters, so that memory is bounded whoever comes; now
// and then a new client is taken for a known one, never the other way round.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "dns/ip.h"
#include "dns/reactor.h"

namespace ravelin::proxy {

// A set of clients; an IPv6 /64 is one. Thread-safe.
class ClientFilter {
 public:
  explicit ClientFilter(size_t bits);  // a multiple of 64; eight for each client are good

  bool insert(const dns::IpAddress& client);  // true if it was not there
  bool contains(const dns::IpAddress& client) const;
  void clear();

 private:
  std::vector<std::atomic<uint64_t>> words_;
};

// For the rate of new clients. Thread-safe; one per process. 512 kB.
class RecentSources {
 public:
  // True if |client| was not seen for between kSpan and twice that; now it is.
  bool is_new(const dns::IpAddress& client);
  // From one thread, now and then: forgets what is older.
  void sweep(dns::Time now);

  static constexpr std::chrono::minutes kSpan{10};

 private:
  static constexpr size_t kBits = size_t{1} << 21;

  std::array<ClientFilter, 2> halves_{ClientFilter(kBits), ClientFilter(kBits)};  // take turns
  std::atomic<uint32_t> current_{0};
  dns::Time turned_{};
  bool begun_ = false;
};

}  // namespace ravelin::proxy
