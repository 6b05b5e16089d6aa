#include "smtp/reply_parser.h"

#include <utility>

#include "smtp/cursor.h"

namespace ravelin::smtp {
namespace {

// Up to three digits; -1 if there are none or more.
int take_number(Cursor& in) {
  const std::string_view digits = in.take_while(is_digit);
  if (digits.empty() || digits.size() > 3) return -1;
  int value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

// status-code = class "." subject "." detail                                    RFC 3463 §2
// Cuts it off |text| if it begins with one. The class digit is not kept: it is the code's, whatever
// the backend's says.
Enhanced take_enhanced(std::string_view& text) {
  Cursor in(text);
  if (!in.take('2') && !in.take('4') && !in.take('5')) return {};
  if (!in.take('.')) return {};
  const int subject = take_number(in);
  if (subject < 0 || !in.take('.')) return {};
  const int detail = take_number(in);
  if (detail < 0 || !(in.at_end() || in.peek() == ' ')) return {};
  text = in.rest();
  return {static_cast<int16_t>(subject), static_cast<int16_t>(detail)};
}

}  // namespace

ReplyParser::Step ReplyParser::feed(std::string_view input) {
  size_t next = 0;
  while (next < input.size()) {
    const size_t lf = input.find('\n', next);
    const size_t stop = lf == input.npos ? input.size() : lf + 1;
    const std::string_view piece = input.substr(next, stop - next);
    next = stop;
    bytes_ += piece.size();
    if (line_.size() + piece.size() > limits_.line) return broken("line too long", next);
    if (bytes_ > limits_.bytes) return broken("reply too large", next);
    if (lf == input.npos) {
      line_ += piece;
      break;
    }
    const Status status = on_piece(piece);
    if (status != Status::More) return {status, next};
  }
  return {Status::More, next};
}

// The last piece of a line, with its LF.
ReplyParser::Status ReplyParser::on_piece(std::string_view piece) {
  if (line_.empty()) return on_line(piece);
  line_ += piece;
  const Status status = on_line(line_);
  line_.clear();
  return status;
}

// Reply-line = Reply-code [ ( SP / "-" ) textstring ] CRLF                     RFC 5321 §4.2
ReplyParser::Status ReplyParser::on_line(std::string_view line) {
  line.remove_suffix(1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (line.find('\0') != line.npos) return broken("NUL in a reply", 0).status;

  Cursor in(line);
  const std::string_view digits = in.take_while(is_digit);
  const int code =
      digits.size() == 3 ? (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0') : 0;
  if (code < 200 || code > 599) return broken("no reply code", 0).status;
  if (!reply_.lines.empty() && code != reply_.code) return broken("mixed reply codes", 0).status;
  const bool more = in.take('-');
  if (!more && !in.at_end() && !in.take(' ')) return broken("no space after the code", 0).status;
  if (reply_.lines.size() == limits_.lines) return broken("too many lines", 0).status;

  std::string_view text = in.rest();
  const Enhanced enhanced = take_enhanced(text);
  if (!reply_.enhanced.present()) reply_.enhanced = enhanced;
  reply_.code = code;
  reply_.lines.push_back(sanitise(text, limits_.line));
  return more ? Status::More : Status::Reply;
}

Reply ReplyParser::take() {
  bytes_ = 0;
  return std::exchange(reply_, {});
}

ReplyParser::Step ReplyParser::broken(std::string_view why, size_t consumed) {
  why_ = why;
  return {Status::Broken, consumed};
}

}  // namespace ravelin::smtp
