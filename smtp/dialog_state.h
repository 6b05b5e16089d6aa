// What the client may say now.                                          RFC 5321 §4.1.4, §3.3
#pragma once

#include <cstdint>

#include "smtp/command.h"
#include "smtp/reply.h"

namespace ravelin::smtp {

// The order of commands in one dialog. It knows nothing of arguments or policy: the session asks
// refuses() first, and reports what came of a command that was legal. One thread.
class DialogState {
 public:
  // nullptr if |verb| is legal now, else the reply to give instead: 503 for the wrong order, 502
  // for what is known but not offered, 500 for what is not known. The reply lives as long as the
  // program.
  //
  // After BDAT the session closes as well: the chunk may follow without waiting (RFC 3030 §2), and
  // would be read as commands.
  const Reply* refuses(Verb verb) const;

  // STARTTLS may be said; with |required| nothing but a few harmless verbs before it
  // (RFC 3207 §4).
  void offer_tls(bool required);
  // The handshake is done: what was said in the clear is forgotten (RFC 3207 §4.2).
  void on_secured();
  // XCLIENT may be said.
  void offer_xclient() { xclient_ = true; }
  // It was: the dialog is where it was before HELO. TLS stays. |more|: it may be said again.
  void on_xclient(bool more);

  // HELO or EHLO was accepted. A second one is a RSET, too (RFC 5321 §4.1.4), and may turn ESMTP on
  // or off.
  void on_greeted(bool esmtp);
  void on_mail();           // MAIL was accepted: a transaction is open
  void on_rcpt_accepted();  // only within a transaction
  void on_rcpt_refused();   // by anything but its syntax, with 4xx or 5xx
  // The end of a transaction, however it came: accepted, refused, given up, RSET. The greeting
  // stays. There is no other way back, so no outcome can leave half a transaction behind.
  void reset();

  bool greeted() const { return greeted_; }
  bool esmtp() const { return esmtp_; }
  bool in_mail() const { return in_mail_; }
  bool offers_tls() const { return tls_ == Tls::Offered || tls_ == Tls::Required; }
  bool offers_xclient() const { return xclient_; }
  uint32_t accepted() const { return accepted_; }  // recipients of the open transaction
  uint32_t refused() const { return refused_; }

 private:
  enum class Tls : uint8_t { Absent, Offered, Required, On };

  Tls tls_ = Tls::Absent;
  bool xclient_ = false;
  bool greeted_ = false;
  bool esmtp_ = false;
  bool in_mail_ = false;
  uint32_t accepted_ = 0;
  uint32_t refused_ = 0;
};

}  // namespace ravelin::smtp
