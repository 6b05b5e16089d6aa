// MAIL: opens a transaction. Its checks begin here and are waited for at RCPT.
#include <utility>

#include "proxy/session/ehlo_reply.h"
#include "proxy/session/session.h"

namespace ravelin::proxy {
namespace {

constexpr std::string_view kTooBig = "Message too big";

}  // namespace

void Session::on_mail(const smtp::Command& command) {
  auto mail = smtp::parse_mail(command.argument, offered_, kSyntax);
  if (!mail) return syntax_error("MAIL", command, mail.error());
  if (too_big(*mail)) return;

  grade_ = services_.standing.grade(info_.client.address);
  if (!has_standing()) services_.tally.mail(mail->from.null());
  transaction_ = std::make_unique<MailTransaction>(*std::move(mail), services_.next_id(),
                                                   services_.reactor.now());
  state_.on_mail();
  held_.run(Stage::Mail, check_input(), *this);
  reply(smtp::replies::sender_ok());
}

// RFC 1870 §6.1: said beforehand, it saves both sides the text. Not an error, but a command without
// use: there must be an end to it.
bool Session::too_big(const smtp::MailCommand& mail) {
  const auto limit = message_limit();
  if (limit == 0 || mail.size.value_or(0) <= limit) return false;
  ++junk_;
  const auto refusal = with_id(smtp::replies::size_exceeded());
  say_refused(refusal, {.stage = "MAIL", .subject = mail.from.to_string(), .reason = kTooBig});
  reply(refusal);
  return true;
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
