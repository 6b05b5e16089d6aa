// RCPT: is there room, is it an address, is it ours; what have the checks said; greylist; and last
// the backend, which alone knows its mailboxes.
#include <algorithm>
#include <utility>

#include "proxy/profile/name_class.h"
#include "proxy/session/session.h"

namespace ravelin::proxy {

void Session::on_rcpt(const smtp::Command& command) {
  if (const auto* full = no_more_recipients()) return refuse_excess(*full, command);
  const bool utf8 = transaction_->mail.smtputf8;
  auto rcpt = smtp::parse_rcpt(command.argument, offered_, utf8, kSyntax);
  if (!rcpt) return syntax_error("RCPT", command, rcpt.error());

  services_.verifier.canonicalise(rcpt->to);
  ++transaction_->asked;
  auto& pending = transaction_->pending.emplace();
  pending.role = is_role_mailbox(rcpt->to);
  pending.rcpt = *std::move(rcpt);
  pending.asked = services_.reactor.now();
  check_rcpt();
}

// Neither closes, neither is an error: the client comes back with the others.
const smtp::Reply* Session::no_more_recipients() const {
  // All that was asked counts, so that one transaction cannot try names without end.
  if (transaction_->asked >= limits().recipients) return &smtp::replies::too_many_recipients();
  // A bounce has one recipient (RFC 5321 §4.5.5). Never 5xx: a refused bounce is lost.
  if (transaction_->mail.from.null() && !transaction_->accepted.empty())
    return &smtp::replies::null_sender_one_recipient();
  return nullptr;
}

// Logged once in a transaction: a client that has thousands left pipelines them all. As many again
// as are taken is patience enough; who still goes on is not listening.
void Session::refuse_excess(const smtp::Reply& full, const smtp::Command& command) {
  const auto count = ++transaction_->excess;
  transaction_->hope = true;
  if (count > limits().recipients) ++junk_;
  if (count == 1) {
    say_refused(full, {.stage = "RCPT",
                       .subject = std::string(command.argument),
                       .reason = "Recipient address rejected",
                       .cause = Cause::Limit});
  }
  reply(full);
}

// A rule of the house is not held back by look-ups: who wants to relay hears it at once.
void Session::check_rcpt() {
  auto& pending = *transaction_->pending;
  pending.run = std::make_unique<CheckRun>(Stage::Rcpt, check_input(), *this);
  if (pending.run->start()) {
    pending.said = pending.run->findings();
    pending.run.reset();
    if (const auto* broken = broken_rule()) return refuse_rcpt(*broken);
  }
  if (settled()) return judge_rcpt();
  wait(Phase::Checks);
}

bool Session::settled() const { return held_.settled() && !transaction_->pending->run; }

// The run is on the stack: it is destroyed at the end of the turn.
void Session::on_checks_done(CheckRun& run) {
  survive([&] {
    if (run.stage() == Stage::Rcpt) {
      auto& pending = *transaction_->pending;
      pending.said = run.findings();
      services_.reactor.retire(std::shared_ptr<CheckRun>(std::move(pending.run)));
    } else {
      services_.reactor.retire(std::shared_ptr<CheckRun>(held_.take_over(run)));
    }
    if (phase_ == Phase::Checks && settled()) judge_rcpt();
  });
}

const Finding* Session::broken_rule() const {
  for (const auto& finding : transaction_->pending->said) {
    if (finding.check->rule && finding.verdict.refuses()) return &finding;
  }
  return nullptr;
}

// Postmaster and abuse hear those who have trouble with our checks.
const Finding* Session::held_refusal() const {
  const auto& pending = *transaction_->pending;
  if (pending.role) return nullptr;
  const auto* held = refusing(held_.said());
  const auto* here = refusing(pending.said);
  if (!held || !here) return held ? held : here;
  return here->verdict.action > held->verdict.action ? here : held;
}

void Session::judge_rcpt() {
  if (const auto* broken = broken_rule()) return refuse_rcpt(*broken);
  const auto* refusal = held_refusal();
  if (refusal && !shadow()) return refuse_rcpt(*refusal);
  if (refusal) say_refused(with_id(refusal_of(refusal->verdict)), why_of(*refusal));
  if (shielded()) return shield_rcpt();
  greylist_rcpt();
}

// Bounces, and the questions of mail servers that verify senders, come with one of these.
bool Session::answers_others() const {
  const auto& from = transaction_->mail.from;
  if (from.null()) return true;
  const auto local = smtp::to_lower(from.local);
  return local == "double-bounce" || local == "postmaster";
}

// A mail server has a name of its own, and passes the checks.
bool Session::looks_like_bot() const {
  return is_suspicious() || held_refusal() != nullptr ||
         name_class(info_.name, info_.client.address) == NameClass::Dynamic;
}

Asked Session::asked_as() const {
  if (!answers_others() || transaction_->asked > 1) return Asked::Mail;
  return trusted() || !looks_like_bot() ? Asked::Backscatter : Asked::Mail;
}

// Whoever is shielded for backscatter hears nothing of further recipients of the same either.
bool Session::shielded() {
  if (has_standing() || transaction_->pending->role) return false;
  return services_.shielded(info_.client.address,
                            answers_others() ? Asked::Backscatter : Asked::Mail);
}

// Whether there is such a mailbox is not told: all recipients get the same. It is no error, but
// whoever goes on and on is not listening.
void Session::shield_rcpt() {
  const auto refusal = with_id(smtp::replies::shielded());
  ++junk_;
  say_refused(refusal, why_of_rcpt(Cause::Shield));
  say_decided(refusal, "shielded");
  answer_rcpt(refusal);
}

Session::Why Session::why_of_rcpt(Cause cause) const {
  const auto& to = transaction_->pending->rcpt.to;
  Why why{.stage = "RCPT", .subject = to.to_string(), .reason = "Recipient address rejected"};
  why.recipient = &to;
  why.cause = cause;
  return why;
}

Session::Why Session::why_of(const Finding& finding) const {
  const auto& to = transaction_->pending->rcpt.to;
  Why why{.stage = "RCPT", .subject = to.to_string(), .reason = finding.verdict.sign->reason};
  why.recipient = &to;
  why.shadow = shadow() && !finding.check->rule;
  why.cause = finding.check->rule ? Cause::Relay : Cause::Check;
  if (finding.check->stage == Stage::Connect) why.subject.clear();
  if (finding.check->stage == Stage::Helo) why.subject = info_.helo;
  return why;
}

void Session::refuse_rcpt(const Finding& finding) {
  const auto refusal = with_id(refusal_of(finding.verdict));
  if (finding.check->rule) ++errors_;
  say_refused(refusal, why_of(finding));
  say_decided(refusal, "not-asked");
  // A yes to somebody else's domain would be what those look for who list open relays.
  answer_rcpt(refusal, finding.check->rule ? Refusing::AsItIs : Refusing::MayCapture);
}

void Session::greylist_rcpt() {
  auto& pending = *transaction_->pending;
  pending.greylist = greylist_applies(pending.rcpt.to);
  if (pending.greylist != GreylistAnswer::Ask) return ask_backend();
  // In shadow mode nothing is deferred, and there is nothing to be told apart.
  if (verify_order() == VerifyOrder::BeforeGreylist && !shadow() && would_defer()) {
    pending.question = begin_backend();
    pending.question->recipient(pending.rcpt);
    return wait(Phase::Asking);
  }
  if (greylist_defers()) return defer_rcpt("not-asked");
  ask_backend();
}

VerifyOrder Session::verify_order() const {
  switch (limits().verify_order) {
    case PressedOrder::AfterGreylist:
      return VerifyOrder::AfterGreylist;
    case PressedOrder::BeforeGreylist:
      return VerifyOrder::BeforeGreylist;
    case PressedOrder::Configured:
      break;
  }
  return config().verify.order;
}

std::unique_ptr<BackendTransaction> Session::begin_backend() {
  const auto* const name = dns_.fcrdns();
  const ClientIdentity client{.address = info_.client,
                              .server = server(),
                              .name = info_.name,
                              .name_unsure = !name || name->status == dns::Fcrdns::Status::DontKnow,
                              .helo = info_.helo,
                              .esmtp = info_.esmtp,
                              .good = trusted(),
                              .known = has_standing()};
  return services_.verifier.begin(transaction_->mail, client, id_text(transaction_->id), *this);
}

// Where the client has come to; of a wildcard the address that it is on this connection.
std::optional<dns::Endpoint> Session::server() const {
  const auto listening = dns::Endpoint::parse(config().listen.smtp[listener_]);
  if (!listening || !listening->address.is_unspecified()) return listening;
  const auto address = stream_->local_address();
  if (!address) return {};
  return dns::Endpoint{*address, listening->port};
}

void Session::ask_backend() {
  if (!transaction_->backend) transaction_->backend = begin_backend();
  transaction_->backend->recipient(transaction_->pending->rcpt);
  wait(Phase::Asking);
}

void Session::on_recipient(const RecipientAnswer& answer) {
  if (phase_ != Phase::Asking) return;
  survive([&] {
    if (transaction_->pending->question) return finish_question(answer);
    finish_rcpt(answer);
  });
}

// verify.order = "before-greylist": the recipient exists, and only now a tuple is spent on it.
void Session::finish_question(const RecipientAnswer& answer) {
  auto& question = transaction_->pending->question;
  services_.reactor.retire(std::shared_ptr<BackendTransaction>(std::move(question)));
  if (!answer.accepted()) return finish_rcpt(answer);
  if (!greylist_defers()) return ask_backend();  // passed by another dialog in the meantime
  count_recipient(answer);
  defer_rcpt("accepted", &answer);
}

// The backend's answer is final, and its own text goes to the client.
void Session::finish_rcpt(const RecipientAnswer& answer) {
  count_recipient(answer);
  if (answer.accepted() && transaction_->capture) return refuse_beside_capture(answer);
  auto& pending = *transaction_->pending;
  const auto said = answer.accepted() ? answer.reply : with_id(answer.reply);
  say_decided(said, verify_word(answer), &answer);
  if (answer.accepted()) {
    transaction_->accepted.push_back(std::move(pending.rcpt.to));
  } else {
    auto why = why_of_rcpt(cause_of(answer));
    why.said = answer.said;
    say_refused(said, why);
  }
  answer_rcpt(said, Refusing::MayCapture);
}

void Session::answer_rcpt(const smtp::Reply& said, Refusing how) {
  if (!said.permanent()) transaction_->hope = true;
  const bool captured = how == Refusing::MayCapture && said.permanent() && captures_rcpt(said);
  const auto& answer = captured ? smtp::replies::recipient_ok() : said;
  if (answer.positive())
    state_.on_rcpt_accepted();
  else
    state_.on_rcpt_refused();
  transaction_->pending.reset();
  reply(answer);
}

// What the backend's answer is called in the decision line.
std::string_view Session::verify_word(const RecipientAnswer& answer) {
  if (answer.accepted()) return "accepted";
  if (answer.source == AnswerSource::Shared) return "shared";
  if (answer.source == AnswerSource::Full) return "not-asked";
  if (answer.source == AnswerSource::OurTrouble || answer.source == AnswerSource::Breaker)
    return "trouble";
  return answer.unknown ? "unknown" : "refused";
}

Cause Session::cause_of(const RecipientAnswer& answer) {
  if (answer.unknown) return Cause::Unknown;
  const bool trouble = verify_word(answer) == "trouble";
  return trouble ? Cause::Trouble : Cause::Backend;
}

void Session::count_recipient(const RecipientAnswer& answer) {
  unknown_seen_ |= answer.unknown;
  if (!has_standing()) services_.tally.answer(answer.unknown);
  if (answer.source == AnswerSource::Backend || answer.source == AnswerSource::OurTrouble)
    services_.tally.waited(answer.took);
  // Postmaster is known everywhere: whoever tries names must not make up for them with it.
  const bool known = answer.accepted() && !transaction_->pending->role;
  if (!answer.unknown && !known) return;
  const auto as = asked_as();
  recipients_.count(as, answer.unknown);
  if (allowed()) return;
  const auto& client = info_.client.address;
  if (!has_standing()) services_.recipient_answered(client, as, answer.unknown);
  if (as == Asked::Backscatter) return;
  const auto organisation = organisation_of_client();
  if (answer.unknown) return services_.standing.unknown_recipient(client, organisation);
  services_.standing.known_recipient(client, organisation);
}

}  // namespace ravelin::proxy
