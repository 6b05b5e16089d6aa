// What look-ups, dialogs and backends need of an event loop. The daemon's loop is
// proxy/event/loop.h; tests drive a loop of their own with a clock that they move by hand.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "dns/retired.h"

namespace ravelin::dns {

// Time since boot, suspended time included (CLOCK_BOOTTIME): it never jumps, and an age measured
// with it is what the client waited. It has no now(): time comes from the Reactor.
struct BootClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<BootClock>;
  static constexpr bool is_steady = true;
};
using Time = BootClock::time_point;

// Something that will call back. Destroying it cancels the callback; a callback may destroy its own
// handle.
class Pending {
 public:
  virtual ~Pending() = default;
};
using Handle = std::unique_ptr<Pending>;

// One per thread, used on that thread only. Nothing here calls back before it has returned.
class Reactor {
 public:
  using Callback = std::function<void()>;
  struct Ready {
    bool readable = false;
    bool writable = false;
  };

  virtual ~Reactor() = default;

  // Calls |on_ready| each time that |fd| is ready, for as long as the handle lives. The fd must
  // outlive the handle.
  [[nodiscard]] virtual Handle watch(int fd, bool read, bool write,
                                     std::function<void(Ready)> on_ready) = 0;
  // Calls |done| once, |after| from now at the earliest; after <= 0 means in the next turn.
  [[nodiscard]] virtual Handle timer(std::chrono::nanoseconds after, Callback done) = 0;
  // Calls |done| once at the end of this turn, when no C library is on the stack.
  [[nodiscard]] virtual Handle defer(Callback done) = 0;
  // Destroys |object| at the end of this turn: how an object ends from inside its own call.
  // Needs no memory.
  virtual void retire(std::shared_ptr<Retirable> object) noexcept = 0;

  virtual Time now() const = 0;  // as of the start of this turn
};

}  // namespace ravelin::dns
