#include "smtp/path.h"

#include <optional>
#include <string_view>
#include <utility>

#include "smtp/utf8.h"

namespace ravelin::smtp {
namespace {

// atext = ALPHA / DIGIT / !#$%&'*+-/=?^_`{|}~                     RFC 5322 §3.2.3, RFC 6531 §3.3
constexpr bool is_atext(char c) {
  constexpr std::string_view kMarks = "!#$%&'*+-/=?^_`{|}~";
  return is_alnum(c) || is_high(c) || kMarks.find(c) != kMarks.npos;
}

// Dot-string = Atom *("." Atom)
bool is_dot_string(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  char before = '.';
  for (const char c : text) {
    if (c == '.' ? before == '.' : !is_atext(c)) return false;
    before = c;
  }
  return true;
}

// Quoted-string = DQUOTE *QcontentSMTP DQUOTE; QcontentSMTP = qtextSMTP / "\" %d32-126
// The content without quotes and backslashes; nullopt if it is no quoted string.
std::optional<std::string> read_quoted(Cursor& in) {
  if (!in.take('"')) return {};
  std::string content;
  while (!in.take('"')) {
    const bool escaped = in.take('\\');
    const char c = in.peek();  // NUL at the end: neither of the two below
    const bool printable = c >= ' ' && c < '\x7f';
    if (!printable && (escaped || !is_high(c))) return {};
    content += c;
    in.skip(1);
  }
  return content;
}

// The shortest form: two spellings of one mailbox are one key everywhere (RFC 5321 §4.1.2).
std::string shortest_form(std::string_view content) {
  if (is_dot_string(content)) return std::string(content);
  std::string out = "\"";
  for (const char c : content) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

// Local-part = Dot-string / Quoted-string. The content, unquoted; with dots in any place.
std::optional<std::string> read_local_part(Cursor& in) {
  if (in.peek() == '"') return read_quoted(in);
  const auto text = in.take_while([](char c) { return c == '.' || is_atext(c); });
  if (text.empty()) return {};
  return std::string(text);
}

// Domain / address-literal, in lower case or as sent.
std::optional<std::string> read_domain(Cursor& in) {
  if (in.peek() == '[') {
    const auto body = in.take_while([](char c) { return c != ']' && c != '>'; });
    if (!in.take(']')) return {};
    std::string literal(body);
    literal += ']';
    if (!is_address_literal(literal)) return {};
    return literal;
  }
  const auto text = in.take_while(
      [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.' || is_high(c); });
  if (!is_domain(text, true)) return {};
  return to_lower(text);
}

// A-d-l = At-domain *( "," At-domain ), then ":". Read and dropped: we never route by it, nor does
// the backend get to see it.                                             RFC 5321 App. C
bool skip_source_route(Cursor& in) {
  if (in.peek() != '@') return true;
  do {
    if (!in.take('@') || !read_domain(in)) return false;
  } while (in.take(','));
  return in.take(':');
}

// A backend may read '%', '!' or a second '@' as a route to somewhere else, and it trusts us. As a
// sender they do no harm: nobody routes by those, and refusing them would lose valid mail.
bool looks_like_route(std::string_view content) {
  return content.find_first_of("%!@") != content.npos;
}

}  // namespace

SyntaxError bad_path(PathUse use, std::string text, int code) {
  return {std::move(text), code, 1, use == PathUse::Reverse ? 7 : 3};
}

// Path = "<" [ A-d-l ":" ] Mailbox ">"; Mailbox = Local-part "@" ( Domain / address-literal )
// Reverse-path = Path / "<>"; Forward-path = Path / "<Postmaster>" in any case
Expected<Address, SyntaxError> parse_path(Cursor& in, PathUse use, const SyntaxLimits& limits) {
  if (!in.take('<')) return bad_path(use, "An address stands between < and >");
  if (use == PathUse::Reverse && in.take('>')) return Address{};
  if (use == PathUse::Forward && in.take_nocase("postmaster>")) return Address{"postmaster", ""};
  if (!skip_source_route(in)) return bad_path(use, "Bad source route");

  const auto content = read_local_part(in);
  if (!content) return bad_path(use, "Bad local part of the address");
  if (!in.take('@')) return bad_path(use, "The address needs an @ and a domain");
  auto domain = read_domain(in);
  if (!domain) return bad_path(use, "Bad domain of the address");
  if (!in.take('>')) return bad_path(use, "The address ends with >");

  if (content->size() > limits.local_part || domain->size() > limits.domain)
    return bad_path(use, "The address is too long");
  if (!is_utf8(*content)) return bad_path(use, "The address is not valid UTF-8", 553);
  if (use == PathUse::Forward && looks_like_route(*content))
    return bad_path(use, "Routes in addresses are not taken", 553);
  return Address{shortest_form(*content), *std::move(domain)};
}

}  // namespace ravelin::smtp
