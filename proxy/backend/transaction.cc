// The half of a transaction that asks about recipients. transaction_data.cc has the other.
#include "proxy/backend/transaction.h"

#include <algorithm>
#include <cassert>
#include <new>
#include <set>
#include <utility>

#include "proxy/backend/client_text.h"
#include "proxy/backend/worker.h"
#include "smtp/replies.h"

namespace ravelin::proxy {

namespace replies = smtp::replies;
using smtp::Reply;
using smtp::Step;

Transaction::Transaction(BackendWorker& worker, const smtp::MailCommand& mail,
                         const ClientIdentity& client, std::string_view id, BackendEvents& events)
    : worker_(worker),
      events_(events),
      plan_(worker.plan()),
      mail_(mail),
      client_(client),
      id_(id),
      attempt_(worker, *this),
      tie_(worker),
      delivery_(worker.reactor(), *this) {
  worker_.enlist(*this);
}

// Before the dot, whoever leaves cancels; the session keeps us from the dot to the reply.
Transaction::~Transaction() {
  leave_question();
  attempt_.cancel();
  delivery_.abandon();
  worker_.strike(*this);
}

// --- a recipient comes
// ----------------------------------------------------------------------------

void Transaction::recipient(const smtp::RcptCommand& rcpt) {
  assert(phase_ == Phase::Rest);
  asking_ = rcpt;
  asked_at_ = worker_.reactor().now();
  route_ = plan_->routes.find(asking_.to.domain);
  if (auto answer = answer_at_hand()) return tell_later(*std::move(answer));
  if (tie_ && !tie_serves()) tie_.give_up();
  if (tie_ && !route_->introduces()) return ask_tied();
  if (!expected() && !join()) {
    phase_ = Phase::Following;
    return worker_.list_follower(*this);
  }
  ask();
}

// Only refusals are shared; who waits for a yes waits in vain.
bool Transaction::expected() const {
  const auto key = Remembered::key_of(asking_.to.to_string());
  return worker_.backends().remembered().expected(key, asked_at_);
}

// Not when the backend would answer slowly from here on, nor when it lacks what is wished for, nor
// when it has stated that it takes no more.
bool Transaction::tie_serves() const {
  const auto& connection = tie_.connection();
  if (!connection.facts().takes_rcpt() || !connection.facts().takes_domain(asking_.to.domain))
    return false;
  return !connection.backend().settings().rotation.refused_enough(connection.facts()) &&
         !lacks(connection.facts().offers, mail_, {&asking_, 1});
}

// What needs no backend.
std::optional<RecipientAnswer> Transaction::answer_at_hand() {
  RecipientAnswer answer;
  answer.source = AnswerSource::OurTrouble;
  answer.reply = replies::trouble();
  if (route_ == nullptr) return answer;  // a reload took the domain away in mid-dialog
  if (pinned_ != nullptr && route_->group != pinned_->group) {
    answer.source = AnswerSource::Pinned;
    answer.reply = replies::other_backend();
    return answer;
  }
  if (full()) {
    answer.source = AnswerSource::Full;
    answer.reply = replies::too_many_recipients();
    return answer;
  }
  if (!route_->exists(asking_.to)) {
    answer.source = AnswerSource::File;
    answer.unknown = true;
    answer.reply = Reply(550, {1, 1}, "User unknown");
    // A list may break off as a directory may: whoever was there a moment ago is doubted alike.
    if (worker_.backends().held_back(*route_, asking_.to.to_string(), asked_at_)) doubt(answer);
    return answer;
  }
  if (client_.known) return {};
  auto kept = worker_.backends().negatives().find(route_->name, asking_.to.to_string(), asked_at_);
  if (!kept) return {};
  answer = {std::move(kept->reply), AnswerSource::Shared,  kept->unknown,
            std::move(kept->relay), std::move(kept->said), {}};
  if (worker_.backends().breaker_open(*route_)) doubt(answer);
  return answer;
}

// Which of the route's backends will take the mail is not known for sure before DATA, so what any
// of them has stated (RFC 9422) holds.
bool Transaction::full() const {
  if (accepted_.empty()) return false;
  const auto& apart = worker_.backends().one_by_one();
  if (route_->settings.protocol == BackendProtocol::Lmtp && apart.size() > 0 &&
      apart.holds(OneByOne::key_of(client_.address.address, mail_.from), asked_at_))
    return true;
  const auto& backends = plan_->backends_of(*route_);
  return std::any_of(backends.begin(), backends.end(), [this](const auto& backend) {
    const auto limits = backend->rcpt_limits();
    return (limits.rcpts != 0 && accepted_.size() >= limits.rcpts) ||
           (limits.domains != 0 && domains_with_asked() > limits.domains);
  });
}

size_t Transaction::domains_with_asked() const {
  std::set<std::string_view> domains{asking_.to.domain};
  for (const auto& rcpt : accepted_) domains.insert(rcpt.to.domain);
  return domains.size();
}

// --- equal questions
// ------------------------------------------------------------------------------

// Good clients' questions are served first, so they never wait for another's.
std::string Transaction::question_key() const {
  const smtp::Offered all{true, true, true, true, true};
  auto key = route_->name;
  key += client_.good ? " good " : " ";
  key += smtp::mail_line(mail_, all);
  key += ' ';
  return key += smtp::rcpt_line(asking_, all);
}

// A number for each question: news of an earlier one that was not waited for any more says nothing
// about this.
bool Transaction::join() {
  key_ = question_key();
  number_ = worker_.backends().next_question();
  leads_ = worker_.backends().questions().join(key_, worker_.number(), number_);
  return leads_;
}

void Transaction::leave_question() noexcept {
  if (leads_) return end_question({}, /*alone=*/false);
  if (phase_ != Phase::Following) return;
  worker_.backends().questions().leave(key_, number_);
  worker_.strike_follower(*this);
}

// On the letters that they have brought: it cannot fail.
void Transaction::end_question(const std::shared_ptr<const SharedAnswer>& answer,
                               bool alone) noexcept {
  if (!std::exchange(leads_, false)) return;
  for (auto& member : worker_.backends().questions().take(key_)) {
    member.letter->text = Joined{member.question, answer, alone};
    worker_.backends().room().send(member.worker, std::move(member.letter));
  }
}

void Transaction::joined(const Joined& letter) noexcept {
  assert(phase_ == Phase::Following);
  phase_ = Phase::Asking;
  try {
    if (letter.answer) {
      const auto& shared = *letter.answer;
      return tell(
          {shared.reply, AnswerSource::Shared, shared.unknown, shared.relay, shared.said, {}});
    }
    if (letter.alone || join()) return ask();
    phase_ = Phase::Following;
    worker_.list_follower(*this);
  } catch (const std::bad_alloc&) {
    hurt_ = true;
  }
}

// --- asking
// ---------------------------------------------------------------------------------------

Attempt::Job Transaction::job(Want want) const {
  Attempt::Job job;
  job.plan = plan_;
  job.route = want == Want::Message ? pinned_ : route_;
  job.mail = &mail_;
  job.rcpts = want == Want::Message ? std::span(accepted_) : std::span(&asking_, 1);
  job.client = &client_;
  job.id = id_;
  job.want = want;
  job.named = want == Want::Message && pinned_->introduces();
  return job;
}

void Transaction::ask_tied() {
  auto question = job(Want::Question);
  phase_ = Phase::Asking;
  attempt_.ask_more(tie_.take(), std::move(question));
}

void Transaction::ask() {
  phase_ = Phase::Asking;
  if (auto failed = attempt_.start(job(Want::Question))) tell_later(trouble_answer(*failed));
}

void Transaction::on_outcome(Outcome outcome) noexcept {
  try {
    if (phase_ == Phase::Replaying) return conclude_replay(outcome);
    conclude_question(outcome);
  } catch (const std::bad_alloc&) {
    hurt_ = true;
    if (outcome.connection) worker_.park(std::move(outcome.connection));
  }
}

void Transaction::conclude_question(Outcome& outcome) {
  relay_ = outcome.relay;
  if (outcome.trouble != Trouble::None) {
    if (!tie_.taken()) return tell(trouble_answer(outcome));
    tie_.end();
    return outcome.stale ? ask() : tell(trouble_answer(outcome));
  }
  const bool refused = outcome.mail && outcome.mail->judgement.fault != Fault::None;
  const bool named = outcome.connection->facts().introduced;
  auto answer = refused ? judge_mail(outcome) : judge_rcpt(outcome);
  answer.relay = outcome.relay;
  // What is said to one client is for nobody else.
  if (!named) share(answer, !refused && outcome.rcpts.back().judgement.cacheable);
  if (answer.accepted() && route_->introduces() && !named) return introduce(outcome);
  if (answer.accepted()) {
    accept(outcome);
  } else if (tie_.taken()) {
    tie_.keep_again(std::move(outcome.connection));
  } else {
    worker_.park(std::move(outcome.connection));
  }
  tell(std::move(answer));
}

// The mailbox is there. Whether this client may write to it the backend says only when it knows who
// it is; and a connection that speaks for the client serves nobody else, so that it is not opened
// for every name that somebody tries.
void Transaction::introduce(Outcome& outcome) {
  worker_.park(std::move(outcome.connection));
  if (tie_) return ask_tied();
  auto question = job(Want::Question);
  question.named = true;
  if (auto failed = attempt_.start(std::move(question))) tell_later(trouble_answer(*failed));
}

void Transaction::accept(Outcome& outcome) {
  accepted_.push_back(asking_);
  pinned_ = route_;
  if (tie_.taken()) return tie_.keep_again(std::move(outcome.connection));
  // A tie must hold all that was accepted; what came before on another connection is not in it.
  if (accepted_.size() == 1) return tie_.keep(std::move(outcome.connection), attempt_.asker());
  worker_.park(std::move(outcome.connection));
}

// --- answers
// --------------------------------------------------------------------------------------

RecipientAnswer Transaction::trouble_answer(const Outcome& outcome) const {
  RecipientAnswer answer;
  answer.source = AnswerSource::OurTrouble;
  answer.relay = outcome.relay;
  answer.said = outcome.said;
  switch (outcome.trouble) {
    case Trouble::None:
    case Trouble::Unreachable:
      answer.reply = replies::backend_unreachable();
      break;
    case Trouble::Lost:
      answer.reply = replies::backend_lost();
      break;
    case Trouble::Confused:
      answer.reply = replies::backend_confused();
      break;
    case Trouble::Lacks:
      answer.reply = replies::backend_lacks();
      break;
  }
  return answer;
}

// The reply to RCPT behind a refused MAIL says nothing: it is "need MAIL first".
RecipientAnswer Transaction::judge_mail(const Outcome& outcome) const {
  const auto& [reply, judgement] = *outcome.mail;
  const auto& backend = outcome.connection->backend();
  const auto& facts = outcome.connection->facts();
  RecipientAnswer answer;
  answer.said = said_by(backend, facts, reply, Step::Mail);
  if (judgement.fault == Fault::User) {
    answer.reply = for_client(reply, 0, backend, facts);
  } else if (judgement.fault == Fault::Later) {
    answer.reply = for_client(reply, later_code(reply), backend, facts);
  } else {
    answer.source = AnswerSource::OurTrouble;
    answer.reply = replies::backend_confused();
  }
  return answer;
}

RecipientAnswer Transaction::judge_rcpt(const Outcome& outcome) {
  const auto& [reply, judgement] = outcome.rcpts.back();
  const auto& backend = outcome.connection->backend();
  const auto& facts = outcome.connection->facts();
  RecipientAnswer answer;
  const auto recipient = asking_.to.to_string();
  if (judgement.fault == Fault::None) {
    answer.reply = for_client(reply, 0, backend, facts);
    // Whom the list need not name says nothing about whether it is whole.
    if (route_->lists(asking_.to))
      worker_.backends().accepted(*route_, recipient, worker_.reactor().now());
    worker_.backends().negatives().accepted(route_->name, recipient);
    return answer;
  }
  answer.said = said_by(backend, facts, reply, Step::Rcpt);
  if (judgement.fault == Fault::Later) {
    answer.reply = for_client(reply, later_code(reply), backend, facts);
    return answer;
  }
  answer.reply = for_client(reply, 0, backend, facts);
  answer.unknown = judgement.unknown;
  // Whether there is such a mailbox was known before the client was named.
  const bool named = facts.introduced;
  if (answer.unknown && !named &&
      worker_.backends().held_back(*route_, recipient, worker_.reactor().now()))
    doubt(answer);
  return answer;
}

// "No such user" that is not believed: nobody shall lose mail or standing by it.
void Transaction::doubt(RecipientAnswer& answer) const {
  answer.reply = replies::breaker_open();
  answer.source = AnswerSource::Breaker;
  answer.unknown = false;
}

// A refusal goes to those who asked the same, and, if it is about the mailbox alone (|keep|), to
// those who will. Our own trouble is nobody else's, and an acceptance belongs to its connection.
// What may be about the client that the backend was told of is for that one only.
void Transaction::share(const RecipientAnswer& answer, bool keep) {
  const bool ours = answer.source == AnswerSource::OurTrouble;
  if (ours || answer.accepted()) return end_question({}, answer.accepted());
  if (!keep && route_->tells_client()) return end_question({}, /*alone=*/true);
  const auto shared = std::make_shared<const SharedAnswer>(
      SharedAnswer{answer.reply, answer.unknown, answer.relay, answer.said});
  if (keep && answer.source == AnswerSource::Backend)
    worker_.backends().negatives().add(route_->name, asking_.to.to_string(), *shared,
                                       plan_->verify.negative_ttl, worker_.reactor().now());
  end_question(shared, false);
}

// The last thing done: the session may end us from here.
void Transaction::tell(RecipientAnswer answer) {
  end_question({}, /*alone=*/false);
  phase_ = Phase::Rest;
  hurt_ = false;
  heard_ = accepted_.size();
  answer.took = worker_.reactor().now() - asked_at_;
  setup_ += answer.took;
  events_.on_recipient(answer);
}

void Transaction::tell_later(RecipientAnswer answer) {
  end_question({}, /*alone=*/false);
  // Kept here, for a function that owns it might need memory to be called.
  later_ = worker_.reactor().defer([this] { tell(*std::exchange(answer_, {})); });
  answer_ = std::move(answer);
  phase_ = Phase::Answering;
}

// --- time
// -----------------------------------------------------------------------------------------

void Transaction::check(Time now) {
  // Before anything that may need memory. What goes well is told before the next look.
  if (!due(now))
    untold_since_.reset();
  else if (!untold_since_)
    untold_since_ = now;
  delivery_.check(now);
  attempt_.check(now);
  if (tie_ && (!tie_.connection().usable() || now - tie_.idle_since() >= plan_->verify.hold))
    tie_.give_up();
  if (end_) {
    later_ = worker_.reactor().defer([this] { conclude_delivery(); });
    return;
  }
  if (due(now)) later_ = worker_.reactor().defer([this, late = late(now)] { expire(late); });
}

bool Transaction::late(Time now) const {
  const bool data = phase_ == Phase::Replaying || phase_ == Phase::Ahead;
  return now - (data ? data_at_ : asked_at_) >= plan_->verify.timeout;
}

// Is there something to tell that nothing else will bring on?
bool Transaction::due(Time now) const {
  if (end_ || delivery_.overdue(now)) return true;
  return asks() && (late(now) || hurt_ || attempt_.broken());
}

bool Transaction::asks() const {
  return phase_ == Phase::Following || phase_ == Phase::Asking || phase_ == Phase::Replaying ||
         (phase_ == Phase::Ahead && !ready_);
}

// |late|: or else memory has run out in the middle of it, and nobody is to blame.
void Transaction::expire(bool late) {
  if (!asks()) return;
  leave_question();
  attempt_.cancel(/*silent=*/late);
  forget_unheard();
  if (tie_.taken()) tie_.end();
  const auto* const why = late ? "no answer in time" : "no memory";
  if (phase_ == Phase::Replaying || phase_ == Phase::Ahead)
    return refuse_data(replies::backend_busy(), why);
  RecipientAnswer answer;
  answer.source = AnswerSource::OurTrouble;
  answer.reply = replies::backend_busy();
  answer.relay = relay_;
  answer.said = why;
  tell(std::move(answer));
}

// What the backend has accepted and the client will never know must not get its message.
void Transaction::forget_unheard() noexcept {
  if (accepted_.size() == heard_) return;
  accepted_.pop_back();
  if (accepted_.empty()) pinned_ = nullptr;
  tie_.give_up();
}

}  // namespace ravelin::proxy
