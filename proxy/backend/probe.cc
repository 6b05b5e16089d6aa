#include "proxy/backend/probe.h"

#include <new>
#include <utility>

#include "proxy/backend/worker.h"

namespace ravelin::proxy {

Probe::Probe(BackendWorker& worker, Duty duty)
    : worker_(worker), duty_(std::move(duty)), attempt_(worker, *this) {}

Probe::~Probe() {
  if (!done_) worker_.backends().duties().done(duty_);
}

void Probe::start() {
  started_ = worker_.reactor().now();
  const auto& plan = worker_.plan();
  const auto* const route = plan->routes.find(duty_.domain);
  if (route == nullptr || route->name != duty_.route)
    return conclude(false, false);  // configured no more
  Attempt::Job job;
  job.plan = plan;
  job.route = route;
  const auto at = duty_.recipient.rfind('@');
  rcpt_.to = {duty_.recipient.substr(0, at), duty_.recipient.substr(at + 1)};
  // The list is asked, as by everybody: whoever else is accepted says nothing about it.
  if (!route->lists(rcpt_.to)) return conclude(false, true);
  job.mail = &mail_;
  job.rcpts = {&rcpt_, 1};
  job.fresh = true;
  if (attempt_.start(std::move(job))) conclude(false, false);
}

void Probe::on_outcome(Outcome outcome) noexcept {
  if (outcome.connection == nullptr) return conclude(false, false);
  BackendConnection::quit(std::move(outcome.connection));
  const bool asked = outcome.mail && outcome.mail->judgement.fault == Fault::None;
  const bool accepted = asked && outcome.rcpts.front().judgement.fault == Fault::None;
  conclude(accepted, asked);
}

void Probe::check(Time now) {
  if (done_) return;
  const bool late = now - started_ >= worker_.plan()->verify.timeout;
  if (!late && !attempt_.broken()) return;
  attempt_.cancel(/*silent=*/late);
  conclude(false, false);
}

// What there is no memory to note down is asked again in its time.
void Probe::conclude(bool accepted, bool answered) noexcept {
  done_ = true;
  auto& backends = worker_.backends();
  const auto now = worker_.reactor().now();
  backends.duties().done(duty_);
  try {
    if (duty_.kind == Duty::Kind::Canary)
      backends.canary_answered(duty_.route, accepted, now);
    else if (answered)
      backends.catch_all_answered(duty_.domain, accepted, now);
  } catch (const std::bad_alloc&) {
    // as if it had not been asked
  }
}

}  // namespace ravelin::proxy
