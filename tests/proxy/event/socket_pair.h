// A stream on one end of a socket, and the test on the other.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/event/fd.h"
#include "proxy/event/open_listener.h"
#include "proxy/event/stream.h"

namespace ravelin::test {

using proxy::Fd;

struct SocketPair {
  Fd ours;    // non-blocking
  Fd theirs;  // likewise
};

inline SocketPair unix_pair() {
  int fds[2] = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) return {};
  return {Fd(fds[0]), Fd(fds[1])};
}

// A TCP client of |at|; loopback connects before connect() returns.
inline Fd tcp_client(const dns::Endpoint& at, int more_flags = 0) {
  sockaddr_storage address;
  const auto size = at.address.to_sockaddr(at.port, address);
  Fd fd(socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | more_flags, 0));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) fd.reset();
  return fd;
}

inline SocketPair tcp_pair() {
  const auto listener = proxy::open_listener(*dns::Endpoint::parse("127.0.0.1:0"), false);
  SocketPair pair;
  pair.theirs = tcp_client(proxy::local_endpoint(listener->get()));
  pair.ours = Fd(accept4(listener->get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  int on = 1;
  ioctl(pair.theirs.get(), FIONBIO, &on);
  return pair;
}

// What there is to read at once; |error| is 0 at the end of the stream, else an errno (EAGAIN: no
// more at present).
struct Got {
  std::string bytes;
  int error = 0;
};
inline Got read_all(const Fd& fd) {
  Got got;
  char buffer[65536];
  for (;;) {
    const auto count = recv(fd.get(), buffer, sizeof buffer, 0);
    if (count < 0) got.error = errno;
    if (count <= 0) return got;
    got.bytes.append(buffer, static_cast<size_t>(count));
  }
}

inline bool send_all(const Fd& fd, std::string_view bytes) {
  return send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(bytes.size());
}

// Closes |fd| with a RST.
inline void reset_connection(Fd& fd) {
  const linger hard{1, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  fd.reset();
}

}  // namespace ravelin::test
