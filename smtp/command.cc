#include "smtp/command.h"

#include <algorithm>
#include <array>

#include "smtp/cursor.h"

namespace ravelin::smtp {
namespace {

// In the order of Verb.
constexpr std::array<std::string_view, 18> kVerbs = {
    "HELO", "EHLO",     "MAIL", "RCPT", "DATA", "RSET", "NOOP",    "QUIT",     "VRFY",
    "HELP", "STARTTLS", "AUTH", "BDAT", "ETRN", "EXPN", "XCLIENT", "XFORWARD", "UNKNOWN"};
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

// HTTP-version = "HTTP/" DIGIT "." DIGIT, at the end of a request line           RFC 9112 §2.3
bool ends_in_http_version(std::string_view line) {
  constexpr std::string_view kName = " HTTP/";
  if (line.size() < kName.size() + 3) return false;
  const auto version = line.substr(line.size() - 3);
  line.remove_suffix(3);
  return line.ends_with(kName) && is_digit(version[0]) && version[1] == '.' && is_digit(version[2]);
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

bool is_garbage(std::string_view line) {
  if (line.empty() || line[0] == ' ' || line[0] == '\t') return false;
  return !is_alpha(line[0]) || ends_in_http_version(line);
}

std::string_view verb_name(Verb verb) { return kVerbs[static_cast<size_t>(verb)]; }

// ehlo = "EHLO" SP ( Domain / address-literal ) CRLF                      RFC 5321 §4.1.1.1
Expected<std::string, SyntaxError> parse_helo(std::string_view argument,
                                              const SyntaxLimits& limits) {
  argument.remove_prefix(std::min(argument.find_first_not_of(' '), argument.size()));
  if (argument.empty()) return SyntaxError{"Say who you are: a domain or an address literal"};
  if (argument.size() > limits.domain) return SyntaxError{"The name is too long"};
  if (!std::all_of(argument.begin(), argument.end(), is_printable))
    return SyntaxError{"A name of printable ASCII without spaces is wanted"};
  return std::string(argument);
}

}  // namespace ravelin::smtp
