#include "proxy/standing/name_shape.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <string>
#include <vector>

namespace ravelin::proxy {
namespace {

using std::string_view;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

bool contains(string_view text, string_view part) {
  return !part.empty() && text.find(part) != text.npos;
}

// Sorted. Words of customers' lines in the names of large providers; whole words only, so that
// "alicedsl.de" and "poole.example" are not meant.
constexpr std::array<string_view, 53> kDynamicWords = {
    "abo",         "adsl",    "broadband", "cable",     "catv",       "cpe",   "cust", "customer",
    "customers",   "dhcp",    "dial",      "dialin",    "dialup",     "dip",   "dsl",  "dslb",
    "dslpool",     "dyn",     "dynamic",   "dynamicip", "dynip",      "fbx",   "fios", "ftth",
    "fttx",        "gprs",    "hfc",       "home",      "hsd",        "hsi",   "isdn", "kabel",
    "lte",         "members", "mobile",    "modem",     "ppp",        "pppoe", "pool", "pools",
    "residential", "retail",  "sdsl",      "subs",      "subscriber", "umts",  "user", "users",
    "vdsl",        "wifi",    "wimax",     "wireless",  "xdsl",
};

// Octets that stand in |name| in decimal, one after the other with a single '-', '.' or '_' between
// them; each run of them is one vector. Leading zeros are taken off: names pad.
std::vector<std::vector<int>> decimal_runs(string_view name) {
  std::vector<std::vector<int>> runs(1);
  for (size_t i = 0; i < name.size();) {
    size_t end = i;
    while (end < name.size() && is_digit(name[end])) ++end;
    int value = 0;
    if (end > i && end - i <= 3) std::from_chars(name.data() + i, name.data() + end, value);
    if (end > i && end - i <= 3 && value <= 255) {
      runs.back().push_back(value);
      const bool joined = end + 1 < name.size() &&
                          string_view("-._").find(name[end]) != name.npos &&
                          is_digit(name[end + 1]);
      if (!joined) runs.emplace_back();
      i = end + 1;
    } else {
      runs.emplace_back();
      i = std::max(end, i + 1);
    }
  }
  return runs;
}

bool has_three_in_a_row(string_view name, std::array<int, 4> octets) {
  const auto runs = decimal_runs(name);
  for (int pass = 0; pass < 2; ++pass) {
    const std::span<const int> all(octets);
    for (const auto& run : runs)
      for (const auto three : {all.first(3), all.last(3)})
        if (std::search(run.begin(), run.end(), three.begin(), three.end()) != run.end())
          return true;
    std::reverse(octets.begin(), octets.end());
  }
  return false;
}

std::string hex(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string decimal(std::span<const int> octets, bool padded) {
  std::string text;
  for (const auto octet : octets) {
    const auto digits = std::to_string(octet);
    text += (padded ? std::string(3 - digits.size(), '0') : "") + digits;
  }
  return text;
}

// Octets without separators: three padded ones are enough, because 9 digits are no accident.
bool has_joined_octets(string_view name, const std::array<int, 4>& octets) {
  const std::span<const int> all(octets);
  const auto plain = decimal(all, false);
  return contains(name, decimal(all.first(3), true)) ||
         contains(name, decimal(all.last(3), true)) || (plain.size() >= 8 && contains(name, plain));
}

bool contains_v4(string_view name, const dns::IpAddress& address) {
  const auto* b = address.bytes();
  const std::array<uint8_t, 4> bytes = {b[0], b[1], b[2], b[3]};
  const std::array<uint8_t, 4> backwards = {b[3], b[2], b[1], b[0]};
  const std::array<int, 4> octets = {b[0], b[1], b[2], b[3]};
  const std::array<int, 4> reversed = {b[3], b[2], b[1], b[0]};
  const auto number = static_cast<uint32_t>(b[0]) << 24 | static_cast<uint32_t>(b[1]) << 16 |
                      static_cast<uint32_t>(b[2]) << 8 | b[3];
  return has_three_in_a_row(name, octets) || has_joined_octets(name, octets) ||
         has_joined_octets(name, reversed) || contains(name, hex(bytes)) ||
         contains(name, hex(backwards)) ||
         (number >= 10'000'000 && contains(name, std::to_string(number)));
}

// The network half or the host half, separators taken out, forwards or by nibbles backwards; or the
// usual short form with hyphens. Half an address of zeros names nothing.
bool contains_v6(string_view name, const dns::IpAddress& address) {
  std::string packed;
  for (const char c : name)
    if (c != '-' && c != '.' && c != '_') packed += c;
  auto short_form = address.to_string();
  std::replace(short_form.begin(), short_form.end(), ':', '-');
  if (contains(name, short_form)) return true;
  auto all = hex({address.bytes(), 16});
  for (int pass = 0; pass < 2; ++pass) {
    for (const size_t half : {0, 16}) {
      const auto part = string_view(all).substr(half, 16);
      const auto digits = std::count_if(part.begin(), part.end(), [](char c) { return c != '0'; });
      if (digits >= 4 && contains(packed, part)) return true;
    }
    std::reverse(all.begin(), all.end());
  }
  return false;
}

}  // namespace

bool contains_address(string_view name, const dns::IpAddress& address) {
  return address.is_v4() ? contains_v4(name, address) : contains_v6(name, address);
}

bool has_dynamic_word(string_view labels) {
  for (size_t i = 0; i < labels.size();) {
    size_t end = i;
    while (end < labels.size() && is_letter(labels[end])) ++end;
    if (std::binary_search(kDynamicWords.begin(), kDynamicWords.end(), labels.substr(i, end - i)))
      return true;
    i = std::max(end, i + 1);
  }
  return false;
}

}  // namespace ravelin::proxy
