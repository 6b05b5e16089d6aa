// docs/sandbox.md, printed from the table that the filter of system calls is made from.
#pragma once

#include <string>

namespace ravelin::proxy {

// The same in every build: what sanitizers need beside is not in it.
std::string print_sandbox_docs();

}  // namespace ravelin::proxy
