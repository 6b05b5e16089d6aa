// The rules, in the order in which they are asked. Numbers are the address (contains_address()), a
// part of it, or a number too long to be anybody's fourth mail server.
//   1. "dynamic" or its kin beside a number: Dynamic, whatever else the name says.
//   2. A word for mail: Named, also with the address in it ("mail-oln040092091040.outbound..."),
//   but
//      not with it and a word for lines or static ones.
//   3. A provider of lines whose names tell nothing: Dynamic.
//   4. A word for static lines or rented servers beside a number, or who rents servers: Generic.
//   5. A word for customers' lines beside a number: Dynamic.
//   6. The address, or its last two octets in front, and no word at all: Dynamic, as most such
//      addresses are lines.
//   7. A number alone ("h2345678"): Generic. Else Named.
#include "proxy/profile/name_class.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>

#include "proxy/standing/name_shape.h"

namespace ravelin::proxy {
namespace {

using std::string_view;

constexpr auto kDynamic = std::to_array<string_view>(
    {"dyn", "dynamic", "dynamicip", "dynip", "dyndsl", "dynadsl", "dhcp", "dialup", "dialin",
     "dinamic", "dinamico", "dinamica", "dynamisch"});
// Of lines, beside those of has_dynamic_word(); too common elsewhere to take a name's organisation
// away by them.
constexpr auto kLine = std::to_array<string_view>(
    {"access", "bb",   "bbcust", "catv", "chello",     "cm",  "fiber", "fibra", "fibre",  "gpon",
     "ipad",   "ipbf", "ipngn",  "ipoe", "lightspeed", "lns", "nat",   "res",   "speedy", "wline"});
constexpr auto kMail = std::to_array<string_view>(
    {"bounce", "correio", "correo", "esa", "imap", "mta", "mx", "mxa", "mxb", "mxin", "mxout",
     "newsletter", "outbound", "outgoing", "poczta", "posta", "postout", "relay", "zimbra"});
constexpr auto kMailParts = std::to_array<string_view>({"mail", "mout", "smtp"});
constexpr auto kStatic = std::to_array<string_view>(
    {"biz",   "business", "colo",  "compute",   "corp", "droplet", "estatico", "fix",
     "fixip", "hosted",   "hwsrv", "instances", "ptr",  "reverse", "rrcs",     "srv",
     "stat",  "statisch", "vds",   "vm",        "vmd",  "vmi",     "wsip"});
constexpr auto kStaticParts =
    std::to_array<string_view>({"cloud", "dedi", "hosting", "server", "static", "vps"});
// In a provider's own domain, also as parts of words.
constexpr auto kServers =
    std::to_array<string_view>({"business", "cloud", "colo", "compute", "datacent", "dedi", "host",
                                "rack", "server", "srv", "usercontent", "vps"});
// Large ones whose names tell in no other way that servers are rented there.
constexpr auto kRenters = std::to_array<string_view>(
    {"amazonaws.com",   "choopa.net",       "combahton.net",   "contabo.net",
     "datafoundry.com", "gandi.net",        "ghst.net",        "hetzner.com",
     "ip-pool.com",     "kimsufi.com",      "leaseweb.com",    "linode.com",
     "m247.com",        "multacom.com",     "nforce.com",      "online.net",
     "ovh.net",         "pbiaas.com",       "poneytelecom.eu", "psychz.net",
     "quadranet.com",   "secureserver.net", "selectel.ru",     "softlayer.com",
     "timeweb.ru",      "unifiedlayer.com", "vultr.com",       "websitewelcome.com"});
// Large ones of lines whose names tell nothing, or "static" for all.
constexpr auto kProvidersOfLines = std::to_array<string_view>({"vdc.vn", "vnn.vn", "vnpt.vn"});

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

// Calls |word| with the runs of letters in |text|.
template <class F>
bool any_word(string_view text, F word) {
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() && is_letter(text[end])) ++end;
    if (end > i && word(text.substr(i, end - i))) return true;
    i = std::max(end, i + 1);
  }
  return false;
}

bool has_word(string_view text, std::span<const string_view> words) {
  return any_word(text, [&](string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  });
}

bool contains_one(string_view text, std::span<const string_view> parts) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](string_view part) { return text.find(part) != text.npos; });
}

bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

// The longest run of digits in |text|.
size_t longest_number(string_view text) {
  size_t longest = 0, now = 0;
  for (const char c : text) longest = std::max(longest, now = is_digit(c) ? now + 1 : 0);
  return longest;
}

