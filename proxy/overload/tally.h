// What happened on one worker, as numbers that only grow: the main thread takes differences.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "dns/latencies.h"

namespace ravelin::proxy {

// What of a tally was read, or the sum of several.
struct TallySums {
  uint64_t arrivals = 0;              // connections, with those that got no place
  uint64_t turned_away = 0;           // strangers that got no place, each once in Pressure::kWindow
  uint64_t new_sources = 0;           // without standing, and not seen for a while
  uint64_t mails = 0;                 // MAIL of clients without standing
  uint64_t null_senders = 0;          // of these, MAIL FROM:<>
  uint64_t answers = 0;               // about recipients, to clients without standing
  uint64_t unknown = 0;               // of these, "no such user"
  uint64_t questions = 0;             // that the backend itself answered, or should have
  std::chrono::nanoseconds waited{};  // for all |questions| together

  TallySums& operator+=(const TallySums& other);
  TallySums operator-(const TallySums& earlier) const;
};

// Written by its worker's thread, read by any.
class Tally {
 public:
  void arrival(bool new_source) {
    add(arrivals_, 1);
    if (new_source) add(new_sources_, 1);
  }
  void turned_away() { add(turned_away_, 1); }
  void mail(bool null_sender) {
    add(mails_, 1);
    if (null_sender) add(null_senders_, 1);
  }
  void answer(bool unknown) {
    add(answers_, 1);
    if (unknown) add(unknown_, 1);
  }
  void waited(std::chrono::nanoseconds time) {
    add(questions_, 1);
    add(waited_, static_cast<uint64_t>(time.count()));
    verifications_.add(time);
  }
  // The worker came so late to something that was due.
  void late(std::chrono::nanoseconds lag) {
    lags_.add(lag);
    if (lag.count() > lag_.load(std::memory_order_relaxed))
      lag_.store(lag.count(), std::memory_order_relaxed);
  }

  TallySums read() const;
  dns::Latencies::Sums verifications() const { return verifications_.read(); }  // of |questions|
  dns::Latencies::Sums lags() const { return lags_.read(); }
  // The worst since the last call.
  std::chrono::nanoseconds take_lag() {
    return std::chrono::nanoseconds(lag_.exchange(0, std::memory_order_relaxed));
  }

 private:
  using Count = std::atomic<uint64_t>;
  // One thread writes, so no locked addition is needed.
  static void add(Count& count, uint64_t more) {
    count.store(count.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
  }

  Count arrivals_{0};
  Count turned_away_{0};
  Count new_sources_{0};
  Count mails_{0};
  Count null_senders_{0};
  Count answers_{0};
  Count unknown_{0};
  Count questions_{0};
  Count waited_{0};  // ns
  std::atomic<int64_t> lag_{0};
  dns::Latencies verifications_, lags_;
};

}  // namespace ravelin::proxy
