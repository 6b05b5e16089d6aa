// How many of something at once, and how many a second.
#include "proxy/overload/budget.h"

#include <catch2/catch.hpp>

#include "proxy/overload/rate.h"

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;

TEST_CASE("a budget has as many places as it is told, and each is free again") {
  Budget budget;
  auto first = budget.enter(1.5);
  auto second = budget.enter(1.5);  // a share of a small number is rounded up
  CHECK(first);
  CHECK(second);
  CHECK_FALSE(budget.enter(1.5));
  CHECK(budget.in_use() == 2);
  first = nullptr;
  CHECK(budget.in_use() == 1);
  CHECK(budget.enter(1.5));
}

TEST_CASE("so many a second, and the next second anew") {
  Rate rate;
  const dns::Time start{100h};
  CHECK(rate.take(2, start));
  CHECK(rate.take(2, start + 400ms));
  CHECK_FALSE(rate.take(2, start + 999ms));
  CHECK(rate.take(3, start + 999ms));
  CHECK(rate.take(2, start + 1s));
  CHECK(rate.take(2, start + 1s));
  CHECK_FALSE(rate.take(2, start + 1s));
  CHECK_FALSE(rate.take(0, start + 5s));
}
