// The address in MAIL and RCPT.                                    RFC 5321 §4.1.2, RFC 6531 §3.3
// Private to smtp/.
#pragma once

#include <cstdint>
#include <string>

#include "smtp/address.h"
#include "smtp/command.h"
#include "smtp/cursor.h"
#include "smtp/expected.h"

namespace ravelin::smtp {

enum class PathUse : uint8_t { Reverse, Forward };

// 501 5.1.7 for a sender, 5.1.3 for a recipient (RFC 3463 §3.2), or with another |code|.
SyntaxError bad_path(PathUse use, std::string text, int code = 501);

// Reads one path and leaves |in| behind its ">". Octets above 127 are taken if they are UTF-8;
// whether they were allowed is the caller's to judge, because in MAIL that is said behind the path.
Expected<Address, SyntaxError> parse_path(Cursor& in, PathUse use, const SyntaxLimits& limits);

}  // namespace ravelin::smtp
