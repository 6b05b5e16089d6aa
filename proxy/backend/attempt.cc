#include "proxy/backend/attempt.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "proxy/backend/client_text.h"
#include "proxy/backend/worker.h"
#include "proxy/backend/xforward.h"

namespace ravelin::proxy {

using smtp::Reply;
using smtp::Step;

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
  running_ = true;
  more_ = repeated_ = false;
  candidate_ = 0;
  trouble_ = Trouble::Unreachable;
  outcome_ = {};
  waiter.good = job_.client != nullptr && job_.client->good;
  waiter.client =
      job_.client != nullptr ? job_.client->address.address.client_key() : dns::IpAddress();
  waiter.want = job_.want;
  waiter.fresh = job_.fresh;
  return acquire();
}

void Attempt::ask_more(std::unique_ptr<BackendConnection> connection, Job job) {
  assert(!running_ && connection != nullptr);
  job_ = std::move(job);
  running_ = true;
  more_ = true;
  outcome_ = {};
  use(std::move(connection));
  say_rcpts();
  connection_->flush();
}

std::optional<Outcome> Attempt::acquire() {
  const auto& backends = job_.plan->backends_of(*job_.route);
  for (; candidate_ < backends.size(); ++candidate_) {
    auto& pool = worker_.pool(backends[candidate_]);
    waiter.elsewhere = candidate_ + 1 < backends.size();
    std::unique_ptr<BackendConnection> connection;
    switch (pool.take(*this, connection)) {
      case Pool::Took::Now:
        waiting_at_ = nullptr;
        if (lacks(connection->facts().offers, job_.mail, job_.rcpts)) {
          release_tie(pool.backend());
          pool.park(std::move(connection));
          trouble_ = Trouble::Lacks;
          continue;
        }
        begin(std::move(connection));
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
  return std::move(outcome_);
}

std::optional<Outcome> Attempt::next_backend(Trouble why) {
  trouble_ = why;
  ++candidate_;
  waiter.fresh = job_.fresh;
  return acquire();
}

void Attempt::on_connection(std::unique_ptr<BackendConnection> connection) {
  waiting_at_ = nullptr;
  if (!lacks(connection->facts().offers, job_.mail, job_.rcpts))
    return begin(std::move(connection));
  auto& pool = worker_.pool(connection->backend().shared_from_this());
  release_tie(pool.backend());
  pool.park(std::move(connection));
  if (auto outcome = next_backend(Trouble::Lacks)) owner_.on_outcome(std::move(*outcome));
}

// Where others of our connections work, "too many" only means to wait for one of them.
void Attempt::on_no_connection(const Lost& lost) {
  const auto& backend = std::exchange(waiting_at_, nullptr)->backend();
  if (lost.why == Lost::Why::Busy && backend.has_ready()) {
    waiter.fresh = job_.fresh;
    if (auto outcome = acquire()) owner_.on_outcome(std::move(*outcome));
    return;
  }
  if (auto outcome = next_backend(Trouble::Unreachable)) owner_.on_outcome(std::move(*outcome));
}

void Attempt::release_tie(Backend& backend) {
  if (job_.want == Want::Message) backend.untie(waiter, worker_.reactor().now());
}

// --- saying it
// ------------------------------------------------------------------------------------

void Attempt::use(std::unique_ptr<BackendConnection> connection) {
  connection_ = std::move(connection);
  connection_->set_user(this);
  said_at_ = worker_.reactor().now();
  ++connection_->backend().counters.questions;
}

// One write. RSET only if a MAIL is open: servers count it as a command that brings no mail. The
// client's identity comes after it, because RSET clears it, and before MAIL, because inside a
// transaction it is refused.
void Attempt::begin(std::unique_ptr<BackendConnection> connection) {
  use(std::move(connection));
  if (connection_->facts().mail_open) connection_->send(Step::Rset, "RSET");
  if (job_.client != nullptr && job_.route->settings.client_info == ClientInfo::Xforward)
    say_xforward();
  const auto offers = connection_->facts().offers.offered();
  connection_->send(Step::Mail, smtp::mail_line(job_.mail, offers));
  say_rcpts();
  connection_->flush();
}

void Attempt::say_xforward() {
  const auto lines = xforward_lines(connection_->facts().offers, *job_.client, job_.id);
  for (const auto& line : lines) connection_->send(Step::Xforward, line);
  if (!lines.empty()) return;
  worker_.alarm(Alarm::NoXforward, connection_->relay(),
                "offers no XFORWARD to us: its logs show us as the client of all mail");
}

void Attempt::say_rcpts() {
  const auto offers = connection_->facts().offers.offered();
  for (const auto& rcpt : job_.rcpts) connection_->send(Step::Rcpt, smtp::rcpt_line(rcpt, offers));
}

// --- hearing it
// -----------------------------------------------------------------------------------

// A 452 "too many" counts against a used connection only: on a new one, and behind recipients that
// were accepted, it is what the backend means. Where it may be heard by the client it is.
Judgement Attempt::judged(Step step, const Reply& reply) const {
  auto context = job_.plan->judge_context(*job_.route, connection_->facts());
  std::string sender, recipient;
  if (!reply.positive()) {
    sender = job_.mail.from.to_string();
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
  if (!connection_->idle()) return;
  outcome_.relay = connection_->relay();
  outcome_.connection = std::move(connection_);
  finish(std::move(outcome_));
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
  auto connection = std::move(connection_);
  outcome_.relay = connection->relay();
  const bool again = stale && connection->facts().reused && !more_ && !repeated_;
  auto& backend = connection->backend();
  if (!more_) release_tie(backend);
  if (again) ++backend.counters.stale;
  BackendConnection::drop(std::move(connection));
  if (!again) {
    outcome_.trouble = why;
    outcome_.stale = stale;
    outcome_.said = std::move(said);
    return finish(std::move(outcome_));
  }
  repeated_ = true;
  waiter.fresh = true;
  outcome_.mail.reset();
  outcome_.rcpts.clear();
  if (auto outcome = acquire()) owner_.on_outcome(std::move(*outcome));
}

void Attempt::finish(Outcome outcome) {
  running_ = false;
  owner_.on_outcome(std::move(outcome));
}

void Attempt::cancel(bool silent) {
  if (!std::exchange(running_, false)) return;
  if (waiting_at_ != nullptr) std::exchange(waiting_at_, nullptr)->cancel(*this);
  if (connection_ == nullptr) return;
  auto& backend = connection_->backend();
  if (silent) {
    backend.silent_since(said_at_, worker_.reactor().now());
    if (!more_) release_tie(backend);
    return BackendConnection::drop(std::move(connection_));
  }
  // The replies are on their way: the connection is worth more than the wait for them.
  if (!more_) release_tie(backend);
  worker_.pool(backend.shared_from_this()).park_later(std::move(connection_));
}

}  // namespace ravelin::proxy
