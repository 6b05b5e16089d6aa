#include "smtp/data_reader.h"

namespace ravelin::smtp {

void DotStuffer::append(std::string_view text, std::string& out) {
  while (!text.empty()) {
    if (line_start_ && text.front() == '.') out += '.';
    // Up to the next line that needs a dot, in one piece.
    const size_t at = text.find("\n.");
    const size_t length = at == text.npos ? text.size() : at + 1;
    out += text.substr(0, length);
    line_start_ = text[length - 1] == '\n';
    text.remove_prefix(length);
  }
}

void DotStuffer::finish(std::string& out) {
  out += line_start_ ? ".\r\n" : "\r\n.\r\n";
  line_start_ = true;
}

}  // namespace ravelin::smtp
