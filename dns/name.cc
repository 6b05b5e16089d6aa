#include "dns/name.h"

#include <algorithm>
#include <cassert>

namespace ravelin::dns {
namespace {

constexpr size_t kMaxText = 253;  // 255 on the wire, less the first length byte and the root
constexpr size_t kMaxWire = 255;
constexpr size_t kMaxLabel = 63;
constexpr int kMaxJumps = 32;  // more than any encoder makes; keeps one name cheap to read

// Not <cctype>: its answers depend on the locale, and a char above 127 is undefined behaviour.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alnum(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_host_label(std::string_view label) {
  return is_alnum(label.front()) && is_alnum(label.back()) &&
         std::all_of(label.begin(), label.end(), [](char c) { return is_alnum(c) || c == '-'; });
}

bool is_query_label(std::string_view label) {
  return std::all_of(label.begin(), label.end(),
                     [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
}

// Whether |text| is labels of a legal length that |is_label| accepts. The last one goes to |last|.
template <typename IsLabel>
bool is_labels(std::string_view text, IsLabel is_label, std::string_view& last) {
  if (text.size() > kMaxText) return false;
  while (true) {
    const auto dot = text.find('.');
    last = text.substr(0, dot);
    if (last.empty() || last.size() > kMaxLabel || !is_label(last)) return false;
    if (dot == text.npos) return true;
    text.remove_prefix(dot + 1);
  }
}

}  // namespace

bool is_host_name(std::string_view text) {
  std::string_view last;
  return is_labels(text, is_host_label, last) && !std::all_of(last.begin(), last.end(), is_digit);
}

bool is_query_name(std::string_view text) {
  std::string_view last;
  return is_labels(text, is_query_label, last);
}

std::string canonical_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  std::string name(text);
  std::transform(name.begin(), name.end(), name.begin(), lower);
  return name;
}

WireName to_wire(std::string_view text) {
  assert(is_query_name(text));
  WireName wire;
  while (true) {
    const auto label = text.substr(0, text.find('.'));
    wire += static_cast<char>(label.size());
    std::transform(label.begin(), label.end(), std::back_inserter(wire), lower);
    if (label.size() == text.size()) return wire += '\0';
    text.remove_prefix(label.size() + 1);
  }
}

std::optional<WireName> read_name(std::span<const uint8_t> message, size_t& at) {
  WireName name;
  size_t pos = at;
  size_t bound = at;  // a pointer must lead to before the run of labels that it ends
  for (int jumps = 0; pos < message.size();) {
    const size_t length = message[pos];
    if (length >= 0xc0) {
      if (pos + 2 > message.size() || ++jumps > kMaxJumps) return {};
      if (jumps == 1) at = pos + 2;
      pos = (length & 0x3f) << 8 | message[pos + 1];
      if (pos >= bound) return {};
      bound = pos;
      continue;
    }
    if (length > kMaxLabel || pos + 1 + length > message.size()) return {};
    if (name.size() + 1 + length > kMaxWire) return {};
    name += static_cast<char>(length);
    for (size_t i = 0; i < length; ++i) name += lower(static_cast<char>(message[pos + 1 + i]));
    pos += 1 + length;
    if (length != 0) continue;
    if (jumps == 0) at = pos;
    return name;
  }
  return {};
}

std::string host_name_of(const WireName& name) {
  std::string text;
  for (size_t at = 0; name[at] != '\0'; at += 1 + static_cast<size_t>(name[at])) {
    const auto label = std::string_view(name).substr(at + 1, static_cast<size_t>(name[at]));
    // A dot inside a label would look like two labels once it is text.
    if (!is_host_label(label)) return {};
    if (!text.empty()) text += '.';
    text += label;
  }
  return is_host_name(text) ? text : std::string();
}

}  // namespace ravelin::dns
