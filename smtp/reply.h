// An SMTP reply as a value.                                             RFC 5321 §4.2, RFC 3463
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ravelin::smtp {

// An enhanced status code without its class digit, which always follows the reply code: 5.1.1 to a
// 550 is {1, 1}. Default: none is written (RFC 2034: greetings, EHLO and 354 carry none).
struct Enhanced {
  int16_t subject = -1;
  int16_t detail = -1;

  bool present() const { return subject >= 0; }
  bool operator==(const Enhanced&) const = default;
};

// |code| is 200 to 599. Lines hold printable ASCII and spaces (UTF-8 after sanitise() of bytes that
// came from elsewhere is escaped), no CR, LF or NUL; without code and enhanced status.
struct Reply {
  int code = 0;
  Enhanced enhanced;
  std::vector<std::string> lines;  // at least one; may be ""

  Reply() = default;
  Reply(int reply_code, Enhanced status_code, std::string text);
  Reply(int reply_code, std::string text) : Reply(reply_code, Enhanced{}, std::move(text)) {}

  bool positive() const { return code >= 200 && code < 400; }
  bool transient() const { return code >= 400 && code < 500; }
  bool permanent() const { return code >= 500; }
  std::string status() const;  // "5.1.1"; "" if there is no enhanced code
  std::string text() const;    // all lines with single spaces between, no codes

  bool operator==(const Reply&) const = default;
};

// The wire form, CRLF included, appended to |out|: "250-" lines with the enhanced code on each.
// Lines longer than RFC 5321 §4.5.3.1.5 allows (512 octets in all) are cut.
void append_wire(const Reply& reply, std::string& out);
std::string to_wire(const Reply& reply);

// Makes text from elsewhere fit for a reply line: every byte outside printable ASCII becomes "?",
// runs of white space one space, at most |max| octets.
std::string sanitise(std::string_view text, size_t max = 400);

}  // namespace ravelin::smtp
