// Ending needs no memory, and what fails for want of it keeps nothing.
#include <catch2/catch.hpp>
#include <memory>
#include <vector>

#include "proxy/event/loop.h"
#include "proxy/event/system_clock.h"
#include "proxy/overload/handshakes.h"
#include "support/memory_failure.h"

namespace ravelin::test {
namespace {

constexpr size_t kForGood = 1'000'000;

struct Object final : dns::Retirable {};

TEST_CASE("However many objects end in one turn, retiring them needs no memory") {
  proxy::Loop loop(proxy::SystemClock::instance());
  std::vector<std::shared_ptr<Object>> objects(100'000);
  for (auto& object : objects) object = std::make_shared<Object>();
  const std::weak_ptr<Object> last = objects.back();
  {
    const Program program;
    MemoryFailure::arm(1, kForGood);
    for (auto& object : objects) loop.retire(std::move(object));
    MemoryFailure::disarm();
  }
  CHECK(MemoryFailure::failures() == 0);
  CHECK_FALSE(last.expired());
  loop.poll();
  CHECK(last.expired());
}

TEST_CASE("A handshake for which there is no memory takes no place") {
  proxy::Handshakes handshakes;
  MemoryFailure::arm(1, kForGood);
  CHECK_FALSE(survives([&] { (void)handshakes.enter(true, {}); }));
  MemoryFailure::disarm();
  CHECK(handshakes.in_use() == 0);
}

}  // namespace
}  // namespace ravelin::test
