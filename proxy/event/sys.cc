#include "proxy/event/sys.h"

#include <unistd.h>

namespace ravelin::proxy {

// constinit: the table is there before any constructor of another file makes a call.
constinit Sys sys = {
    .socket = ::socket,
    .bind = ::bind,
    .listen = ::listen,
    .accept4 = ::accept4,
    .connect = ::connect,
    .recv = ::recv,
    .send = ::send,
    .shutdown = ::shutdown,
    .close = ::close,
    .getsockopt = ::getsockopt,
    .setsockopt = ::setsockopt,
    .read = ::read,
    .write = ::write,
    .open = [](const char* path, int flags) { return ::open(path, flags); },  // it is variadic
    .eventfd = [](unsigned initial, int flags) { return ::eventfd(initial, flags); },
    .signalfd = ::signalfd,
};

}  // namespace ravelin::proxy
