// A filter of system calls (seccomp(2)) for the whole process, from the table in seccomp_calls.h.
#pragma once

#include <string>

namespace ravelin::proxy {

// Enforce: a deadly call ends the process (SIGSYS), any other that is not in the table fails with
// ENOSYS, as on a kernel that does not know it. Report: nothing is refused. In both the kernel logs
// what would not be, or is not, allowed.
enum class Filtering { Report, Enforce };

// Puts the filter on all threads that run and on all that they start, for good. What must be open
// is open. "" or what failed; then nothing is filtered.
std::string install_filter(Filtering filtering);

}  // namespace ravelin::proxy
