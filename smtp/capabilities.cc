#include "smtp/capabilities.h"

#include <algorithm>
#include <charconv>

#include "smtp/cursor.h"

namespace ravelin::smtp {
namespace {

constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

// 0 is no limit.
template <class Number>
Number smaller_limit(Number a, Number b) {
  if (a == 0 || b == 0) return std::max(a, b);
  return std::min(a, b);
}

std::string_view take_word(Cursor& in) {
  in.take_while([](char c) { return c == ' '; });
  return in.take_while([](char c) { return c != ' '; });
}

// size-param = [1*DIGIT]; 0, none, or a number that is none: no limit is known.       RFC 1870 §4
void read_size(Cursor& in, Capabilities& out) {
  const std::string_view digits = take_word(in);
  uint64_t limit = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, limit);
  out.size = true;
  out.size_limit = error == std::errc() && stop == end ? limit : 0;
}

// ehlo-param = limit-name "=" limit-value; value = %x31-39 0*5DIGIT          RFC 9422 §3, §4
// A limit that is none of this, or unknown, is passed over; of a repeated one the smallest holds.
void read_limits(Cursor& in, Capabilities& out) {
  struct Limit {
    std::string_view name;
    uint32_t Capabilities::*value;
  };
  static constexpr Limit kLimits[] = {{"MAILMAX", &Capabilities::mail_max},
                                      {"RCPTMAX", &Capabilities::rcpt_max},
                                      {"RCPTDOMAINMAX", &Capabilities::rcpt_domain_max}};
  static constexpr size_t kDigits = 6;
  for (std::string_view word = take_word(in); !word.empty(); word = take_word(in)) {
    Cursor limit(word);
    const auto name = limit.take_while([](char c) { return c != '='; });
    if (!limit.take('=')) continue;
    const auto digits = limit.take_while(is_digit);
    if (digits.empty() || digits.size() > kDigits || digits[0] == '0' || !limit.at_end()) continue;
    uint32_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    for (const Limit& known : kLimits)
      if (equal_nocase(name, known.name)) out.*known.value = smaller_limit(out.*known.value, value);
  }
}

std::vector<std::string> read_names(Cursor& in) {
  std::vector<std::string> names;
  for (std::string_view word = take_word(in); !word.empty(); word = take_word(in)) {
    std::string& name = names.emplace_back(word);
    std::transform(name.begin(), name.end(), name.begin(), upper);
  }
  return names;
}

struct Keyword {
  std::string_view name;
  bool Capabilities::*flag = nullptr;
  void (*read)(Cursor& in, Capabilities& out) = nullptr;
};
constexpr Keyword kKeywords[] = {
    {"PIPELINING", &Capabilities::pipelining},
    {"8BITMIME", &Capabilities::eightbitmime},
    {"REQUIRETLS", &Capabilities::requiretls},
    {"SMTPUTF8", &Capabilities::smtputf8},
    {"DSN", &Capabilities::dsn},
    {"ENHANCEDSTATUSCODES", &Capabilities::enhanced_codes},
    {"STARTTLS", &Capabilities::starttls},
    {"SIZE", nullptr, read_size},
    {"LIMITS", nullptr, read_limits},
    {"XFORWARD", nullptr, [](Cursor& in, Capabilities& out) { out.xforward = read_names(in); }},
    {"XCLIENT", nullptr, [](Cursor& in, Capabilities& out) { out.xclient = read_names(in); }},
};

void read_keyword_line(std::string_view line, Capabilities& out) {
  Cursor in(line);
  const std::string_view word = take_word(in);
  for (const Keyword& keyword : kKeywords) {
    if (!equal_nocase(word, keyword.name)) continue;
    if (keyword.flag) out.*keyword.flag = true;
    if (keyword.read) keyword.read(in, out);
  }
}

std::vector<std::string> common_names(const std::vector<std::string>& a,
                                      const std::vector<std::string>& b) {
  std::vector<std::string> names;
  for (const std::string& name : a)
    if (std::find(b.begin(), b.end(), name) != b.end()) names.push_back(name);
  return names;
}

}  // namespace

// ehlo-ok-rsp = "250" [ "-" ] Domain ... *( ehlo-line ): keywords from the second line on.
Capabilities parse_ehlo_reply(const Reply& reply) {
  Capabilities found;
  found.esmtp = reply.code == 250;
  if (!found.esmtp) return found;
  for (size_t i = 1; i < reply.lines.size(); ++i) read_keyword_line(reply.lines[i], found);
  // Who offers SMTPUTF8 must offer 8BITMIME (RFC 6531 §3.1): what we cannot pass on is not offered.
  found.smtputf8 = found.smtputf8 && found.eightbitmime;
  return found;
}

Capabilities intersect(const Capabilities& a, const Capabilities& b) {
  Capabilities both;
  both.esmtp = a.esmtp && b.esmtp;
  both.pipelining = a.pipelining && b.pipelining;
  both.eightbitmime = a.eightbitmime && b.eightbitmime;
  both.smtputf8 = a.smtputf8 && b.smtputf8 && both.eightbitmime;
  both.dsn = a.dsn && b.dsn;
  both.enhanced_codes = a.enhanced_codes && b.enhanced_codes;
  both.starttls = a.starttls && b.starttls;
  both.requiretls = a.requiretls && b.requiretls;
  both.size = a.size || b.size;
  both.size_limit = smaller_limit(a.size_limit, b.size_limit);
  both.mail_max = smaller_limit(a.mail_max, b.mail_max);
  both.rcpt_max = smaller_limit(a.rcpt_max, b.rcpt_max);
  both.rcpt_domain_max = smaller_limit(a.rcpt_domain_max, b.rcpt_domain_max);
  both.xforward = common_names(a.xforward, b.xforward);
  both.xclient = common_names(a.xclient, b.xclient);
  return both;
}

Reply ehlo_reply(std::string_view hostname, const Capabilities& common, const OwnOffers& own) {
  Reply reply{250, std::string(hostname)};
  reply.lines.push_back("PIPELINING");
  if (common.size) {
    // A backend's limit includes the line that we add; one smaller than that line takes nothing.
    uint64_t theirs = common.size_limit;
    if (theirs != 0) theirs = theirs > own.trace_room ? theirs - own.trace_room : 1;
    reply.lines.push_back("SIZE " + std::to_string(smaller_limit(own.size_limit, theirs)));
  }
  if (own.starttls) reply.lines.push_back("STARTTLS");
  if (own.xclient) reply.lines.push_back("XCLIENT NAME ADDR PORT PROTO HELO");
  reply.lines.push_back("ENHANCEDSTATUSCODES");
  if (common.eightbitmime) reply.lines.push_back("8BITMIME");
  if (common.smtputf8) reply.lines.push_back("SMTPUTF8");
  if (common.dsn) reply.lines.push_back("DSN");
  if (common.requiretls) reply.lines.push_back("REQUIRETLS");
  const auto rcpt_max = smaller_limit(own.rcpt_max, common.rcpt_max);
  if (rcpt_max != 0) reply.lines.push_back("LIMITS RCPTMAX=" + std::to_string(rcpt_max));
  return reply;
}

}  // namespace ravelin::smtp
