#include "smtp/address.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "smtp/cursor.h"
#include "smtp/utf8.h"

namespace ravelin::smtp {
namespace {

constexpr size_t kDomainOctets = 255;  // RFC 1035 §2.3.4
constexpr size_t kLabelOctets = 63;

// sub-domain = Let-dig [Ldh-str], or a U-label, whose octets IDNA judges and not we.
bool is_label(std::string_view label, bool of_mail) {
  if (label.empty() || label.size() > kLabelOctets) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(), [of_mail](char c) {
    return is_alnum(c) || c == '-' || (of_mail && (c == '_' || is_high(c)));
  });
}

// Snum 3("." Snum): decimal, no leading zeros, 0 to 255.                        RFC 5321 §4.1.3
bool is_ipv4(std::string_view text) {
  Cursor in(text);
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && !in.take('.')) return false;
    const std::string_view digits = in.take_while(is_digit);
    if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits[0] == '0'))
      return false;
    int value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (value > 255) return false;
  }
  return in.at_end();
}

constexpr bool is_hex(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); }

// Groups of 1 to 4 hex digits with single colons between; an IPv4 address may stand for the last
// two. The number of groups, or nullopt. Empty text: 0 groups.
std::optional<int> count_groups(std::string_view text, bool may_end_in_ipv4) {
  if (text.empty()) return 0;
  int groups = 0;
  while (true) {
    const std::string_view group = text.substr(0, text.find(':'));
    const bool last = group.size() == text.size();
    if (last && may_end_in_ipv4 && is_ipv4(group)) return groups + 2;
    if (group.empty() || group.size() > 4 || !std::all_of(group.begin(), group.end(), is_hex))
      return {};
    ++groups;
    if (last) return groups;
    text.remove_prefix(group.size() + 1);
  }
}

// IPv6-addr = IPv6-full / IPv6-comp / IPv6v4-full / IPv6v4-comp. RFC 5321 lets "::" stand for two
// groups or more, inet_pton and RFC 4291 for one as well: taken, since it has one meaning only.
bool is_ipv6(std::string_view text) {
  const size_t gap = text.find("::");
  if (gap == text.npos) return count_groups(text, true) == 8;
  const auto before = count_groups(text.substr(0, gap), false);
  const auto after = count_groups(text.substr(gap + 2), true);
  return before && after && *before + *after <= 7;
}

}  // namespace

bool Address::utf8() const { return has_high_octets(local) || has_high_octets(domain); }

std::string Address::to_string() const {
  if (domain.empty()) return local;
  std::string out;
  out.reserve(local.size() + 1 + domain.size());
  out += local;
  out += '@';
  out += domain;
  return out;
}

std::string Address::path() const { return '<' + to_string() + '>'; }

bool is_domain(std::string_view text, bool of_mail) {
  if (text.empty() || text.size() > kDomainOctets) return false;
  if (of_mail && !is_utf8(text)) return false;
  while (true) {
    const size_t dot = text.find('.');
    if (!is_label(text.substr(0, dot), of_mail)) return false;
    if (dot == text.npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_address_literal(std::string_view text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return false;
  Cursor in(text.substr(1, text.size() - 2));
  return in.take_nocase("IPv6:") ? is_ipv6(in.rest()) : is_ipv4(in.rest());
}

bool is_fqdn(std::string_view text) {
  const size_t dot = text.rfind('.');
  if (dot == text.npos || !is_domain(text)) return false;
  const std::string_view last = text.substr(dot + 1);
  return !std::all_of(last.begin(), last.end(), is_digit);
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

}  // namespace ravelin::smtp
