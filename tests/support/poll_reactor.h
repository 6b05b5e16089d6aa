// A real loop on poll(), small: for code that needs real sockets but not libevent.
#pragma once

#include <poll.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "dns/reactor.h"

namespace ravelin::test {

class PollReactor final : public dns::Reactor {
 public:
  PollReactor() { read_clock(); }

  dns::Handle watch(int fd, bool read, bool write, std::function<void(Ready)> on_ready) override {
    const int events = (read ? POLLIN : 0) | (write ? POLLOUT : 0);
    auto watch = std::make_shared<Watch>(
        Watch{fd, static_cast<short>(events),
              std::make_shared<std::function<void(Ready)>>(std::move(on_ready))});
    watches_.push_back(watch);
    return hold(watch);
  }
  dns::Handle timer(std::chrono::nanoseconds after, Callback done) override {
    auto timer = std::make_shared<Callback>(std::move(done));
    timers_.emplace(now_ + after, timer);
    return hold(timer);
  }
  dns::Handle defer(Callback done) override {
    auto deferred = std::make_shared<Callback>(std::move(done));
    deferred_.push_back(deferred);
    return hold(deferred);
  }
  void retire(std::shared_ptr<dns::Retirable> object) noexcept override {
    retired_.push_back(std::move(object));
  }
  dns::Time now() const override { return now_; }

  // Moves the loop's clock, on top of the real one; not that of any C library.
  void skip(std::chrono::nanoseconds by) {
    skipped_ += by;
    read_clock();
  }

  // Turns the loop until |done| says so. The bound is for broken code only.
  template <typename Done>
  void run_until(Done done) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done()) {
      REQUIRE(std::chrono::steady_clock::now() < give_up);
      turn();
    }
  }
  void turn() {
    wait();
    read_clock();
    run_timers();
    for (const auto& one : std::exchange(deferred_, {})) fire(one);
    retired_.clear();
  }

 private:
  struct Watch {
    int fd;
    short events;
    std::shared_ptr<std::function<void(Ready)>> on_ready;
  };
  using WeakWatch = std::weak_ptr<Watch>;
  struct Owner final : dns::Pending {
    explicit Owner(std::shared_ptr<void> what) : held(std::move(what)) {}
    std::shared_ptr<void> held;
  };
  // The loop keeps weak pointers: what has no handle any more is forgotten.
  static dns::Handle hold(std::shared_ptr<void> what) {
    return std::make_unique<Owner>(std::move(what));
  }
  static void fire(const std::weak_ptr<Callback>& one) {
    if (const auto alive = one.lock()) {
      const auto callback = std::move(*alive);
      callback();
    }
  }

  void read_clock() {
    now_ = dns::Time(std::chrono::steady_clock::now().time_since_epoch() + skipped_);
  }
  void run_timers() {
    while (!timers_.empty() && timers_.begin()->first <= now_) {
      const auto due = timers_.begin()->second;
      timers_.erase(timers_.begin());
      fire(due);
    }
  }
  void wait() {
    watches_.remove_if([](const WeakWatch& watch) { return watch.expired(); });
    std::vector<pollfd> fds;
    const std::vector<WeakWatch> polled(watches_.begin(), watches_.end());
    for (const auto& weak : polled) fds.push_back({weak.lock()->fd, weak.lock()->events, 0});
    poll(fds.data(), fds.size(), patience());
    for (size_t i = 0; i < fds.size(); ++i) {
      const auto watch = fds[i].revents == 0 ? nullptr : polled[i].lock();
      if (!watch) continue;
      const auto on_ready = watch->on_ready;
      const bool broken = (fds[i].revents & (POLLERR | POLLHUP)) != 0;
      (*on_ready)({(watch->events & POLLIN) != 0 && (broken || (fds[i].revents & POLLIN) != 0),
                   (watch->events & POLLOUT) != 0 && (broken || (fds[i].revents & POLLOUT) != 0)});
    }
  }
  int patience() const {  // milliseconds
    if (!deferred_.empty() || !retired_.empty()) return 0;
    if (timers_.empty()) return 50;
    const auto left = timers_.begin()->first - now_;
    if (left <= std::chrono::nanoseconds(0)) return 0;
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
  }

  dns::Time now_{};
  std::chrono::nanoseconds skipped_{};
  std::list<WeakWatch> watches_;
  std::multimap<dns::Time, std::weak_ptr<Callback>> timers_;
  std::vector<std::weak_ptr<Callback>> deferred_;
  dns::RetiredList retired_;
};

}  // namespace ravelin::test
