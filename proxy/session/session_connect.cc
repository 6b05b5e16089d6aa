// Until 220: lists, the client's name, and a pause in which a client that talks first gives itself
// away. The pause and the look-up run at the same time.
#include <algorithm>
#include <utility>

#include "proxy/session/session.h"
#include "smtp/cursor.h"

namespace ravelin::proxy {
namespace {

// Early talk for the log: its beginning, but not what follows AUTH. A secret given away unasked is
// one all the same.
std::string_view shown_of(std::string_view talk) {
  constexpr std::string_view kAuth = "AUTH";
  auto shown = talk.substr(0, kPregreetText);
  for (size_t at = 0; at != shown.npos; at = shown.find('\n', at)) {
    if (shown[at] == '\n') ++at;
    if (smtp::equal_nocase(shown.substr(at, kAuth.size()), kAuth))
      return shown.substr(0, at + kAuth.size());
  }
  return shown;
}

}  // namespace

void Session::start() {
  survive([this] { begin(); });
}

void Session::begin() {
  arrived_ = since_ = services_.reactor.now();
  if (access_ == Access::Deny && refuse_denied()) return;
  look_up_name();
  if (!allowed()) held_.run(Stage::Connect, check_input(), *this);
  pause_over_ = trusted() || pause().count() <= 0;
  if (pause_over_) return greet_if_ready();
  timer_ = services_.reactor.timer(pause(), [this] { survive([this] { on_pause_over(); }); });
}

std::chrono::milliseconds Session::pause() const {
  return std::max(policy_->early_talker().pause, limits().least_pause);
}

// True if that is the end. The name is not waited for: a list of addresses needs none.
bool Session::refuse_denied() {
  const auto refusal = with_id(refusal_of({&kAccessDenied, Action::Reject}));
  say_refused(refusal, {.stage = "CONNECT",
                        .reason = kAccessDenied.reason,
                        .shadow = shadow(),
                        .cause = Cause::Access});
  if (shadow()) return false;
  close_with(refusal);
  return true;
}

void Session::look_up_name() {
  dns_.set_stranger(!trusted());
  const bool known =
      dns_.look_up_name(info_.client.address, [this] { survive([this] { on_name(); }); });
  if (known) on_name();
}

void Session::on_name() {
  if (phase_ == Phase::Over) return;
  if (dns_.fcrdns()->confirmed()) info_.name = dns_.fcrdns()->name;
  say_connected();
  held_.on_fcrdns();
  greet_if_ready();
}

void Session::on_pause_over() {
  pause_over_ = true;
  greet_if_ready();
}

// Nobody waits for DNS longer than dns.timeout, and whom we trust not at all.
void Session::greet_if_ready() {
  if (phase_ != Phase::Greeting || !pause_over_) return;
  if (!dns_.fcrdns() && !trusted()) return;
  timer_.reset();
  write(policy_->greeting());
  phase_ = Phase::Command;
  since_ = services_.reactor.now();
  stream_->resume(Pause::Greeting);
}

// RFC 5321 §3.1: the client waits for the greeting. What it said is not read as commands before it.
size_t Session::on_early_talk(std::string_view data) {
  const Verdict verdict{&kTalkedEarly, policy_->early_talker().action};
  if (verdict.action == Action::Off) {
    stream_->pause(Pause::Greeting);
    return 0;
  }
  say_connected();
  services_.journal.pregreet(info_, data.size(), services_.reactor.now() - since_, shown_of(data));
  note([&](DialogRecord& record, Time now) { record.pregreet(data.size(), now); });
  services_.standing.misbehaved(info_.client.address);
  held_.add({&kEarlyTalker, verdict});
  if (verdict.refuses()) {
    const auto refusal = with_id(early_talk_refusal(verdict.action));
    say_refused(refusal, {.stage = "CONNECT",
                          .reason = kTalkedEarly.reason,
                          .shadow = shadow(),
                          .cause = Cause::Early});
    if (!shadow()) {
      close_with(refusal);
      return data.size();
    }
  }
  stream_->pause(Pause::Greeting);
  return 0;
}

}  // namespace ravelin::proxy
