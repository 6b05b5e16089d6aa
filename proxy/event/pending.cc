#include "proxy/event/pending.h"

#include <new>

namespace ravelin::proxy {

Timer::Timer(LoopCore& core, std::chrono::nanoseconds after, dns::Reactor::Callback done)
    : core_(core),
      due_(core.now() + after),
      done_(std::move(done)),
      event_(core.base(), -1, 0, &trampoline<Timer, &Timer::fire>, this) {
  arm(after);
}

void Timer::arm(std::chrono::nanoseconds after) {
  if (!event_.add(after)) throw std::bad_alloc();
}

// libevent counts on CLOCK_MONOTONIC_COARSE, which lags by a clock tick (up to 4 ms), so it may be
// early; the rest is waited for. Its precise timers are no cure: they cost a system call per turn.
void Timer::fire() {
  const auto left = due_ - core_.now();
  if (left > left.zero() && core_.guarded([&] { arm(left); })) return;
  const auto done = std::exchange(done_, nullptr);  // it may destroy this
  core_.guarded(done);
}

Periodic::Periodic(LoopCore& core, std::chrono::nanoseconds period, dns::Reactor::Callback tick)
    : core_(core),
      tick_(std::move(tick)),
      event_(core.base(), -1, EV_PERSIST, &trampoline<Periodic, &Periodic::fire>, this) {
  if (!event_.add(period)) throw std::bad_alloc();
}

Watch::Watch(LoopCore& core, int fd, bool read, bool write,
             std::function<void(dns::Reactor::Ready)> on_ready)
    : core_(core),
      on_ready_(std::move(on_ready)),
      event_(core.base(), fd,
             static_cast<short>(EV_PERSIST | (read ? EV_READ : 0) | (write ? EV_WRITE : 0)),
             &Watch::fire, this) {
  if (!event_.add()) throw std::bad_alloc();
}

void Watch::fire(evutil_socket_t, short what, void* self) noexcept {
  auto& watch = *static_cast<Watch*>(self);
  watch.on_ready_(watch.core_, {(what & EV_READ) != 0, (what & EV_WRITE) != 0});
}

}  // namespace ravelin::proxy
