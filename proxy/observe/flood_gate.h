// How many lines a second go to the log. What is beyond that is counted by reason, and the counts
// become a few summary lines: an attack shall not fill the disk, nor hide.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dns/reactor.h"
#include "proxy/event/guarded.h"

namespace ravelin::proxy {

// Thread-safe.
class FloodGate {
 public:
  struct Held {
    std::string reason;
    uint64_t lines;
  };

  explicit FloodGate(uint32_t lines_per_second);  // 0: no limit

  // May a line be written at |now|? If not, it is counted under |reason|, of which so many
  // different ones are kept that a stranger who can invent some cannot fill the memory.
  bool admit(std::string_view reason, dns::Time now);
  void set_limit(uint32_t lines_per_second);

  // What was held back since the last call, in order of reason.
  std::vector<Held> take();
  uint64_t held() const { return held_.load(std::memory_order_relaxed); }  // ever

 private:
  // The second in the upper half, the lines admitted in it in the lower: one word, so that the
  // common way takes no lock.
  std::atomic<uint64_t> window_{0};
  std::atomic<uint32_t> limit_;
  std::atomic<uint64_t> held_{0};
  Guarded<std::map<std::string, uint64_t, std::less<>>> reasons_;
};

}  // namespace ravelin::proxy
