#include <algorithm>

#include "dns/ip.h"
#include "proxy/config/param.h"

namespace ravelin::proxy {
namespace {

constexpr size_t kMaxName = 253;        // RFC 1035 §2.3.4, without the length octets
constexpr size_t kMaxLabel = 63;        // likewise
constexpr size_t kMaxLocalPart = 64;    // RFC 5321 §4.5.3.1.1
constexpr size_t kMaxSocketPath = 107;  // unix(7): sun_path with its final NUL

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool all_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}
bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

// sub-domain = Let-dig [Ldh-str]                                          RFC 5321 §4.1.2
// |underscore|: container and Windows hosts have them, and a backend is whoever it is.
bool is_label(std::string_view label, bool underscore) {
  if (label.empty() || label.size() > kMaxLabel) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(),
                     [&](char c) { return is_alnum(c) || c == '-' || (underscore && c == '_'); });
}

// A last label of digits would make it an address with a slip in it (RFC 3696 §2).
bool is_name(std::string_view name, bool underscore = false) {
  if (name.size() > kMaxName) return false;
  while (true) {
    const size_t dot = name.find('.');
    const auto label = name.substr(0, dot);
    if (!is_label(label, underscore)) return false;
    if (dot == name.npos) return !all_digits(label);
    name.remove_prefix(dot + 1);
  }
}

bool is_port(std::string_view text) {
  return all_digits(text) && text.size() <= 5 && text.front() != '0' &&
         std::stoi(std::string(text)) <= 65535;
}

// Any printable dot-string; quoted local parts have no place in a list.
bool is_local_part(std::string_view text) {
  return !text.empty() && text.size() <= kMaxLocalPart && printable(text) &&
         text.find_first_of("\"@<>\\,;") == text.npos;
}

}  // namespace

const char* check_cidr(std::string_view text) {
  if (dns::Cidr::parse(text)) return nullptr;
  if (dns::IpAddress::parse(text.substr(0, text.find('/'))))
    return "is not a network: bits after the prefix must be zero, and the prefix 0 to 32 or 128";
  return "is not an address or network like \"192.0.2.0/24\" or \"2001:db8::/32\"";
}

const char* check_endpoint(std::string_view text) {
  const auto endpoint = dns::Endpoint::parse(text);
  if (endpoint && endpoint->port != 0) return nullptr;
  return "is not an address and port like \"192.0.2.1:25\" or \"[2001:db8::1]:25\"";
}

const char* check_loopback(std::string_view text) {
  if (const char* const why = check_endpoint(text); why != nullptr) return why;
  if (dns::Endpoint::parse(text)->address.is_loopback()) return nullptr;
  return "is not a loopback address like \"127.0.0.1:9025\": no stranger may ask there; from "
         "another "
         "machine, use a tunnel (ssh -L)";
}

const char* check_host_port(std::string_view text) {
  if (check_endpoint(text) == nullptr) return nullptr;
  const size_t colon = text.rfind(':');
  if (colon != text.npos && is_port(text.substr(colon + 1)) && is_name(text.substr(0, colon), true))
    return nullptr;
  return "is not a name or address with a port like \"mail.internal:25\" or \"[2001:db8::1]:25\"";
}

const char* check_domain(std::string_view text) {
  const auto name = text.starts_with('.') ? text.substr(1) : text;
  if (is_name(name)) return nullptr;
  return "is not a domain like \"example.com\", or \".example.com\" for all subdomains (an "
         "internationalised one is written in its xn-- form)";
}

const char* check_hostname(std::string_view text) {
  return is_name(text) ? nullptr : "is not a host name like \"mx.example.net\"";
}

const char* check_dns_server(std::string_view text) {
  if (dns::IpAddress::parse(text) || check_endpoint(text) == nullptr) return nullptr;
  return "is not an address like \"127.0.0.1\", \"127.0.0.1:5353\" or \"[::1]:5353\"";
}

const char* check_mailbox(std::string_view text) {
  const size_t at = text.rfind('@');
  if (at != text.npos && is_local_part(text.substr(0, at)) && is_name(text.substr(at + 1)))
    return nullptr;
  return "is not a mail address like \"user@example.com\"";
}

const char* check_mailbox_pattern(std::string_view text) {
  if (text.size() > 1 && text.ends_with('@') && is_local_part(text.substr(0, text.size() - 1)))
    return nullptr;
  if (text.starts_with('@') && is_name(text.substr(1))) return nullptr;
  if (check_mailbox(text) == nullptr) return nullptr;
  return "is not \"user@example.com\", \"user@\" or \"@example.com\"";
}

const char* check_client_pattern(std::string_view text) {
  if (dns::Cidr::parse(text) || check_domain(text) == nullptr) return nullptr;
  return "is not an address, a network, a name, or \".example.com\" for all names below it";
}

// status-code = class "." subject "." detail, each of the latter 1*3digit   RFC 3463 §2
const char* check_no_user_code(std::string_view text) {
  constexpr auto kWrong = "is not an enhanced status code of class 5 like \"5.4.1\"";
  if (!text.starts_with("5.")) return kWrong;
  const auto rest = text.substr(2);
  const auto subject = rest.substr(0, rest.find('.'));
  if (subject.size() == rest.size()) return kWrong;
  const auto detail = rest.substr(subject.size() + 1);
  const bool fine =
      all_digits(subject) && subject.size() <= 3 && all_digits(detail) && detail.size() <= 3;
  return fine ? nullptr : kWrong;
}

const char* check_word(std::string_view text) {
  return printable(text) ? nullptr : "is not one word of printable ASCII";
}

const char* check_socket_path(std::string_view text) {
  if (!text.starts_with('/')) return "is not a path from the root (\"/run/...\")";
  return text.size() <= kMaxSocketPath ? nullptr : "is longer than the 107 bytes of a socket path";
}

}  // namespace ravelin::proxy
