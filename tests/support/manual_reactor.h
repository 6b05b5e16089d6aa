// A loop that a test turns by hand, with a clock that the test moves.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "dns/reactor.h"
#include "proxy/event/clock.h"
#include "support/memory_failure.h"

namespace ravelin::test {

class ManualClock final : public proxy::Clock {
 public:
  dns::Time boot() const override { return boot_; }
  proxy::Wall wall() const override { return wall_; }

  void advance(std::chrono::nanoseconds by) {
    boot_ += by;
    wall_ += std::chrono::duration_cast<proxy::Wall::duration>(by);
  }
  void jump_wall(std::chrono::nanoseconds by) {
    wall_ += std::chrono::duration_cast<proxy::Wall::duration>(by);
  }

 private:
  dns::Time boot_{std::chrono::hours(1)};
  proxy::Wall wall_{std::chrono::seconds(1'780'000'000)};
};

class ManualReactor final : public dns::Reactor {
 public:
  explicit ManualReactor(ManualClock& clock) : clock_(clock) {}

  dns::Handle watch(int, bool, bool, std::function<void(Ready)>) override {
    return std::make_unique<dns::Pending>();
  }
  dns::Handle timer(std::chrono::nanoseconds after, Callback done) override {
    auto slot = std::make_shared<Callback>(std::move(done));
    auto handle = std::make_unique<Slot>(slot);
    timers_.emplace(clock_.boot() + after, std::move(slot));
    return handle;
  }
  dns::Handle defer(Callback done) override {
    auto slot = std::make_shared<Callback>(std::move(done));
    auto handle = std::make_unique<Slot>(slot);
    deferred_.push_back(std::move(slot));
    return handle;
  }
  void retire(std::shared_ptr<dns::Retirable> object) noexcept override {
    retired_.push_back(std::move(object));
  }
  dns::Time now() const override { return clock_.boot(); }

  // Runs what is due until nothing is left to do at this time.
  void run() {
    for (bool more = true; more;) {
      more = false;
      while (!timers_.empty() && timers_.begin()->first <= now()) {
        const auto slot = timers_.begin()->second;
        timers_.erase(timers_.begin());
        more |= fire(*slot);
      }
      for (auto batch = std::exchange(deferred_, {}); const auto& slot : batch) more |= fire(*slot);
      if (more) continue;  // last, as in the loop: whoever is retired may be called until then
      const Program program;
      more = retired_.clear();
    }
  }
  // Moves the clock from timer to timer, running each at its time.
  void advance(std::chrono::nanoseconds by) {
    const auto end = now() + by;
    run();
    while (!timers_.empty() && timers_.begin()->first <= end) {
      const auto next = timers_.begin()->first;
      if (next > now()) clock_.advance(next - now());
      run();
    }
    clock_.advance(end - now());
    run();
  }
  // Timers that would still call somebody.
  size_t live_timers() const {
    size_t count = 0;
    for (const auto& [when, slot] : timers_) count += *slot ? 1 : 0;
    return count;
  }

 private:
  struct Slot final : dns::Pending {
    explicit Slot(std::shared_ptr<Callback> callback) : slot(std::move(callback)) {}
    ~Slot() override { *slot = nullptr; }
    std::shared_ptr<Callback> slot;
  };
  static bool fire(Callback& slot) {
    const auto callback = std::exchange(slot, nullptr);
    if (callback) survives(callback);
    return callback != nullptr;
  }

  ManualClock& clock_;
  std::multimap<dns::Time, std::shared_ptr<Callback>> timers_;
  std::deque<std::shared_ptr<Callback>> deferred_;
  dns::RetiredList retired_;
};

}  // namespace ravelin::test
