#include "smtp/utf8.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "smtp/cursor.h"

namespace ravelin::smtp {
namespace {

struct Form {
  uint8_t first_mask, first_value;  // what the first octet looks like
  uint8_t length;
  uint32_t least;  // a smaller code point in this form is overlong
};
constexpr Form kForms[] = {
    {0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0xa0}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};

// The length of the character that |text| begins with; 0 if it is none.
size_t character(std::string_view text) {
  const auto first = static_cast<uint8_t>(text[0]);
  for (const Form& form : kForms) {
    if ((first & form.first_mask) != form.first_value) continue;
    if (text.size() < form.length) return 0;
    uint32_t point = first & static_cast<uint8_t>(~form.first_mask);
    for (size_t i = 1; i < form.length; ++i) {
      const auto next = static_cast<uint8_t>(text[i]);
      if ((next & 0xc0) != 0x80) return 0;
      point = point << 6 | (next & 0x3f);
    }
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    return point < form.least || surrogate || point > 0x10ffff ? 0 : form.length;
  }
  return 0;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = character(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool has_high_octets(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_high);
}

}  // namespace ravelin::smtp
