#include "proxy/config/read_file.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "proxy/config/root.h"

namespace ravelin::proxy {
namespace {

struct Close {
  void operator()(std::FILE* stream) const { std::fclose(stream); }
};

constexpr size_t kChunk = 65536;

}  // namespace

// stdio, because it tells why it failed; iostreams do not. A directory opens and fails to be read;
// a FIFO would be waited for, at a reload by a daemon.
std::optional<std::string> read_file(const std::string& name, size_t max, std::string& error) {
  const auto file = seen_here(name);
  struct stat what {};
  if (stat(file.c_str(), &what) == 0 && S_ISFIFO(what.st_mode)) {
    error = "cannot read the file: it is a FIFO";
    return {};
  }
  const std::unique_ptr<std::FILE, Close> stream(std::fopen(file.c_str(), "re"));
  std::string text;
  while (stream && text.size() <= max) {
    const size_t before = text.size();
    text.resize(before + kChunk);
    const size_t got = std::fread(text.data() + before, 1, kChunk, stream.get());
    text.resize(before + got);
    if (got < kChunk) break;
  }
  if (!stream || std::ferror(stream.get())) {
    error = fmt::format("cannot read the file: {}", std::strerror(errno));
    return {};
  }
  if (text.size() > max) {
    error = fmt::format("the file is larger than {} bytes", max);
    return {};
  }
  return text;
}

}  // namespace ravelin::proxy
