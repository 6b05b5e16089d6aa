#include "proxy/backend/delivery.h"

#include <cassert>
#include <new>
#include <utility>

#include "proxy/backend/client_text.h"
#include "smtp/replies.h"

namespace ravelin::proxy {

using smtp::Reply;
using smtp::Step;
using namespace std::chrono_literals;

namespace {

constexpr auto kGoLimit = 2min;     // RFC 5321 §4.5.3.2.4
constexpr auto kBlockLimit = 3min;  // §4.5.3.2.5

}  // namespace

void Delivery::start(ConnectionPtr connection, std::shared_ptr<const Plan> plan, const Route& route,
                     std::span<const smtp::RcptCommand> rcpts) {
  assert(connection_ == nullptr && connection != nullptr);
  connection_ = std::move(connection);
  plan_ = std::move(plan);
  route_ = &route;
  rcpts_ = rcpts;
  answers_.clear();
  phase_ = Phase::Asked;
  blocked_ = false;
  since_ = reactor_.now();
  connection_->set_user(this);
  if (connection_->text_due()) return;  // it was said with the recipients
  connection_->send(Step::Data, "DATA");
  connection_->flush();
}

bool Delivery::write(std::string_view text) {
  if (connection_ == nullptr) return true;  // lost; the owner knows
  assert(phase_ == Phase::Text);
  connection_->send_text(text, /*last=*/false);
  connection_->flush();
  if (!connection_->congested()) return true;
  if (!std::exchange(blocked_, true)) since_ = reactor_.now();
  return false;
}

// Without memory for the dot it is never sent, and the message ends like one that was cut off.
void Delivery::finish() noexcept {
  if (connection_ == nullptr || !connection_->usable()) return;
  assert(phase_ == Phase::Text);
  try {
    connection_->send_text({}, /*last=*/true, connection_->facts().lmtp ? rcpts_.size() : 1);
    connection_->flush();
  } catch (const std::bad_alloc&) {
    return;
  }
  phase_ = Phase::Final;
  since_ = reactor_.now();
}

void Delivery::abandon() noexcept {
  if (connection_ != nullptr) BackendConnection::drop(std::move(connection_));
}

DeliveryEnd::When Delivery::when() const {
  if (phase_ == Phase::Asked) return DeliveryEnd::When::BeforeGo;
  return phase_ == Phase::Text ? DeliveryEnd::When::InText : DeliveryEnd::When::AfterDot;
}

// --- what the backend says
// ------------------------------------------------------------------------

void Delivery::on_reply(BackendConnection&, Step step, const Reply& reply) {
  if (step == Step::Dot && connection_->facts().lmtp) return on_recipient_answer(reply);
  if (step != Step::Data || reply.code != 354) return on_answer(step, reply, /*keep=*/true);
  phase_ = Phase::Text;
  owner_.on_go();
}

void Delivery::on_answer(Step step, const Reply& reply, bool keep) {
  auto& facts = connection_->facts();
  const auto& backend = connection_->backend();
  DeliveryEnd end;
  end.when = when();
  end.reply = Judged{reply, judge(step, reply, plan_->judge_context(*route_, facts))};
  end.heard = heard_for(*end.reply, backend, facts);
  end.said = end.reply->judgement.fault == Fault::None ? to_log(reply)
                                                       : said_by(backend, facts, reply, step);
  if (end.reply->judgement.discard || !keep)
    abandon();
  else
    end.connection = std::move(connection_);
  owner_.on_delivery_end(std::move(end));
}

// LMTP. What it repeats of the recipient's name is not its words.
void Delivery::on_recipient_answer(const Reply& reply) {
  assert(answers_.size() < rcpts_.size());
  const auto recipient = rcpts_[answers_.size()].to.to_string();
  auto context = plan_->judge_context(*route_, connection_->facts());
  context.recipient = recipient;
  answers_.push_back({shortened(reply), judge(Step::Dot, reply, context)});
  if (answers_.size() == rcpts_.size()) end_with_all_answers();
}

void Delivery::end_with_all_answers() {
  const auto& facts = connection_->facts();
  const auto& backend = connection_->backend();
  auto folded = fold({answers_, rcpts_}, backend, facts);
  DeliveryEnd end;
  end.when = when();
  end.heard = std::move(folded.heard);
  end.said = std::move(folded.said);
  end.fates = fates({answers_, rcpts_}, backend, facts, {});
  end.split = folded.split;
  if (folded.answer.judgement.discard)
    abandon();
  else
    end.connection = std::move(connection_);
  end.reply = std::move(folded.answer);
  owner_.on_delivery_end(std::move(end));
}

void Delivery::on_room(BackendConnection&) {
  blocked_ = false;
  if (phase_ == Phase::Text) owner_.on_room();
}

// The backend may say what it has against the text before it has all of it; that is as good as its
// last word, but the connection is in the middle of a message.
void Delivery::on_lost(BackendConnection&, const Lost& lost) {
  if (lost.refusal) return on_answer(Step::Dot, *lost.refusal, /*keep=*/false);
  auto said = "host " + connection_->backend().host() + " " + std::string(lost.text());
  if (!lost.said.empty()) said += ": " + lost.said;
  auto end = end_without_reply(std::move(said));
  owner_.on_delivery_end(std::move(end));
}

DeliveryEnd Delivery::end_without_reply(std::string said) {
  DeliveryEnd end;
  end.when = when();
  end.heard = smtp::replies::backend_lost();
  end.split = !answers_.empty();
  if (end.split)
    end.fates = fates({answers_, rcpts_}, connection_->backend(), connection_->facts(), said);
  end.said = std::move(said);
  abandon();
  return end;
}

// --- what time brings
// -----------------------------------------------------------------------------

void Delivery::check(Time now) {
  if (overdue(now) && !expiry_) expiry_ = reactor_.defer([this] { expire(); });
}

bool Delivery::overdue(Time now) const {
  if (connection_ == nullptr) return false;
  const auto waited = now - since_;
  return !connection_->usable() || (phase_ == Phase::Asked && waited >= kGoLimit) ||
         (phase_ == Phase::Text && blocked_ && waited >= kBlockLimit) ||
         (phase_ == Phase::Final && waited >= plan_->relay.final_timeout);
}

void Delivery::expire() {
  expiry_ = nullptr;
  if (connection_ == nullptr) return;  // the reply came in the same turn
  auto end = end_without_reply("host " + connection_->backend().host() + " did not answer in time");
  end.silent = true;
  owner_.on_delivery_end(std::move(end));
}

}  // namespace ravelin::proxy
