#include "proxy/observe/utf8.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace ravelin::proxy {
namespace {

struct Range {
  uint32_t first;
  uint32_t last;
};

// Controls, format characters, separators and non-characters, in order. Python's \s and
// splitlines(), on which fail2ban rests, know all the separators in it.
constexpr Range kNotPlain[] = {
    {0x00, 0x1f},     {0x7f, 0xa0},     {0xad, 0xad},     {0x061c, 0x061c},   {0x115f, 0x1160},
    {0x1680, 0x1680}, {0x180b, 0x180f}, {0x2000, 0x200f}, {0x2028, 0x202f},   {0x205f, 0x206f},
    {0x3000, 0x3000}, {0x3164, 0x3164}, {0xd800, 0xf8ff}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},
    {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0xe0000, 0xe0fff}, {0xf0000, 0x10ffff},
};

// Length, and smallest value that needs it, by the first octet's number of leading ones.
constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};

}  // namespace

Utf8Char first_utf8(std::string_view text) {
  if (text.empty()) return {};
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const uint8_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};

  uint32_t value = lead & (0x7fU >> size);
  for (uint8_t i = 1; i < size; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if ((next & 0xc0) != 0x80) return {};
    value = value << 6 | (next & 0x3fU);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kSmallest[size] || value > 0x10ffff || surrogate) return {};
  return {value, size};
}

bool is_plain(uint32_t code_point) {
  const auto* range =
      std::lower_bound(std::begin(kNotPlain), std::end(kNotPlain), code_point,
                       [](const Range& each, uint32_t value) { return each.last < value; });
  return range == std::end(kNotPlain) || code_point < range->first;
}

}  // namespace ravelin::proxy
