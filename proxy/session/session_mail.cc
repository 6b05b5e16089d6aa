// MAIL: opens a transaction. Its checks begin here and are waited for at RCPT.
#include <utility>

#include "proxy/session/ehlo_reply.h"
#include "proxy/session/session.h"

namespace ravelin::proxy {

void Session::on_mail(const smtp::Command& command) {
  const auto backends = services_.verifier.offered();
  // RFC 5321 §4.1.1.1: who said HELO knows of no extensions.
  const auto offered = state_.esmtp() ? backends.offered() : smtp::Offered{};
  auto mail = smtp::parse_mail(command.argument, offered, kSyntax);
  if (!mail) return syntax_error("MAIL", command, mail.error());

  const auto limit = proxy::message_limit(limits().message_size, backends);
  if (limit > 0 && mail->size.value_or(0) > limit) {  // RFC 1870 §6.1
    const auto refusal = with_id(smtp::replies::size_exceeded());
    say_refused(refusal, {.stage = "MAIL", .subject = mail->from.to_string()});
    return reply(refusal);
  }
  grade_ = services_.standing.grade(info_.client.address);
  transaction_ =
      std::make_unique<Transaction>(*std::move(mail), services_.next_id(), services_.reactor.now());
  state_.on_mail();
  held_.run(Stage::Mail, check_input(), *this);
  reply(smtp::replies::sender_ok());
}

CheckInput Session::check_input() {
  CheckInput input{info_, *policy_, services_.verifier, dns_, nullptr, nullptr};
  if (!transaction_) return input;
  input.mail = &transaction_->mail;
  if (transaction_->pending) input.rcpt = &transaction_->pending->rcpt;
  return input;
}

uint64_t Session::message_limit() const {
  return proxy::message_limit(limits().message_size, services_.verifier.offered());
}

}  // namespace ravelin::proxy
