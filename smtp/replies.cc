#include "smtp/replies.h"

#include <cassert>
#include <string>
#include <utility>

namespace ravelin::smtp::replies {
namespace {

// RFC 5321 §4.5.3.1.5: 512 octets with code and CRLF; "554 5.123.123 " is the longest beginning.
constexpr size_t kTextRoom = 512 - 14 - 2;

}  // namespace

// Built before main() and only read afterwards: a reply about lack of memory must not need any. As
// a static of the function it is there for other initialisers as well, whatever their order.
#define RAVELIN_REPLY(name, ...)                   \
  const Reply& name() {                            \
    static const Reply reply = Reply{__VA_ARGS__}; \
    return reply;                                  \
  }                                                \
  [[maybe_unused]] static const Reply& name##_at_start = name();

// clang-format off
RAVELIN_REPLY(ok, 250, Enhanced{0, 0}, "Ok")
RAVELIN_REPLY(sender_ok, 250, Enhanced{1, 0}, "Sender ok")
RAVELIN_REPLY(recipient_ok, 250, Enhanced{1, 5}, "Recipient ok")
RAVELIN_REPLY(start_mail, 354, "End data with <CR><LF>.<CR><LF>")
RAVELIN_REPLY(vrfy, 252, Enhanced{5, 0}, "Cannot verify a user here, but will take mail and try")
RAVELIN_REPLY(help, 214, Enhanced{0, 0}, "HELO EHLO MAIL RCPT DATA RSET NOOP VRFY HELP QUIT; RFC 5321")

// RFC 3463 §3.6: 5.5.2 is for what cannot be read as a command, 5.5.1 for a command that can, but
// is out of order or not supported.
RAVELIN_REPLY(unknown_command, 500, Enhanced{5, 2}, "Command not recognized")
RAVELIN_REPLY(no_argument, 501, Enhanced{5, 4}, "This command takes no argument")
RAVELIN_REPLY(helo_first, 503, Enhanced{5, 1}, "Send HELO or EHLO first")
RAVELIN_REPLY(mail_first, 503, Enhanced{5, 1}, "Send MAIL first")
RAVELIN_REPLY(rcpt_first, 503, Enhanced{5, 1}, "Send RCPT first")
RAVELIN_REPLY(nested_mail, 503, Enhanced{5, 1}, "A sender was given already; send RSET to begin anew")
RAVELIN_REPLY(mail_open, 503, Enhanced{5, 1}, "Not inside a mail transaction; send RSET first")
RAVELIN_REPLY(no_valid_recipients, 554, Enhanced{5, 1}, "No valid recipients")
RAVELIN_REPLY(not_offered, 502, Enhanced{5, 1}, "Command not offered here")
RAVELIN_REPLY(not_authorized, 550, Enhanced{7, 0}, "Insufficient authorization")
RAVELIN_REPLY(bdat_not_offered, 503, Enhanced{5, 1}, "CHUNKING is not offered here; closing")

RAVELIN_REPLY(tls_ready, 220, Enhanced{0, 0}, "Ready to start TLS")
RAVELIN_REPLY(tls_first, 530, Enhanced{7, 0}, "Must issue a STARTTLS command first")
RAVELIN_REPLY(tls_already, 503, Enhanced{5, 1}, "TLS is on already")
RAVELIN_REPLY(tls_busy, 454, Enhanced{7, 0}, "TLS not available now, try again later")
RAVELIN_REPLY(tls_crowded, 554, Enhanced{5, 1}, "Something came behind STARTTLS; closing")

RAVELIN_REPLY(garbage, 500, Enhanced{5, 2}, "This is not SMTP; closing")
RAVELIN_REPLY(bare_line_end, 500, Enhanced{5, 2}, "A line ends with CR LF and nothing else; closing")
RAVELIN_REPLY(nul_in_command, 500, Enhanced{5, 2}, "NUL in a command; closing")
RAVELIN_REPLY(line_too_long, 500, Enhanced{5, 2}, "Line too long; closing")

RAVELIN_REPLY(no_place, 421, Enhanced{7, 0}, "Too many connections, try again later")
RAVELIN_REPLY(too_many_errors, 421, Enhanced{7, 0}, "Too many errors; closing")
RAVELIN_REPLY(too_many_junk, 421, Enhanced{7, 0}, "Too many commands without mail; closing")
RAVELIN_REPLY(timeout, 421, Enhanced{4, 2}, "Waited too long; closing")
RAVELIN_REPLY(too_slow, 421, Enhanced{4, 2}, "The text comes too slowly; closing")
RAVELIN_REPLY(ended, 421, Enhanced{3, 2}, "Connection ended, try again later")
RAVELIN_REPLY(shutting_down, 421, Enhanced{3, 2}, "Service going down, try again later")
RAVELIN_REPLY(no_memory_closing, 421, Enhanced{3, 0}, "Out of resources, try again later")

RAVELIN_REPLY(early_talker, 554, Enhanced{5, 1}, "Protocol error: you spoke before the greeting")
RAVELIN_REPLY(access_denied, 554, Enhanced{7, 1}, "Access denied")
RAVELIN_REPLY(relay_denied, 554, Enhanced{7, 1}, "Relay access denied")
RAVELIN_REPLY(too_many_recipients, 452, Enhanced{5, 3}, "Too many recipients, send the others later")
RAVELIN_REPLY(null_sender_one_recipient, 452, Enhanced{5, 3}, "One recipient at a time for the null sender")
RAVELIN_REPLY(size_exceeded, 552, Enhanced{3, 4}, "Message too big")
RAVELIN_REPLY(too_many_bounces, 451, Enhanced{3, 2}, "Too many bounces at present, try again later")

RAVELIN_REPLY(shielded, 451, Enhanced{7, 1}, "Not now, try again later")
RAVELIN_REPLY(trouble, 451, Enhanced{3, 0}, "Trouble here, try again later")
RAVELIN_REPLY(no_memory, 452, Enhanced{3, 1}, "Out of resources, try again later")
RAVELIN_REPLY(backend_unreachable, 451, Enhanced{4, 1}, "The mail server cannot be reached, try again later")
RAVELIN_REPLY(backend_lost, 451, Enhanced{4, 2}, "The mail server went away, try again later")
RAVELIN_REPLY(backend_busy, 451, Enhanced{4, 5}, "The mail server did not answer in time, try again later")
RAVELIN_REPLY(backend_confused, 451, Enhanced{3, 5}, "Trouble with the mail server, try again later")
RAVELIN_REPLY(backend_lacks, 451, Enhanced{3, 3}, "The mail server does not take this kind of message now, try again later")
RAVELIN_REPLY(answer_changed, 451, Enhanced{3, 0}, "The recipients have to be asked again, try again later")
RAVELIN_REPLY(breaker_open, 451, Enhanced{3, 0}, "Recipients cannot be verified now, try again later")
RAVELIN_REPLY(other_backend, 452, Enhanced{5, 3}, "Send this recipient in a message of its own")
// clang-format on

namespace {
RAVELIN_REPLY(bare_cr_in_text, 554, Enhanced{6, 0}, "Bare CR in the message")
RAVELIN_REPLY(bare_lf_in_text, 554, Enhanced{6, 0}, "Bare LF in the message")
RAVELIN_REPLY(nul_in_text, 554, Enhanced{6, 0}, "NUL in the message")
RAVELIN_REPLY(long_line_in_text, 554, Enhanced{6, 0}, "Line too long in the message")
RAVELIN_REPLY(too_many_hops, 554, Enhanced{4, 6}, "Too many hops, this message is in a loop")
}  // namespace
#undef RAVELIN_REPLY

// The name first, so that clients find it where RFC 5321 §4.2 wants it.
Reply greeting(std::string_view hostname) { return {220, std::string(hostname) + " ESMTP"}; }
Reply helo(std::string_view hostname) { return {250, std::string(hostname)}; }
Reply bye(std::string_view hostname) {
  return {221, Enhanced{0, 0}, std::string(hostname) + " closing connection"};
}

Reply syntax(const SyntaxError& error) {
  const Enhanced status{static_cast<int16_t>(error.subject), static_cast<int16_t>(error.detail)};
  return {error.code, status, error.text};
}

const Reply& bad_line(LineStatus why) {
  if (why == LineStatus::Nul) return nul_in_command();
  if (why == LineStatus::TooLong) return line_too_long();
  assert(why == LineStatus::BareCr || why == LineStatus::BareLf);
  return bare_line_end();
}

// "Greylisted" with a capital G: log readers look for it.
Reply greylisted(std::chrono::seconds left) {
  return {451, Enhanced{7, 1},
          "Greylisted, try again in " + std::to_string(left.count()) + " seconds"};
}

const Reply& bad_text(DataFault fault) {
  assert(fault != DataFault::None);
  switch (fault) {
    case DataFault::BareCr:
      return bare_cr_in_text();
    case DataFault::BareLf:
      return bare_lf_in_text();
    case DataFault::Nul:
      return nul_in_text();
    case DataFault::LineTooLong:
      return long_line_in_text();
    case DataFault::TooBig:
      return size_exceeded();
    case DataFault::TooManyHops:
      return too_many_hops();
    case DataFault::None:
      break;
  }
  return trouble();
}

Reply with_id(Reply reply, std::string_view id) {
  if (id.empty()) return reply;
  assert(!reply.lines.empty() && id.size() + 3 <= kTextRoom);
  std::string& line = reply.lines.back();
  if (line.size() > kTextRoom - id.size() - 3) line.resize(kTextRoom - id.size() - 3);
  if (!line.empty()) line += ' ';
  line += '(';
  line += id;
  line += ')';
  return reply;
}

}  // namespace ravelin::smtp::replies
