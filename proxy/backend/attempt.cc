#include "proxy/backend/attempt.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <new>
#include <utility>

#include "proxy/backend/client_text.h"
#include "proxy/backend/worker.h"
#include "proxy/backend/xforward.h"

namespace ravelin::proxy {

using smtp::Reply;
using smtp::Step;

namespace {

// More than a backend takes that is only busy, and little of what clients wait.
constexpr std::chrono::seconds kLongBehind{5};

}  // namespace

// A wish that would be dropped in silence is one too many.                           RFC 3461 §5
bool lacks(const smtp::Capabilities& offers, const smtp::MailCommand& mail,
           std::span<const smtp::RcptCommand> rcpts) {
  if (smtp::needs_more_than(mail, offers.offered())) return true;
  const auto wishes = [](const auto& rcpt) { return rcpt.notify != 0 || !rcpt.orcpt.empty(); };
  return !offers.dsn && std::any_of(rcpts.begin(), rcpts.end(), wishes);
}

// --- finding a connection
// -------------------------------------------------------------------------

std::optional<Outcome> Attempt::start(Job job) {
  assert(!running_);
  job_ = std::move(job);
  job_.fresh |= job_.named;
  running_ = true;
  broken_ = more_ = repeated_ = cut_off_ = alone_ = false;
  candidate_ = 0;
  trouble_ = Trouble::Unreachable;
  outcome_ = {};
  waiter.good = job_.client != nullptr && job_.client->good;
  waiter.client =
      job_.client != nullptr ? job_.client->address.address.client_key() : dns::IpAddress();
  waiter.bounce = job_.mail->from.null();
  waiter.want = job_.want;
  waiter.fresh = job_.fresh;
  return acquire();
}

void Attempt::ask_more(ConnectionPtr connection, Job job) {
  assert(!running_ && connection != nullptr);
  job_ = std::move(job);
  running_ = true;
  broken_ = false;
  more_ = true;
  outcome_ = {};
  use(std::move(connection));
  connection_->whole([this] {
    say_rcpts(*connection_);
    connection_->flush();
  });
}

std::optional<Outcome> Attempt::acquire() {
  const auto& backends = job_.plan->backends_of(*job_.route);
  for (; candidate_ < backends.size(); ++candidate_) {
    auto& pool = worker_.pool(backends[candidate_]);
    waiter.elsewhere = candidate_ + 1 < backends.size();
    ConnectionPtr connection;
    auto took = pool.take(*this, connection);
    if (took == Pool::Took::Now && crowded(*connection)) {
      make_room(std::move(connection));
      took = pool.take(*this, connection);
    }
    switch (took) {
      case Pool::Took::Now:
        waiting_at_ = nullptr;
        if (!use(std::move(connection))) {
          trouble_ = Trouble::Lacks;
          continue;
        }
        begin();
        return {};
      case Pool::Took::Later:
        waiting_at_ = &pool;
        return {};
      case Pool::Took::Down:
        waiter.fresh = job_.fresh;  // the next one's connections have not failed us
        continue;
    }
  }
  running_ = false;
  outcome_.trouble = trouble_;
  return std::exchange(outcome_, {});
}

std::optional<Outcome> Attempt::next_backend(Trouble why) {
  trouble_ = why;
  ++candidate_;
  waiter.fresh = job_.fresh;
  return acquire();
}

// What fails for want of memory stays as it is, for the owner's next look.
template <class Act>
void Attempt::survive(const Act& act) noexcept {
  try {
    if (auto outcome = act()) owner_.on_outcome(std::move(*outcome));
  } catch (const std::bad_alloc&) {
    broken_ = true;
  }
}

void Attempt::on_connection(ConnectionPtr connection) noexcept {
  waiting_at_ = nullptr;
  connection_ = std::move(connection);  // whatever happens
  survive([this]() -> std::optional<Outcome> {
    if (crowded(*connection_)) {
      make_room(std::move(connection_));
      return acquire();
    }
    if (!use(std::move(connection_))) return next_backend(Trouble::Lacks);
    begin();
    return {};
  });
}

// Where others of our connections work, "too many" only means to wait for one of them.
void Attempt::on_no_connection(const Lost& lost) noexcept {
  const auto& backend = std::exchange(waiting_at_, nullptr)->backend();
  survive([&] {
    if (lost.why != Lost::Why::Busy || !backend.has_ready())
      return next_backend(Trouble::Unreachable);
    waiter.fresh = job_.fresh;
    return acquire();
  });
}

// --- saying it
// ------------------------------------------------------------------------------------

// False if it lacks what the message needs; then it is given back.
bool Attempt::use(ConnectionPtr connection) {
  if (!more_ && lacks(connection->facts().offers, *job_.mail, job_.rcpts)) {
    worker_.park(std::move(connection));
    return false;
  }
  connection_ = std::move(connection);
  connection_->set_user(this);
  said_at_ = worker_.reactor().now();
  ++connection_->backend().counters.questions;
  return true;
}

// Would it be more domains than the backend takes on one connection? A new one has none, and is
// used whatever the backend will say.
bool Attempt::crowded(const BackendConnection& connection) const {
  const auto& facts = connection.facts();
  if (facts.domains.empty()) return false;
  Facts after;
  after.offers.rcpt_domain_max = facts.offers.rcpt_domain_max;
  after.domains = facts.domains;
  return std::any_of(job_.rcpts.begin(), job_.rcpts.end(), [&](const auto& rcpt) {
    if (!after.takes_domain(rcpt.to.domain)) return true;
    after.note_domain(rcpt.to.domain);
    return false;
  });
}

void Attempt::make_room(ConnectionPtr connection) noexcept {
  BackendConnection::quit(std::move(connection));
  waiter.fresh = true;
}

// One write, with whoever waits and may say as much behind it.
void Attempt::begin() {
  connection_->whole([this] {
    say(*connection_);
    // What the client was told of the recipients is not expected to have changed.
    if (job_.want == Want::Message && connection_->facts().offers.pipelining)
      connection_->send(Step::Data, "DATA");
    const auto& backend = job_.plan->backends_of(*job_.route)[candidate_];
    if (shares(*connection_)) worker_.pool(backend).fill(*connection_);
    connection_->flush();
  });
}

// Good clients' questions wait for nobody's, and keep what they are accepted on. Nor is a
// connection shared that a client has for a message, or for itself.
bool Attempt::shares(const BackendConnection& connection) const {
  return job_.want == Want::Question && job_.client != nullptr && !job_.client->good &&
         !job_.named && !connection.facts().introduced;
}

bool Attempt::may_follow(const BackendConnection& connection) const {
  return !alone_ && !waiter.fresh && shares(connection) && !crowded(connection) &&
         !lacks(connection.facts().offers, *job_.mail, job_.rcpts);
}

void Attempt::follow(BackendConnection& connection) noexcept {
  waiting_at_ = nullptr;
  try {
    said_at_ = worker_.reactor().now();
    const auto before = connection.outstanding();
    connection.whole([&] { say(connection); });
    if (!connection.usable()) throw std::bad_alloc();
    connection.pipeline().push(*this, connection.outstanding() - before);
    behind_ = &connection;
    ++connection.backend().counters.questions;
    ++connection.backend().counters.pipelined;
  } catch (const std::bad_alloc&) {
    broken_ = true;
  }
}

void Attempt::on_turn(ConnectionPtr connection) noexcept {
  behind_ = nullptr;
  connection_ = std::move(connection);
  connection_->set_user(this);
}

// It is nobody's fault, so it costs nothing but time: asked again, and alone.
void Attempt::on_cut_off() noexcept {
  behind_ = nullptr;
  cut_off_ = alone_ = true;
  resume_later();
}

// Not at once: whoever lost the connection is in the middle of something. Without memory at the
// next check().
void Attempt::resume_later() noexcept {
  try {
    resume_ = worker_.reactor().defer([this] { resume(); });
  } catch (const std::bad_alloc&) {
    resume_ = nullptr;
  }
}

void Attempt::resume() noexcept {
  resume_ = nullptr;
  if (behind_ != nullptr) return leave_pipeline();
  if (std::exchange(cut_off_, false)) survive([this] { return acquire(); });
}

// The one in front may be about a sender whose domain the backend looks up for a minute. What is
// said to us there is heard by nobody then, and counts for that connection all the same. While none
// is free for us we stay: a backend that is slow for want of rest must not be asked twice.
void Attempt::leave_pipeline() noexcept {
  if (!behind_->backend().spares(waiter, worker_.reactor().now())) return;
  std::exchange(behind_, nullptr)->pipeline().leave(*this);
  alone_ = true;
  survive([this] { return acquire(); });
}

void Attempt::check(Time now) noexcept {
  const bool waits_long = behind_ != nullptr && now - said_at_ >= kLongBehind;
  if ((cut_off_ || waits_long) && !resume_) resume_later();
}

// RSET only if a MAIL is open: servers count it as a command that brings no mail. The
// client's identity comes after it, because RSET clears it, and before MAIL, because inside a
// transaction it is refused.
void Attempt::say(BackendConnection& connection) {
  const bool open = connection.facts().mail_open || connection.outstanding() > 0;
  if (open) connection.send(Step::Rset, "RSET");
  if (job_.client != nullptr && job_.route->settings.client_info == ClientInfo::Xforward)
    say_xforward(connection);
  const auto offers = connection.facts().offers.offered();
  connection.send(Step::Mail, smtp::mail_line(*job_.mail, offers));
  say_rcpts(connection);
}

void Attempt::say_xforward(BackendConnection& connection) {
  const auto lines = xforward_lines(connection.facts().offers, *job_.client, job_.id);
  for (const auto& line : lines) connection.send(Step::Xforward, line);
  if (!lines.empty()) return;
  worker_.alarm(Alarm::NoXforward, connection.relay(),
                "offers no XFORWARD to us: its logs show us as the client of all mail");
}

void Attempt::say_rcpts(BackendConnection& connection) {
  const auto offers = connection.facts().offers.offered();
  for (const auto& rcpt : job_.rcpts) {
    connection.facts().note_domain(rcpt.to.domain);
    connection.send(Step::Rcpt, smtp::rcpt_line(rcpt, offers));
  }
}

// --- hearing it
// -----------------------------------------------------------------------------------

// A 452 "too many" counts against a used connection only: on a new one, and behind recipients that
// were accepted, it is what the backend means. Where it may be heard by the client it is.
Judgement Attempt::judged(Step step, const Reply& reply) const {
  auto context = job_.plan->judge_context(*job_.route, connection_->facts());
  std::string sender, recipient;
  if (!reply.positive()) {
    sender = job_.mail->from.to_string();
    const auto index = outcome_.rcpts.size();
    if (step == Step::Rcpt && index < job_.rcpts.size())
      recipient = job_.rcpts[index].to.to_string();
    context.sender = sender;
    context.recipient = recipient;
  }
  auto judgement = judge(step, reply, context);
  const bool replaceable = connection_->facts().reused && !more_ && !repeated_;
  if (judgement.fault == Fault::Busy && reply.code != 421 && !replaceable)
    judgement = {.fault = Fault::Later};
  return judgement;
}

void Attempt::on_reply(BackendConnection&, Step step, const Reply& reply) {
  // Behind a refused MAIL a RCPT is out of order, and what it gets says nothing.
  const bool moot = step == Step::Rcpt && outcome_.mail &&
                    outcome_.mail->judgement.fault != Fault::None && reply.code != 421;
  const auto judgement = moot ? Judgement{} : judged(step, reply);
  note(step, reply, judgement);
  if (judgement.discard)
    return connection_failed(Trouble::Confused,
                             said_by(connection_->backend(), connection_->facts(), reply, step),
                             judgement.fault == Fault::Busy || step == Step::Rset);
  if (step == Step::Mail) outcome_.mail = Judged{reply, judgement};
  if (step == Step::Rcpt) outcome_.rcpts.push_back({reply, judgement});
  if (!connection_->turn_over()) return;
  outcome_.relay = connection_->relay();
  outcome_.connection = std::move(connection_);
  finish();
}

void Attempt::note(Step step, const Reply& reply, const Judgement& judgement) {
  if (!judgement.alarm) return;
  const auto kind = step == Step::Xforward ? Alarm::NoXforward : Alarm::Refuses;
  worker_.alarm(kind, "backend " + connection_->backend().name(),
                said_by(connection_->backend(), connection_->facts(), reply, step));
}

void Attempt::on_lost(BackendConnection&, const Lost& lost) {
  auto said = "host " + connection_->backend().host() + " " + std::string(lost.text());
  if (!lost.said.empty()) said += ": " + lost.said;
  connection_failed(Trouble::Lost, std::move(said), /*stale=*/true);
}

// A used connection may have gone stale, or its backend has had enough of it: once, the same is
// asked on a new one. The client never notices.
void Attempt::connection_failed(Trouble why, std::string said, bool stale) {
  outcome_.relay = connection_->relay();
  const auto connection = std::move(connection_);
  const bool again = stale && connection->facts().reused && !more_ && !repeated_;
  if (again) ++connection->backend().counters.stale;
  BackendConnection::drop(connection);
  if (!again) {
    outcome_.trouble = why;
    outcome_.stale = stale;
    outcome_.said = std::move(said);
    return finish();
  }
  repeated_ = true;
  waiter.fresh = true;
  outcome_.mail.reset();
  outcome_.rcpts.clear();
  survive([this] { return acquire(); });
}

void Attempt::finish() noexcept {
  running_ = false;
  owner_.on_outcome(std::exchange(outcome_, {}));
}

void Attempt::cancel(bool silent) noexcept {
  if (!std::exchange(running_, false)) return;
  if (waiting_at_ != nullptr) std::exchange(waiting_at_, nullptr)->cancel(*this);
  if (behind_ != nullptr) std::exchange(behind_, nullptr)->pipeline().leave(*this);
  cut_off_ = false;
  resume_ = nullptr;
  if (connection_ == nullptr) return;
  if (silent) {
    // Of one that speaks for a client that client may be the reason.
    if (!connection_->facts().introduced)
      connection_->backend().silent_since(said_at_, worker_.reactor().now());
    return BackendConnection::drop(std::move(connection_));
  }
  // The replies are on their way: the connection is worth more than the wait for them.
  worker_.park(std::move(connection_));
}

}  // namespace ravelin::proxy
