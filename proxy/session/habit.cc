#include "proxy/session/habit.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "dns/ip.h"
#include "proxy/state/fnv.h"
#include "smtp/cursor.h"

namespace ravelin::proxy {
namespace {

constexpr size_t kVerb = 4;  // letters of most verbs

bool holds(std::string_view text, std::string_view part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(), [](char a, char b) {
           return std::toupper(static_cast<unsigned char>(a)) == b;
         }) != text.end();
}

// What kind of name is said in HELO or EHLO: never which.
enum Form : uint8_t { None = 0, Literal, Address, OneWord, Dotted, Shouted };
Form form_of(std::string_view helo) {
  if (helo.empty()) return None;
  if (helo.front() == '[') return Literal;
  if (dns::IpAddress::parse(helo)) return Address;
  if (helo.find('.') == helo.npos) return OneWord;
  const bool lower =
      std::any_of(helo.begin(), helo.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  return lower ? Dotted : Shouted;
}

}  // namespace

void Habit::command(std::string_view line, smtp::Verb verb, bool more) {
  const auto step = (static_cast<unsigned>(spoke_ ? last_ : smtp::Verb::Unknown) * 19 +
                     static_cast<unsigned>(verb) * 7 + (spoke_ ? 1 : 0)) %
                    61;
  steps_[step / 32] |= uint32_t{1} << step % 32;
  spoke_ = true;
  last_ = verb;

  const auto word = line.substr(0, kVerb);
  const auto lower =
      std::count_if(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  const auto upper =
      std::count_if(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (lower > 0) marks_ |= upper > 0 ? MixedVerb : LowerVerb;
  if (!line.empty() && line.back() == ' ') marks_ |= SpaceEnd;
  if (more) marks_ |= Pipelines;
  if (verb == smtp::Verb::Quit) marks_ |= Quits;
  if (verb != smtp::Verb::Mail && verb != smtp::Verb::Rcpt) return;
  const auto colon = line.find(':');
  if (colon == line.npos) return;
  if (colon + 1 < line.size() && line[colon + 1] == ' ') marks_ |= SpaceAfter;
  if (colon > kVerb && line[colon - 1] >= 'a' && line[colon - 1] <= 'z') marks_ |= LowerFrom;
  if (verb != smtp::Verb::Mail) return;
  const auto rest = line.substr(std::min(line.rfind('>'), line.size()));
  if (holds(rest, " SIZE=")) marks_ |= SaysSize;
  if (holds(rest, " BODY=")) marks_ |= SaysBody;
}

uint64_t Habit::print(const DialogInfo& dialog) const {
  if (!spoke_) return 0;
  const auto form = static_cast<uint64_t>(form_of(dialog.helo)) * 2 + (dialog.esmtp ? 1 : 0);
  return Fnv()
      .number(uint64_t{steps_[1]} << 32 | steps_[0])
      .number(marks_)
      .number(form)
      .text(dialog.tls)
      .value();
}

std::string_view Habit::mark_name(unsigned mark) {
  constexpr std::array<std::string_view, kMarks> kNames = {"lower-case verbs",
                                                           "mixed-case verbs",
                                                           "space behind the colon",
                                                           "lower-case from: and to:",
                                                           "space before CRLF",
                                                           "pipelines",
                                                           "says SIZE",
                                                           "says BODY",
                                                           "says QUIT"};
  return kNames[mark];
}

}  // namespace ravelin::proxy
