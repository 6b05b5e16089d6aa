#include "tests/bench/drill/loop.h"

#include <sys/resource.h>

#include <ctime>
#include <new>
#include <utility>

namespace ravelin::drill {

namespace {

// For so long the load's events are seen to before those measured are looked for. Not for fewer of
// them: each look costs what all that is ready costs.
constexpr timeval kLoadTime{0, 5000};

}  // namespace

Loop::Loop() {
  event_config* const config = event_config_new();
  if (config == nullptr) throw std::bad_alloc();
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
  event_config_set_max_dispatch_interval(config, &kLoadTime, -1, static_cast<int>(Turn::Load));
  base_ = event_base_new_with_config(config);
  event_config_free(config);
  if (base_ == nullptr) throw std::bad_alloc();
  event_base_priority_init(base_, 1 + static_cast<int>(Turn::Load));
}

Loop::~Loop() { event_base_free(base_); }

void Loop::run() { event_base_loop(base_, EVLOOP_NO_EXIT_ON_EMPTY); }

void Loop::stop() { event_base_loopbreak(base_); }

Seconds Loop::now() const {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return Seconds(static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9);
}

Timer::Timer(Loop& loop, Turn turn) {
  const auto fire = [](evutil_socket_t, short, void* self) {
    // To the stack first: the call may set the timer anew.
    const auto done = std::exchange(static_cast<Timer*>(self)->done_, nullptr);
    if (done) done();
  };
  evtimer_assign(&event_, loop.base(), fire, this);
  event_priority_set(&event_, static_cast<int>(turn));
}

void Timer::set(Seconds after, std::function<void()> done) {
  done_ = std::move(done);
  const double seconds = after.count() > 0 ? after.count() : 0;
  timeval time{};
  time.tv_sec = static_cast<time_t>(seconds);
  time.tv_usec = static_cast<suseconds_t>((seconds - static_cast<double>(time.tv_sec)) * 1e6);
  evtimer_add(&event_, &time);
}

void Timer::cancel() {
  evtimer_del(&event_);
  done_ = nullptr;
}

SignalWatch::SignalWatch(Loop& loop, int number, std::function<void()> heard)
    : heard_(std::move(heard)) {
  const auto fire = [](evutil_socket_t, short, void* self) {
    static_cast<SignalWatch*>(self)->heard_();
  };
  evsignal_assign(&event_, loop.base(), number, fire, this);
  evsignal_add(&event_, nullptr);
}

SignalWatch::~SignalWatch() { evsignal_del(&event_); }

size_t raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

}  // namespace ravelin::drill
