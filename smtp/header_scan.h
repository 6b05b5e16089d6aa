// What we want to know of a message's header while it passes: how often it was received, and its
// Message-ID.                                                            RFC 5322 §2.2, §3.6.4
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ravelin::smtp {

// Fed with pieces of lines; holds at most one field name and one value.
class HeaderScan {
 public:
  void text(std::string_view piece);  // of a line, without its end
  void line_end();
  bool done() const { return done_; }  // the empty line came: the rest is body

  uint32_t received() const { return received_; }
  const std::string& message_id() const {
    return message_id_;
  }  // at most kMessageId octets, trimmed

  static constexpr size_t kMessageId = 250;

 private:
  enum class In : uint8_t { Start, Name, Value, Captured };

  void begin_line(char first);
  void name_octet(char c);
  void capture(char c);

  In in_ = In::Start;
  bool done_ = false;
  bool capturing_ = false;  // this field is the first Message-ID, folds included
  uint32_t received_ = 0;
  std::string name_;  // at most a few octets more than the longest name that we look for
  std::string message_id_;
};

}  // namespace ravelin::smtp
