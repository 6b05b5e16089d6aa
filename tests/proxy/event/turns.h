// A real loop, turned until something has happened; a test that waits in vain fails, it never
// hangs.
#pragma once

#include <chrono>

#include "proxy/event/loop.h"
#include "proxy/event/system_clock.h"

namespace ravelin::test {

using namespace std::chrono_literals;

struct Turns {
  proxy::Loop loop{proxy::SystemClock::instance()};

  // Turns until |done|; false if it is not done after |limit|.
  template <class Done>
  bool until(const Done& done, std::chrono::milliseconds limit = 10s) {
    bool late = false;
    const auto timer = loop.timer(limit, [&late] { late = true; });
    while (!done() && !late) loop.turn();
    return done();
  }
  // The same without sleeping: for what |done| itself brings about, or looks up.
  template <class Done>
  bool poll_until(const Done& done) {
    bool late = false;
    const auto timer = loop.timer(10s, [&late] { late = true; });
    while (!done() && !late) poll(1);
    return done();
  }
  // Turns |count| times without sleeping.
  void poll(int count = 5) {
    for (int i = 0; i < count; ++i) {
      const auto awake = loop.defer([] {});
      loop.turn();
    }
  }
};

}  // namespace ravelin::test
