// The half of a transaction that sends the message: on the tied connection, or after asking again
// for everything that was accepted.
#include <cassert>
#include <new>
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
  if (crowded()) return take_ahead();
  open();
}

// --- text ahead of its connection
// ---------------------------------------------------------------------------------------
//
// Whoever may send text slowly would hold a connection as long as it likes, and a few such clients
// all that strangers may have. So while these are short the text of a client without standing comes
// first, and the connection when it is whole, or as much as is kept of one.

bool Transaction::crowded() const {
  if (client_.known) return false;
  if (tie_) return tie_.connection().backend().crowded(1);
  return plan_->backends_of(*pinned_).front()->crowded(0);
}

void Transaction::take_ahead() {
  ahead_ = std::make_unique<Ahead>(worker_.backends().ahead_room());
  later_ = worker_.reactor().defer([this] { tell_go(); });
  data_at_ = worker_.reactor().now();
  phase_ = Phase::Ahead;
}

// Without memory the next check() tells that there is none.
void Transaction::tell_go() noexcept {
  try {
    const auto go = final_answer(replies::start_mail(), {});
    ready_ = true;
    events_.on_data_ready(go);
  } catch (const std::bad_alloc&) {
    hurt_ = true;
  }
}

void Transaction::send_ahead() {
  const auto ahead = std::move(ahead_);
  const bool room = delivery_.write(ahead->text());
  if (ended_) return delivery_.finish();
  if (room) events_.on_room();
}

void Transaction::open() {
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
  auto answer = trouble_answer(*failed);
  end_.emplace();
  end_->heard = std::move(answer.reply);
  end_->said = std::move(answer.said);
  later_ = worker_.reactor().defer([this] { conclude_delivery(); });
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

void Transaction::conclude_replay(Outcome& outcome) {
  relay_ = outcome.relay;
  if (outcome.trouble != Trouble::None) {
    const auto answer = trouble_answer(outcome);
    return refuse_data(answer.reply, answer.said);
  }
  ++outcome.connection->backend().counters.replays;
  if (same_answers(outcome)) return send(std::move(outcome.connection));
  worker_.park(std::move(outcome.connection));
  refuse_data(replies::answer_changed(), "asked again at DATA, it answered otherwise");
}

// --- DATA, text, end
// ------------------------------------------------------------------------------

void Transaction::send(ConnectionPtr connection) {
  phase_ = Phase::Sending;
  delivery_.start(std::move(connection), plan_, *pinned_, accepted_);
}

void Transaction::on_go() {
  setup_ += worker_.reactor().now() - data_at_;
  data_at_ = worker_.reactor().now();
  if (ahead_) return send_ahead();
  const auto go = final_answer(replies::start_mail(), {});
  ready_ = true;
  events_.on_data_ready(go);
}

bool Transaction::write(std::string_view text) {
  if (!ahead_) return delivery_.write(text);
  ahead_->append(text);
  if (!ahead_->enough()) return true;
  if (phase_ == Phase::Ahead) open();
  return false;
}

// Without memory the next check() tells how it ends.
void Transaction::finish() {
  if (!ahead_) return delivery_.finish();
  ended_ = true;
  if (phase_ != Phase::Ahead) return;
  try {
    open();
  } catch (const std::bad_alloc&) {
    hurt_ = true;
    if (phase_ == Phase::Ahead) phase_ = Phase::Replaying;  // it had not come so far
  }
}

void Transaction::on_room() { events_.on_room(); }

void Transaction::on_delivery_end(DeliveryEnd end) noexcept {
  end_ = std::move(end);
  conclude_delivery();
}

// What cannot be told now is told at the next check(): the reply to a message is not lost once it
// is here.
void Transaction::conclude_delivery() noexcept {
  try {
    settle();
    const bool unheard = end_->when == DeliveryEnd::When::BeforeGo &&
                         (!end_->reply || end_->reply->judgement.fault == Fault::Busy);
    // Nothing of the message has left, so another connection may take it.
    if (!unheard || replayed_ || end_->silent) return tell_end();
    end_.reset();
    replay();
  } catch (const std::bad_alloc&) {
    hurt_ = true;
  }
}

void Transaction::tell_end() {
  const auto& end = *end_;
  const bool before = end.when == DeliveryEnd::When::BeforeGo;
  if (before || !ready_) {
    const bool refusal = before && !end.heard.positive();
    return refuse_data(refusal ? end.heard : replies::backend_confused(), end.said);
  }
  phase_ = Phase::Over;
  auto answer = final_answer(end.heard, end.said);
  const bool taken = end.when == DeliveryEnd::When::AfterDot && end.reply &&
                     end.reply->judgement.fault == Fault::None;
  if (!taken && answer.reply.positive()) answer.reply = replies::backend_confused();
  // Only 4xx and 5xx say that it was not taken; a reply out of place says nothing of it.
  const bool refused = end.reply && end.reply->reply.code >= 400;
  answer.maybe_delivered = end.when == DeliveryEnd::When::AfterDot && !taken && !refused;
  answer.fates = end.fates;
  end_.reset();
  events_.on_final(answer);
}

// Gives back what it held, and tells the operator what is his.
void Transaction::settle() {
  tie_.end();
  if (end_->split)
    worker_.backends().one_by_one().add(OneByOne::key_of(client_.address.address, mail_.from),
                                        worker_.reactor().now());
  if (end_->connection) worker_.park(std::move(end_->connection));
  if (end_->reply && end_->reply->judgement.alarm)
    worker_.alarm(Alarm::Refuses, "backend " + relay_, end_->said);
}

// The last thing done: the session may end us from here.
void Transaction::refuse_data(const Reply& reply, std::string said) {
  phase_ = Phase::Over;
  const auto answer = final_answer(reply, std::move(said));
  end_.reset();
  if (ready_) return events_.on_final(answer);  // to the text that came ahead
  events_.on_data_ready(answer);
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
