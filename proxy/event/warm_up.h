// What libraries read and begin with, while every file and system call is still to be had.
#pragma once

#include <string>

namespace ravelin::proxy {

// OpenSSL with its configuration and its random generator (waits for the kernel's, at boot), and
// the time zone. "" or what failed.
std::string warm_up_libraries();

}  // namespace ravelin::proxy
