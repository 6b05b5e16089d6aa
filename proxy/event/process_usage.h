// What this process takes of the machine, beside memory (process_memory.h).
#pragma once

#include <dirent.h>

#include <cstdint>
#include <memory>

namespace ravelin::proxy {

// The directory is opened when it is made: behind chroot() it cannot be seen.
class ProcessUsage {
 public:
  ProcessUsage();

  double cpu_seconds() const;    // of all threads, in the kernel too
  uint64_t descriptors() const;  // open now (Linux: /proc/self/fd); 0 if that cannot be known

 private:
  struct Close {
    void operator()(DIR* directory) const { closedir(directory); }
  };
  const std::unique_ptr<DIR, Close> open_;
};

}  // namespace ravelin::proxy
