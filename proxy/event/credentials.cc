#include "proxy/event/credentials.h"

#include <sys/socket.h>

namespace ravelin::proxy {

std::optional<Credentials> peer_credentials(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  // For TCP the kernel answers, but with nobody's ids and pid 0.
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid == 0) return {};

  Credentials credentials{peer.pid, peer.uid, peer.gid, {}};
  std::vector<gid_t> groups(65536);  // NGROUPS_MAX
  size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0)
    credentials.groups.assign(groups.begin(),
                              groups.begin() + static_cast<ptrdiff_t>(size / sizeof(gid_t)));
  return credentials;
}

}  // namespace ravelin::proxy
