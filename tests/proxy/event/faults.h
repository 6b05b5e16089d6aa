// The table of system calls, put back when the test ends.
#pragma once

#include "proxy/event/sys.h"

namespace ravelin::test {

struct SysGuard {
  SysGuard() = default;
  SysGuard(const SysGuard&) = delete;
  SysGuard& operator=(const SysGuard&) = delete;
  ~SysGuard() { proxy::sys = saved; }
  const proxy::Sys saved = proxy::sys;
};

}  // namespace ravelin::test
