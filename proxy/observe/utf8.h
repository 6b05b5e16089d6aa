// UTF-8, one character at a time.                                               RFC 3629
#pragma once

#include <cstdint>
#include <string_view>

namespace ravelin::proxy {

struct Utf8Char {
  uint32_t value = 0;  // the code point
  uint8_t size = 0;    // octets; 0 if |text| does not begin with a valid character
};

// The first character of |text|. Overlong forms, surrogates and values above U+10FFFF are invalid.
Utf8Char first_utf8(std::string_view text);

// Does the character stand on the line as itself: no control, no mark that hides or reorders its
// neighbours, no separator, no space but U+0020?
bool is_plain(uint32_t code_point);

}  // namespace ravelin::proxy
