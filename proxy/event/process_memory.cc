#include "proxy/event/process_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace ravelin::proxy {
namespace {

Fd open_file(const char* path) { return Fd(::open(path, O_RDONLY | O_CLOEXEC)); }

// The |index|th number of the line at the beginning of |file|; 0 if it is none.
uint64_t number_in(const Fd& file, int index) {
  std::array<char, 128> buffer{};
  if (!file) return 0;
  const auto size = ::pread(file.get(), buffer.data(), buffer.size(), 0);
  if (size <= 0) return 0;
  std::string_view text(buffer.data(), static_cast<size_t>(size));
  for (; index > 0; --index) text.remove_prefix(std::min(text.find(' '), text.size() - 1) + 1);
  uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

uint64_t page() { return static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)); }

}  // namespace

ProcessMemory::ProcessMemory() : statm_(open_file("/proc/self/statm")) {
  const auto pages = ::sysconf(_SC_PHYS_PAGES);
  available_ = pages > 0 ? static_cast<uint64_t>(pages) * page() : 0;
  // Of control groups version 2, as a container sees its own.
  const auto group = number_in(open_file("/sys/fs/cgroup/memory.max"), 0);
  if (group > 0) available_ = available_ > 0 ? std::min(available_, group) : group;
}

uint64_t ProcessMemory::resident() const { return number_in(statm_, 1) * page(); }

}  // namespace ravelin::proxy
