#include "smtp/command.h"

#include <algorithm>
#include <array>

#include "smtp/cursor.h"

namespace ravelin::smtp {
namespace {

// In the order of Verb.
constexpr std::array<std::string_view, 16> kVerbs = {
    "HELO", "EHLO", "MAIL",     "RCPT", "DATA", "RSET", "NOOP", "QUIT",
    "VRFY", "HELP", "STARTTLS", "AUTH", "BDAT", "ETRN", "EXPN", "UNKNOWN"};
static_assert(kVerbs[static_cast<size_t>(Verb::Unknown)] == "UNKNOWN");

Verb find_verb(std::string_view word) {
  for (size_t i = 0; i < static_cast<size_t>(Verb::Unknown); ++i)
    if (equal_nocase(word, kVerbs[i])) return static_cast<Verb>(i);
  return Verb::Unknown;
}

std::string_view cut_trailing_white(std::string_view text) {
  const size_t last = text.find_last_not_of(" \t");
  return text.substr(0, last == text.npos ? 0 : last + 1);
}

constexpr bool is_printable(char c) { return c > ' ' && c < '\x7f'; }

}  // namespace

// White space before CRLF is tolerated on all commands (RFC 5321 §4.1.1).
Command parse_command(std::string_view line) {
  line = cut_trailing_white(line);
  const size_t space = line.find(' ');
  Command command{find_verb(line.substr(0, space)), {}};
  if (space != line.npos) command.argument = line.substr(space + 1);
  return command;
}

std::string_view verb_name(Verb verb) { return kVerbs[static_cast<size_t>(verb)]; }

// ehlo = "EHLO" SP ( Domain / address-literal ) CRLF                      RFC 5321 §4.1.1.1
Expected<std::string, SyntaxError> parse_helo(std::string_view argument,
                                              const SyntaxLimits& limits) {
  if (argument.empty()) return SyntaxError{"Say who you are: a domain or an address literal"};
  if (argument.size() > limits.domain) return SyntaxError{"The name is too long"};
  if (!std::all_of(argument.begin(), argument.end(), is_printable))
    return SyntaxError{"A name of printable ASCII without spaces is wanted"};
  return std::string(argument);
}

}  // namespace ravelin::smtp
