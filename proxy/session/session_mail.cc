// MAIL: opens a transaction. Its checks begin here and are waited for at RCPT.
#include <utility>

#include "proxy/session/ehlo_reply.h"
#include "proxy/session/session.h"

namespace ravelin::proxy {
namespace {

constexpr std::string_view kTooBig = "Message too big";
constexpr std::string_view kTooManyBounces = "Too many bounces at once";

}  // namespace

void Session::on_mail(const smtp::Command& command) {
  auto mail = smtp::parse_mail(command.argument, offered_, kSyntax);
  if (!mail) return syntax_error("MAIL", command, mail.error());
  if (too_big(*mail)) return;

  grade_ = services_.standing.grade(info_.client.address);
  if (!has_standing()) services_.tally.mail(mail->from.null());
  Handle bounce;
  if (mail->from.null() && !has_standing()) {
    bounce = services_.enter_bounce(info_.client.address);
    if (!bounce) return refuse_mail(*mail, smtp::replies::too_many_bounces(), kTooManyBounces);
  }
  transaction_ = std::make_unique<MailTransaction>(*std::move(mail), services_.next_id(),
                                                   services_.reactor.now());
  transaction_->bounce = std::move(bounce);
  state_.on_mail();
  held_.run(Stage::Mail, check_input(), *this);
  reply(smtp::replies::sender_ok());
}

// RFC 1870 §6.1: said beforehand, it saves both sides the text.
bool Session::too_big(const smtp::MailCommand& mail) {
  const auto limit = message_limit();
  if (limit == 0 || mail.size.value_or(0) <= limit) return false;
  refuse_mail(mail, smtp::replies::size_exceeded(), kTooBig);
  return true;
}

// Not an error, but a command without use: there must be an end to it.
void Session::refuse_mail(const smtp::MailCommand& mail, const smtp::Reply& why,
                          std::string_view reason) {
  ++junk_;
  const auto refusal = with_id(why);
  say_refused(
      refusal,
      {.stage = "MAIL", .subject = mail.from.to_string(), .reason = reason, .cause = Cause::Limit});
  reply(refusal);
}

CheckInput Session::check_input() {
  CheckInput input{info_, *policy_, services_.verifier, dns_, nullptr, nullptr};
  if (!transaction_) return input;
  input.mail = &transaction_->mail;
  if (transaction_->pending) input.rcpt = &transaction_->pending->rcpt;
  return input;
}

uint64_t Session::message_limit() const {
  return proxy::message_limit(limits().message_size, backend_size_);
}

}  // namespace ravelin::proxy
