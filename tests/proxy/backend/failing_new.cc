#include "support/failing_new.h"

#include "support/memory_failure.h"

bool ravelin::test::new_fails(size_t) { return MemoryFailure::fails(); }
