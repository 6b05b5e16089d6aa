// Names and addresses that clients use: made up, and those that are said to exist.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/drill/random.h"

namespace ravelin::drill {

// "xkqjvu83": what a generator makes.
std::string random_local_part(Random& random);
// "miller", "anna.smith", "info7": what a dictionary has.
std::string dictionary_local_part(Random& random);
// A text of about |size| octets, with header, dot-stuffed, without the final dot.
std::string message_text(std::string_view from, std::string_view to, std::string_view id,
                         size_t size);

// "alice,bob", "@FILE" with one a line, "good*" as good0 to good49. Empty if FILE cannot be read.
std::vector<std::string> parse_mailboxes(std::string_view text);

}  // namespace ravelin::drill
