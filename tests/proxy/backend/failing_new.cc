#include "support/failing_new.h"

#include "support/memory_failure.h"

bool ravelin::test::new_fails() { return MemoryFailure::fails(); }
