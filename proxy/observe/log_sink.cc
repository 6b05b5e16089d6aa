#include "proxy/observe/log_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <system_error>

namespace ravelin::proxy {
namespace {

// Opened by itself, as ours is for writing only, and may be a file that we cannot read: then it is
// not known, and nothing is done.
bool ends_mid_line(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return false;
  struct stat about {};
  char last = '\n';
  if (fstat(fd, &about) == 0 && about.st_size > 0 && pread(fd, &last, 1, about.st_size - 1) != 1)
    last = '\n';
  close(fd);
  return last != '\n';
}

}  // namespace

FileSink::~FileSink() {
  if (owned_) close(fd_);
}

std::string FileSink::open(const std::string& path) {
  if (path.empty() || path == "-") {
    path_ = path;
    take(path.empty() ? -1 : STDERR_FILENO, false);
    return "";
  }
  // O_NONBLOCK does nothing to a file, but a FIFO without a reader then fails instead of hanging.
  const int fd =
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
  if (fd < 0) return "cannot open the log " + path + ": " + std::generic_category().message(errno);
  path_ = path;
  take(fd, true);
  mid_line_ = regular_ && ends_mid_line(path);
  return "";
}

void FileSink::borrow(int fd) { take(fd, false); }

std::string FileSink::reopen() {
  if (!owned_) return "";
  const auto why = open(path_);
  return why.empty() ? "" : why + "; the old file stays in use";
}

void FileSink::take(int fd, bool owned) {
  if (owned_) close(fd_);
  fd_ = fd;
  owned_ = owned;
  mid_line_ = false;
  struct stat about {};
  const bool known = fstat(fd, &about) == 0;
  regular_ = known && S_ISREG(about.st_mode);
  socket_ = known && S_ISSOCK(about.st_mode);
}

// The writer must stay able to hear that it shall stop, so no write may block. stderr is shared
// with whoever started us and cannot be made non-blocking; but poll() promises room for PIPE_BUF
// octets in a pipe, and a socket (systemd's journal) takes a flag per call. A file needs neither.
LogSink::Result FileSink::write(std::string_view text, size_t& written) {
  if (fd_ < 0) return Result::Failed;
  if (!regular_) {
    pollfd ready{fd_, POLLOUT, 0};
    if (poll(&ready, 1, kWaitMs) <= 0) return Result::Blocked;
    text = text.substr(0, PIPE_BUF);
  }
  const auto count = socket_ ? send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL)
                             : ::write(fd_, text.data(), text.size());
  if (count > 0) {
    written = static_cast<size_t>(count);
    return Result::Written;
  }
  const bool later = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  return later ? Result::Blocked : Result::Failed;
}

}  // namespace ravelin::proxy
