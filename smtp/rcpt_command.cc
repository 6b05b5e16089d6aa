// RCPT: from the client's line, and to a backend's.          RFC 5321 §4.1.1.3, RFC 3461, RFC 6533
#include <algorithm>

#include "smtp/command.h"
#include "smtp/params.h"
#include "smtp/path.h"
#include "smtp/utf8.h"

namespace ravelin::smtp {
namespace {

struct NotifyWord {
  std::string_view word;
  uint8_t bit;
};
constexpr NotifyWord kNotifyWords[] = {{"NEVER", RcptCommand::kNever},
                                       {"SUCCESS", RcptCommand::kSuccess},
                                       {"FAILURE", RcptCommand::kFailure},
                                       {"DELAY", RcptCommand::kDelay}};

uint8_t notify_bit(std::string_view word) {
  for (const NotifyWord& known : kNotifyWords)
    if (equal_nocase(word, known.word)) return known.bit;
  return 0;
}

// notify-esmtp-value = "NEVER" / 1#notify-list-element                       RFC 3461 §4.1
bool read_notify(ParamValue value, const ParamContext&, RcptCommand& rcpt) {
  if (!value) return false;
  Cursor in(*value);
  do {
    const uint8_t bit = notify_bit(in.take_while([](char c) { return c != ','; }));
    if (bit == 0) return false;
    rcpt.notify |= bit;
  } while (in.take(','));
  return rcpt.notify == RcptCommand::kNever || !(rcpt.notify & RcptCommand::kNever);
}

// utf-8-addr-unitext: raw UTF-8 where the transaction allows it.             RFC 6533 §3
bool is_utf8_original(std::string_view text, bool smtputf8) {
  if (!smtputf8 && has_high_octets(text)) return false;
  std::string ascii;
  std::copy_if(text.begin(), text.end(), std::back_inserter(ascii),
               [](char c) { return !is_high(c); });
  return is_utf8(text) && is_xtext(ascii);
}

bool is_addr_type(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '-'; });
}

// original-recipient-address = addr-type ";" xtext; addr-type = atom          RFC 3461 §4.2
// Whatever the type is: it says where a message came from, through which gateway, and not where it
// goes. Only that of RFC 6533 means something here, because raw UTF-8 may stand behind it.
bool read_orcpt(ParamValue value, const ParamContext& context, RcptCommand& rcpt) {
  if (!value || value->size() > context.limits.orcpt) return false;
  const size_t semicolon = value->find(';');
  if (semicolon == value->npos || semicolon + 1 == value->size()) return false;
  if (!is_addr_type(value->substr(0, semicolon))) return false;
  const std::string type = to_lower(value->substr(0, semicolon));
  const std::string_view original = value->substr(semicolon + 1);
  const bool valid =
      type == "utf-8" ? is_utf8_original(original, context.smtputf8) : is_xtext(original);
  if (!valid) return false;
  rcpt.orcpt = type;
  rcpt.orcpt += ';';
  rcpt.orcpt += original;
  return true;
}

constexpr ParamRow<RcptCommand> kRcptParams[] = {
    {"NOTIFY", &Offered::dsn, read_notify, "NOTIFY is NEVER, or SUCCESS, FAILURE, DELAY"},
    {"ORCPT", &Offered::dsn, read_orcpt, "Bad ORCPT"},
};

}  // namespace

// rcpt = "RCPT TO:" Forward-path [SP Rcpt-parameters] CRLF               RFC 5321 §4.1.1.3
Expected<RcptCommand, SyntaxError> parse_rcpt(std::string_view argument, const Offered& offered,
                                              bool smtputf8_transaction,
                                              const SyntaxLimits& limits) {
  Cursor in(argument);
  in.take_while([](char c) { return c == ' '; });
  if (!in.take_nocase("TO:")) return SyntaxError{"Expected RCPT TO:<address>"};
  in.take_while([](char c) { return c == ' '; });

  auto path = parse_path(in, PathUse::Forward, limits);
  if (!path) return path.error();
  RcptCommand rcpt;
  rcpt.to = *std::move(path);
  const std::span<const ParamRow<RcptCommand>> table = kRcptParams;
  const ParamContext context{limits, smtputf8_transaction};
  if (auto error = read_params(in, table, offered, context, rcpt)) return *std::move(error);

  if (rcpt.to.utf8() && !smtputf8_transaction)
    return SyntaxError{"This address needs SMTPUTF8", 553, 6, 7};
  return rcpt;
}

std::string rcpt_line(const RcptCommand& rcpt, const Offered& backend) {
  std::string line = "RCPT TO:" + rcpt.to.path();
  if (!backend.dsn) return line;
  char before = '=';
  for (const NotifyWord& known : kNotifyWords) {
    if (!(rcpt.notify & known.bit)) continue;
    if (before == '=') line += " NOTIFY";
    line += before;
    line += known.word;
    before = ',';
  }
  if (!rcpt.orcpt.empty()) line += " ORCPT=" + rcpt.orcpt;
  return line;
}

}  // namespace ravelin::smtp
