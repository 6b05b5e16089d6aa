#include "smtp/dialog_state.h"

#include <array>
#include <cassert>
#include <cstddef>

#include "smtp/replies.h"

namespace ravelin::smtp {
namespace {

// What must be so for a verb to be legal; looked at in this order.
constexpr uint8_t kAnytime = 0;
constexpr uint8_t kGreeted = 1;  // HELO or EHLO came before
constexpr uint8_t kNoMail = 2;   // no transaction is open
constexpr uint8_t kInMail = 4;   // a transaction is open
constexpr uint8_t kRcpt = 8;     // with an accepted recipient
constexpr uint8_t kTls = 16;     // where TLS is required, only under it

struct Rule {
  Verb verb;
  uint8_t needs;
  const Reply& (*never)() = nullptr;  // the refusal, if it is never legal
};

// RFC 5321 §4.1.4 lets NOOP, HELP, VRFY and RSET come before the greeting. HELO in the middle of a
// transaction is legal as well and ends it, and so does STARTTLS. What is not offered is refused
// whatever the order is, so that nobody learns to send a secret at another moment.
constexpr std::array kRules = {
    Rule{Verb::Helo, kAnytime},
    Rule{Verb::Ehlo, kAnytime},
    Rule{Verb::Mail, kTls | kGreeted | kNoMail},
    Rule{Verb::Rcpt, kTls | kGreeted | kInMail},
    Rule{Verb::Data, kTls | kGreeted | kInMail | kRcpt},
    Rule{Verb::Rset, kTls},
    Rule{Verb::Noop, kAnytime},
    Rule{Verb::Quit, kAnytime},
    Rule{Verb::Vrfy, kTls},
    Rule{Verb::Help, kTls},
    Rule{Verb::Starttls, kGreeted},
    Rule{Verb::Auth, kAnytime, replies::not_offered},
    Rule{Verb::Bdat, kAnytime, replies::bdat_not_offered},
    Rule{Verb::Etrn, kAnytime, replies::not_offered},
    Rule{Verb::Expn, kAnytime, replies::not_offered},
    Rule{Verb::Xclient, kTls},
    Rule{Verb::Xforward, kAnytime, replies::not_authorized},
    Rule{Verb::Unknown, kAnytime, replies::unknown_command},
};

constexpr bool in_order_of_verbs() {
  for (size_t i = 0; i < kRules.size(); ++i)
    if (static_cast<size_t>(kRules[i].verb) != i) return false;
  return kRules.size() == static_cast<size_t>(Verb::Unknown) + 1;
}
static_assert(in_order_of_verbs(), "kRules is indexed by verb");

}  // namespace

const Reply* DialogState::refuses(Verb verb) const {
  const Rule& rule = kRules[static_cast<size_t>(verb)];
  if (rule.never) return &rule.never();
  if (verb == Verb::Starttls && !offers_tls())
    return tls_ == Tls::On ? &replies::tls_already() : &replies::not_offered();
  if (verb == Verb::Xclient && !xclient_) return &replies::not_authorized();
  if ((rule.needs & kTls) && tls_ == Tls::Required) return &replies::tls_first();
  if ((rule.needs & kGreeted) && !greeted_) return &replies::helo_first();
  if (verb == Verb::Xclient && in_mail_) return &replies::mail_open();
  if ((rule.needs & kNoMail) && in_mail_) return &replies::nested_mail();
  if ((rule.needs & kInMail) && !in_mail_) return &replies::mail_first();
  if ((rule.needs & kRcpt) && accepted_ == 0)
    return refused_ > 0 ? &replies::no_valid_recipients() : &replies::rcpt_first();
  return nullptr;
}

void DialogState::offer_tls(bool required) { tls_ = required ? Tls::Required : Tls::Offered; }

void DialogState::on_secured() {
  const bool xclient = xclient_;
  *this = DialogState();
  tls_ = Tls::On;
  xclient_ = xclient;
}

void DialogState::on_xclient(bool more) {
  const auto tls = tls_;
  *this = DialogState();
  tls_ = tls;
  xclient_ = more;
}

void DialogState::on_greeted(bool esmtp) {
  reset();
  greeted_ = true;
  esmtp_ = esmtp;
}

void DialogState::on_mail() {
  assert(greeted_ && !in_mail_);
  in_mail_ = true;
}

void DialogState::on_rcpt_accepted() {
  assert(in_mail_);
  ++accepted_;
}

void DialogState::on_rcpt_refused() {
  assert(in_mail_);
  ++refused_;
}

void DialogState::reset() {
  in_mail_ = false;
  accepted_ = 0;
  refused_ = 0;
}

}  // namespace ravelin::smtp
