#include "proxy/backend/client_text.h"

#include <algorithm>

#include "proxy/backend/fault_table.h"
#include "smtp/address.h"

namespace ravelin::proxy {
namespace {

using smtp::Reply;
using smtp::Step;

constexpr size_t kMostLines = 8;

bool is_label(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// As a whole name: "mail" does not occur in "mailbox". A name behind "@" is a mailbox's domain,
// which the client knows already.
bool names_host(std::string_view lower, std::string_view name) {
  if (name.empty()) return false;
  for (auto at = lower.find(name); at != std::string_view::npos; at = lower.find(name, at + 1)) {
    const auto end = at + name.size();
    const bool before = at > 0 && (is_label(lower[at - 1]) || lower[at - 1] == '@');
    const bool after = end < lower.size() && is_label(lower[end]);
    if (!before && !after) return true;
  }
  return false;
}

bool names_backend(std::string_view text, const Backend& backend, const Facts& facts) {
  const auto lower = smtp::to_lower(text);
  if (names_address(lower, facts.peer.address)) return true;
  // A one-word host name ("mail", "relay") is in half of all reply texts and tells nobody anything.
  const auto telling = [](const std::string& name) { return name.find('.') != std::string::npos; };
  return (telling(backend.host()) && names_host(lower, smtp::to_lower(backend.host()))) ||
         (telling(facts.greeting_name) && names_host(lower, facts.greeting_name));
}

std::string plain_words(int code) {
  if (code < 400) return "Ok";
  return code < 500 ? "Try again later" : "Refused by the mail server";
}

std::string_view command_of(Step step) {
  switch (step) {
    case Step::Mail:
      return "MAIL FROM";
    case Step::Rcpt:
      return "RCPT TO";
    case Step::Dot:
      return "end of DATA";
    default:
      return smtp::step_name(step);
  }
}

}  // namespace

Reply for_client(const Reply& reply, int code, const Backend& backend, const Facts& facts) {
  Reply heard = reply;
  if (code != 0) heard.code = code;
  if (!heard.enhanced.present() && heard.code != 354) heard.enhanced = {0, 0};
  if (heard.lines.size() > kMostLines) heard.lines.resize(kMostLines);
  const auto text = reply.text();
  if (text.empty() || names_backend(text, backend, facts)) heard.lines = {plain_words(heard.code)};
  return heard;
}

Reply shortened(const Reply& reply) {
  constexpr size_t kLine = 512;  // RFC 5321 §4.5.3.1.5; ReplyLimits are more patient
  Reply kept(reply.code, reply.enhanced, "");
  kept.lines.clear();
  for (size_t i = 0; i < reply.lines.size() && i < kMostLines; ++i)
    kept.lines.push_back(reply.lines[i].substr(0, kLine));
  return kept;
}

// 552 is judged as "later" only where it means 452.                        RFC 5321 §4.5.3.1.10
int later_code(const Reply& reply) { return reply.code == 452 || reply.code == 552 ? 452 : 451; }

std::string to_log(const Reply& reply) {
  auto text = std::to_string(reply.code);
  if (reply.enhanced.present()) text += " " + reply.status();
  const auto words = reply.text();
  return words.empty() ? text : text + " " + words;
}

std::string said_by(const Backend& backend, const Facts& facts, const Reply& reply, Step step) {
  return said_by(backend, facts, to_log(reply), step);
}

std::string said_by(const Backend& backend, const Facts& facts, std::string_view words, Step step) {
  std::string text = "host ";
  text += backend.host();
  text += "[" + facts.peer.address.to_string() + "] said: ";
  text += words;
  text += " (in reply to ";
  text += command_of(step);
  return text += " command)";
}

}  // namespace ravelin::proxy
