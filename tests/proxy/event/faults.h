// The table of system calls: put back when the test ends, and counted.
#pragma once

#include <sys/socket.h>

#include <cstddef>

#include "proxy/event/sys.h"

namespace ravelin::test {

struct SysGuard {
  SysGuard() = default;
  SysGuard(const SysGuard&) = delete;
  SysGuard& operator=(const SysGuard&) = delete;
  ~SysGuard() { proxy::sys = saved; }
  const proxy::Sys saved = proxy::sys;
};

// How often a stream has asked the kernel for something, since count_io().
inline size_t io_calls = 0;
inline void count_io() {
  proxy::sys.recv = [](int fd, void* buffer, size_t size, int flags) {
    ++io_calls;
    return ::recv(fd, buffer, size, flags);
  };
  proxy::sys.send = [](int fd, const void* bytes, size_t size, int flags) {
    ++io_calls;
    return ::send(fd, bytes, size, flags);
  };
}

}  // namespace ravelin::test
