#include "proxy/ctl/xarf.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string_view>
#include <vector>

#include "dns/ip.h"
#include "proxy/ctl/fields.h"

namespace ravelin::proxy {
namespace {

using nlohmann::json;

constexpr size_t kMaxOrg = 200;
constexpr size_t kMaxLines = 50'000;  // of evidence: 5 MB are allowed
constexpr double kLatest = 4e12;      // ms
constexpr uint8_t kV4Bits = 24;

struct Member {
  std::string source;
  double first_ms = 0, last_ms = 0, dialogs = 0, recipients = 0;
  std::string print;
};

// Those of one network; the key is what it is called.
using Networks = std::map<std::string, std::vector<Member>>;

// RFC 3339, in UTC: whoever reads it must not ask for our zone.
std::string stamp(double ms) {
  const auto seconds = static_cast<std::time_t>(std::clamp(ms, 0.0, kLatest) / 1000);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(seconds));
}

// UUID version 4.                                                             RFC 9562 §5.4
std::string new_id(const std::function<uint32_t()>& random) {
  std::array<uint32_t, 4> words{};
  for (auto& word : words) word = random();
  words[1] = (words[1] & 0xffff'0fff) | 0x4000;
  words[2] = (words[2] & 0x3fff'ffff) | 0x8000'0000;
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:04x}{:08x}", words[0], words[1] >> 16,
                     words[1] & 0xffff, words[2] >> 16, words[2] & 0xffff, words[3]);
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t at = 0; at < bytes.size(); at += 3) {
    uint32_t group = 0;
    const auto count = std::min<size_t>(3, bytes.size() - at);
    for (size_t i = 0; i < 3; ++i)
      group = group << 8 | (i < count ? static_cast<uint8_t>(bytes[at + i]) : 0U);
    for (size_t i = 0; i < 4; ++i) out += i <= count ? kDigits[group >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

// "AS64496" of "AS64496 Example"; "" if it is not known.
std::string system_of(const json& one) {
  const auto network = raw(one, "network");
  const auto name = network.substr(0, network.find(' '));
  const bool good = name.size() > 2 && name.size() < 13 && name.starts_with("AS") &&
                    name.find_first_not_of("0123456789", 2) == name.npos;
  return good ? name : "";
}

Networks networks_of(const json& result, bool by_system) {
  Networks all;
  for (const auto& one : list(result, "list")) {
    const auto source = dns::IpAddress::parse(raw(one, "source"));
    if (!source) continue;
    auto name = by_system ? system_of(one) : "";
    if (name.empty())
      name = source->is_v4() ? source->network(kV4Bits).to_string() + "/24"
                             : source->to_string() + "/64";
    all[name].push_back({source->to_string() + (source->is_v4() ? "" : "/64"),
                         number(one, "first_ms"), number(one, "last_ms"), number(one, "dialogs"),
                         number(one, "recipients"), raw(one, "print")});
  }
  return all;
}

// What it is about, in one sentence for those who read no lists.
std::string evidence_words(const json& result, const std::vector<Member>& members, double dialogs,
                           double recipients) {
  return fmt::format(
      "{} of {:.0f} addresses that connected to one mail server in the same attack: {:.0f} SMTP "
      "dialogs from here, {:.0f} recipients refused or deferred, none accepted; in the whole "
      "attack {:.1f} % of them had a null sender, and {:.1f} % of the addresses came again and "
      "again.",
      members.size(), number(result, "sources"), dialogs, recipients,
      number(result, "null_senders") * 100,
      number(object(result, "retries"), "sources_that_came_again") * 100);
}

json evidence_of(const std::vector<Member>& members) {
  std::string lines = "address,first_seen,last_seen,dialogs,recipients\r\n";
  for (size_t i = 0; i < std::min(members.size(), kMaxLines); ++i) {
    const auto& one = members[i];
    lines += fmt::format("{},{},{},{:.0f},{:.0f}\r\n", one.source, stamp(one.first_ms),
                         stamp(one.last_ms), one.dialogs, one.recipients);
  }
  return json::array({{{"content_type", "text/csv"},
                       {"description", "The addresses, and when they were seen, in UTC"},
                       {"payload", base64(lines)},
                       {"size", lines.size()}}});
}

json report_of(const json& result, const std::string& name, const std::vector<Member>& members,
               const std::function<uint32_t()>& random) {
  const auto& asked = object(result, "asked");
  const auto contact = raw(asked, "contact");
  auto domain = raw(asked, "domain");
  if (domain.empty()) domain = contact.substr(contact.rfind('@') + 1);
  const json us = {{"org", raw(asked, "org")}, {"contact", contact}, {"domain", domain}};
  double first = kLatest, last = 0, dialogs = 0, recipients = 0;
  std::map<std::string, size_t> prints;
  for (const auto& one : members) {
    first = std::min(first, one.first_ms);
    last = std::max(last, one.last_ms);
    dialogs += one.dialogs;
    recipients += one.recipients;
    if (!one.print.empty()) ++prints[one.print];
  }
  const auto words = evidence_words(result, members, dialogs, recipients);
  json tags = json::array();
  const auto most =
      std::max_element(prints.begin(), prints.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  const bool hex = most != prints.end() &&
                   most->first.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (hex) tags.push_back("fingerprint:" + most->first);
  return {{"xarf_version", "4.0.0"},
          {"report_id", new_id(random)},
          {"timestamp", stamp(last)},
          {"reporter", us},
          {"sender", us},
          {"source_identifier", members.size() == 1 ? members.front().source : name},
          {"category", "infrastructure"},
          {"type", "botnet"},
          {"evidence_source", "automated_filter"},
          {"compromise_evidence", words},
          {"description", words},
          {"first_seen", stamp(first)},
          {"last_seen", stamp(last)},
          {"evidence", evidence_of(members)},
          {"tags", tags}};
}

bool is_domain(std::string_view text) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
  };
  return !text.empty() && text.size() < 254 && text.front() != '.' && text.back() != '.' &&
         text.find('.') != text.npos && std::all_of(text.begin(), text.end(), good);
}

bool is_mailbox(std::string_view text) {
  const auto at = text.rfind('@');
  const auto bad = [](char c) { return c <= ' ' || c > '~' || c == '<' || c == '>' || c == '@'; };
  return at != text.npos && at > 0 && is_domain(text.substr(at + 1)) &&
         std::none_of(text.begin(), text.begin() + static_cast<ptrdiff_t>(at), bad);
}

}  // namespace

std::string report_xarf(const json& result, const std::function<uint32_t()>& random) {
  std::string out;
  const bool by_system = raw(object(result, "asked"), "by") == "as";
  for (const auto& [name, members] : networks_of(result, by_system))
    out += report_of(result, name, members, random)
               .dump(-1, ' ', true, json::error_handler_t::replace) +
           '\n';
  return out;
}

std::string report_xarf(const json& result) {
  std::random_device source;
  return report_xarf(result, [&source] { return source(); });
}

std::string report_usage(const json& asked) {
  if (raw(asked, "format") != "xarf") {
    for (const auto* const name : {"org", "contact", "domain", "by"})
      if (asked.contains(name)) return std::string("--") + name + " belongs to --format xarf";
    return "";
  }
  const auto org = raw(asked, "org"), contact = raw(asked, "contact");
  if (org.empty() || contact.empty())
    return "--format xarf needs --org and --contact: who reports, and where an answer goes";
  if (org.size() > kMaxOrg) return "--org: 200 octets at most";
  if (!is_mailbox(contact)) return "--contact: " + contact + " is no mail address";
  const auto domain = raw(asked, "domain");
  return domain.empty() || is_domain(domain) ? "" : "--domain: " + domain + " is no domain";
}

}  // namespace ravelin::proxy
