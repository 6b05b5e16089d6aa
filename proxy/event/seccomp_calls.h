// The system calls that the daemon may make once it has started, as a table: the filter is made
// from it, and docs/sandbox.md is printed from it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ravelin::proxy {

// Of an argument: (argument & mask) == value. |words| says it for the page; empty: any arguments.
struct CallCondition {
  unsigned argument = 0;
  uint64_t mask = 0;
  uint64_t value = 0;
  std::string_view words = {};
  bool own_process = false;  // |value| is our process id
};

struct SystemCall {
  std::string_view name;
  CallCondition only = {};
};

struct CallGroup {
  std::string_view purpose;
  std::span<const SystemCall> calls;
};

std::span<const CallGroup> allowed_calls();
// Of a sanitizer build only: what the run-time libraries of the sanitizers do beside. Empty in
// others.
std::span<const CallGroup> sanitizer_calls();
// Nothing of ours makes these, not even a library that we do not know yet.
std::span<const CallGroup> deadly_calls();

}  // namespace ravelin::proxy
