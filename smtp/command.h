// Commands: a verb and its argument, and the parsers of those that carry more.  RFC 5321 §4.1.1
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/address.h"
#include "smtp/expected.h"

namespace ravelin::smtp {

// All bounds of the protocol core; tests shrink them.
struct SyntaxLimits {
  size_t command_line = 2048;  // octets with CRLF; RFC 5321 §4.5.3.1.4 asks for 512, parameters add
  size_t local_part = 255;     // §4.5.3.1.1 asks for 64; rewritten senders (SRS, VERP) are longer
  size_t domain = 255;         // §4.5.3.1.2
  size_t params = 16;          // in one MAIL or RCPT
  size_t orcpt = 500;          // RFC 3461 §4.2
  size_t envid = 100;          // RFC 3461 §4.4
  size_t text_line = 1'000'000;  // octets of a line in DATA; RFC 5321 §4.5.3.1.6 asks for 1000
};

enum class Verb : uint8_t {
  Helo,
  Ehlo,
  Mail,
  Rcpt,
  Data,
  Rset,
  Noop,
  Quit,
  Vrfy,
  Help,
  Starttls,
  Auth,
  Bdat,
  Etrn,
  Expn,
  Xclient,   // offered to those who may speak for others
  Xforward,  // known, answered, not offered
  Unknown,
};

struct Command {
  Verb verb = Verb::Unknown;
  std::string_view argument;  // what follows the verb and one space; trailing white space cut
};

// |line| without CRLF. Verbs in any case. The view dies with the line.
Command parse_command(std::string_view line);
std::string_view verb_name(Verb verb);  // "MAIL"; "UNKNOWN"
// No line of a mail client, however old: it begins with what begins no word, or is the request of
// an HTTP client that somebody made talk to us. What follows is likely more of it, or commands that
// this somebody has hidden in it.
bool is_garbage(std::string_view line);

// 501 unless |code| says otherwise: 553 for addresses that we do not take, 555 for parameters that
// we do not know.
struct SyntaxError {
  std::string text;
  int code = 501;
  int subject = 5;  // of the enhanced code 5.5.4 by default
  int detail = 4;
};

// What was offered in our EHLO decides which parameters are taken; the rest is a 555.
struct Offered {
  bool size = false;
  bool eightbitmime = false;
  bool smtputf8 = false;
  bool dsn = false;
  bool requiretls = false;
};

enum class Body : uint8_t { None, SevenBit, EightBitMime };
enum class Ret : uint8_t { None, Full, Hdrs };

// mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF       RFC 5321 §4.1.1.2
// Parameters: SIZE (RFC 1870), BODY (6152), SMTPUTF8 (6531), RET and ENVID (3461), REQUIRETLS
// (8689), each at most once. Values are decoded and checked; what goes to the backend is rebuilt
// from them.
struct MailCommand {
  Address from;
  std::optional<uint64_t> size;  // octets
  Body body = Body::None;
  bool smtputf8 = false;
  Ret ret = Ret::None;
  std::string envid;  // xtext, as checked
  bool requiretls = false;
  bool operator==(const MailCommand&) const = default;
};

// rcpt = "RCPT TO:" Forward-path [SP Rcpt-parameters] CRLF        RFC 5321 §4.1.1.3
struct RcptCommand {
  Address to;
  static constexpr uint8_t kNever = 1, kSuccess = 2, kFailure = 4, kDelay = 8;
  uint8_t notify = 0;  // 0: not given; else the bits above
  std::string orcpt;   // "rfc822;xtext", as checked; "" if not given
  bool operator==(const RcptCommand&) const = default;
};

// |argument| is what follows "MAIL " or "RCPT ". Source routes are read and dropped (RFC 5321 App.
// C). Beyond the grammar, because honest senders have such addresses and nobody reads them in two
// ways: dots anywhere in a local part (old mailboxes at Japanese carriers; the backend gets them in
// quotes, where they are legal), and underscores in domains. A recipient whose local part has '%',
// '!' or a quoted '@' is refused with 553 5.1.3: a backend may read it as a route. Bad addresses
// are 501 5.1.7 in MAIL and 501 5.1.3 in RCPT; octets above 127 without SMTPUTF8 are 553 5.6.7.
Expected<MailCommand, SyntaxError> parse_mail(std::string_view argument, const Offered& offered,
                                              const SyntaxLimits& limits);
Expected<RcptCommand, SyntaxError> parse_rcpt(std::string_view argument, const Offered& offered,
                                              bool smtputf8_transaction,
                                              const SyntaxLimits& limits);
// ehlo = "EHLO" SP ( Domain / address-literal ) CRLF               RFC 5321 §4.1.1.1
// Any run of printable ASCII without spaces is taken (real senders send names with underscores and
// worse; the HELO checks judge them), up to 255 octets, behind any number of spaces; anything else
// is a 501.
Expected<std::string, SyntaxError> parse_helo(std::string_view argument,
                                              const SyntaxLimits& limits);

// What XCLIENT says of a client. Values are decoded, bounded, and printable ASCII without spaces.
struct XclientCommand {
  enum class Name : uint8_t { NotSaid, Given, None, Unsure };

  std::string address;  // letters, digits, dots and colons; "" if it was not said
  bool v6 = false;      // it is said to be an IPv6 address
  uint16_t port = 0;    // 0: not said, or not known
  Name name_is = Name::NotSaid;
  std::string name;  // a domain in lower case, if Given
  bool operator==(const XclientCommand&) const = default;
};
// |argument| is what follows "XCLIENT ". Each attribute at most once; what is not known is a 501,
// as is a value that cannot be one, or an address that is "[UNAVAILABLE]".
Expected<XclientCommand, SyntaxError> parse_xclient(std::string_view argument);

// The wire forms towards a backend, no CRLF: "MAIL FROM:<a@b> SIZE=5 BODY=8BITMIME". |backend| says
// what it offers: parameters that it does not know are left out where that loses nothing but a
// hint (SIZE, BODY=7BIT); needs_* below tell where it would.
std::string mail_line(const MailCommand& mail, const Offered& backend);
std::string rcpt_line(const RcptCommand& rcpt, const Offered& backend);
// Does this transaction need what the backend does not offer (8BITMIME, SMTPUTF8, DSN,
// REQUIRETLS)?
bool needs_more_than(const MailCommand& mail, const Offered& backend);

}  // namespace ravelin::smtp
