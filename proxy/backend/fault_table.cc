// The rules lean towards "ours": a wrong 451 costs a retry and raises an alarm, a wrong 550 loses
// mail in silence.
#include "proxy/backend/fault_table.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "smtp/address.h"

namespace ravelin::proxy {
namespace {

using smtp::Reply;
using smtp::Step;

constexpr Judgement kAgreed{};
constexpr Judgement kLater{.fault = Fault::Later};
constexpr Judgement kUser{.fault = Fault::User};
constexpr Judgement kBusy{.fault = Fault::Busy, .discard = true};
constexpr Judgement kOurs{.fault = Fault::Ours, .alarm = true, .discard = true};
// MAIL refused for a reason that is not the sender's: no state was left behind, so the connection
// stays.
constexpr Judgement kOursKept{.fault = Fault::Ours, .alarm = true};

bool has(std::string_view text, std::string_view words) {
  return text.find(words) != std::string_view::npos;
}

// Not as a part of a longer name.
bool names_host(std::string_view lower, std::string_view host) {
  constexpr std::string_view kPart = "abcdefghijklmnopqrstuvwxyz0123456789-.";
  for (auto at = lower.find_first_of(kPart); at != std::string_view::npos;
       at = lower.find_first_of(kPart, at)) {
    const auto end = std::min(lower.find_first_not_of(kPart, at), lower.size());
    auto name = lower.substr(at, end - at);
    while (name.ends_with('.')) name.remove_suffix(1);
    if (name == host) return true;
    at = end;
  }
  return false;
}

template <size_t N>
bool one_of(std::string_view word, const std::array<std::string_view, N>& list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// 5.5.x, or its plain forms 500 to 504 (RFC 5321 §4.2.2): a command of ours was not liked. 53x: we
// are asked to authenticate (RFC 4954 §6).
bool about_our_command(const Reply& reply) {
  if (reply.enhanced.present()) return reply.enhanced.subject == 5 || reply.code / 10 == 53;
  return reply.code / 10 == 50 || reply.code / 10 == 53;
}

// "Relay access denied", "relaying denied", "unable to relay": we are not known as its front end.
bool denies_relay(std::string_view lower) {
  static constexpr std::array<std::string_view, 8> kDenials{
      "denied",     "not permitted", "not allowed", "unable",
      "prohibited", "refused",       "cannot",      "forbidden"};
  return has(lower, "relay") &&
         std::any_of(kDenials.begin(), kDenials.end(), [&](auto word) { return has(lower, word); });
}

// SPF and PTR verdicts (RFC 7372) and block lists are about an address, and the address that the
// backend saw is ours.
bool about_our_address(const Reply& reply, std::string_view lower, const JudgeContext& context) {
  if (context.sees_us_as_client) {
    const auto& status = reply.enhanced;
    if (status.subject == 7 && (status.detail == 23 || status.detail == 25)) return true;
    if (has(lower, "blocked using")) return true;
  }
  for (const auto* const own : {context.seen_as, context.local})
    if (own != nullptr && names_address(lower, *own)) return true;
  return std::any_of(context.own_addresses.begin(), context.own_addresses.end(),
                     [&](const auto& own) { return names_address(lower, own); });
}

// "<mx.example.net>: Helo command rejected": that was our EHLO, whoever the client is.
bool about_our_name(std::string_view lower, const JudgeContext& context) {
  if (!context.sees_us_as_client || context.hostname.empty()) return false;
  return (has(lower, "helo") || has(lower, "ehlo")) &&
         names_host(lower, smtp::to_lower(context.hostname));
}

// A client that calls somebody "relay-denied@example.com" would otherwise have its refusal taken
// for our trouble, and the connection closed, as often as it likes.
void blank_out(std::string& lower, std::string_view said) {
  const auto echo = smtp::to_lower(smtp::sanitise(said));
  if (echo.empty()) return;
  for (auto at = lower.find(echo); at != std::string::npos; at = lower.find(echo, at + 1))
    lower.replace(at, echo.size(), 1, '*');
}

bool about_us(const Reply& reply, const JudgeContext& context) {
  if (about_our_command(reply)) return true;
  auto lower = smtp::to_lower(reply.text());
  blank_out(lower, context.recipient);
  blank_out(lower, context.sender);
  return denies_relay(lower) || about_our_address(reply, lower, context) ||
         about_our_name(lower, context);
}

bool too_many(const Reply& reply) {
  return reply.code == 452 &&
         (reply.enhanced == smtp::Enhanced{5, 3} || has(smtp::to_lower(reply.text()), "too many"));
}

// The code that RFC 821 had for it; clients are to read it as 452.        RFC 5321 §4.5.3.1.10
bool too_many_recipients(const Reply& reply) {
  return reply.code == 552 && (reply.enhanced == smtp::Enhanced{5, 3} ||
                               has(smtp::to_lower(reply.text()), "too many recipients"));
}

bool means_no_such_user(const Reply& reply, const JudgeContext& context) {
  static constexpr std::array<std::string_view, 5> kUnknown{"5.1.1", "5.1.3", "5.1.6", "5.1.10",
                                                            "5.2.1"};
  const auto status = reply.status();
  const auto& more = context.unknown_codes;
  return one_of(status, kUnknown) || std::find(more.begin(), more.end(), status) != more.end();
}

Judgement judge_mail(const Reply& reply, const JudgeContext& context) {
  if (reply.transient()) return too_many(reply) ? kBusy : kLater;
  // Too big for it (RFC 3463 §3.4), or about the sender's own address (§3.2, RFC 7372, RFC 6531).
  static constexpr std::array<std::string_view, 5> kSenders{"5.3.4", "5.1.0", "5.1.7", "5.1.8",
                                                            "5.6.7"};
  if (about_us(reply, context)) return kOurs;
  return one_of(reply.status(), kSenders) ? kUser : kOursKept;
}

Judgement judge_rcpt(const Reply& reply, const JudgeContext& context) {
  if (too_many_recipients(reply)) return kBusy;
  if (reply.transient()) return too_many(reply) ? kBusy : kLater;
  if (about_us(reply, context)) return kOurs;
  if (means_no_such_user(reply, context))
    return {.fault = Fault::User, .unknown = true, .cacheable = true};
  const bool bare = !reply.enhanced.present();
  const bool of_a_mailbox = reply.code == 550 || reply.code == 551 || reply.code == 553;
  return {.fault = Fault::User, .unknown = bare && of_a_mailbox};
}

Judgement judge_data(const Reply& reply, const JudgeContext& context) {
  if (reply.transient()) return kLater;
  return about_us(reply, context) ? kOurs : kUser;
}

// A 3xx is due to DATA and to nothing else; there, nothing else is.
bool right_kind(Step step, const Reply& reply) {
  const int kind = reply.code / 100;
  if (step == Step::Data) return reply.code == 354 || kind >= 4;
  return kind != 3;
}

}  // namespace

bool names_address(std::string_view text, const dns::IpAddress& address) {
  const auto own = address.to_string();
  const auto part = [](char c) {
    return std::isxdigit(static_cast<unsigned char>(c)) != 0 || c == ':';
  };
  for (auto at = text.find(own); at != std::string_view::npos; at = text.find(own, at + 1)) {
    const auto end = at + own.size();
    const bool starts = at == 0 || !(part(text[at - 1]) || text[at - 1] == '.') ||
                        (at >= 5 && text.substr(at - 5, 5) == "ipv6:");
    const bool longer = end < text.size() && std::isxdigit(static_cast<unsigned char>(text[end]));
    const bool dotted = end + 1 < text.size() && text[end] == '.' &&
                        std::isdigit(static_cast<unsigned char>(text[end + 1]));
    if (starts && !longer && !dotted) return true;
  }
  return false;
}

Judgement judge(Step step, const Reply& reply, const JudgeContext& context) {
  if (!right_kind(step, reply)) return kOurs;
  if (reply.positive()) return kAgreed;
  // At the banner a 421 or 4xx says "not more of you"; that is not the operator's alarm.
  if (step == Step::Banner && reply.transient()) return kBusy;
  if (reply.code == 421) return kBusy;
  switch (step) {
    case Step::Mail:
      return judge_mail(reply, context);
    case Step::Rcpt:
      return judge_rcpt(reply, context);
    case Step::Data:
    case Step::Dot:
      return judge_data(reply, context);
    case Step::Xforward:  // mail goes on without it: the identity is a courtesy to its logs
      return {.fault = Fault::None, .alarm = true};
    case Step::Banner:
    case Step::Ehlo:
    case Step::Helo:
    case Step::Xclient:
    case Step::Starttls:
    case Step::Rset:
    case Step::Noop:
    case Step::Quit:
      break;
  }
  return kOurs;
}

}  // namespace ravelin::proxy
