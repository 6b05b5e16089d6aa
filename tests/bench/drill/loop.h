// libevent's loop, a timer, and time. The drill has one thread.
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include <cstdint>
#include <functional>

#include "tests/bench/drill/units.h"

namespace ravelin::drill {

// Whose events come first: what is measured must not wait for thousands that are there to be a
// load.
enum class Turn : uint8_t { Measured, Load };

// Outlives all that was made with it.
class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run();
  void stop();          // after this turn
  Seconds now() const;  // of the monotonic clock
  event_base* base() const { return base_; }

 private:
  event_base* base_;
};

// Calls once, unless cancelled. It may be set anew or destroyed inside its call.
class Timer {
 public:
  explicit Timer(Loop& loop, Turn turn = Turn::Load);
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Replaces what was set before.
  void set(Seconds after, std::function<void()> done);
  void cancel();

 private:
  event event_{};
  std::function<void()> done_;
};

// Calls |heard| for each of the signals, in the loop.
class SignalWatch {
 public:
  SignalWatch(Loop& loop, int number, std::function<void()> heard);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  event event_{};
  std::function<void()> heard_;
};

// As many descriptors as the system allows this process; returns the limit.
size_t raise_descriptor_limit();

}  // namespace ravelin::drill
