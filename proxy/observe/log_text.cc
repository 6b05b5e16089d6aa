#include "proxy/observe/log_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace ravelin::proxy {
namespace {

bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }

// Octets of a run of one to three digits at the front.
size_t digits(std::string_view text) {
  const auto* const end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto count = static_cast<size_t>(end - text.begin());
  return count <= 3 ? count : 0;
}

}  // namespace

void append_number(std::string& out, uint64_t number) {
  char digits[20];  // of the largest
  auto* const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, static_cast<size_t>(end - digits));
}

void append_id(std::string& out, Id id) { out += id_text(id); }  // fits the string's own buffer

void append_status(std::string& out, const smtp::Reply& reply) {
  if (!reply.enhanced.present()) return;
  fmt::format_to(std::back_inserter(out), "{}.{}.{}", reply.code / 100, reply.enhanced.subject,
                 reply.enhanced.detail);
}

void append_delay(std::string& out, std::chrono::nanoseconds delay) {
  const auto in_steps_of = [ns = std::max<int64_t>(0, delay.count())](int64_t step) {
    return static_cast<uint64_t>((ns + step / 2) / step);
  };
  constexpr int64_t kHundredth = 10'000'000;
  const auto tenths = in_steps_of(10 * kHundredth);
  if (tenths >= 100) return append_number(out, in_steps_of(100 * kHundredth));
  const auto fine = in_steps_of(kHundredth);
  const auto hundredths = fine < 100 ? fine : tenths * 10;
  append_number(out, hundredths / 100);
  const auto part = hundredths % 100;
  if (part == 0) return;
  out += '.';
  out += static_cast<char>('0' + part / 10);
  if (part % 10 != 0) out += static_cast<char>('0' + part % 10);
}

void append_millis(std::string& out, std::chrono::nanoseconds time) {
  const auto tenths = std::max<int64_t>(0, (time.count() + 50'000) / 100'000);
  append_number(out, static_cast<uint64_t>(tenths / 10));
  out += '.';
  out += static_cast<char>('0' + tenths % 10);
}

std::string address_text(const smtp::Address* address) {
  if (address == nullptr) return "";
  if (address->domain.empty()) return address->local;
  return address->local + '@' + address->domain;
}

std::string_view take_id(std::string_view& text) {
  constexpr size_t kId = 12;
  if (text.size() < kId + 2 || text.back() != ')') return {};
  const auto at = text.size() - kId - 2;
  const auto id = text.substr(at + 1, kId);
  const auto is_hex = [](char c) { return is_digit(c) || (c >= 'A' && c <= 'F'); };
  if (text[at] != '(' || !std::all_of(id.begin(), id.end(), is_hex)) return {};
  text = text.substr(0, at);
  if (text.ends_with(' ')) text.remove_suffix(1);
  return id;
}

std::string_view bare_message_id(std::string_view raw) {
  static constexpr std::string_view kSpace = " \t\r\n";
  const auto first = raw.find_first_not_of(kSpace);
  if (first == raw.npos) return {};
  raw = raw.substr(first, raw.find_last_not_of(kSpace) - first + 1);
  const bool bracketed = raw.size() >= 2 && raw.front() == '<' && raw.back() == '>';
  return bracketed ? raw.substr(1, raw.size() - 2) : raw;
}

// status-code = class "." subject "." detail                                     RFC 3463 §2
std::string_view delivered_status(std::string_view said) {
  static constexpr std::string_view kNone = "2.0.0";
  if (said.size() < 6 || said.substr(4, 2) != "2." || said[0] != '2') return kNone;
  const auto code = said.substr(4);
  const auto subject = digits(code.substr(2));
  if (subject == 0 || code.size() <= 2 + subject || code[2 + subject] != '.') return kNone;
  const auto detail = digits(code.substr(3 + subject));
  return detail == 0 ? kNone : code.substr(0, 3 + subject + detail);
}

}  // namespace ravelin::proxy
