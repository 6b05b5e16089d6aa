// What the clock ends. Deadlines are compared with the limits of the moment, so that a change acts
// on living dialogs.
#include <algorithm>
#include <utility>

#include "proxy/session/session.h"

namespace ravelin::proxy {

void Session::sweep(Time now) {
  if (doomed_ && phase_ != Phase::Over && phase_ != Phase::Final) return end();
  if (backend_is_mute(now)) return end_unanswered();
  survive([&] {
    if (phase_ == Phase::Command && now - since_ > limits().command_timeout) {
      give_up("timeout", smtp::replies::timeout());
    }
    if (reads_slowly(now) && phase_ == Phase::Command)
      give_up("replies not read", smtp::replies::timeout());
    const bool client_at_work = phase_ == Phase::Command || phase_ == Phase::Text;
    if (client_at_work && now - arrived_ > limits().dialog_time)
      give_up("dialog too long", smtp::replies::timeout());
    if (phase_ == Phase::Securing && now - since_ > limits().handshake_timeout) {
      give_up("timeout", smtp::replies::timeout());
    }
    const bool waits = phase_ == Phase::Greeting || phase_ == Phase::Checks;
    if (waits && now - since_ > longest_look_up()) {
      give_up("lost answer", smtp::replies::no_memory_closing());
    }
    if (phase_ == Phase::Text) sweep_text(now);
    if (phase_ == Phase::Discard && now - since_ > kDiscardTime) end_discard();
  });
}

// Whoever sends commands and does not read the replies holds up to 64 kB of them, and with each one
// that it reads would have its time again. Looked at in each phase, or a text would count as one
// time of not reading.
bool Session::reads_slowly(Time now) {
  if (!stream_ || !stream_->blocked()) {
    unread_since_ = {};
  } else if (unread_since_ == Time{}) {
    unread_since_ = now;
  }
  return unread_since_ != Time{} && now - unread_since_ > limits().command_timeout;
}

// DNS has a limit of its own, and so has the pause. Pressure may have been another when it began.
std::chrono::nanoseconds Session::longest_look_up() const {
  auto longest = config().dns.timeout + kOverdue;
  if (phase_ != Phase::Greeting) return longest;
  auto pause = policy_->early_talker().pause;
  for (const auto& overlay : config().pressure.overlays) pause = std::max(pause, overlay.pause);
  return longest + pause;
}

// It has something to tell, or its time is over, and there is no memory to tell it. After the dot
// that is waited for as long as a client waits.
bool Session::backend_is_mute(Time now) const {
  if (!transaction_) return false;
  const auto& pending = transaction_->pending;
  const bool apart = pending && pending->question;
  const auto* const asked = apart ? pending->question.get() : transaction_->backend.get();
  const auto since = asked != nullptr ? asked->untold_since() : std::nullopt;
  if (!since || now - *since <= kOverdue) return false;
  return phase_ != Phase::Final || now - since_ > config().relay.final_timeout;
}

// Nobody is held for ever, and nobody hears of a success that we do not know.
void Session::end_unanswered() {
  const bool sent = std::exchange(phase_, Phase::Command) == Phase::Final;
  survive([&] {
    if (sent) {
      services_.journal.message(Severity::Warning, id_text(transaction_->id) +
                                                       ": the text was sent, and what came of it "
                                                       "was lost: it may be delivered twice");
    }
    if (stream_) give_up("lost answer", smtp::replies::no_memory_closing());
  });
  if (!stream_) end();
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
