// The floor of refusing: takes each connection and closes it, and that is all. What this costs is
// the kernel's, and nobody who accepts can be cheaper.
//
//   accept_server ADDRESS PORT
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  if (argc != 3 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1) {
    std::fprintf(stderr, "usage: accept_server ADDRESS PORT\n");
    return 2;
  }
  at.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[2])));
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
      listen(listener, 4096) != 0) {
    std::perror("accept_server");
    return 1;
  }
  pollfd wait{listener, POLLIN, 0};
  while (poll(&wait, 1, -1) >= 0)
    for (int fd; (fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;)
      close(fd);
  return 1;
}
