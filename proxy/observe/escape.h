// Text that strangers chose, made fit for a log line or a terminal: reversibly, and so that one
// event is one line and no reader of the log can be made to see what did not happen.
//
// There is one escape, \xHH for one byte. It takes the place of the backslash itself, of control
// bytes, of bytes that are not valid UTF-8, and of characters that hide, reorder or separate text
// (C1 controls, bidirectional marks, line separators, spaces other than U+0020). Readers of logs
// split at spaces and look for name[address], so some places escape these too. Doubling the
// backslash, as C does, was not taken: with one form a reader undoes everything with one pattern.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ravelin::proxy {

// No field of a line is longer; what is cut ends in "\...", which no escaped text contains.
inline constexpr size_t kMaxLogField = 1000;  // octets before escaping

// Each appends |text| to |out|.

// Free text in a place where nothing follows that a reader needs.
void append_text(std::string& out, std::string_view text);
// What stands in <>: also escapes spaces and < and >. Fit for key=value as well.
void append_angle(std::string& out, std::string_view text);
// A host name or address before or in [ ]: escapes all but letters, digits and ".-_:".
void append_host(std::string& out, std::string_view text);
// Words of a backend or of a client that talks first: as append_text(), but what readers look for
// is broken up: the bracket of [192.0.2.1] or [host.example], unless it holds |own|, the client's
// own address ("from unknown[192.0.2.1]" in such words would have a stranger banned); the colon of
// "reject:", "reject_warning:", "hold:" and "discard:"; the opening bracket of "from=<" and "to=<".
void append_words(std::string& out, std::string_view text, std::string_view own = {});
// The inside of a JSON string. Control bytes take JSON's own \u00XX; only the backslash and bytes
// that are not UTF-8 take ours, so that the decoded string is undone by unescape().
void append_json_text(std::string& out, std::string_view text);

// What was escaped. Text that holds no well-formed escape comes back as it is.
std::string unescape(std::string_view text);

}  // namespace ravelin::proxy
