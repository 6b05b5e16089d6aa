// An order that cannot be sent.
#include "proxy/backend/permits.h"

#include <catch2/catch.hpp>

using namespace ravelin::proxy;
using namespace std::chrono_literals;

namespace {

constexpr ravelin::dns::Time kNow{1h};

Waiter from(uint32_t worker) {
  Waiter waiter;
  waiter.worker = worker;
  return waiter;
}

}  // namespace

TEST_CASE("a permit whose order could not be sent comes back, and its waiter waits on") {
  Permits permits;
  Orders orders;
  permits.set_cap(1, kNow, orders);
  auto first = from(0);
  auto second = from(1);
  REQUIRE(permits.ask(first, kNow, orders) == Permits::Grant::Open);
  permits.connected(kNow, orders);
  REQUIRE(permits.ask(second, kNow, orders) == Permits::Grant::Wait);
  orders.clear();

  permits.closed(true, kNow, orders);
  REQUIRE(orders.size() == 1);
  REQUIRE(orders[0].kind == Order::Kind::Open);
  permits.unsent(std::move(orders[0]));
  CHECK(permits.held() == 0);
  CHECK(permits.waiting() == 1);

  orders.clear();
  permits.sweep(kNow, orders);  // looks again
  REQUIRE(orders.size() == 1);
  CHECK(orders[0].waiter().ticket == second.ticket);
  CHECK(permits.held() == 1);
  CHECK(permits.waiting() == 0);
}
