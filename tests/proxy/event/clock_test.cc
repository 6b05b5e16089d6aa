#include <catch2/catch.hpp>
#include <ctime>

#include "proxy/event/system_clock.h"

using namespace ravelin;

TEST_CASE("boot() is the time since the machine started, wall() the time of day") {
  const auto& clock = proxy::SystemClock::instance();
  timespec before{}, after{};
  clock_gettime(CLOCK_BOOTTIME, &before);
  const auto boot = clock.boot().time_since_epoch().count();
  clock_gettime(CLOCK_BOOTTIME, &after);
  CHECK(boot >= before.tv_sec * 1'000'000'000 + before.tv_nsec);
  CHECK(boot <= after.tv_sec * 1'000'000'000 + after.tv_nsec);
  const auto wall = std::chrono::system_clock::to_time_t(clock.wall());
  CHECK(std::time(nullptr) - wall <= 1);
}
