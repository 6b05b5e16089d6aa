#include "proxy/event/process_usage.h"

#include <sys/resource.h>

namespace ravelin::proxy {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

ProcessUsage::ProcessUsage() : open_(opendir("/proc/self/fd")) {}

double ProcessUsage::cpu_seconds() const {
  rusage used{};
  if (getrusage(RUSAGE_SELF, &used) != 0) return 0;
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

uint64_t ProcessUsage::descriptors() const {
  if (!open_) return 0;
  rewinddir(open_.get());
  uint64_t count = 0;
  while (const auto* const entry = readdir(open_.get()))
    if (entry->d_name[0] != '.') ++count;
  return count;
}

}  // namespace ravelin::proxy
