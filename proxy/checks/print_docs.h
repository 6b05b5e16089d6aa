// docs/checks.md, printed from what is registered.
#pragma once

#include <string>

namespace ravelin::proxy {

std::string print_check_docs();

}  // namespace ravelin::proxy
