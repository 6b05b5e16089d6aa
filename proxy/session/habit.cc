#include "proxy/session/habit.h"

#include <algorithm>
#include <cctype>

#include "dns/ip.h"
#include "proxy/state/fnv.h"

namespace ravelin::proxy {
namespace {

using smtp::Verb;

constexpr size_t kVerb = 4;  // letters of most verbs

bool holds(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(), [](char a, char b) {
           return std::toupper(static_cast<unsigned char>(a)) == b;
         }) != text.end();
}

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_hello(Verb verb) { return verb == Verb::Helo || verb == Verb::Ehlo; }

PrintForm form_of(std::string_view helo) {
  if (helo.empty()) return PrintForm::None;
  if (helo.front() == '[') return PrintForm::Literal;
  if (dns::IpAddress::parse(helo)) return PrintForm::Address;
  if (helo.find('.') == helo.npos) return PrintForm::OneWord;
  return std::any_of(helo.begin(), helo.end(), is_lower) ? PrintForm::Dotted : PrintForm::Capitals;
}

uint16_t spelling_of(std::string_view line) {
  const auto word = line.substr(0, kVerb);
  const auto lower = std::any_of(word.begin(), word.end(), is_lower);
  const auto upper = std::any_of(word.begin(), word.end(), is_upper);
  uint16_t marks = 0;
  if (lower) marks |= upper ? kPrintMixedVerb : kPrintLowerVerb;
  if (!line.empty() && line.back() == ' ') marks |= kPrintSpaceEnd;
  return marks;
}

// "FROM:<a@b> SIZE=1", "TO:<a@b>".
uint16_t path_marks(std::string_view line, Verb verb) {
  const auto colon = line.find(':');
  if (colon == line.npos) return 0;
  uint16_t marks = 0;
  if (colon + 1 < line.size() && line[colon + 1] == ' ') marks |= kPrintSpaceAfter;
  if (colon > kVerb && is_lower(line[colon - 1])) marks |= kPrintLowerWord;
  if (verb != Verb::Mail) return marks;
  const auto rest = line.substr(std::min(line.rfind('>'), line.size()));
  if (holds(rest, " SIZE=")) marks |= kPrintSaysSize;
  if (holds(rest, " BODY=")) marks |= kPrintSaysBody;
  return marks;
}

// Those that only fill the time, lead to another dialog, or end this one.
bool of_use(Verb verb) {
  return !is_hello(verb) && verb != Verb::Noop && verb != Verb::Rset && verb != Verb::Help &&
         verb != Verb::Quit && verb != Verb::Starttls && verb != Verb::Xclient;
}

}  // namespace

void Habit::command(std::string_view line, Verb verb, bool more) {
  auto& then = print_.then;
  const auto number = static_cast<uint16_t>(static_cast<unsigned>(verb) + 1);
  const bool first = print_.first == 0;
  if (!first && !of_use(verb)) {
    idles_ |= verb == Verb::Noop || verb == Verb::Rset || verb == Verb::Help;
    return;
  }
  const bool said = (then[0] & kPrintVerb) == number || (print_.first & kPrintVerb) == number;
  if (!first && (then[1] != 0 || said)) return;

  auto part = static_cast<uint16_t>(number | spelling_of(line));
  // Behind a recipient it says how many of them there are.
  if (more && verb != Verb::Rcpt) part |= kPrintPipelines;
  if (verb == Verb::Mail || verb == Verb::Rcpt) part |= path_marks(line, verb);
  if (first) {
    if (is_hello(verb)) {
      const auto form = static_cast<unsigned>(form_of(smtp::parse_command(line).argument));
      part |= static_cast<uint16_t>(form << kPrintFormShift);
    }
    print_.first = part;
    return;
  }
  if (idles_ && then[0] == 0) part |= kPrintIdles;
  (then[0] == 0 ? then[0] : then[1]) = part;
}

uint64_t Habit::print(const DialogInfo& dialog) const {
  if (print_.first == 0) return 0;
  auto whole = print_;
  if (!dialog.tls.empty()) {
    const auto hash = Fnv().text(dialog.tls).value();
    whole.tls = static_cast<uint16_t>((hash ^ hash >> 16 ^ hash >> 32 ^ hash >> 48) | 1);
  }
  return whole.number();
}

}  // namespace ravelin::proxy
