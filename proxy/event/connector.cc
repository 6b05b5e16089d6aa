#include "proxy/event/connector.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <utility>

#include "proxy/event/connect_failure.h"
#include "proxy/event/saved_syn.h"
#include "proxy/event/socket_stream.h"

namespace ravelin::proxy {
namespace {

// A socket on its way to |to|; on failure errno says why.
Fd start_connecting(const dns::Endpoint& to) {
  sockaddr_storage address;
  const socklen_t size = to.address.to_sockaddr(to.port, address);
  Fd fd(sys.socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fd;
  const int on = 1;  // dialogs are questions and answers: Nagle's delay would add to each
  (void)sys.setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int result = sys.connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size);
  if (result == 0 || errno == EINPROGRESS || errno == EINTR) return fd;
  const int error = errno;
  fd.reset();
  errno = error;
  return fd;
}

}  // namespace

std::optional<dns::IpAddress> SocketStream::local_address() const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (getsockname(fd_.get(), generic, &size) != 0) return {};
  return dns::IpAddress::from(generic);
}

size_t SocketStream::saved_syn(std::span<uint8_t> room) { return take_saved_syn(fd_.get(), room); }

std::unique_ptr<Stream> accepted_stream(Loop& loop, Fd fd) {
  return std::make_unique<SocketStream>(loop, std::move(fd));
}

// A failure on the spot is told like one that comes later: at the end of the turn. A success on the
// spot waits for the socket to be writable, which it is.
std::unique_ptr<Stream> SocketConnector::connect(const dns::Endpoint& to,
                                                 std::chrono::milliseconds limit,
                                                 StreamEvents& events) {
  Fd fd = start_connecting(to);
  const int error = fd ? 0 : errno;
  auto stream =
      std::make_unique<SocketStream>(loop_, std::move(fd), SocketStream::From::Connecting);
  stream->set_events(&events);
  if (error != 0)
    stream->fail(connect_failure(error));
  else
    stream->limit_connecting(limit);
  return stream;
}

std::unique_ptr<Stream> SocketConnector::adopt(Detached parcel, StreamEvents& events) {
  auto stream = std::make_unique<SocketStream>(loop_, Fd(parcel.fd));
  stream->continue_tls(std::move(parcel.tls));
  stream->set_events(&events);
  return stream;
}

}  // namespace ravelin::proxy
