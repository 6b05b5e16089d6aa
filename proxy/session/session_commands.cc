// The table of commands, and those that carry no mail.
#include <utility>

#include "proxy/session/session.h"

namespace ravelin::proxy {

// Indexed by verb. What is never legal (DialogState) comes to on_refused() only if that should ever
// change without a handler here.
const Session::Row Session::kCommands[kVerbs] = {
    {&Session::on_helo, true},       // HELO
    {&Session::on_ehlo, true},       // EHLO
    {&Session::on_mail, false},      // MAIL
    {&Session::on_rcpt, false},      // RCPT
    {&Session::on_data, false},      // DATA
    {&Session::on_rset, true},       // RSET
    {&Session::on_noop, true},       // NOOP
    {&Session::on_quit, false},      // QUIT
    {&Session::on_vrfy, true},       // VRFY
    {&Session::on_help, true},       // HELP
    {&Session::on_starttls, false},  // STARTTLS
    {&Session::on_refused, false},   // AUTH
    {&Session::on_refused, false},   // BDAT
    {&Session::on_refused, false},   // ETRN
    {&Session::on_refused, false},   // EXPN
    {&Session::on_xclient, true},    // XCLIENT
    {&Session::on_refused, false},   // XFORWARD
    {&Session::on_refused, true},    // unknown
};

void Session::on_command(std::string_view line, bool more) {
  const auto command = smtp::parse_command(line);
  trace_command(line, command.verb);
  const auto verb = static_cast<size_t>(command.verb);
  if (too_much(kCommands[verb])) return;
  if (command.verb == smtp::Verb::Unknown && smtp::is_garbage(line))
    return close_broken(after(), smtp::replies::garbage());
  verb_ = command.verb;
  spoken_ = true;
  habit_.command(line, command.verb, more);
  if (counts_[verb].all < UINT16_MAX) ++counts_[verb].all;

  if (const auto* refusal = state_.refuses(command.verb)) {
    // The chunk that follows a BDAT would be read as commands (RFC 3030 §2).
    if (command.verb == smtp::Verb::Bdat) return close_broken("BDAT", *refusal);
    if (forgives(*refusal)) return reply(*refusal);
    return error(*refusal);
  }
  (this->*kCommands[verb].handler)(command);
}

// Who pipelines sends DATA before it hears what became of its recipients (RFC 2920 §3.1), and many
// of them hear a 4xx of ours: not an error, but not more than once in a transaction either.
bool Session::forgives(const smtp::Reply& refusal) {
  if (&refusal != &smtp::replies::no_valid_recipients()) return false;
  return !std::exchange(transaction_->data_refused, true);
}

// The command before the one that is too much had its own answer: that of an unknown recipient, for
// one, must be heard as it is.
bool Session::too_much(const Row& row) {
  const auto errors = errors_ + recipients_.errors(config().standing.good_unknown);
  if (errors + recipients_.strays() >= limits().errors) {
    const bool at_fault = errors >= limits().errors;
    if (at_fault && !allowed()) services_.standing.misbehaved(info_.client.address);
    give_up("too many errors", smtp::replies::too_many_errors());
    return true;
  }
  if (row.junk) ++junk_;
  if (junk_ > limits().junk_commands) {
    give_up("too many junk commands", smtp::replies::too_many_junk());
    return true;
  }
  return false;
}

void Session::on_helo(const smtp::Command& command) {
  backend_size_ = services_.verifier.offered().size_limit;
  if (take_helo(command, false, {})) reply(policy_->helo());
}

void Session::on_ehlo(const smtp::Command& command) {
  auto backends = services_.verifier.offered();
  if (info_.tls.empty()) backends.requiretls = false;  // RFC 8689 §2
  backend_size_ = backends.size_limit;
  if (!take_helo(command, true, backends.offered())) return;
  const auto wire =
      services_.ehlo.wire(config().hostname, backends, limits().message_size, limits().recipients,
                          state_.offers_tls() && services_.offers_tls(), state_.offers_xclient());
  stream_->write(wire);
  trace_reply(wire);
  count_taken();
  listen();
}

// RFC 5321 §4.1.4: a second EHLO ends a transaction as RSET does. What was offered then is what
// MAIL and RCPT may use until the next one, whatever backends come or go in between; who said HELO
// knows of no extensions.
bool Session::take_helo(const smtp::Command& command, bool esmtp, const smtp::Offered& offered) {
  auto helo = smtp::parse_helo(command.argument, kSyntax);
  if (!helo) {
    syntax_error("EHLO", command, helo.error());
    return false;
  }
  reset();
  held_.forget(Stage::Helo);
  state_.on_greeted(esmtp);
  offered_ = offered;
  info_.helo = *std::move(helo);
  info_.esmtp = esmtp;
  held_.run(Stage::Helo, check_input(), *this);
  return true;
}

void Session::on_rset(const smtp::Command& command) {
  if (!command.argument.empty()) return error(smtp::replies::no_argument());
  reset();
  reply(smtp::replies::ok());
}

void Session::on_noop(const smtp::Command&) { reply(smtp::replies::ok()); }

void Session::on_vrfy(const smtp::Command&) { reply(smtp::replies::vrfy()); }

void Session::on_help(const smtp::Command&) { reply(smtp::replies::help()); }

void Session::on_quit(const smtp::Command& command) {
  if (!command.argument.empty()) return error(smtp::replies::no_argument());
  count_taken();
  note([](DialogRecord& record, Time) { record.ended("quit", {}); });
  close_with(policy_->bye());
}

void Session::on_refused(const smtp::Command&) { error(smtp::replies::not_offered()); }

}  // namespace ravelin::proxy
