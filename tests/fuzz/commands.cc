// Command lines: whatever is parsed and built anew for a backend means the same, and is one line.
#include <string>

#include "fuzz/script.h"
#include "smtp/command.h"
#include "smtp/cursor.h"
#include "smtp/line_reader.h"
#include "smtp/replies.h"
#include "smtp/trace.h"

namespace ravelin::fuzz {
namespace {

using smtp::Offered;

constexpr smtp::SyntaxLimits kLimits{};
constexpr Offered kAll{true, true, true, true, true};

void check_error(const smtp::SyntaxError& error) {
  must(is_clean(smtp::to_wire(smtp::replies::syntax(error))), "a refusal is clean");
  must(error.code == 501 || error.code == 553 || error.code == 555, "501, 553 or 555");
}

void check_address(const smtp::Address& address) {
  must(is_one_line(address.path()), "an address is one line");
  must(address.domain.empty() || smtp::is_domain(address.domain, true) ||
           smtp::is_address_literal(address.domain),
       "a domain is one");
  must(address.domain == smtp::to_lower(address.domain) || address.domain.front() == '[',
       "a domain is in lower case");
}

// Parses |line| as if a client had sent it.
template <class Parse>
auto parse_again(const std::string& line, smtp::Verb verb, Parse parse) {
  must(is_one_line(line), "a command for a backend is one line");
  const auto command = smtp::parse_command(line);
  must(command.verb == verb, "a command for a backend has its verb");
  auto parsed = parse(command.argument);
  must(parsed.has_value(), "what was built is parsed again");
  return *std::move(parsed);
}

void try_mail(std::string_view argument, const Offered& offered) {
  const auto mail = smtp::parse_mail(argument, offered, kLimits);
  if (!mail) return check_error(mail.error());
  check_address(mail->from);
  must(!smtp::needs_more_than(*mail, offered), "nothing is taken that was not offered");
  must(!mail->from.utf8() || mail->smtputf8, "UTF-8 needs SMTPUTF8");

  const auto again = parse_again(smtp::mail_line(*mail, kAll), smtp::Verb::Mail,
                                 [](auto text) { return smtp::parse_mail(text, kAll, kLimits); });
  must(again == *mail, "MAIL means the same when it is built anew");
  const auto bare = smtp::mail_line(*mail, {});
  must(bare == "MAIL FROM:" + mail->from.path(), "nothing is said to who does not know it");
}

void try_rcpt(std::string_view argument, const Offered& offered, bool utf8) {
  const auto rcpt = smtp::parse_rcpt(argument, offered, utf8, kLimits);
  if (!rcpt) return check_error(rcpt.error());
  check_address(rcpt->to);
  must(!rcpt->to.null(), "a recipient is somebody");
  must(rcpt->to.local.find_first_of("%!@") == std::string::npos, "no route");
  must(offered.dsn || (rcpt->notify == 0 && rcpt->orcpt.empty()), "DSN was offered");

  const auto again = parse_again(smtp::rcpt_line(*rcpt, kAll), smtp::Verb::Rcpt, [&](auto text) {
    return smtp::parse_rcpt(text, kAll, utf8, kLimits);
  });
  must(again == *rcpt, "RCPT means the same when it is built anew");
  must(smtp::rcpt_line(*rcpt, {}) == "RCPT TO:" + rcpt->to.path(),
       "no DSN to who does not know it");
}

void check_received(const std::string& line) {
  must(is_clean(line) && line.size() <= smtp::kTraceRoom, "Received: is clean and has its room");
  must(line.starts_with("Received: from ") && line.ends_with("\r\n"), "Received: is a field");
  for (size_t at = 0; at < line.size();) {
    const auto end = line.find("\r\n", at);
    must(end - at <= 998, "a line of Received: is not too long");
    at = end + 2;
    must(at == line.size() || line[at] == '\t', "Received: is one field");
  }
}

void try_helo(std::string_view argument) {
  const auto helo = smtp::parse_helo(argument, kLimits);
  if (!helo) return check_error(helo.error());
  must(is_one_line(*helo), "a HELO name is one line");
  const auto again = smtp::parse_helo(*helo, kLimits);
  must(again && *again == *helo, "a HELO name is one when it is read again");

  smtp::TraceInfo trace;
  trace.helo = *helo;
  trace.client_name = *helo;
  trace.client_literal = "[IPv6:2001:db8::1]";
  trace.hostname = *helo;
  trace.id = "0653F2A91C07";
  check_received(smtp::received_line(trace));
}

// Nothing of it is sent on as it stands; it is logged, and read as an address and a name.
void try_xclient(std::string_view argument) {
  const auto said = smtp::parse_xclient(argument);
  if (!said) return check_error(said.error());
  must(said->address.size() <= 255 && said->name.size() <= 255, "what XCLIENT says is short");
  must(said->name.empty() == (said->name_is != smtp::XclientCommand::Name::Given),
       "a name is there if it is given");
  must(said->name.empty() || smtp::is_domain(said->name), "a name is one");
  for (const char c : said->address)
    must(smtp::is_alnum(c) || c == '.' || c == ':', "an address has no odd characters");
}

void try_line(std::string_view line, const Offered& offered, bool utf8) {
  const auto command = smtp::parse_command(line);
  must(command.argument.size() <= line.size(), "an argument is a part of its line");
  try_mail(command.argument, offered);
  try_rcpt(command.argument, offered, utf8);
  try_helo(command.argument);
  try_xclient(command.argument);
}

}  // namespace

// The first octet: what was offered. Then lines, as a session reads them: each is tried as every
// command that has an argument.
void run(std::string_view input) {
  Script script(input);
  const auto bits = script.octet();
  const Offered offered{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0};
  const bool utf8 = offered.smtputf8 && (bits & 16) != 0;
  auto rest = script.rest();
  while (!rest.empty()) {
    const auto line = smtp::read_line(rest, kLimits.command_line);
    if (line.status != smtp::LineStatus::Line) {
      must(line.consumed == 0, "nothing is consumed of what is no line");
      must(line.status != smtp::LineStatus::Incomplete || rest.size() < kLimits.command_line,
           "a line that does not end is too long at last");
      return;
    }
    must(is_one_line(line.text), "a line is one line");
    must(line.consumed == line.text.size() + 2, "a line and its end are consumed");
    try_line(line.text, offered, utf8);
    rest.remove_prefix(line.consumed);
  }
}

}  // namespace ravelin::fuzz
