#include "proxy/overload/fd_budget.h"

#include <sys/resource.h>

#include <catch2/catch.hpp>

using namespace ravelin::proxy;

TEST_CASE("dialogs get what other needs leave") {
  const FdNeeds small{.workers = 1, .listeners = 1, .backend_connections = 0};
  const FdNeeds large{.workers = 8, .listeners = 2, .backend_connections = 100};
  const auto one = sessions_allowed(1024, small);
  CHECK(one > 800);
  CHECK(one < 1024);
  CHECK(sessions_allowed(1024, large) < one - 100);
  CHECK(sessions_allowed(2048, small) == one + 1024);
}

TEST_CASE("there is always a place, and never an absurd number") {
  CHECK(sessions_allowed(0, {}) == 1);
  CHECK(sessions_allowed(10, {}) == 1);
  CHECK(sessions_allowed(UINT64_MAX, {}) == 1'000'000);
}

TEST_CASE("the fewest descriptors grow with workers and listeners, not with load") {
  const auto small = fewest_fds({.workers = 1, .listeners = 1, .backend_connections = 0});
  CHECK(small > 20);
  CHECK(small < 40);
  CHECK(fewest_fds({.workers = 1, .listeners = 1, .backend_connections = 1000}) == small);
  CHECK(fewest_fds({.workers = 1, .listeners = 1, .backend_connections = 0, .http = 17}) ==
        small + 2);
  CHECK(fewest_fds({.workers = 2, .listeners = 1, .backend_connections = 0}) == small + 7);
  CHECK(fewest_fds({.workers = 2, .listeners = 2, .backend_connections = 0}) == small + 9);
}

TEST_CASE("what is configured holds where it fits") {
  CHECK(effective_sessions(500, 4096, {}) == 500);
  CHECK(effective_sessions(0, 4096, {}) == sessions_allowed(4096, {}));
  CHECK(effective_sessions(100'000, 4096, {}) == sessions_allowed(4096, {}));
}

TEST_CASE("the soft limit is raised to the hard one") {
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  auto low = before;
  low.rlim_cur = 256;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &low) == 0);
  CHECK(raise_fd_limit() == before.rlim_max);
  setrlimit(RLIMIT_NOFILE, &before);
}
