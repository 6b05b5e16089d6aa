#include "proxy/observe/journal_stream.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

namespace ravelin::proxy {

bool is_journal(int fd) {
  const char* const named = std::getenv("JOURNAL_STREAM");
  struct stat about {};
  if (named == nullptr || fstat(fd, &about) != 0) return false;
  return fmt::format("{}:{}", about.st_dev, about.st_ino) == named;
}

std::string with_level(int level, std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto line = text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
    out += fmt::format("<{}>{}", level, line);
    text.remove_prefix(line.size());
  }
  return out;
}

}  // namespace ravelin::proxy
