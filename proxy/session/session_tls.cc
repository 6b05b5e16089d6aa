// STARTTLS.                                                                             RFC 3207
#include "proxy/session/session.h"

namespace ravelin::proxy {

// Offered when the dialog began, or at its EHLO; a reload may have taken the certificates since.
void Session::on_starttls(const smtp::Command& command) {
  if (!command.argument.empty()) return error(smtp::replies::no_argument());
  if (!services_.offers_tls()) return reply(smtp::replies::tls_busy());
  handshake_ = services_.enter_handshake(trusted());
  if (!handshake_) return reply(smtp::replies::tls_busy());
  wait(Phase::Securing);
}

// |alone|: nothing came behind the command. What did come was sent in the clear, perhaps by
// somebody in between who wants it read as if it were not: that dialog has no future.
void Session::secure(bool alone) {
  if (!alone) {
    phase_ = Phase::Command;
    return close_broken("STARTTLS", smtp::replies::tls_crowded());
  }
  reset();
  count_taken();
  write(smtp::replies::tls_ready());
  since_ = services_.reactor.now();
  services_.start_tls(*stream_, listener_);
}

// Nothing that was said in the clear counts any more.                              RFC 3207 §4.2
void Session::on_secured(const TlsFacts& facts) {
  if (phase_ != Phase::Securing) return;
  survive([&] {
    handshake_.reset();
    state_.on_secured();
    forget_greeting();
    info_.tls = facts.version + ' ' + facts.cipher;
    say_connected();
    const Secured secured{.version = facts.version,
                          .cipher = facts.cipher,
                          .bits = facts.bits,
                          .resumed = facts.resumed,
                          .server_name = facts.server_name};
    services_.journal.secured(info_, secured);
    note([&](DialogRecord& record, Time now) { record.secured(secured, now); });
    listen();
  });
}

void Session::say_not_secured() {
  say_connected();
  services_.journal.not_secured(info_, stream_->trouble());
  note([&](DialogRecord& record, Time) { record.ended("TLS handshake failed", after()); });
}

}  // namespace ravelin::proxy
