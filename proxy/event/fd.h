// A file descriptor with one owner.
#pragma once

#include <utility>

#include "proxy/event/sys.h"

namespace ravelin::proxy {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  // On Linux the descriptor is gone whatever close() says; repeating it after EINTR could close
  // somebody else's.
  void reset(int fd = -1) {
    const int old = std::exchange(fd_, fd);
    if (old >= 0) sys.close(old);
  }

 private:
  int fd_ = -1;
};

}  // namespace ravelin::proxy
