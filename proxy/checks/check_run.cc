#include "proxy/checks/check_run.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace ravelin::proxy {

CheckRun::CheckRun(Stage stage, const CheckInput& input, Events& events)
    : stage_(stage), input_(input), events_(events), checks_(input.policy.checks(stage)) {}

bool CheckRun::start() {
  if (!checks_.empty()) begin();
  return proceed();
}

void CheckRun::begin() {
  began_ = input_.dns.now();
  current().check->start(*this);
}

// From check to check for as long as they answer at once. Returns true at the end of the list.
bool CheckRun::proceed() {
  while (at_ < checks_.size()) {
    if (!done_) return false;
    if (!spoke_) note(Verdict::pass());
    done_ = spoke_ = false;
    if (++at_ < checks_.size()) begin();
  }
  return over_ = true;
}

void CheckRun::go_on() {
  if (proceed()) events_.on_checks_done(*this);
}

std::optional<dns::Answer> CheckRun::ask(const dns::Question& question) {
  return input_.dns.ask(question, query_, [this, question](const dns::Answer& answer) {
    on_answer(question, answer);
  });
}

// |question| lives in the callback that query_ may hold, and the check may ask again: a copy.
void CheckRun::on_answer(const dns::Question& question, const dns::Answer& answer) {
  const auto asked = question;
  const auto query = std::move(query_);
  current().check->on_answer(*this, asked, answer);
  go_on();
}

void CheckRun::on_fcrdns() {
  if (!std::exchange(awaits_name_, false)) return;
  current().check->on_fcrdns(*this, *fcrdns());
  go_on();
}

// A test that is switched off finds nothing, whatever it saw.
void CheckRun::found(const Verdict& verdict) {
  if (verdict.action == Action::Off) return;
  note(verdict);
  spoke_ = true;
}

void CheckRun::note(Verdict verdict) {
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(input_.dns.now() - began_);
  verdict.took_us = static_cast<uint32_t>(std::clamp<int64_t>(took.count(), 0, UINT32_MAX));
  findings_.push_back({current().def, verdict});
}

}  // namespace ravelin::proxy
