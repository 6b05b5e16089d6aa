// Replies of the server under test, put together from lines.                 RFC 5321 §4.2.1
// Not smtp/reply_parser.h: what measures the program does not depend on it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ravelin::drill {

struct Reply {
  int code = 0;
  std::string enhanced;  // "5.1.1", or ""
  std::string text;      // all lines, at most 4 kB

  bool positive() const { return code >= 200 && code < 300; }
  bool go_on() const { return code >= 300 && code < 400; }
  bool later() const { return code >= 400 && code < 500; }
  // EHLO's reply: is there a line with this keyword?
  bool offers(std::string_view keyword) const;
};

class ReplyReader {
 public:
  // |line| without its end; a reply when it is complete. What is no reply counts as code 0.
  std::optional<Reply> feed(std::string_view line);
  void reset() { reply_ = {}; }

 private:
  Reply reply_;
};

}  // namespace ravelin::drill
