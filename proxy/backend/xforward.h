// Who the client is, told to a backend that logs it as its own client.   Postfix XFORWARD_README
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/backend/verifier.h"
#include "smtp/capabilities.h"

namespace ravelin::proxy {

// The command lines, no CRLF, with those attributes that the backend takes; what is not known is
// "[UNAVAILABLE]". Every attribute is sent every time, because a new XFORWARD replaces only what it
// names. Empty if the backend takes none.
std::vector<std::string> xforward_lines(const smtp::Capabilities& backend,
                                        const ClientIdentity& client, std::string_view id);

// --- shared with XCLIENT (introduction.cc) ---
// What |name| is of |client|, in the clear; "" if it is not known.
std::string attribute_of(std::string_view name, const ClientIdentity& client);
std::string attribute_address(const dns::IpAddress& address);  // "IPV6:2001:db8::1"
// The value as it is sent: xtext, or "[UNAVAILABLE]".
std::string attribute_text(std::string value);
// To the last line that has room for it.
void add_attribute(std::vector<std::string>& lines, std::string_view verb,
                   const std::string& attribute);

// RFC 3461 §4: '+', '=' and everything outside "!" to "~" as "+XX".
std::string to_xtext(std::string_view text);

}  // namespace ravelin::proxy
