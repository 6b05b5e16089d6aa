#include "proxy/event/post_box.h"

#include <cassert>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace ravelin::proxy {

PostBox::PostBox() : wake_(sys.eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!wake_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void PostBox::put(Function function) {
  const bool first = functions_.with([&function](auto& functions) {
    functions.push_back(std::move(function));
    return functions.size() == 1;
  });
  if (!first) return;
  const uint64_t one = 1;
  // Cannot fail: the counter would have to reach 2^64 - 1 first.
  [[maybe_unused]] const auto written = sys.write(wake_.get(), &one, sizeof one);
  assert(written == sizeof one);
}

// The descriptor is read first: a put() in between finds a box that is not empty, and its function
// goes with this batch.
std::vector<PostBox::Function> PostBox::take() {
  uint64_t count = 0;
  (void)sys.read(wake_.get(), &count, sizeof count);
  return functions_.with([](auto& functions) { return std::exchange(functions, {}); });
}

}  // namespace ravelin::proxy
