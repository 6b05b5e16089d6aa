// Transactions that are refused as a whole, and let go on to see what was to be sent. A recipient
// that would have heard 5xx hears 250, the text is taken and kept, and at the dot the client hears
// the 5xx after all: its mail is refused, only later, and nobody is told that it was taken.
//
// Never where that could harm somebody: not for clients with standing, not in shadow mode, not for
// rules about relaying, not for postmaster and abuse, not if any recipient of the transaction is or
// may be accepted, and not for who only asks whether an address exists.
#include <utility>

#include "proxy/session/session.h"

namespace ravelin::proxy {

// Called with the recipient pending.
bool Session::captures_rcpt(const smtp::Reply& refusal) {
  auto& its = *transaction_;
  if (its.hope || its.pending->role) return false;
  if (!its.capture) {
    if (!may_be_captured()) return false;
    auto place =
        services_.captures()->choose(policy_->captures(info_.client.address), habit_.print(info_));
    if (!place) return false;
    note([&](DialogRecord& record, Time now) {
      record.capturing(kCaptureRuleNames[static_cast<size_t>(place->rule())], now);
    });
    its.capture = std::make_unique<CaptureFlow>();
    its.capture->place = std::move(place);
    its.capture->refusal = refusal;
  }
  its.capture->to.push_back(its.pending->rcpt.to.to_string());
  return true;
}

bool Session::may_be_captured() {
  const auto* const captures = services_.captures();
  if (captures == nullptr || !captures->wanted()) return false;
  if (has_standing() || shadow() || draining_) return false;
  // One that verifies senders and heard yes for a forged address would let the forgery in.
  return !answers_others() ||
         (looks_like_bot() && services_.standing.has_lost(info_.client.address));
}

// One that exists after all: in a transaction of its own it gets its mail.
void Session::refuse_beside_capture(const RecipientAnswer& answer) {
  const auto refusal = with_id(smtp::replies::too_many_recipients());
  retire_backend();
  say_decided(refusal, verify_word(answer), &answer);
  say_refused(refusal, why_of_rcpt(Cause::Limit));
  answer_rcpt(refusal);
}

// With hope for any of its recipients it ends here: they come again without the others.
void Session::begin_capture() {
  if (transaction_->backend) retire_backend();
  if (!transaction_->hope) return begin_text();
  const auto refusal = std::move(transaction_->capture->refusal);
  reset();
  reply(refusal);
}

void Session::keep_text(std::string_view text) {
  auto& its = *transaction_->capture;
  its.text += text.substr(0, its.place->message_size() - its.text.size());
}

void Session::end_capture() {
  phase_ = Phase::Command;
  const auto refusal = transaction_->capture->refusal;
  trace_text();
  store_capture(true);
  reset();
  reply(refusal);
}

void Session::store_capture(bool whole) {
  auto& its = *transaction_;
  auto flow = std::move(its.capture);
  const auto size = its.text->reader.size();
  note([&](DialogRecord& record, Time now) { record.captured(its.id, size, flow->refusal, now); });
  services_.journal.message(Severity::Info, id_text(its.id) + ": captured, " +
                                                std::to_string(size) + " octets, and refused");
  CapturedMessage message;
  message.id = its.id;
  message.dialog = info_;
  message.print = flow->place->print();
  message.rule = flow->place->rule();
  message.from = its.mail.from.to_string();
  message.to = std::move(flow->to);
  message.refusal = std::move(flow->refusal);
  message.text = std::move(flow->text);
  message.size = size;
  message.whole = whole;
  services_.captures()->store(std::move(flow->place), std::move(message));
}

}  // namespace ravelin::proxy
