#include "smtp/data_reader.h"

namespace ravelin::smtp {

void DotStuffer::append(std::string_view text, std::string& out) {
  // By dots and not by lines: there are fewer, and none in what is encoded. Up to the next that
  // needs another, in one piece.
  size_t from = 0;
  for (auto dot = text.find('.'); dot != text.npos; dot = text.find('.', dot + 1)) {
    const bool leads = dot == 0 ? line_start_ : text[dot - 1] == '\n';
    if (!leads) continue;
    out.append(text, from, dot - from) += '.';
    from = dot;
  }
  out.append(text, from);
  if (!text.empty()) line_start_ = text.back() == '\n';
}

void DotStuffer::finish(std::string& out) {
  out += line_start_ ? ".\r\n" : "\r\n.\r\n";
  line_start_ = true;
}

}  // namespace ravelin::smtp
