// One sender, however its mailing software numbers its messages. Every rule here joins senders that
// would count as strangers otherwise; the result is used for the keys of the greylist only.
#include "proxy/standing/greylist.h"

namespace ravelin::proxy {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }
bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); }

std::string lower(std::string_view text) {
  std::string result(text);
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return result;
}

// What follows the |count|th '=' of |text|; all of it if there are fewer.
std::string_view after_equals(std::string_view text, int count) {
  auto rest = text;
  for (int i = 0; i < count; ++i) {
    const auto at = rest.find('=');
    if (at == rest.npos) return text;
    rest.remove_prefix(at + 1);
  }
  return rest;
}

// SRS0=HHH=TT=domain=user carries a hash and a day, SRS1=HHH=forwarder==HHH=TT=domain=user two
// hashes; the separator behind the tag may be '=', '+' or '-' (Sender Rewriting Scheme, Mengwong
// 2003). prvs=KDDDHHHHHH=user is BATV (draft-levine-smtp-batv-01 §3).
std::string_view without_signature(std::string_view local) {
  const bool srs = local.size() > 5 && (local[4] == '=' || local[4] == '+' || local[4] == '-');
  if (srs && local.starts_with("srs0")) return after_equals(local.substr(5), 2);
  if (srs && local.starts_with("srs1"))
    if (const auto inner = local.find("=="); inner != local.npos)
      return after_equals(local.substr(inner + 2), 2);
  if (local.starts_with("prvs=") || local.starts_with("msprvs1=")) return after_equals(local, 2);
  return local;
}

// How many characters at the start of |text| are one number: a run of digits, or a whole word of at
// least 8 hexadecimal digits of which one is decimal (the ids of bulk mailers).
size_t number_length(std::string_view text, bool word_start) {
  size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  if (!word_start) return digits;
  size_t hex = 0;
  bool decimal = false;
  for (; hex < text.size() && is_hex(text[hex]); ++hex) decimal = decimal || is_digit(text[hex]);
  const bool whole = hex == text.size() || !is_word(text[hex]);
  return whole && decimal && hex >= 8 ? hex : digits;
}

}  // namespace

std::string normalise_sender(const smtp::Address& sender) {
  const auto text = lower(sender.local);
  auto local = without_signature(text);
  if (const auto plus = local.find('+'); plus != local.npos && plus > 0)
    local = local.substr(0, plus);

  std::string result;
  for (size_t i = 0; i < local.size();) {
    const bool word_start = i == 0 || !is_word(local[i - 1]);
    if (const auto length = number_length(local.substr(i), word_start); length > 0) {
      result += '#';
      i += length;
    } else {
      result += local[i++];
    }
  }
  return result + '@' + sender.domain;
}

}  // namespace ravelin::proxy
