// The rows of commands.h as text.
#pragma once

#include <string>

namespace ravelin::proxy {

std::string forms();             // all commands, one a line, for --help
std::string print_completion();  // etc/ravelinctl.bash-completion
std::string print_manual();      // docs/man/ravelinctl.8

}  // namespace ravelin::proxy
