#include "smtp/line_reader.h"

namespace ravelin::smtp {

// One pass: the first octet that is CR, LF or NUL decides. Nothing is looked at beyond |limit|, so
// a client that sends its line an octet at a time costs at most limit²/2 steps.
Line read_line(std::string_view input, size_t limit) {
  const std::string_view window = input.substr(0, limit);
  for (size_t at = 0; at < window.size(); ++at) {
    const char c = window[at];
    if (c == '\n') return {LineStatus::BareLf, {}, 0};
    if (c == '\0') return {LineStatus::Nul, {}, 0};
    if (c != '\r') continue;
    if (at + 1 == window.size()) break;  // the LF may still come, or lies beyond the limit
    if (window[at + 1] != '\n') return {LineStatus::BareCr, {}, 0};
    return {LineStatus::Line, window.substr(0, at), at + 2};
  }
  if (input.size() >= limit) return {LineStatus::TooLong, {}, 0};
  return {};
}

}  // namespace ravelin::smtp