// Hexadecimal digits in a row that are an IPv4 address (8), a hardware address (12) or longer, or
// such an id; digits and letters both, so that neither a word nor a number is taken for one.
bool has_hex_id(string_view text) {
  for (size_t i = 0; i < text.size();) {
    size_t end = i, digits = 0;
    while (end < text.size() && is_hex(text[end])) digits += is_digit(text[end++]) ? 1 : 0;
    if (end - i >= 8 && digits >= 2 && digits < end - i) return true;
    i = std::max(end, i + 1);
  }
  return false;
}

// The last two octets of |address| as neighbours among the numbers of |text|, in either order.
bool contains_host_part(string_view text, const dns::IpAddress& address) {
  if (!address.is_v4()) return false;
  const std::array<int, 2> pair = {address.bytes()[2], address.bytes()[3]};
  int before = -1;
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    int value = 0;
    for (; end < text.size() && is_digit(text[end]); ++end)
      value = end - i < 6 ? value * 10 + (text[end] - '0') : 1'000'000;
    if (end > i) {
      const auto now = std::pair(before, value);
      if (now == std::pair(pair[0], pair[1]) || now == std::pair(pair[1], pair[0])) return true;
      before = value;
    }
    i = std::max(end, i + 1);
  }
  return false;
}

// "h2345678", "vmi-345678": letters and a long number, nothing else.
bool is_numbered(string_view label) {
  const auto letters = std::find_if_not(label.begin(), label.end(), is_letter) - label.begin();
  auto rest = label.substr(static_cast<size_t>(letters));
  if (rest.starts_with('-')) rest.remove_prefix(1);
  return letters <= 8 && rest.size() >= 5 && std::all_of(rest.begin(), rest.end(), is_digit);
}

struct Name {
  string_view labels;    // left of the provider's domain
  string_view provider;  // the domain
  bool address;          // is in it
  bool number;           // the address, a part of it, or another long number

  string_view first() const { return labels.substr(0, labels.find('.')); }
};

// The provider's domain itself contains the address ("ip-51-254-12.eu"): only who rents servers out
// buys a domain for each network.
bool rents_servers(const Name& name, const dns::IpAddress& address) {
  return contains_one(name.provider, kServers) || contains_address(name.provider, address) ||
         std::find(kRenters.begin(), kRenters.end(), name.provider) != kRenters.end();
}

// "abcd34.neoplus.adsl.example": a word for lines stands over hosts with numbers.
bool numbers_its_lines(const Name& name) {
  const auto first = name.first();
  const auto over = name.labels.substr(first.size());
  return std::any_of(first.begin(), first.end(), is_digit) &&
         (has_dynamic_word(over) || has_word(over, kLine));
}

bool is_for_mail(const Name& name) {
  return has_word(name.labels, kMail) || contains_one(name.labels, kMailParts) ||
         name.provider.find("mail") != name.provider.npos;
}

NameClass judge(const Name& name, const dns::IpAddress& address) {
  const bool dynamic = has_word(name.labels, kDynamic);
  const bool line = has_dynamic_word(name.labels) || has_word(name.labels, kLine);
  const bool let = has_word(name.labels, kStatic) || contains_one(name.labels, kStaticParts);
  if (dynamic && (name.number || !is_for_mail(name))) return NameClass::Dynamic;
  if (is_for_mail(name) && !(name.address && (line || let))) return NameClass::Named;
  if (std::find(kProvidersOfLines.begin(), kProvidersOfLines.end(), name.provider) !=
      kProvidersOfLines.end())
    return NameClass::Dynamic;
  if (name.labels.starts_with("hosted-by")) return NameClass::Generic;
  if (name.number && (let || rents_servers(name, address))) return NameClass::Generic;
  if (line && (name.number || numbers_its_lines(name))) return NameClass::Dynamic;
  if (name.address || has_hex_id(name.first()) || contains_host_part(name.first(), address))
    return NameClass::Dynamic;
  return is_numbered(name.first()) ? NameClass::Generic : NameClass::Named;
}

}  // namespace

NameClass name_class(string_view dns_name, const dns::IpAddress& address) {
  std::string host(dns_name.substr(0, 255));  // RFC 1035 §2.3.4
  for (auto& c : host)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  if (host.ends_with('.')) host.pop_back();
  if (host.empty()) return NameClass::None;

  Name name{};
  name.provider = provider_domain(host);
  name.labels = string_view(host).substr(0, host.size() - name.provider.size());
  name.address = contains_address(host, address);
  name.number = name.address || contains_host_part(name.labels, address) ||
                longest_number(name.labels) >= 4 || has_hex_id(name.labels);
  return judge(name, address);
}

}  // namespace ravelin::proxy
