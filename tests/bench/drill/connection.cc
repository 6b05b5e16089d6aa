#include "tests/bench/drill/connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace ravelin::drill {
namespace {

constexpr size_t kLongestLine = 8192;  // what is longer is cut: nobody counts on it
char buffer[16384];                    // one thread reads, and keeps nothing in it

}  // namespace

Connection::Connection(Loop& loop, Owner& owner, Turn turn)
    : loop_(loop), owner_(owner), turn_(turn) {}

bool Connection::open(const Endpoint& target, const Endpoint* source, bool small_window) {
  close();
  fd_ = socket(target.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return false;
  ++serial_;
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (small_window) {
    const int window = 2048, segment = 536;  // loopback's large segments would not fit in it
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    setsockopt(fd_, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
  }
  // The port is chosen at connect(), when it need only differ for the same target.
  setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  const bool started = (source == nullptr || bind(fd_, source->raw(), source->size) == 0) &&
                       (connect(fd_, target.raw(), target.size) == 0 || errno == EINPROGRESS ||
                        errno == ECONNREFUSED);
  if (!started) {
    const int error = errno;
    close();
    errno = error;
    return false;
  }
  const auto fire = [](evutil_socket_t, short what, void* self) {
    static_cast<Connection*>(self)->on_event(what);
  };
  event_assign(&read_, loop_.base(), fd_, EV_READ | EV_PERSIST, fire, this);
  event_assign(&write_, loop_.base(), fd_, EV_WRITE | EV_PERSIST, fire, this);
  for (event* const each : {&read_, &write_}) event_priority_set(each, static_cast<int>(turn_));
  event_add(&write_, nullptr);
  return true;
}

void Connection::on_event(short what) {
  if (!connected_) return on_connected();
  if (shaking_) return handshake();
  const unsigned serial = serial_;
  if ((what & EV_READ) != 0) on_readable();
  if (serial == serial_ && is_open() && (what & EV_WRITE) != 0) flush();
}

void Connection::on_connected() {
  int error = 0;
  socklen_t size = sizeof error;
  sockaddr_storage peer{};
  socklen_t peer_size = sizeof peer;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0 ||
      getpeername(fd_, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0)
    return lose(Loss::Refused);
  connected_ = true;
  event_add(&read_, nullptr);
  flush();
}

void Connection::on_readable() {
  const unsigned serial = serial_;
  while (serial == serial_ && is_open()) {
    ssize_t got = 0;
    if (tls_) {
      ERR_clear_error();
      got = SSL_read(tls_.get(), buffer, sizeof buffer);
      if (got <= 0 && SSL_get_error(tls_.get(), static_cast<int>(got)) == SSL_ERROR_WANT_READ)
        return;
    } else {
      got = recv(fd_, buffer, sizeof buffer, 0);
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    }
    if (got <= 0) return lose(Loss::Closed);
    if (!take({buffer, static_cast<size_t>(got)}) || shaking_) return;
    if (!tls_) return;  // level-triggered: what is left comes with the next turn
  }
}

bool Connection::take(std::string_view bytes) {
  const unsigned serial = serial_;
  // A copy: the owner may come to read into the same buffer, by opening or reading a little.
  std::string input = std::move(partial_);
  partial_.clear();
  input.append(bytes);
  size_t at = 0;
  while (true) {
    const auto end = input.find('\n', at);
    if (end == input.npos) break;
    auto line = std::string_view(input).substr(at, end - at);
    at = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    owner_.on_line(line);
    if (serial != serial_ || !is_open()) return false;
    if (shaking_) return true;  // what came with the go-ahead is not of the dialog (RFC 3207 §4.2)
  }
  if (at < input.size() && input.size() - at < kLongestLine) partial_ = input.substr(at);
  return true;
}

void Connection::send(std::string_view bytes) {
  if (!is_open()) return;
  const bool idle = output_.empty();
  output_.append(bytes);
  if (idle && connected_ && !shaking_) flush();
}

void Connection::flush() {
  while (!output_.empty()) {
    ssize_t sent = 0;
    if (tls_) {
      ERR_clear_error();
      sent = SSL_write(tls_.get(), output_.data(), static_cast<int>(output_.size()));
      if (sent <= 0 && SSL_get_error(tls_.get(), static_cast<int>(sent)) == SSL_ERROR_WANT_WRITE)
        return want_write(true);
    } else {
      sent = ::send(fd_, output_.data(), output_.size(), MSG_NOSIGNAL);
      if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return want_write(true);
    }
    if (sent <= 0) {
      output_.clear();  // the reading side will hear of it
      break;
    }
    output_.erase(0, static_cast<size_t>(sent));
  }
  if (output_.capacity() > 4096) output_.shrink_to_fit();
  want_write(false);
}

void Connection::want_write(bool wanted) {
  if (wanted) {
    event_add(&write_, nullptr);
  } else {
    event_del(&write_);
  }
}

void Connection::secure(const TlsContext& context) {
  tls_ = context.make(fd_);
  shaking_ = true;
  want_write(true);  // begins in the next turn: a failure is told outside of the owner's call
}

void Connection::handshake() {
  ERR_clear_error();
  const int done = SSL_do_handshake(tls_.get());
  if (done == 1) {
    shaking_ = false;
    want_write(false);
    return owner_.on_secured();
  }
  const int why = SSL_get_error(tls_.get(), done);
  if (why == SSL_ERROR_WANT_READ) return want_write(false);
  if (why == SSL_ERROR_WANT_WRITE) return want_write(true);
  lose(Loss::Closed);
}

// Not EV_CLOSED instead: after a RST epoll reports an error, which libevent takes for EV_READ and
// EV_WRITE; with neither waited for, the loop would spin.
void Connection::stop_reading() { event_del(&read_); }

void Connection::look_for_end() {
  pollfd state{fd_, POLLRDHUP, 0};
  if (is_open() && poll(&state, 1, 0) > 0) lose(Loss::Closed);
}

void Connection::read_little() {
  char little[64];
  const auto got = recv(fd_, little, sizeof little, 0);
  if (got > 0) take({little, static_cast<size_t>(got)});
}

void Connection::close() {
  if (fd_ < 0) return;
  if (event_initialized(&read_) != 0) {
    event_del(&read_);
    event_del(&write_);
  }
  tls_.reset();
  ::close(fd_);
  fd_ = -1;
  ++serial_;
  connected_ = shaking_ = false;
  output_ = {};
  partial_ = {};
}

void Connection::lose(Loss loss) {
  close();
  owner_.on_lost(loss);
}

}  // namespace ravelin::drill
