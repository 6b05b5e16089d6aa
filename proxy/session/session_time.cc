// What the clock ends. Deadlines are compared with the limits of the moment, so that a change acts
// on living dialogs.
#include "proxy/session/session.h"

namespace ravelin::proxy {

void Session::sweep(Time now) {
  if (doomed_ && phase_ != Phase::Over && phase_ != Phase::Final) return end();
  survive([&] {
    if (phase_ == Phase::Command && now - since_ > limits().command_timeout) {
      give_up("timeout", smtp::replies::timeout());
    }
    const bool client_at_work = phase_ == Phase::Command || phase_ == Phase::Text;
    if (client_at_work && now - arrived_ > limits().dialog_time)
      give_up("dialog too long", smtp::replies::timeout());
    if (phase_ == Phase::Securing && now - since_ > limits().handshake_timeout) {
      give_up("timeout", smtp::replies::timeout());
    }
    if (phase_ == Phase::Text) sweep_text(now);
    if (phase_ == Phase::Discard && now - since_ > kDiscardTime) end_discard();
  });
}

// The rate is an average, so it says nothing before some time has passed; until then, and for a
// pause in between, RFC 5321 §4.5.3.2.5 holds. While the backend takes nothing it is its clock that
// runs, not the client's.
void Session::sweep_text(Time now) {
  const auto& flow = *transaction_->text;
  if (flow.full) return;
  if (now - since_ > limits().data_timeout) return give_up("timeout", smtp::replies::timeout());
  const auto taken = now - flow.began - flow.held;
  if (taken <= limits().data_timeout) return;
  const auto seconds = std::chrono::duration<double>(taken).count();
  const auto rate = static_cast<double>(flow.octets) / seconds;
  if (rate < static_cast<double>(limits().data_min_rate)) {
    give_up("too slow", smtp::replies::too_slow());
  }
}

void Session::shut_down(bool now) {
  survive([&] {
    draining_ = true;
    if (phase_ == Phase::Final || phase_ == Phase::Closing || phase_ == Phase::Over) return;
    const bool idle = !transaction_ && (phase_ == Phase::Greeting || phase_ == Phase::Command);
    if (now || idle) close_with(smtp::replies::shutting_down());
  });
}

}  // namespace ravelin::proxy
