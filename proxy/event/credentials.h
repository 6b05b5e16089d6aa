// Who is on the other end of a UNIX socket, as the kernel knew it when they connected.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace ravelin::proxy {

struct Credentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // the supplementary ones: that is how administrators are members

  bool in_group(gid_t group) const {
    return gid == group || std::find(groups.begin(), groups.end(), group) != groups.end();
  }
};

// Of a connected UNIX socket; nullopt for any other descriptor.
std::optional<Credentials> peer_credentials(int fd);

}  // namespace ravelin::proxy
