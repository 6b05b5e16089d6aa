#include "smtp/params.h"

namespace ravelin::smtp {
namespace {

// esmtp-value = 1*(%d33-60 / %d62-126), with UTF-8 in RFC 6531 §3.3
constexpr bool is_value_octet(char c) { return (c > ' ' && c < '\x7f' && c != '=') || is_high(c); }

// The value of an upper-case hex digit, or -1.
constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace

// esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
std::optional<Param> read_param(Cursor& in) {
  Param param;
  param.keyword = in.take_while([](char c) { return is_alnum(c) || c == '-'; });
  if (param.keyword.empty() || param.keyword[0] == '-') return {};
  if (in.take('=')) {
    param.value = in.take_while(is_value_octet);
    if (param.value->empty()) return {};
  }
  if (!in.at_end() && in.peek() != ' ') return {};
  return param;
}

bool is_xtext(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c <= ' ' || c >= '\x7f' || c == '=') return false;
    if (c != '+') continue;
    if (text.size() - i < 3) return false;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 2 || low < 0 || (high == 7 && low == 15) || high > 7) return false;
    i += 2;
  }
  return true;
}

}  // namespace ravelin::smtp
