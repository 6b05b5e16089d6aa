#include "proxy/event/loop_core.h"

#include <cassert>

#include "proxy/event/pending.h"
#include "proxy/event/socket_stream.h"

namespace ravelin::proxy {
namespace {

// Rounds of one end of turn. A dialog's ordinary work takes three: callbacks, output, destruction.
constexpr int kMaxRounds = 32;

event_base* new_base() {
  const std::unique_ptr<event_config, decltype(&event_config_free)> config(event_config_new(),
                                                                           &event_config_free);
  if (config == nullptr) throw std::bad_alloc();
  // One base per thread, so no locks; and no environment variable changes how we work.
  event_config_set_flag(config.get(), EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV);
  event_base* base = event_base_new_with_config(config.get());
  if (base == nullptr) throw std::bad_alloc();
  return base;
}

}  // namespace

LoopCore::LoopCore(const Clock& clock)
    : clock_(clock),
      base_(new_base()),
      posts_event_(base(), posts.fd(), EV_READ | EV_PERSIST,
                   &trampoline<LoopCore, &LoopCore::on_posts>, this) {
  if (!posts_event_.add()) throw std::bad_alloc();
}

// Retired objects may retire others.
LoopCore::~LoopCore() {
  for (int round = 0; round < kMaxRounds && retired.clear(); ++round) {
  }
}

dns::Time LoopCore::now() const {
  if (!now_) now_ = clock_.boot();
  return *now_;
}

bool LoopCore::has_work() const {
  return !deferred.empty() || !ready.empty() || !dirty.empty() || !retired.empty();
}

// EVLOOP_NONBLOCK without EVLOOP_ONCE would go on for as long as any descriptor is ready.
void LoopCore::wait(Sleep sleep) {
  now_.reset();
  handshakes_left_ = kHandshakesPerTurn;
  const bool awake = sleep == Sleep::Never || has_work();
  const int flags = EVLOOP_ONCE | (awake ? EVLOOP_NONBLOCK : 0);
  [[maybe_unused]] const int result = event_base_loop(base(), flags);
  assert(result == 0);  // there is always posts_event_
}

void LoopCore::end_of_turn() {
  run_posts();
  for (int round = 0; round < kMaxRounds; ++round)
    if (!run_round()) return;
  // Callbacks go on and on: the others get their step all the same.
  flush();
  retired.clear();
}

// False if there was nothing to do. The earlier step goes first, whatever the later ones have: so
// that output waits for all that will be written, and destruction for all output.
bool LoopCore::run_round() {
  run_hooks();
  return run_callbacks() || flush() || retired.clear();
}

// Posts that posts cause come in the next turn.
void LoopCore::run_posts() {
  if (!std::exchange(posts_wait_, false)) return;
  for (const auto& function : posts.take()) guarded(function);
}

void LoopCore::run_hooks() {
  LinkList<Hook> batch;
  batch.take(hooks);
  while (Hook* hook = batch.pop_front()) {
    hooks.push_back(*hook);
    hook->run();
  }
}

// What these cause comes in the next round.
bool LoopCore::run_callbacks() {
  if (deferred.empty() && ready.empty()) return false;
  LinkList<Deferred> callbacks;
  callbacks.take(deferred);
  while (Deferred* callback = callbacks.pop_front()) callback->run();

  LinkList<SocketStream> streams;
  streams.take(ready);
  while (SocketStream* stream = streams.pop_front()) stream->run_pending();
  return true;
}

bool LoopCore::flush() {
  if (dirty.empty()) return false;
  LinkList<SocketStream> streams;
  streams.take(dirty);
  while (SocketStream* stream = streams.pop_front()) stream->flush();
  return true;
}

}  // namespace ravelin::proxy
