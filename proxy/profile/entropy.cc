#include "proxy/profile/entropy.h"

#include <algorithm>
#include <cmath>

#include "proxy/profile/spelling.h"

namespace ravelin::proxy {
namespace {

using std::string_view;

constexpr size_t kLongest = 64;         // RFC 5321 §4.5.3.1.1
constexpr size_t kLongestPattern = 32;  // octets

enum class Kind : uint8_t { Letter, Digit, Wide, Mark };

Kind kind_of(char c) {
  const auto octet = static_cast<unsigned char>(c);
  if (octet >= 0x80) return Kind::Wide;
  if ((octet | 0x20) >= 'a' && (octet | 0x20) <= 'z') return Kind::Letter;
  return octet >= '0' && octet <= '9' ? Kind::Digit : Kind::Mark;
}

size_t class_of(char c) {
  switch (kind_of(c)) {
    case Kind::Letter:
      return static_cast<size_t>((c | 0x20) - 'a');
    case Kind::Digit:
      return kDigitClass;
    default:
      return kBreakClass;
  }
}

constexpr size_t kHexId = 8;  // shorter ones are as likely words with a number: "abc12"

// The smallest alphabet of generators that |text| can be drawn from.
double alphabet_size(string_view text) {
  bool digits = false, beyond_f = false;
  for (const char c : text) {
    digits = digits || kind_of(c) == Kind::Digit;
    beyond_f = beyond_f || (kind_of(c) == Kind::Letter && (c | 0x20) > 'f');
  }
  if (!digits) return 26;
  return beyond_f || text.size() < kHexId ? 36 : 16;
}

// --- patterns
// --------------------------------------------------------------------------------------

bool is_letter_or_digit(char c) { return kind_of(c) <= Kind::Digit; }

// Of a run of letters and digits.
string_view run_pattern(string_view run) {
  const auto same = [](char a, char b) { return kind_of(a) == kind_of(b); };
  size_t changes = 0;
  for (size_t i = 1; i < run.size(); ++i) changes += same(run[i - 1], run[i]) ? 0 : 1;
  const bool letter_first = kind_of(run[0]) == Kind::Letter;
  if (changes == 0) return letter_first ? "a" : "9";
  if (changes == 1) return letter_first ? "a9" : "9a";
  return "x";
}

char mark_pattern(char c) {
  if (kind_of(c) == Kind::Wide) return 'u';
  return c > ' ' && c < 0x7f ? c : '?';
}

}  // namespace

// Two models of the same text, and the odds between them: how names are spelled against a uniform
// draw. Numbers are as likely in both: only that a letter is followed by one counts. So is all that
// is neither letter nor digit.
double randomness(string_view local_part) {
  const auto text = local_part.substr(0, kLongest);
  const auto& names = Spelling::of_names();
  const double size = alphabet_size(text);
  double odds = 0;  // log2; above 0: drawn at random
  size_t before = kBreakClass;
  for (const char c : text) {
    const auto now = class_of(c);
    const bool begins_number = now == kDigitClass && before < kDigitClass;
    if (now < kDigitClass || begins_number)
      odds += std::log2((begins_number ? 10 : 1) / size) - names.log2_next(before, now);
    before = now;
  }
  return 1 / (1 + std::exp2(-odds));
}

std::string local_pattern(string_view local_part) {
  std::string pattern;
  for (size_t i = 0; i < local_part.size();) {
    if (pattern.size() + 3 > kLongestPattern) return pattern + '~';
    if (is_letter_or_digit(local_part[i])) {
      const auto* const begin = local_part.data() + i;
      const auto* const end =
          std::find_if_not(begin, local_part.data() + local_part.size(), is_letter_or_digit);
      pattern += run_pattern({begin, static_cast<size_t>(end - begin)});
      i += static_cast<size_t>(end - begin);
      continue;
    }
    const char mark = mark_pattern(local_part[i++]);
    if (mark != 'u' || !pattern.ends_with('u')) pattern += mark;
  }
  return pattern;
}

}  // namespace ravelin::proxy
