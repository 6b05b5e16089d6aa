// Which of those who ask for memory are refused when MemoryFailure says so.
#pragma once

#include <cstdint>

namespace ravelin::test {

enum class Asker : uint8_t {
  Program = 1,    // operator new
  Libraries = 2,  // libevent and c-ares
  OpenSsl = 4,
  All = 7,
};

// Were the libraries' own allocators replaced, before they asked for the first octet?
bool memory_is_ours();
void refuse_memory_to(Asker askers);

}  // namespace ravelin::test
