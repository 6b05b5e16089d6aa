#include "proxy/profile/dialog_print.h"

#include <fmt/format.h>

#include <charconv>

#include "smtp/command.h"

namespace ravelin::proxy {
namespace {

constexpr uint64_t kFirst = 0xffff'0000'0000'0000;
constexpr uint64_t kTls = 0x0000'ffff'0000'0000;
constexpr uint64_t kThen = 0x0000'0000'ffff'0000;
constexpr uint64_t kLast = 0x0000'0000'0000'ffff;
constexpr uint16_t kUnused = 0xc000;
constexpr uint16_t kBothCases = kPrintLowerVerb | kPrintMixedVerb;

// The parts that a dialog of this print came to.
uint64_t known(uint64_t print) {
  if ((print & kLast) != 0) return ~uint64_t{0};
  if ((print & kThen) != 0) return kFirst | kTls | kThen;
  return (print & kTls) != 0 ? kFirst | kTls : kFirst;
}

uint16_t part(uint64_t print, int shift) { return static_cast<uint16_t>(print >> shift); }

std::string_view verb_of(uint16_t command) {
  return smtp::verb_name(static_cast<smtp::Verb>((command & kPrintVerb) - 1));
}

bool is_hello(uint16_t command) {
  const auto verb = static_cast<smtp::Verb>((command & kPrintVerb) - 1);
  return verb == smtp::Verb::Helo || verb == smtp::Verb::Ehlo;
}

unsigned form_of(uint16_t command) { return command >> kPrintFormShift & 7U; }

bool possible(uint16_t command) {
  const unsigned verb = command & kPrintVerb;
  if (verb == 0 || verb > static_cast<unsigned>(smtp::Verb::Unknown) + 1) return false;
  if ((command & kUnused) != 0 || (command & kBothCases) == kBothCases) return false;
  return !is_hello(command) || form_of(command) < kPrintForms;
}

std::string first_words(uint16_t command) {
  constexpr std::string_view kForms[kPrintForms] = {
      " without a name", " with an address literal", " with an address",
      " with one word",  " with a full name",        " with a name in capitals"};
  std::string words(verb_of(command));
  if (is_hello(command)) words += kForms[form_of(command)];
  return words;
}

// What holds for any of the commands.
std::string marks_words(uint16_t marks) {
  struct Mark {
    uint16_t bit;
    std::string_view name;
  };
  constexpr Mark kMarks[] = {{kPrintLowerVerb, "lower-case verbs"},
                             {kPrintMixedVerb, "mixed-case verbs"},
                             {kPrintSpaceEnd, "space before CRLF"},
                             {kPrintPipelines, "pipelines"},
                             {kPrintSpaceAfter, "space behind the colon"},
                             {kPrintLowerWord, "lower-case from: or to:"},
                             {kPrintSaysSize, "says SIZE"},
                             {kPrintSaysBody, "says BODY"},
                             {kPrintIdles, "NOOP or RSET in between"}};
  std::string words = (marks & kBothCases) == 0 ? "upper-case verbs" : "";
  for (const auto& mark : kMarks)
    if ((marks & mark.bit) != 0) (words += words.empty() ? "" : ", ") += mark.name;
  return words;
}

}  // namespace

std::optional<uint64_t> parse_print(std::string_view text) {
  uint64_t print = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), print, 16);
  const bool good = text.size() == 16 && error == std::errc() && stop == text.data() + text.size();
  return good && print != 0 ? std::optional(print) : std::nullopt;
}

std::string print_text(uint64_t print) { return fmt::format("{:016x}", print); }

bool print_begins(uint64_t print, uint64_t longer) { return print == (longer & known(print)); }

std::array<uint64_t, 3> print_beginnings(uint64_t print) {
  std::array<uint64_t, 3> found{};
  size_t count = 0;
  for (const auto mask : {kFirst, kFirst | kTls, kFirst | kTls | kThen}) {
    const auto shorter = print & mask;
    const bool seen = count > 0 && found[count - 1] == shorter;
    if (shorter != print && !seen) found[count++] = shorter;
  }
  return found;
}

std::string print_words(uint64_t print) {
  const auto first = part(print, 48), second = part(print, 16), third = part(print, 0);
  if (!possible(first)) return "";
  auto words = first_words(first);
  // The form of a name stands where others have these.
  auto marks = is_hello(first) ? uint16_t(first & 0x1ff) : first;
  if ((print & kTls) != 0) words += ", TLS";
  if (second != 0) {
    if (!possible(second)) return "";
    (words += ", then ") += verb_of(second);
    marks |= second;
  }
  if (third != 0) {
    if (second == 0 || !possible(third)) return "";
    (words += " and ") += verb_of(third);
    marks |= third;
  }
  return words + "; " + marks_words(marks);
}

}  // namespace ravelin::proxy
