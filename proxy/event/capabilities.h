// Linux capabilities (capabilities(7)): all of them are given up once the sockets are bound.
#pragma once

#include <sys/types.h>

#include <string>

namespace ravelin::proxy {

// What exec could ever give back goes first, while that is still allowed: the bounding set needs
// CAP_SETPCAP. |uid| is who we shall be. Without it there is nothing to do: PR_SET_NO_NEW_PRIVS
// closes the same door.
void empty_bounding_set(uid_t uid);

// Effective, permitted, inheritable and ambient set of the calling thread; threads that it starts
// inherit them. Root alone keeps CAP_DAC_OVERRIDE: who runs as root has files of others in use, and
// could not reopen them. Also forbids new privileges by exec. "" or what failed.
std::string give_up_capabilities();

}  // namespace ravelin::proxy
