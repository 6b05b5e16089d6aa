// This test program's allocators.
#include "failing_memory.h"

#include <ares.h>
#include <event2/event.h>
#include <openssl/crypto.h>

#include <cstdlib>

#include "support/failing_new.h"
#include "support/memory_failure.h"

namespace ravelin::test {
namespace {

constinit uint8_t refused = static_cast<uint8_t>(Asker::All);

bool fails(Asker asker) {
  return (refused & static_cast<uint8_t>(asker)) != 0 && MemoryFailure::fails();
}

template <Asker asker>
void* take(size_t size) {
  return fails(asker) ? nullptr : std::malloc(size);
}
template <Asker asker>
void* take_again(void* memory, size_t size) {
  return fails(asker) ? nullptr : std::realloc(memory, size);
}

void* take_for_openssl(size_t size, const char*, int) { return take<Asker::OpenSsl>(size); }
void* take_again_for_openssl(void* memory, size_t size, const char*, int) {
  return take_again<Asker::OpenSsl>(memory, size);
}
void free_for_openssl(void* memory, const char*, int) { std::free(memory); }

bool replace_all() {
  event_set_mem_functions(take<Asker::Libraries>, take_again<Asker::Libraries>, std::free);
  const int ares = ares_library_init_mem(ARES_LIB_INIT_ALL, take<Asker::Libraries>, std::free,
                                         take_again<Asker::Libraries>);
  const int openssl =
      CRYPTO_set_mem_functions(take_for_openssl, take_again_for_openssl, free_for_openssl);
  return ares == ARES_SUCCESS && openssl == 1;
}
const bool replaced = replace_all();

}  // namespace

bool new_fails(size_t) { return fails(Asker::Program); }

bool memory_is_ours() { return replaced; }
void refuse_memory_to(Asker askers) { refused = static_cast<uint8_t>(askers); }

}  // namespace ravelin::test
