// The place that a dialog holds, and how it goes to somebody else.
#include "proxy/session/session.h"

namespace ravelin::proxy {

// Whoever has accepted recipients is about to send its message. Whoever has heard its last words
// and does not close holds a place for nothing.
std::optional<Time> Session::doubtful_since() const {
  const bool idle = phase_ == Phase::Greeting || phase_ == Phase::Command ||
                    phase_ == Phase::Securing || phase_ == Phase::Closing;
  if (!idle || !place_ || trusted()) return {};
  if (transaction_ && !transaction_->accepted.empty()) return {};
  return since_;
}

bool Session::of_stranger() const { return place_.of_stranger(); }

bool Session::holds_bounce() const { return transaction_ && transaction_->bounce; }

// The place is free when this returns. The connection has until the next sweep, for the reply to be
// heard: it holds a descriptor for which there is no place any more.
void Session::yield() {
  survive([this] {
    place_ = {};
    if (transaction_) transaction_->bounce = nullptr;
    if (phase_ != Phase::Closing) give_up("place given up", smtp::replies::no_place());
  });
  doomed_ = true;
}

}  // namespace ravelin::proxy
