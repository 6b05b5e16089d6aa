// Functions that other threads want run on a loop's thread.
#pragma once

#include <functional>
#include <vector>

#include "proxy/event/fd.h"
#include "proxy/event/guarded.h"

namespace ravelin::proxy {

class PostBox {
 public:
  using Function = std::function<void()>;

  PostBox();  // throws std::system_error if there is no descriptor left

  int fd() const { return wake_.get(); }  // readable while functions wait
  // Any thread. The descriptor is written only when the box was empty: a burst of posts wakes the
  // loop once.
  void put(Function function);
  // The loop's thread: all that wait, in the order of put().
  std::vector<Function> take();

 private:
  Fd wake_;
  Guarded<std::vector<Function>> functions_;
};

}  // namespace ravelin::proxy
