// DATA: from the command to the backend's last word. The text streams through: client -> reader ->
// backend, and each side's slowness holds the other.
#include <algorithm>
#include <cassert>
#include <utility>

#include "proxy/session/session.h"
#include "smtp/trace.h"

namespace ravelin::proxy {

// Our 354 only after the backend's: then a message that is begun has a way to end. (Strangers wait
// for it at the end of their text while connections are short: backend/transaction_data.cc.)
void Session::on_data(const smtp::Command& command) {
  if (!command.argument.empty()) return error(smtp::replies::no_argument());
  if (transaction_->capture) return begin_capture();
  wait(Phase::Opening);
  if (greylist_defers_data()) return;
  transaction_->backend->start_data();
}

void Session::on_data_ready(const FinalAnswer& answer) {
  if (phase_ != Phase::Opening) return;
  survive([&] {
    if (answer.reply.positive()) return begin_text();
    const auto refusal = with_id(answer.reply);
    Why why{.stage = "DATA", .subject = "DATA", .reason = "Data command rejected"};
    why.said = answer.said;
    why.cause = Cause::Backend;
    say_refused(refusal, why);
    retire_backend();
    reset();
    reply(refusal);
  });
}

void Session::begin_text() {
  const auto now = services_.reactor.now();
  const smtp::DataLimits limits_of_text{.size = message_limit(),
                                        .line = kSyntax.text_line,
                                        .received = kMaxReceived,
                                        .normalise = policy_->normalises(info_.client.address)};
  transaction_->text = std::make_unique<TextFlow>(limits_of_text, now);
  write(smtp::replies::start_mail());
  stream_->set_read_size(kTextRead);
  phase_ = Phase::Text;
  since_ = now;
  stream_->resume(Pause::Waiting);
}

// On top of the message; nothing else is touched.                      RFC 5321 §4.4
std::string Session::received() const {
  const auto id = id_text(transaction_->id);
  const auto literal = info_.client.address.literal();
  const auto& accepted = transaction_->accepted;
  const auto only = accepted.size() == 1 ? accepted.front().to_string() : std::string();
  smtp::TraceInfo trace;
  trace.helo = info_.helo;
  trace.client_name = info_.name;
  trace.client_literal = literal;
  trace.hostname = config().hostname;
  trace.esmtp = info_.esmtp;
  trace.utf8 = transaction_->mail.smtputf8;
  trace.tls = !info_.tls.empty();
  trace.tls_details = info_.tls;
  trace.id = id;
  trace.only_recipient = only;
  trace.time = services_.clock.wall();
  return smtp::received_line(trace);
}

// White space at the beginning of a message, at |begin|, would continue our own line (RFC 5322
// §2.2.3), which is believed by those who read it. There is no header then, and a line says so.
void Session::keep_apart(std::string& text, size_t begin) const {
  if (transaction_->capture) return;
  if (text[begin] == ' ' || text[begin] == '\t') text.insert(begin, "\r\n");
}

size_t Session::take_text(std::string_view data) {
  auto& flow = *transaction_->text;
  auto& text = services_.text;
  text.clear();
  const bool first = !std::exchange(flow.traced, true);
  if (first && !transaction_->capture) text += received();  // with what it stands on, in one piece
  const auto own = text.size();
  const auto step = flow.reader.feed(data, text);
  if (text.size() > own && !std::exchange(flow.started, true)) keep_apart(text, own);
  flow.octets += step.consumed;
  since_ = services_.reactor.now();
  if (step.status == smtp::DataReader::Status::Fault) {
    const auto fault = flow.reader.fault();
    refuse_text(smtp::replies::bad_text(fault), {},
                fault == smtp::DataFault::TooBig ? Cause::Limit : Cause::Protocol);
    return step.consumed;
  }
  write_text(text);
  if (step.status == smtp::DataReader::Status::End) end_text();
  return step.consumed;
}

void Session::write_text(std::string_view text) {
  if (transaction_->capture) return keep_text(text);
  auto& flow = *transaction_->text;
  if (transaction_->backend->write(text) || flow.full) return;
  flow.full = true;
  flow.held_since = services_.reactor.now();
  stream_->pause(Pause::Pressure);
}

// The time that the backend took is not the client's.
void Session::on_room() {
  if (phase_ != Phase::Text || !transaction_->text->full) return;
  auto& flow = *transaction_->text;
  flow.full = false;
  since_ = services_.reactor.now();
  flow.held += since_ - flow.held_since;
  stream_->resume(Pause::Pressure);
}

// From here on the reply is always waited for: phase Final cannot be left but by on_final().
void Session::end_text() {
  stream_->set_read_size(kCommandRead);
  if (transaction_->capture) return end_capture();
  stream_->resume(Pause::Pressure);
  stream_->pause(Pause::Custody);
  wait(Phase::Final);
  transaction_->backend->finish();
  trace_text();
}

// A refusal in mid-text: the backend is dropped before it can take half a message for a whole one,
// and the client goes on sending to nobody, for it listens only when it has sent all.
void Session::refuse_text(const smtp::Reply& refusal, std::string_view said, Cause cause) {
  auto& flow = *transaction_->text;
  flow.refusal = with_id(refusal);
  Why why{.stage = "DATA", .subject = "DATA", .reason = "Data command rejected"};
  why.said = said;
  why.transaction = transaction_->id;
  why.cause = cause;
  say_refused(*flow.refusal, why);
  if (transaction_->capture) store_capture(false);
  if (transaction_->backend) retire_backend();
  flow.octets = 0;
  phase_ = Phase::Discard;
  since_ = services_.reactor.now();
  stream_->resume(Pause::Pressure);
}

size_t Session::discard_text(std::string_view data) {
  auto& flow = *transaction_->text;
  const auto step = flow.reader.discard(data);
  flow.octets += step.consumed;
  const auto limit = message_limit();
  const bool enough = limit > 0 && flow.octets > limit;
  if (step.status == smtp::DataReader::Status::End || enough) end_discard();
  return step.consumed;
}

void Session::end_discard() {
  const auto refusal = *std::move(transaction_->text->refusal);
  close_with(refusal);
}

void Session::on_final(const FinalAnswer& answer) {
  survive([&] {
    if (phase_ == Phase::Text) {
      // Custody: whatever this was, it is not the answer to a message.
      const bool sane = !answer.reply.positive();
      assert(sane);
      refuse_text(sane ? answer.reply : smtp::replies::backend_lost(), answer.said, Cause::Backend);
    }
    if (phase_ == Phase::Final) finish_data(answer);
  });
  if (!stream_ && phase_ == Phase::Command) end();
}

// The backend's last reply becomes ours.
void Session::finish_data(const FinalAnswer& answer) {
  phase_ = Phase::Command;
  const auto last = with_id(answer.reply);
  if (!last.positive()) say_undelivered(last, answer);
  if (last.positive() || taken_by_some(answer)) say_delivered(last, answer);
  retire_backend();
  reset();
  if (!stream_) return;
  stream_->resume(Pause::Custody);
  reply(last);
}

// A backend that speaks LMTP may take a message for some recipients only.
bool Session::taken_by_some(const FinalAnswer& answer) {
  return std::any_of(answer.fates.begin(), answer.fates.end(), [](const RecipientFate& fate) {
    return fate.kind == RecipientFate::Kind::Sent;
  });
}

// Whoever looks for the reason of a duplicate finds it here.
void Session::say_undelivered(const smtp::Reply& last, const FinalAnswer& answer) {
  Why why{.stage = "DATA", .subject = "DATA", .reason = "Data command rejected"};
  why.said = answer.said;
  why.transaction = transaction_->id;
  why.cause = Cause::Backend;
  say_refused(last, why);
  const auto warn = [this](const std::string& text) {
    services_.journal.message(Severity::Warning, id_text(transaction_->id) + ": " + text);
  };
  if (last.transient() && taken_by_some(answer))
    warn(answer.relay + " has it for some of its recipients: it may be delivered twice to these");
  else if (answer.maybe_delivered)
    warn("the text was sent to " + answer.relay +
         ", and no reply tells of it: it may be delivered twice");
}

// Shadow mode lets everything through, so a delivery means less there. Nor does mail to postmaster
// or abuse earn anything: these hear everybody, and would be the way around every check.
void Session::say_delivered(const smtp::Reply& last, const FinalAnswer& answer) {
  auto& t = *transaction_;
  junk_ = 0;
  assert(answer.fates.empty() || answer.fates.size() == t.accepted.size());
  if (!shadow() || !unknown_seen_) {
    uint32_t earning = 0;
    for (size_t i = 0; i < t.accepted.size(); ++i) {
      const bool taken = answer.fates.empty() || answer.fates[i].kind == RecipientFate::Kind::Sent;
      if (taken && !is_role_mailbox(t.accepted[i])) ++earning;
    }
    services_.standing.delivered(info_.client.address, earning);
  }
  const Delivered delivered{.transaction = t.id,
                            .sender = t.mail.from,
                            .recipients = t.accepted,
                            .size = t.text->reader.size(),
                            .message_id = t.text->reader.message_id(),
                            .relay = answer.relay,
                            .said = answer.said,
                            .before = t.text->began - t.began,
                            .setup = answer.setup,
                            .transfer = answer.transfer,
                            .client_gone = !stream_ || stream_->half_closed(),
                            .fates = answer.fates};
  services_.journal.delivered(info_, delivered);
  note([&](DialogRecord& record, Time now) { record.delivered(delivered, last, now); });
}

}  // namespace ravelin::proxy
