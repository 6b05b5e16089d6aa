// XCLIENT: a trusted front says whose dialog this is.                    Postfix XCLIENT_README
#include <algorithm>
#include <charconv>

#include "smtp/command.h"
#include "smtp/cursor.h"

namespace ravelin::smtp {
namespace {

constexpr size_t kLongestValue = 255;

constexpr bool is_graphic(char c) { return c > ' ' && c < '\x7f'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// xtext = *( xchar / "+" 2HEXDIG ), upper case                                      RFC 3461 §4
// Nothing that it may stand for here has spaces, let alone what ends a line.
std::optional<std::string> from_xtext(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+') {
      if (text.size() - i < 3) return {};
      const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return {};
      c = static_cast<char>(high << 4 | low);
      i += 2;
    }
    if (!is_graphic(c)) return {};
    out += c;
  }
  if (out.empty() || out.size() > kLongestValue) return {};
  return out;
}

// What a value is decoded to; nullopt: "[UNAVAILABLE]" or "[TEMPUNAVAIL]".
using Value = std::optional<std::string>;

struct Attribute {
  std::string_view name;
  // False: no value of this attribute.
  bool (*read)(const Value& value, bool unsure, XclientCommand& into);
};

bool read_port(const Value& value, uint16_t& port) {
  if (!value) return true;
  const char* const end = value->data() + value->size();
  const auto [stop, error] = std::from_chars(value->data(), end, port);
  return error == std::errc() && stop == end;
}

bool read_name(const Value& value, bool unsure, XclientCommand& into) {
  using Name = XclientCommand::Name;
  into.name_is = value ? Name::Given : unsure ? Name::Unsure : Name::None;
  if (!value) return true;
  into.name = to_lower(*value);
  return is_domain(into.name);
}

// An address as inet_pton reads it is for others to check; "IPV6:" stands in front of one.
bool read_address(const Value& value, XclientCommand& into) {
  if (!value) return false;
  Cursor in(*value);
  into.v6 = in.take_nocase("IPV6:");
  into.address = in.rest();
  return std::all_of(into.address.begin(), into.address.end(),
                     [](char c) { return is_alnum(c) || c == '.' || c == ':'; });
}

bool read_helo(const Value& value) { return !value || parse_helo(*value, SyntaxLimits{}); }

// The client says its HELO again after this, and our own end of its connection is the front's
// business: such values are checked and then of no use. LOGIN stands here because nginx always
// sends it.
constexpr Attribute kAttributes[] = {
    {"ADDR",
     [](const Value& value, bool, XclientCommand& into) { return read_address(value, into); }},
    {"PORT",
     [](const Value& value, bool, XclientCommand& into) { return read_port(value, into.port); }},
    {"NAME", read_name},
    {"HELO", [](const Value& value, bool, XclientCommand&) { return read_helo(value); }},
    {"PROTO",
     [](const Value& value, bool, XclientCommand&) {
       return !value || equal_nocase(*value, "SMTP") || equal_nocase(*value, "ESMTP");
     }},
    {"LOGIN", [](const Value&, bool, XclientCommand&) { return true; }},
    {"REVERSE_NAME", [](const Value& value, bool,
                        XclientCommand&) { return !value || is_domain(to_lower(*value)); }},
    {"DESTADDR",
     [](const Value& value, bool, XclientCommand&) {
       XclientCommand unused;
       return !value || read_address(value, unused);
     }},
    {"DESTPORT",
     [](const Value& value, bool, XclientCommand&) {
       uint16_t unused = 0;
       return read_port(value, unused);
     }},
};

const Attribute* find(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(kAttributes), std::end(kAttributes),
                   [&](const Attribute& row) { return equal_nocase(row.name, name); });
  return found == std::end(kAttributes) ? nullptr : found;
}

}  // namespace

// xclient = "XCLIENT" 1*( SP name "=" value ) CRLF
Expected<XclientCommand, SyntaxError> parse_xclient(std::string_view argument) {
  XclientCommand command;
  uint32_t seen = 0;
  for (Cursor in(argument); !in.at_end();) {
    const auto name = in.take_while([](char c) { return is_alpha(c) || c == '_'; });
    const auto* const row = find(name);
    if (row == nullptr || !in.take('=')) return SyntaxError{"NAME=VALUE of a known name is wanted"};
    const auto bit = uint32_t{1} << (row - kAttributes);
    if (seen & bit) return SyntaxError{std::string(row->name) + " is given twice"};
    seen |= bit;
    const auto text = in.take_while([](char c) { return c != ' '; });
    const bool unsure = equal_nocase(text, "[TEMPUNAVAIL]");
    const bool none = unsure || equal_nocase(text, "[UNAVAILABLE]");
    const auto value = none ? Value() : from_xtext(text);
    if ((!none && !value) || !row->read(value, unsure, command))
      return SyntaxError{"Bad value of " + std::string(row->name)};
    if (!in.take(' ')) break;
    if (in.at_end()) return SyntaxError{"NAME=VALUE is wanted"};
  }
  if (seen == 0) return SyntaxError{"NAME=VALUE is wanted"};
  return command;
}

}  // namespace ravelin::smtp
