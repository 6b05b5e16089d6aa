// UTF-8 as RFC 3629 §4 has it, and nothing beyond.
#pragma once

#include <string_view>

namespace ravelin::smtp {

// No overlong forms, no surrogates, nothing above U+10FFFF, no C1 controls (U+0080 to U+009F: some
// terminals act on them, and no name has one).
bool is_utf8(std::string_view text);
bool has_high_octets(std::string_view text);  // something above 127

}  // namespace ravelin::smtp
