#include "proxy/event/open_listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "proxy/event/reserve_fd.h"
#include "proxy/event/saved_syn.h"

namespace ravelin::proxy {
namespace {

constexpr int kSocketType = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

std::string failure(const std::string& where, int error) {
  return where + ": " + std::generic_category().message(error);
}

bool set_option(const Fd& fd, int level, int name) {
  const int on = 1;
  return sys.setsockopt(fd.get(), level, name, &on, sizeof on) == 0;
}

// TCP_NODELAY is inherited by accepted sockets (tcp(7), Linux), which saves each dialog a call.
bool set_options(const Fd& fd, const dns::Endpoint& at, bool reuse_port) {
  const bool set = set_option(fd, SOL_SOCKET, SO_REUSEADDR) &&
                   (!reuse_port || set_option(fd, SOL_SOCKET, SO_REUSEPORT)) &&
                   (at.address.is_v4() || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY)) &&
                   set_option(fd, IPPROTO_TCP, TCP_NODELAY);
  if (set) keep_syns(fd.get());
  return set;
}

std::optional<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return {};
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// Removes a socket that a killed process left behind. 0, or the errno that stands in the way.
// ECONNREFUSED is the kernel's word that no process has the socket open; anything else may be a
// live one with a full backlog (EAGAIN).
int remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat file {};
  if (lstat(path.c_str(), &file) != 0) return errno == ENOENT ? 0 : errno;
  if (!S_ISSOCK(file.st_mode)) return EEXIST;
  const Fd probe(sys.socket(AF_UNIX, kSocketType, 0));
  if (!probe) return errno;
  if (sys.connect(probe.get(), generic(address), sizeof address) == 0) return EADDRINUSE;
  if (errno != ECONNREFUSED) return errno == EAGAIN ? EADDRINUSE : errno;
  return unlink(path.c_str()) == 0 || errno == ENOENT ? 0 : errno;
}

}  // namespace

Expected<Fd, std::string> open_listener(const dns::Endpoint& at, bool reuse_port) {
  ReserveFd::process();  // while there are descriptors to be had
  sockaddr_storage address;
  const socklen_t size = at.address.to_sockaddr(at.port, address);
  Fd fd(sys.socket(address.ss_family, kSocketType, 0));
  if (!fd || !set_options(fd, at, reuse_port) ||
      sys.bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      sys.listen(fd.get(), kBacklog) != 0) {
    const int error = errno;
    auto why = failure(at.to_string(), error);
    // ip(7): ip_unprivileged_port_start is where root is no longer asked for, 1024 if not changed.
    if (error == EACCES) why += " (low ports need root, or CAP_NET_BIND_SERVICE)";
    return why;
  }
  return fd;
}

bool is_taken(const dns::Endpoint& at) {
  sockaddr_storage address;
  const socklen_t size = at.address.to_sockaddr(at.port, address);
  const Fd fd(sys.socket(address.ss_family, kSocketType, 0));
  if (!fd || !set_options(fd, at, false)) return false;
  return sys.bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 &&
         errno == EADDRINUSE;
}

dns::Endpoint local_endpoint(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  auto* generic_address = reinterpret_cast<sockaddr*>(&address);
  if (getsockname(fd, generic_address, &size) != 0) return {};
  return dns::Endpoint::from(generic_address).value_or(dns::Endpoint{});
}

// fchmod() before bind() keeps the file from ever being wider than |mode|, whatever the umask;
// chmod() after it gives back what the umask took.
Expected<Fd, std::string> open_unix_listener(const std::string& path, mode_t mode) {
  ReserveFd::process();
  const auto address = unix_address(path);
  if (!address) return failure(path, ENAMETOOLONG);
  if (const int error = remove_stale(path, *address); error != 0)
    return error == EADDRINUSE ? path + ": in use, another process answers on it"
                               : failure(path, error);
  Fd fd(sys.socket(AF_UNIX, kSocketType, 0));
  if (!fd || fchmod(fd.get(), mode) != 0 ||
      sys.bind(fd.get(), generic(*address), sizeof *address) != 0)
    return failure(path, errno);
  if (chmod(path.c_str(), mode) != 0 || sys.listen(fd.get(), kBacklog) != 0) {
    const int error = errno;
    unlink(path.c_str());
    return failure(path, error);
  }
  return fd;
}

}  // namespace ravelin::proxy
