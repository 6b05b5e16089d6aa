#include "smtp/header_scan.h"

#include "smtp/cursor.h"

namespace ravelin::smtp {
namespace {

constexpr size_t kLongestName = sizeof "Message-ID" - 1;
constexpr bool is_white(char c) { return c == ' ' || c == '\t'; }

}  // namespace

void HeaderScan::text(std::string_view piece) {
  if (in_ == In::Start && !piece.empty()) begin_line(piece[0]);
  for (size_t i = 0; i < piece.size() && in_ != In::Value; ++i)
    in_ == In::Name ? name_octet(piece[i]) : capture(piece[i]);
}

void HeaderScan::begin_line(char first) {
  if (is_white(first)) {  // a fold goes on with the field above (RFC 5322 §2.2.3)
    in_ = capturing_ ? In::Captured : In::Value;
    return;
  }
  in_ = In::Name;
  name_.clear();
  capturing_ = false;
}

// White space between name and colon is obsolete, yet read by all (RFC 5322 §4.5.8).
void HeaderScan::name_octet(char c) {
  if (is_white(c)) return;
  if (c != ':') {
    name_ += c;
    if (name_.size() > kLongestName) in_ = In::Value;
    return;
  }
  in_ = In::Value;
  if (equal_nocase(name_, "Received")) ++received_;
  if (!message_id_.empty() || !equal_nocase(name_, "Message-ID")) return;
  capturing_ = true;
  in_ = In::Captured;
}

void HeaderScan::capture(char c) {
  if (message_id_.size() < kMessageId && !(message_id_.empty() && is_white(c))) message_id_ += c;
}

void HeaderScan::line_end() {
  done_ = in_ == In::Start;
  while (!message_id_.empty() && is_white(message_id_.back())) message_id_.pop_back();
  in_ = In::Start;
}

}  // namespace ravelin::smtp
