// The half of a transaction that sends the message: on the tied connection, or after asking again
// for everything that was accepted.
#include <cassert>
#include <utility>

#include "proxy/backend/client_text.h"
#include "proxy/backend/transaction.h"
#include "proxy/backend/worker.h"
#include "smtp/replies.h"

namespace ravelin::proxy {

namespace replies = smtp::replies;
using smtp::Reply;

void Transaction::start_data() {
  assert(phase_ == Phase::Rest && !accepted_.empty());
  data_at_ = worker_.reactor().now();
  relay_ = tie_ ? tie_.connection().relay() : relay_;
  if (tie_) return send(tie_.take());
  replay();
}

// --- replay
// ---------------------------------------------------------------------------------------

void Transaction::replay() {
  phase_ = Phase::Replaying;
  replayed_ = true;
  auto failed = attempt_.start(job(Want::Message));
  if (!failed) return;
  const auto answer = trouble_answer(*failed);
  later_ = worker_.reactor().defer([this, answer] { refuse_data(answer.reply, answer.said); });
}

// What was accepted must be accepted again, all of it: the client was told so. Anything else is a
// 451, and it finds out next time.
bool Transaction::same_answers(const Outcome& outcome) const {
  if (!outcome.mail || outcome.mail->judgement.fault != Fault::None) return false;
  if (outcome.rcpts.size() != accepted_.size()) return false;
  for (const auto& rcpt : outcome.rcpts)
    if (rcpt.judgement.fault != Fault::None) return false;
  return true;
}

void Transaction::conclude_replay(Outcome outcome) {
  relay_ = outcome.relay;
  if (outcome.trouble != Trouble::None) {
    const auto answer = trouble_answer(outcome);
    return refuse_data(answer.reply, answer.said);
  }
  const auto backend = outcome.connection->backend().shared_from_this();
  ++backend->counters.replays;
  tie_.hold(backend, attempt_.asker());
  if (same_answers(outcome)) return send(std::move(outcome.connection));
  tie_.end();
  worker_.pool(backend).park(std::move(outcome.connection));
  refuse_data(replies::answer_changed(), "asked again at DATA, it answered otherwise");
}

// --- DATA, text, end
// ------------------------------------------------------------------------------

void Transaction::send(std::unique_ptr<BackendConnection> connection) {
  phase_ = Phase::Sending;
  delivery_.start(std::move(connection), plan_, *pinned_);
}

void Transaction::on_go() {
  setup_ += worker_.reactor().now() - data_at_;
  data_at_ = worker_.reactor().now();
  events_.on_data_ready(final_answer(replies::start_mail(), {}));
}

bool Transaction::write(std::string_view text) { return delivery_.write(text); }

void Transaction::finish() { delivery_.finish(); }

void Transaction::on_room() { events_.on_room(); }

void Transaction::on_delivery_end(DeliveryEnd end) {
  settle(end);
  const bool unheard = end.when == DeliveryEnd::When::BeforeGo &&
                       (!end.reply || end.reply->judgement.fault == Fault::Busy);
  // Nothing of the message has left, so another connection may take it.
  if (unheard && !replayed_ && !end.silent) return replay();
  if (end.when == DeliveryEnd::When::BeforeGo)
    return refuse_data(end.heard.positive() ? replies::backend_confused() : end.heard,
                       std::move(end.said));
  phase_ = Phase::Over;
  auto answer = final_answer(end.heard, std::move(end.said));
  const bool taken = end.when == DeliveryEnd::When::AfterDot && end.reply &&
                     end.reply->judgement.fault == Fault::None;
  if (!taken && answer.reply.positive()) answer.reply = replies::backend_confused();
  answer.maybe_delivered = end.when == DeliveryEnd::When::AfterDot && !end.reply;
  events_.on_final(answer);
}

// Gives back what it held, and tells the operator what is his.
void Transaction::settle(DeliveryEnd& end) {
  if (end.reply && end.reply->judgement.alarm)
    worker_.alarm(Alarm::Refuses, "backend " + relay_, end.said);
  tie_.end();
  if (end.connection == nullptr) return;
  const auto backend = end.connection->backend().shared_from_this();
  worker_.pool(backend).park(std::move(end.connection));
}

// The last thing done: the session may end us from here.
void Transaction::refuse_data(const Reply& reply, std::string said) {
  phase_ = Phase::Over;
  events_.on_data_ready(final_answer(reply, std::move(said)));
}

FinalAnswer Transaction::final_answer(const Reply& reply, std::string said) const {
  FinalAnswer answer;
  answer.reply = reply;
  answer.relay = relay_;
  answer.said = std::move(said);
  answer.setup = setup_;
  if (phase_ == Phase::Over) answer.transfer = worker_.reactor().now() - data_at_;
  return answer;
}

}  // namespace ravelin::proxy
