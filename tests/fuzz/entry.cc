// Where libFuzzer, and the replay in its place, come in.
#include <cstddef>

#include "fuzz/script.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ravelin::fuzz::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
