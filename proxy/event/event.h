// A libevent event as a member: armed and disarmed by name, removed when it is destroyed. Included
// only by .cc files of this folder and by its own inner headers.
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include <chrono>

namespace ravelin::proxy {

// A C callback that calls a member function. An exception that gets this far has no one left to
// handle it, and must not unwind libevent's frames: noexcept makes it end the process.
template <class T, void (T::*method)()>
void trampoline(evutil_socket_t, short, void* self) noexcept {
  (static_cast<T*>(self)->*method)();
}

// Rounded up: a timer must not fire early. < 0 counts as 0.
inline timeval to_timeval(std::chrono::nanoseconds time) {
  const auto micros = std::chrono::ceil<std::chrono::microseconds>(time).count();
  if (micros <= 0) return {0, 0};
  return {static_cast<time_t>(micros / 1'000'000), static_cast<suseconds_t>(micros % 1'000'000)};
}

class Event {
 public:
  // |fd| is -1 for a timer. |base| must outlive the event; |self| too.
  Event(event_base* base, int fd, short what, event_callback_fn call, void* self) {
    event_assign(&event_, base, fd, what, call, self);
  }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { event_del(&event_); }

  // False if there is no memory, or if the kernel watches no more descriptors.
  [[nodiscard]] bool add() { return event_add(&event_, nullptr) == 0; }
  [[nodiscard]] bool add(std::chrono::nanoseconds after) {
    const timeval time = to_timeval(after);
    return event_add(&event_, &time) == 0;
  }
  void remove() { event_del(&event_); }

 private:
  event event_;
};

}  // namespace ravelin::proxy
