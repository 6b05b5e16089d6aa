#include "proxy/backend/xforward.h"

#include <algorithm>

namespace ravelin::proxy {
namespace {

constexpr std::string_view kUnknown = "[UNAVAILABLE]";
constexpr size_t kLongestValue = 255;
// RFC 5321 §4.5.3.1.4, and Postfix' own client sends two lines rather than a longer one.
constexpr size_t kLongestLine = 510;

std::string value_of(std::string_view name, const ClientIdentity& client, std::string_view id) {
  if (name == "IDENT") return std::string(id);
  if (name == "SOURCE") return "REMOTE";
  return attribute_of(name, client);
}

}  // namespace

std::string attribute_address(const dns::IpAddress& address) {
  return (address.is_v4() ? "" : "IPV6:") + address.to_string();
}

std::string attribute_of(std::string_view name, const ClientIdentity& client) {
  if (name == "NAME") return client.name;
  if (name == "ADDR") return attribute_address(client.address.address);
  if (name == "PORT") return std::to_string(client.address.port);
  if (name == "PROTO") return client.esmtp ? "ESMTP" : "SMTP";
  if (name == "HELO") return client.helo;
  return {};
}

std::string attribute_text(std::string value) {
  if (value.size() > kLongestValue) value.resize(kLongestValue);
  return value.empty() ? std::string(kUnknown) : to_xtext(value);
}

void add_attribute(std::vector<std::string>& lines, std::string_view verb,
                   const std::string& attribute) {
  if (lines.empty() || lines.back().size() + 1 + attribute.size() > kLongestLine)
    lines.emplace_back(verb);
  lines.back() += " " + attribute;
}

std::string to_xtext(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (c >= '!' && c <= '~' && c != '+' && c != '=') {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '+';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

std::vector<std::string> xforward_lines(const smtp::Capabilities& backend,
                                        const ClientIdentity& client, std::string_view id) {
  static constexpr std::string_view kNames[] = {"NAME", "ADDR",  "PORT",  "PROTO",
                                                "HELO", "IDENT", "SOURCE"};
  std::vector<std::string> lines;
  for (const auto name : kNames) {
    const auto& offered = backend.xforward;
    if (std::find(offered.begin(), offered.end(), name) == offered.end()) continue;
    add_attribute(lines, "XFORWARD",
                  std::string(name) + "=" + attribute_text(value_of(name, client, id)));
  }
  return lines;
}

}  // namespace ravelin::proxy
