#include "proxy/observe/escape.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

#include "proxy/observe/utf8.h"

namespace ravelin::proxy {
namespace {

// The places that text is written to, as bits of kEscapedIn.
constexpr uint8_t kText = 1;
constexpr uint8_t kAngle = 2;
constexpr uint8_t kHost = 4;
constexpr uint8_t kJson = 8;  // here only what JSON does not express itself

constexpr char kHex[] = "0123456789ABCDEF";

constexpr bool is_host_byte(unsigned char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z') || byte == '.' || byte == '-' || byte == '_' || byte == ':';
}

constexpr bool is_word_byte(char byte) {
  return byte == '_' || (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z');
}

// All bits for what is no ASCII: it is looked at closely.
constexpr std::array<uint8_t, 256> kEscapedIn = [] {
  std::array<uint8_t, 256> places{};
  places.fill(0xff);
  for (unsigned char byte = 0; byte < 128; ++byte) {
    unsigned in = 0;
    if (byte < 0x20 || byte == 0x7f || byte == '\\') in |= kText | kAngle;
    if (byte == ' ' || byte == '<' || byte == '>') in |= kAngle;
    if (!is_host_byte(byte)) in |= kHost;
    if (byte < 0x20 || byte == 0x7f || byte == '"' || byte == '\\') in |= kJson;
    places[byte] = static_cast<uint8_t>(in);
  }
  return places;
}();

void append_byte(std::string& out, char raw, uint8_t place) {
  const auto byte = static_cast<unsigned char>(raw);
  const bool json = place == kJson;
  if (json && byte == '"') {
    out += "\\\"";
    return;
  }
  // In JSON a backslash of ours is written as two.
  if (json && byte < 0x80 && byte != '\\') {
    out += "\\u00";
  } else {
    out += json ? "\\\\x" : "\\x";
  }
  out += kHex[byte >> 4];
  out += kHex[byte & 15];
}

// How many octets at the front of |text| stand as they are (0 to 4), and how many do not.
struct Step {
  uint8_t plain;
  uint8_t escaped;
};
Step next_step(std::string_view text, uint8_t place) {
  const auto byte = static_cast<unsigned char>(text[0]);
  if (byte < 0x80) return kEscapedIn[byte] & place ? Step{0, 1} : Step{1, 0};
  const auto character = first_utf8(text);
  if (character.size == 0) return {0, 1};
  if (place == kHost || !is_plain(character.value)) return {0, character.size};
  return {character.size, 0};
}

size_t plain_ascii(std::string_view text, uint8_t place) {
  const auto* const end = std::find_if(text.begin(), text.end(), [place](char raw) {
    return (kEscapedIn[static_cast<unsigned char>(raw)] & place) != 0;
  });
  return static_cast<size_t>(end - text.begin());
}

void append_in(std::string& out, std::string_view text, uint8_t place) {
  size_t start = 0;
  size_t at = 0;
  for (;;) {
    at += plain_ascii(text.substr(at), place);
    if (at == text.size()) break;
    const auto step = next_step(text.substr(at), place);
    at += step.plain;
    if (step.escaped == 0) continue;
    out.append(text, start, at - start);
    for (const auto end = at + step.escaped; at < end; ++at) append_byte(out, text[at], place);
    start = at;
  }
  out.append(text, start);
}

void append_field(std::string& out, std::string_view text, uint8_t place) {
  append_in(out, text.substr(0, kMaxLogField), place);
  if (text.size() > kMaxLogField) out += place == kJson ? "\\\\..." : "\\...";
}

// Does |text|, which begins behind a '[', go on like an address or a host name and ']'?
bool begins_host(std::string_view text, std::string_view own) {
  const auto end = text.find(']');
  if (end == text.npos || end == 0) return false;
  const auto inside = text.substr(0, end);
  return inside != own && std::all_of(inside.begin(), inside.end(), is_host_byte);
}

// "reject:" and the like, as a word of its own.
bool ends_in_verdict(std::string_view text) {
  constexpr std::string_view kVerdicts[] = {"reject", "reject_warning", "hold", "discard"};
  return std::any_of(std::begin(kVerdicts), std::end(kVerdicts), [text](std::string_view word) {
    if (!text.ends_with(word)) return false;
    return text.size() == word.size() || !is_word_byte(text[text.size() - word.size() - 1]);
  });
}

// Would a reader of logs take what stands around |text|[at] for the line's own?
bool misleads(std::string_view text, size_t at, std::string_view own) {
  const auto before = text.substr(0, at);
  if (text[at] == '[') return begins_host(text.substr(at + 1), own);
  if (text[at] == '<') return before.ends_with('=');
  return text[at] == ':' && ends_in_verdict(before);
}

int hex_digit(char digit) {
  const auto* const found = std::find(kHex, kHex + 16, digit);
  return found == kHex + 16 ? -1 : static_cast<int>(found - kHex);
}

}  // namespace

void append_text(std::string& out, std::string_view text) { append_field(out, text, kText); }
void append_angle(std::string& out, std::string_view text) { append_field(out, text, kAngle); }
void append_host(std::string& out, std::string_view text) { append_field(out, text, kHost); }
void append_json_text(std::string& out, std::string_view text) { append_field(out, text, kJson); }

void append_words(std::string& out, std::string_view text, std::string_view own) {
  const auto whole = text.substr(0, kMaxLogField);
  size_t start = 0;
  for (size_t at = 0; at < whole.size(); ++at) {
    if (!misleads(whole, at, own)) continue;
    append_in(out, whole.substr(start, at - start), kText);
    append_byte(out, whole[at], kText);
    start = at + 1;
  }
  append_in(out, whole.substr(start), kText);
  if (text.size() > kMaxLogField) out += "\\...";
}

std::string unescape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const bool escape = text.size() >= 4 && text.substr(0, 2) == "\\x" && hex_digit(text[2]) >= 0 &&
                        hex_digit(text[3]) >= 0;
    out += escape ? static_cast<char>(hex_digit(text[2]) * 16 + hex_digit(text[3])) : text[0];
    text.remove_prefix(escape ? 4 : 1);
  }
  return out;
}

}  // namespace ravelin::proxy
