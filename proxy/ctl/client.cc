#include "proxy/ctl/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "proxy/observe/control_protocol.h"

namespace ravelin::proxy {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Deadline = steady_clock::time_point;

constexpr milliseconds kRetry{20};

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

milliseconds left(Deadline deadline) {
  const auto time = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
  return std::max(time, milliseconds(0));
}

// Is |fd| ready for |events| before the deadline?
bool wait_for(int fd, short events, Deadline deadline) {
  for (;;) {  // ends: each interruption leaves less time
    pollfd waiting{fd, events, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(left(deadline).count()));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

bool is_socket(const std::string& path) {
  struct stat file {};
  return stat(path.c_str(), &file) == 0 && S_ISSOCK(file.st_mode);
}

std::string explain(int error, const std::string& path) {
  const auto what = path + ": " + std::generic_category().message(error);
  switch (error) {
    case ENOENT:
      return what + "\nIs ravelin running, and is admin.socket this path? (--socket PATH)";
    case ECONNREFUSED:
      if (!is_socket(path)) return path + " is not a socket";
      return what + "\nThe socket is there, but nobody listens: ravelin is not running.";
    case EACCES:
    case EPERM:
      return what + "\nOnly root, ravelin's own user and the socket's group may connect.";
    default:
      return what;
  }
}

Unreachable too_late() { return {"the daemon did not answer in time"}; }

// 0, or the error. A full backlog (EAGAIN) is a daemon that is busy: it gets until the deadline.
int connect_to(int fd, const sockaddr_un& address, Deadline deadline) {
  for (;;) {
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return 0;
    const bool again = errno == EAGAIN || errno == EINTR;
    if (!again) return errno;
    if (left(deadline).count() == 0) return ETIMEDOUT;
    poll(nullptr, 0, static_cast<int>(std::min(kRetry, left(deadline)).count()));
  }
}

bool send_all(int fd, std::string_view bytes, Deadline deadline) {
  while (!bytes.empty()) {
    if (!wait_for(fd, POLLOUT, deadline)) return false;
    const auto sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return errno == EPIPE;  // an answer may wait
    if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

// Messages of a connection, one after the other. |data_| outlives each call: a piece that was read
// may hold the beginning of the next message.
class Answers {
 public:
  explicit Answers(int fd) : fd_(fd) {}

  smtp::Expected<std::string, Unreachable> next(Deadline deadline) {
    for (;;) {
      const auto result = reader_.feed(data_);
      if (result == FrameReader::Result::Message) return reader_.message();
      if (result == FrameReader::Result::TooLong)
        return Unreachable{"the answer is too long, or whoever listens there is not ravelin"};
      if (!wait_for(fd_, POLLIN, deadline)) return too_late();
      const auto got = recv(fd_, buffer_, sizeof buffer_, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got <= 0) return Unreachable{"the daemon closed the connection without an answer"};
      data_ = std::string_view(buffer_, static_cast<size_t>(got));
    }
  }

 private:
  const int fd_;
  FrameReader reader_{kControlPage, kMaxControlResponse};
  char buffer_[16 * 1024];
  std::string_view data_;
};

}  // namespace

std::string ask_daemon_on(const std::string& socket_path, std::string_view request,
                          milliseconds limit,
                          const std::function<bool(const std::string& message)>& take) {
  auto deadline = steady_clock::now() + limit;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.empty() || socket_path.size() >= sizeof address.sun_path)
    return "the socket's path must have 1 to 107 octets: " + socket_path;
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());

  const Socket socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.fd() < 0) return std::generic_category().message(errno);
  if (const int error = connect_to(socket.fd(), address, deadline); error != 0)
    return explain(error, socket_path);

  std::string frame;
  append_frame(frame, request);
  if (!send_all(socket.fd(), frame, deadline)) return too_late().why;
  Answers answers(socket.fd());
  for (;;) {
    const auto answer = answers.next(deadline);
    if (!answer) return answer.error().why;
    if (!take(*answer)) return "";
    deadline = steady_clock::now() + limit;
  }
}

smtp::Expected<std::string, Unreachable> ask_daemon(const std::string& socket_path,
                                                    std::string_view request, milliseconds limit) {
  std::string whole;
  auto why = ask_daemon_on(socket_path, request, limit, [&](const std::string& message) {
    whole = message;
    return false;
  });
  if (!why.empty()) return Unreachable{std::move(why)};
  return whole;
}

}  // namespace ravelin::proxy
