#include "proxy/observe/syslog_sink.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <system_error>
#include <utility>

namespace ravelin::proxy {
namespace {

constexpr std::string_view kCut = "\\...";
// The least that a kernel takes, whatever the size of its buffers.
constexpr size_t kAlwaysFits = 1024;

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// syslogd has closed its socket, or another one has its name now.
bool is_gone(int error) {
  return error == ECONNREFUSED || error == ENOTCONN || error == ECONNRESET || error == EPIPE;
}

bool is_full(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

// Words of our own, because strerror() may allocate, and its text is another thread's as well.
const char* describe(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return "the socket is not there";
    case ECONNREFUSED:
      return "nobody listens at the socket";
    case EACCES:
    case EPERM:
      return "no permission to write to the socket";
    case EPROTOTYPE:
    case ENOTSOCK:
      return "it is no datagram socket";
    default:
      return is_full(error) ? "nobody reads from the socket" : "the socket takes nothing";
  }
}

}  // namespace

// An escape is four octets, "\xHH", and so is the mark of a field that was cut, "\...".
size_t cut_at(std::string_view line, size_t most) {
  if (line.size() <= most) return line.size();
  size_t end = most - std::min(most, kCut.size());
  while (end > 0 && is_continuation(line[end])) --end;
  const auto escape = line.substr(0, end).rfind('\\');
  return escape != line.npos && end - escape < 4 ? escape : end;
}

std::string SyslogSink::make_socket(std::shared_ptr<const Fd>& made) {
  Fd socket(sys.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return "cannot make a socket: " + std::generic_category().message(errno);
  made = std::make_shared<const Fd>(std::move(socket));
  return "";
}

SyslogSink::SyslogSink(std::string path, std::shared_ptr<const Fd> socket)
    : path_(std::move(path)), socket_(std::move(socket)) {}

LogSink::Result SyslogSink::write(std::string_view text, size_t& written) {
  written = 0;
  while (written < text.size()) {
    const auto rest = text.substr(written);
    const auto line = rest.substr(0, rest.find('\n'));
    if (const int error = line.empty() ? 0 : send(line); error != 0) {
      if (written > 0) break;
      wait(error);
      return Result::Blocked;
    }
    written += std::min(line.size() + 1, rest.size());
  }
  trouble_ = "";
  return Result::Written;
}

// What was connected before stays so if it cannot be connected anew.
std::string SyslogSink::reopen() {
  const int error = connect();
  if (error == 0) return "";
  return "cannot connect to log.syslog " + path_ + ": " + std::generic_category().message(error);
}

int SyslogSink::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  if (sys.connect(socket_->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return errno;
  connected_ = true;
  return 0;
}

// A socket that is gone may have been followed by another one already: that costs no line.
int SyslogSink::send(std::string_view line) {
  for (int tries = 0;; ++tries) {
    if (!connected_)
      if (const int error = connect(); error != 0) return error;
    int error = send_once(line, kSyslogLine);
    for (size_t most = kSyslogLine; error == EMSGSIZE && most > kAlwaysFits;)
      error = send_once(line, most /= 2);
    if (!is_gone(error)) return error;
    connected_ = false;
    if (tries > 0) return error;
  }
}

int SyslogSink::send_once(std::string_view line, size_t most) {
  const auto size = cut_at(line, most);
  // The kernel only reads them.
  iovec parts[] = {{const_cast<char*>(line.data()), size},
                   {const_cast<char*>(kCut.data()), size < line.size() ? kCut.size() : 0}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = std::size(parts);
  return sendmsg(socket_->get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0;
}

// A socket whose queue is full becomes writable again; for one that is not there nothing can be
// waited for but time. If nobody reads it, the name may be another socket's by now.
void SyslogSink::wait(int error) {
  pollfd ready{is_full(error) ? socket_->get() : -1, POLLOUT, 0};
  if (poll(&ready, 1, kWaitMs) > 0) return;
  trouble_ = describe(error);
  if (is_full(error)) (void)connect();
}

}  // namespace ravelin::proxy
