// The inside of a loop, as streams, timers and listeners see it. Included in this folder only.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <optional>

#include "dns/reactor.h"
#include "proxy/event/clock.h"
#include "proxy/event/event.h"
#include "proxy/event/link.h"
#include "proxy/event/post_box.h"

namespace ravelin::proxy {

class SocketStream;
class Deferred;
class Hook;

// Of output that the kernel does not take.
struct Watermarks {
  uint32_t high = 64 * 1024;  // bytes
  uint32_t low = 16 * 1024;
};

// How long finish() takes at most. Values of the protocol's practice, not settings; tests shrink
// them.
struct ClosingLimits {
  std::chrono::milliseconds send =
      std::chrono::seconds(30);  // output that the peer is slow to take
  std::chrono::milliseconds linger = std::chrono::seconds(5);  // for the peer to close
  uint32_t discard = 64 * 1024;  // bytes of input; who sends more does not listen anyway
};

class LoopCore {
 public:
  explicit LoopCore(const Clock& clock);
  ~LoopCore();

  event_base* base() const { return base_.get(); }
  dns::Time now() const;

  // Whether a turn that sleeps now would leave something undone.
  bool has_work() const;
  enum class Sleep : uint8_t { Allowed, Never };
  void wait(Sleep sleep);  // step 1 of a turn
  void end_of_turn();      // step 2

  // Runs |call|; false if memory ran out in it.
  template <class Call>
  bool guarded(const Call& call) {
    try {
      call();
      return true;
    } catch (const std::bad_alloc&) {
      ++lost_callbacks_;
      return false;
    }
  }
  uint64_t lost_callbacks() const { return lost_callbacks_; }

  // One read buffer for all streams of the loop: no two of them read at a time, and what a stream
  // keeps it copies out.
  static constexpr size_t kReadBuffer = 64 * 1024;
  char* read_buffer() { return read_buffer_.data(); }

  // Handshakes cost more than anything else that a turn does: so many steps of them, so that other
  // dialogs are not kept waiting; the rest come in the next turn. False: no more in this one.
  bool take_handshake() { return handshakes_left_ > 0 && handshakes_left_-- > 0; }

  ClosingLimits closing_limits;
  Watermarks watermarks;

  LinkList<SocketStream> ready;  // have input to deliver, or an end to tell
  LinkList<SocketStream> dirty;  // have new output
  LinkList<Deferred> deferred;
  LinkList<Hook> hooks;
  dns::RetiredList retired;
  PostBox posts;

 private:
  struct FreeBase {
    void operator()(event_base* base) const { event_base_free(base); }
  };

  void on_posts() { posts_wait_ = true; }
  void run_posts();
  void run_hooks();
  bool run_round();
  bool run_callbacks();
  bool flush();

  const Clock& clock_;
  mutable std::optional<dns::Time> now_;
  const std::unique_ptr<event_base, FreeBase> base_;
  Event posts_event_;
  bool posts_wait_ = false;
  static constexpr uint32_t kHandshakesPerTurn = 16;
  uint32_t handshakes_left_ = kHandshakesPerTurn;
  uint64_t lost_callbacks_ = 0;
  std::array<char, kReadBuffer> read_buffer_;
};

}  // namespace ravelin::proxy
