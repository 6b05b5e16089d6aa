#include "proxy/event/connect_failure.h"

#include <cerrno>

namespace ravelin::proxy {

StreamEnd connect_failure(int error) {
  switch (error) {
    case EADDRNOTAVAIL:  // no port left, or no address of that family
    case EAFNOSUPPORT:
    case EAGAIN:  // no port left, in older kernels; a full UNIX socket
    case EADDRINUSE:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return StreamEnd::NoAddress;
    case ETIMEDOUT:
      return StreamEnd::ConnectTimeout;
    default:
      return StreamEnd::ConnectRefused;
  }
}

}  // namespace ravelin::proxy
