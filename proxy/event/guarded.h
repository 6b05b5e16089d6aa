// Data that can only be reached through its lock.
#pragma once

#include <mutex>
#include <utility>

namespace ravelin::proxy {

template <class T>
class Guarded {
 public:
  template <class... Args>
  explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}

  // Runs |use| on the value under the lock and returns what it returns. |use| must be short, must
  // not lock another Guarded, and must not keep a reference.
  template <class Use>
  auto with(Use&& use) {
    const std::lock_guard lock(mutex_);
    return std::forward<Use>(use)(value_);
  }
  template <class Use>
  auto with(Use&& use) const {
    const std::lock_guard lock(mutex_);
    return std::forward<Use>(use)(value_);
  }

 private:
  mutable std::mutex mutex_;
  T value_;
};

}  // namespace ravelin::proxy
