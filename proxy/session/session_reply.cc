// Replies, and what the journal hears.
#include <array>
#include <span>
#include <utility>

#include "proxy/profile/syn.h"
#include "proxy/session/session.h"

namespace ravelin::proxy {

// The SYN is told once.
void Session::begin_record(const RecordOptions& options) {
  record_ = std::make_unique<DialogRecord>(arrived_, options);
  std::array<uint8_t, kSynRoom> room{};
  if (introduced_ || !stream_) return;
  const auto size = stream_->saved_syn(room);
  if (const auto syn = parse_syn(std::span(room).first(size)))
    record_->set_stack(kStackNames[static_cast<size_t>(classify(*syn))]);
}

void Session::write(const smtp::Reply& said) {
  services_.wire.clear();
  smtp::append_wire(said, services_.wire);
  stream_->write(services_.wire);
  trace_reply(services_.wire);
}

// The end of a command: the client's turn.
void Session::reply(const smtp::Reply& said) {
  write(said);
  if (said.positive()) count_taken();
  listen();
}

void Session::error(const smtp::Reply& said) {
  ++errors_;
  reply(said);
}

void Session::syntax_error(std::string_view stage, const smtp::Command& command,
                           const smtp::SyntaxError& what) {
  const auto refusal = smtp::replies::syntax(what);
  say_refused(refusal,
              {.stage = stage, .subject = std::string(command.argument), .reason = "Syntax error"});
  error(refusal);
}

smtp::Reply Session::with_id(const smtp::Reply& said) const {
  return smtp::replies::with_id(said, id_text(transaction_ ? transaction_->id : info_.id));
}

void Session::count_taken() {
  auto& count = counts_[static_cast<size_t>(verb_)];
  if (count.taken < UINT16_MAX) ++count.taken;
}

std::string_view Session::after() const {
  return spoken_ ? smtp::verb_name(verb_) : std::string_view("CONNECT");
}

// With the name if it is known by now; before any other line of this dialog.
void Session::say_connected() {
  if (std::exchange(said_connected_, true)) return;
  services_.journal.connected(info_);
}

void Session::say_ended(std::string_view what) {
  say_connected();
  services_.journal.ended(info_, what, after());
  note([&](DialogRecord& record, Time) { record.ended(what, after()); });
}

void Session::say_disconnected() {
  VerbCount counts[kVerbs];
  for (size_t i = 0; i < kVerbs; ++i) counts[i] = {counts_[i].taken, counts_[i].all};
  services_.journal.disconnected(info_, counts);
  note([&](DialogRecord& record, Time) {
    record.set_print(habit_.print(info_));
    services_.record(info_, counts, record);
  });
  record_.reset();
}

// What is said about a recipient is put down with what was decided about it. A refused text names
// its recipient if it has one only, as Postfix does.
void Session::say_refused(const smtp::Reply& said, const Why& why) {
  say_connected();
  const auto* recipient = why.recipient;
  if (why.stage == "DATA" && transaction_ && transaction_->accepted.size() == 1)
    recipient = &transaction_->accepted.front();
  const Refusal refusal{.stage = why.stage,
                        .reply = said,
                        .subject = why.subject,
                        .reason = why.reason,
                        .sender = transaction_ ? &transaction_->mail.from : nullptr,
                        .recipient = recipient,
                        .backend_said = why.said,
                        .shadow = why.shadow,
                        .transaction = why.transaction,
                        .cause = why.cause};
  services_.journal.refused(info_, refusal);
  if (why.recipient != nullptr && why.stage == "RCPT" && !why.shadow) return;
  note([&](DialogRecord& record, Time now) { record.refused(refusal, now); });
}

void Session::say_decided(const smtp::Reply& said, std::string_view verify,
                          const RecipientAnswer* answer) {
  const auto& pending = *transaction_->pending;
  std::string checks;
  append_findings(held_.said(), checks);
  append_findings(pending.said, checks);
  const auto recipient = pending.rcpt.to.to_string();
  Decision decision{.transaction = transaction_->id,
                    .sender = &transaction_->mail.from,
                    .recipient = recipient,
                    .standing = standing_word(),
                    .greylist = greylist_answer_name(pending.greylist),
                    .checks = checks,
                    .verify = verify,
                    .verdict = said.positive()    ? "accept"
                               : said.permanent() ? "reject"
                                                  : "defer",
                    .reply = said,
                    .took = services_.reactor.now() - pending.asked};
  say_connected();
  services_.journal.decided(info_, decision);
  note([&](DialogRecord& record, Time now) {
    const auto all = results();
    decision.results = all;
    if (answer != nullptr) {
      decision.backend_said = answer->said;
      decision.backend_took = answer->took;
    }
    record.decided(decision, now);
  });
}

std::vector<CheckResult> Session::results() const {
  constexpr std::string_view kSeen[kStages] = {"client", "helo", "from", "to"};
  std::vector<CheckResult> all;
  const auto& pending = *transaction_->pending;
  all.reserve(held_.said().size() + pending.said.size());
  for (const auto* const said : {&held_.said(), &pending.said}) {
    for (const auto& [check, verdict] : *said) {
      all.push_back({.check = check->name,
                     .test = verdict.sign != nullptr ? verdict.sign->test : std::string_view(),
                     .outcome = outcome_name(verdict),
                     .saw = kSeen[static_cast<size_t>(check->stage)],
                     .took = std::chrono::microseconds(verdict.took_us)});
    }
  }
  return all;
}

std::string_view Session::standing_word() const {
  constexpr std::string_view kGrades[] = {"unknown", "passed", "good"};
  return allowed() ? "allowed" : kGrades[static_cast<size_t>(grade_)];
}

}  // namespace ravelin::proxy
