#include "proxy/session/session.h"

#include <cassert>
#include <new>
#include <utility>

#include "proxy/session/bounds.h"
#include "smtp/line_reader.h"

namespace ravelin::proxy {

Session::Session(Services& services, std::shared_ptr<const Policy> policy,
                 std::unique_ptr<Stream> stream, Arrival arrival)
    : services_(services),
      policy_(std::move(policy)),
      stream_(std::move(stream)),
      place_(std::move(arrival.place)),
      listener_(arrival.listener),
      introduced_(arrival.introduced),
      access_(arrival.access),
      grade_(arrival.grade),
      dns_(services.resolver, services.reactor, policy_->config().dns.timeout) {
  info_.id = arrival.id;
  info_.serial = arrival.serial;
  info_.client = arrival.client;
  if (services_.offers_tls()) state_.offer_tls(arrival.must_secure);
  if (arrival.may_introduce) state_.offer_xclient();
  stream_->set_events(this);
  stream_->set_read_size(kCommandRead);
}

Session::~Session() = default;

// If memory runs out, what was not read yet goes the way of the dialog.
size_t Session::on_data(std::string_view data) {
  size_t taken = data.size();
  survive([&] { taken = take(data); });
  return taken;
}

// Commands and text until the input ends or somebody else's turn comes. A reader that meets a fault
// may take nothing and change the phase: that is a step, too.
size_t Session::take(std::string_view data) {
  if (phase_ == Phase::Greeting) return on_early_talk(data);
  size_t taken = 0;
  while (taken < data.size()) {
    const auto before = phase_;
    const auto rest = data.substr(taken);
    size_t used = 0;
    if (phase_ == Phase::Command && !stream_->congested()) used = take_line(rest);
    if (phase_ == Phase::Text && before == phase_) used = take_text(rest);
    if (phase_ == Phase::Discard && before == phase_) used = discard_text(rest);
    taken += used;
    if (used == 0 && phase_ == before) break;
  }
  // XCLIENT has made it another's dialog, who speaks before it is greeted.
  if (phase_ == Phase::Greeting && taken < data.size())
    return taken + on_early_talk(data.substr(taken));
  if (phase_ == Phase::Securing) secure(taken == data.size());
  // Who sends commands and does not read the replies shall not make us keep them all.
  if (phase_ == Phase::Command && stream_->congested()) stream_->pause(Pause::Pressure);
  return phase_ == Phase::Closing ? data.size() : taken;
}

// A broken line is refused once, and nothing behind it is looked at: where one side sees an end of
// line and the other does not, there is no telling what is a command.
size_t Session::take_line(std::string_view data) {
  const auto line = smtp::read_line(data, kSyntax.command_line);
  if (line.status == smtp::LineStatus::Incomplete) return 0;
  if (line.status != smtp::LineStatus::Line) {
    close_broken(after(), smtp::replies::bad_line(line.status));
    return data.size();
  }
  const bool more = data.size() > line.consumed;
  on_command(line.text, more);
  return line.consumed;
}

void Session::on_drained() {
  if (transaction_ && transaction_->text && transaction_->text->full) return;
  stream_->resume(Pause::Pressure);
}

// Nothing pipelined overtakes a command that waits.
void Session::wait(Phase phase) {
  phase_ = phase;
  since_ = services_.reactor.now();
  stream_->pause(Pause::Waiting);
}

// The client's turn.
void Session::listen() {
  if (draining_ && !transaction_) return close_with(smtp::replies::shutting_down());
  phase_ = Phase::Command;
  since_ = services_.reactor.now();
  stream_->resume(Pause::Waiting);
}

// The last words. The stream sees to it that they are heard.
void Session::close_with(const smtp::Reply& last) {
  if (phase_ != Phase::Securing) write(last);  // there are no words between the clear and TLS
  phase_ = Phase::Closing;
  doomed_ = true;  // unless the stream takes over
  timer_.reset();
  reset();
  stream_->finish();
  doomed_ = false;
}

// The framing cannot be trusted any more.
void Session::close_broken(std::string_view stage, const smtp::Reply& last) {
  say_refused(last, {.stage = stage, .reason = "Protocol error"});
  close_with(last);
}

void Session::give_up(std::string_view what, const smtp::Reply& last) {
  say_ended(what);
  close_with(last);
}

// The one way out of a transaction, whatever its outcome. Checks of its sender look at it and go
// first.
void Session::reset() {
  held_.forget(Stage::Mail);
  state_.reset();
  transaction_.reset();
}

// Inside a call of the backend its transaction must not be destroyed.
void Session::retire_backend() {
  services_.reactor.retire(std::shared_ptr<BackendTransaction>(std::move(transaction_->backend)));
}

// Before the dot a client that leaves cancels. After it, the reply is waited for without the
// client: only then the log can say whether the message was delivered. One that has only closed its
// side (Pause::Custody) may still hear it.
void Session::on_end(StreamEnd how) {
  if (phase_ == Phase::Over) return;
  if (how == StreamEnd::TlsFailed) survive([this] { say_not_secured(); });
  if (phase_ == Phase::Final) {
    doomed_ = true;  // unless the stream can be let go
    return survive([this] {
      services_.reactor.retire(std::shared_ptr<Stream>(std::move(stream_)));
      doomed_ = false;
      say_ended("lost connection");
    });
  }
  survive([this] {
    if (phase_ != Phase::Closing) say_ended("lost connection");
  });
  end();
}

void Session::end() {
  phase_ = Phase::Over;
  timer_.reset();
  reset();
  survive([this] {
    say_connected();
    say_disconnected();
  });
  services_.retire(*this);
}

// No memory: the dialog ends with 421, and the message with it. Nothing is destroyed in here, for
// the call may come from below: what cannot even say goodbye is left to the next sweep. While a
// reply of the backend is waited for nothing ends.
void Session::out_of_memory() {
  if (phase_ == Phase::Closing || phase_ == Phase::Over || phase_ == Phase::Final) return;
  const bool mute = std::exchange(phase_, Phase::Closing) == Phase::Securing;
  doomed_ = true;
  if (!stream_) return;
  try {
    if (!mute) write(smtp::replies::no_memory_closing());
    stream_->finish();
    doomed_ = false;
  } catch (const std::bad_alloc&) {
    // doomed
  }
}

}  // namespace ravelin::proxy
