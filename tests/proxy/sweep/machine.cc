#include "machine.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <optional>

#include "support/memory_failure.h"

namespace ravelin::test {
namespace {

struct Fault {
  Call call;
  int error;
  size_t nth;
  size_t length;
};

constinit std::optional<Fault> fault;
constinit size_t seen = 0;
constinit size_t failed = 0;
constinit std::chrono::nanoseconds moved{};

bool fails(Call call) {
  if (!fault || fault->call != call || !MemoryFailure::program()) return false;
  if (++seen < fault->nth || seen >= fault->nth + fault->length) return false;
  ++failed;
  return true;
}

int refused() {
  errno = fault->error;
  return -1;
}

proxy::Sys real() {
  static const proxy::Sys sys = proxy::sys;
  return sys;
}

ssize_t recv_or_fail(int fd, void* buffer, size_t size, int flags) {
  if (!fails(Call::Recv)) return real().recv(fd, buffer, size, flags);
  return fault->error != kOneOctet ? refused()
                                   : real().recv(fd, buffer, std::min<size_t>(size, 1), flags);
}
ssize_t send_or_fail(int fd, const void* bytes, size_t size, int flags) {
  if (!fails(Call::Send)) return real().send(fd, bytes, size, flags);
  return fault->error != kOneOctet ? refused()
                                   : real().send(fd, bytes, std::min<size_t>(size, 1), flags);
}
int accept_or_fail(int fd, sockaddr* address, socklen_t* size, int flags) {
  return fails(Call::Accept) ? refused() : real().accept4(fd, address, size, flags);
}
int socket_or_fail(int domain, int type, int protocol) {
  return fails(Call::Socket) ? refused() : real().socket(domain, type, protocol);
}
// An interrupted connect() goes on.                                                     connect(2)
int connect_or_fail(int fd, const sockaddr* address, socklen_t size) {
  const bool fail = fails(Call::Connect);
  if (fail && fault->error != EINTR) return refused();
  const int result = real().connect(fd, address, size);
  return fail ? refused() : result;
}
int shutdown_or_fail(int fd, int how) {
  return fails(Call::Shutdown) ? refused() : real().shutdown(fd, how);
}
int getsockopt_or_fail(int fd, int level, int name, void* value, socklen_t* size) {
  return fails(Call::GetSockOpt) ? refused() : real().getsockopt(fd, level, name, value, size);
}
int setsockopt_or_fail(int fd, int level, int name, const void* value, socklen_t size) {
  return fails(Call::SetSockOpt) ? refused() : real().setsockopt(fd, level, name, value, size);
}
ssize_t read_or_fail(int fd, void* buffer, size_t size) {
  return fails(Call::Read) ? refused() : real().read(fd, buffer, size);
}
// The descriptor is gone whatever close() says.                                           close(2)
int close_or_fail(int fd) {
  const bool fail = fails(Call::Close);
  const int result = real().close(fd);
  return fail ? refused() : result;
}

}  // namespace

Machine::Machine() {
  real();
  auto& sys = proxy::sys;
  sys.recv = recv_or_fail;
  sys.send = send_or_fail;
  sys.accept4 = accept_or_fail;
  sys.socket = socket_or_fail;
  sys.connect = connect_or_fail;
  sys.shutdown = shutdown_or_fail;
  sys.getsockopt = getsockopt_or_fail;
  sys.setsockopt = setsockopt_or_fail;
  sys.read = read_or_fail;
  sys.close = close_or_fail;
}

void Machine::advance(std::chrono::nanoseconds by) { moved += by; }

void Machine::arm(Call call, int error, size_t nth, size_t length) {
  fault = Fault{call, error, nth, length};
  seen = failed = 0;
}
void Machine::disarm() { fault.reset(); }
size_t Machine::failures() { return failed; }

}  // namespace ravelin::test

// In front of the C library's, for this program and all that it links.

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static std::array<timespec, 16> begin{};
  if (syscall(SYS_clock_gettime, clock, time) != 0) return -1;
  if (!ravelin::test::MemoryFailure::program() || static_cast<size_t>(clock) >= begin.size())
    return 0;
  auto& from = begin[static_cast<size_t>(clock)];
  if (from.tv_sec == 0) from = *time;
  const auto now = std::chrono::nanoseconds(from.tv_nsec) + ravelin::test::moved;
  time->tv_sec = from.tv_sec + now.count() / 1'000'000'000;
  time->tv_nsec = now.count() % 1'000'000'000;
  return 0;
}

// A descriptor can always be taken out.
extern "C" int epoll_ctl(int epoll, int what, int fd, epoll_event* event) noexcept {
  if (what != EPOLL_CTL_DEL && ravelin::test::fails(ravelin::test::Call::EpollCtl))
    return ravelin::test::refused();
  return static_cast<int>(syscall(SYS_epoll_ctl, epoll, what, fd, event));
}
