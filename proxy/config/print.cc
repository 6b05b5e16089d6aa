#include "proxy/config/print.h"

#include <algorithm>

namespace ravelin::proxy {

std::string_view first_sentence(std::string_view doc) {
  const size_t end = doc.find(". ");
  return end == doc.npos ? doc : doc.substr(0, end + 1);
}

std::string full_doc(const Param& row) { return std::string(row.doc) + (row.fixed ? kFixed : ""); }

std::string wrapped(std::string_view text, std::string_view prefix, size_t width) {
  std::string lines;
  std::string line;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    if (!line.empty() && prefix.size() + line.size() + 1 + word.size() > width) {
      lines.append(prefix).append(line) += '\n';
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += word;
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return lines.append(prefix).append(line) += '\n';
}

}  // namespace ravelin::proxy
