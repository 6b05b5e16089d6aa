// The event loop of one thread. Everything that a thread of the daemon does, it does in a turn:
//
//   1. descriptors that are ready and timers that are due (libevent calls us);
//   2. end_of_turn(): functions posted by other threads; then, until nothing is left, but for a
//      bounded number of rounds: hooks, deferred callbacks and streams' waiting input; when those
//      are quiet, output, so that all a turn wrote leaves in one write per stream; last, retired
//      objects. Each step may cause work for an earlier one, hence the rounds. What the rounds do
//      not finish waits for the next turn, which then does not sleep: a callback that always
//      defers another one cannot keep the loop from its descriptors.
//
// Not libevent's deferred callbacks or priorities: they offer no order between these steps.
#pragma once

#include <cstdint>
#include <memory>

#include "dns/reactor.h"
#include "proxy/event/clock.h"

struct event_base;

namespace ravelin::proxy {

class LoopCore;

// Used on one thread, but for post(). Handles, streams and listeners of a loop are destroyed
// before it.
//
// Out of memory: a std::bad_alloc that leaves a stream's callback ends that stream; one that leaves
// any other callback loses that call and is counted. The owner of a dialog therefore catches its
// own; what it misses, its timeout ends. Any other exception ends the process.
class Loop final : public dns::Reactor {
 public:
  // |clock| must outlive the loop. Throws std::system_error or std::bad_alloc.
  explicit Loop(const Clock& clock);
  ~Loop() override;

  // Turns until stop(). stop() is for this thread; others post it.
  void run();
  void stop() { stopped_ = true; }
  // One turn; sleeps until there is something to do.
  void turn();
  // One turn without sleep, for who has a loop of his own around this one.
  void poll();

  // From any thread: calls |function| on the loop's thread. |function| carries values and ids. What
  // is still waiting when the loop is destroyed is destroyed uncalled.
  void post(std::function<void()> function);

  dns::Handle watch(int fd, bool read, bool write, std::function<void(Ready)> on_ready) override;
  dns::Handle timer(std::chrono::nanoseconds after, Callback done) override;
  dns::Handle defer(Callback done) override;
  void retire(std::shared_ptr<dns::Retirable> object) noexcept override;
  // The clock is read when a turn first asks.
  dns::Time now() const override;

  // Calls |tick| every |period| (> 0), until the handle is destroyed. Calls that a long turn missed
  // are not made up for.
  [[nodiscard]] dns::Handle every(std::chrono::nanoseconds period, Callback tick);
  // Calls |hook| in each round of the end of each turn, first of all steps, until the handle is
  // destroyed. It may be called more than once a turn, so it must cost little when idle.
  [[nodiscard]] dns::Handle on_turn_end(Callback hook);

  uint64_t lost_callbacks() const;  // to std::bad_alloc, since the start
  event_base* base() const;         // for evhttp
  LoopCore& core() { return *core_; }

 private:
  void end_of_turn();

  std::unique_ptr<LoopCore> core_;
  bool stopped_ = false;
};

}  // namespace ravelin::proxy
