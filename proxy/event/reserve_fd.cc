#include "proxy/event/reserve_fd.h"

namespace ravelin::proxy {
namespace {

// Of a kind that needs no file: a chroot may have none.
Fd take_one() { return Fd(sys.eventfd(0, EFD_CLOEXEC)); }

}  // namespace

ReserveFd::ReserveFd() : fd_(take_one()) {}

ReserveFd& ReserveFd::process() {
  static ReserveFd reserve;
  return reserve;
}

bool ReserveFd::shed(int listener) {
  return fd_.with([listener](Fd& fd) {
    fd.reset();
    Fd client(sys.accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const bool shed = static_cast<bool>(client);
    client.reset();
    fd = take_one();
    return shed;
  });
}

}  // namespace ravelin::proxy
