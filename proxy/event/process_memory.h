// How much memory this process uses, and how much there is.
#pragma once

#include <cstdint>

#include "proxy/event/fd.h"

namespace ravelin::proxy {

// The files are opened, and the limit is read, when it is made: behind chroot() they cannot be
// seen.
class ProcessMemory {
 public:
  ProcessMemory();

  // Bytes that are in memory now (Linux: /proc/self/statm); 0 if that cannot be known.
  uint64_t resident() const;
  // What the machine has, or the control group of this process allows if that is less; 0 if
  // unknown.
  uint64_t available() const { return available_; }

 private:
  Fd statm_;
  uint64_t available_ = 0;
};

}  // namespace ravelin::proxy
