// The greylist at RCPT, and at DATA for the null sender.                      RFC 6647
#include "proxy/session/greylist_scope.h"
#include "proxy/session/session.h"

namespace ravelin::proxy {

GreylistAnswer Session::greylist_applies(const smtp::Address& recipient) const {
  return greylist_scope(*policy_,
                        {info_.client.address, info_.name, has_standing(), transaction_->mail.from,
                         recipient, is_suspicious(), phase_ == Phase::Opening});
}

bool Session::is_suspicious() const {
  return suspicious(held_.said()) ||
         (transaction_->pending && suspicious(transaction_->pending->said));
}

// Found once in a transaction: the public suffix list is not free.
std::string_view Session::organisation_of_client() {
  auto& organisation = transaction_->organisation;
  if (!organisation) {
    organisation = info_.name.empty() ? "" : organisation_of(info_.name, info_.client.address);
  }
  return *organisation;
}

Greylist::Tuple Session::tuple(const smtp::Address& recipient) {
  return {info_.client.address, organisation_of_client(), transaction_->mail.from, recipient};
}

// Without writing anything down: the recipient may not exist.
bool Session::would_defer() {
  const auto shown = services_.greylist.show(tuple(transaction_->pending->rcpt.to));
  return !shown || shown->result.deferred();
}

Greylist::Result Session::ask_greylist(const smtp::Address& recipient) {
  const auto asked = tuple(recipient);
  const auto doublings = services_.standing.doublings(asked.client, asked.organisation);
  return services_.greylist.check(asked, doublings);
}

// In shadow mode the tables are filled, the log says what would have been, and mail flows.
bool Session::greylist_defers() {
  auto& pending = *transaction_->pending;
  const auto result = ask_greylist(pending.rcpt.to);
  pending.greylist = greylist_answer(result.kind);
  pending.left = result.left;
  if (!result.deferred()) return false;
  if (!shadow()) return true;
  say_refused(with_id(smtp::replies::greylisted(pending.left)), greylisted_why());
  return false;
}

Session::Why Session::greylisted_why() const {
  auto why = why_of_rcpt(Cause::Greylist);
  why.shadow = shadow();
  return why;
}

void Session::defer_rcpt(std::string_view verify, const RecipientAnswer* answer) {
  const auto refusal = with_id(smtp::replies::greylisted(transaction_->pending->left));
  say_refused(refusal, greylisted_why());
  say_decided(refusal, verify, answer);
  answer_rcpt(refusal);
}

// greylist.null_sender = "data": there is one recipient (no_more_recipients()).
bool Session::greylist_defers_data() {
  const auto& recipient = transaction_->accepted.front();
  if (!transaction_->mail.from.null() || config().greylist.null_sender != NullSender::Data ||
      greylist_applies(recipient) != GreylistAnswer::Ask) {
    return false;
  }
  const auto result = ask_greylist(recipient);
  if (!result.deferred()) return false;
  const auto refusal = with_id(smtp::replies::greylisted(result.left));
  Why why{.stage = "DATA", .subject = "DATA", .reason = "Data command rejected"};
  why.recipient = &recipient;
  why.shadow = shadow();
  why.cause = Cause::Greylist;
  say_refused(refusal, why);
  if (shadow()) return false;
  reset();
  reply(refusal);
  return true;
}

}  // namespace ravelin::proxy
