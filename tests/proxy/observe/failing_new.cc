#include "support/failing_new.h"

#include "support/others_without_memory.h"

bool ravelin::test::new_fails(size_t size) { return OthersWithoutMemory::fails(size); }
