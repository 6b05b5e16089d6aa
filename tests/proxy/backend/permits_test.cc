// Who gets a connection, and an order that cannot be sent.
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

// One connection is all there may be, and worker 0 has it for a stranger's question.
struct OneBusy {
  OneBusy() {
    permits.set_cap(1, 0, kNow, orders);
    auto asked = from(0);
    REQUIRE(permits.ask(asked, kNow, orders) == Permits::Grant::Open);
    permits.connected(kNow, orders);
  }

  void line_up(Waiter& waiter) {
    REQUIRE(permits.ask(waiter, kNow, orders) == Permits::Grant::Wait);
  }
  // The connection is free: whom it serves next.
  Waiter served() {
    PlaceInLine next;
    REQUIRE(permits.park(0, true, next) == Permits::Parked::Pass);
    return next.value();
  }

  Permits permits;
  Orders orders;
};

}  // namespace

TEST_CASE("a permit whose order could not be sent comes back, and its waiter waits on") {
  Permits permits;
  Orders orders;
  permits.set_cap(1, 0, kNow, orders);
  auto first = from(0);
  auto second = from(1);
  REQUIRE(permits.ask(first, kNow, orders) == Permits::Grant::Open);
  permits.connected(kNow, orders);
  REQUIRE(permits.ask(second, kNow, orders) == Permits::Grant::Wait);
  orders.clear();

  permits.answered(kNow, orders);
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

TEST_CASE("a share of the connections is left to good clients") {
  Permits permits;
  Orders orders;
  permits.set_cap(4, 0.25, kNow, orders);
  permits.know(0);
  auto stranger = from(0);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(permits.ask(stranger, kNow, orders) == Permits::Grant::Open);
    permits.connected(kNow, orders);
  }
  REQUIRE(permits.ask(stranger, kNow, orders) == Permits::Grant::Wait);
  auto good = from(0);
  good.good = true;
  REQUIRE(permits.ask(good, kNow, orders) == Permits::Grant::Open);
  permits.connected(kNow, orders);

  PlaceInLine next;
  // The good one's is idle then, and no stranger's.
  CHECK(permits.park(0, false, next) == Permits::Parked::Idle);
  auto other = from(0);
  CHECK(permits.ask(other, kNow, orders) == Permits::Grant::Wait);
  SECTION("a stranger's own serves the next stranger") {
    CHECK(permits.park(0, true, next) == Permits::Parked::Pass);
    CHECK(next.value().ticket == stranger.ticket);
  }
  SECTION("when a stranger's ends, the idle one may") {
    orders.clear();
    permits.answered(kNow, orders);
    REQUIRE(orders.size() == 1);
    CHECK(orders[0].kind == Order::Kind::HandOver);
    REQUIRE(permits.redeem(0));
    CHECK(permits.park(0, false, next) == Permits::Parked::Pass);
    CHECK(next.value().ticket == stranger.ticket);
  }
}

TEST_CASE(
    "a free connection serves its own worker's clients first, but does not forget the others") {
  OneBusy one;
  const auto line_up = [&](uint32_t worker) {
    auto waiter = from(worker);
    one.line_up(waiter);
    return waiter.ticket;
  };
  const auto served = [&] { return one.served().ticket; };
  const auto other = line_up(1);
  SECTION("the first of its own") {
    const auto own = line_up(0), later = line_up(0);
    CHECK(served() == own);
    CHECK(served() == later);
    CHECK(served() == other);
  }
  SECTION("before the same one a few times only") {
    int before = 0;
    for (line_up(0); served() != other; line_up(0)) ++before;
    CHECK(before == 16);
  }
  SECTION("not from far behind") {
    for (int i = 0; i < 15; ++i) line_up(1);
    const auto own = line_up(0);
    CHECK(served() == other);
    CHECK(served() == own);
  }
}

TEST_CASE("bounces and other mail of strangers are served in turn") {
  OneBusy one;
  for (const bool bounce : {true, true, true, true, false, false}) {
    auto waiter = from(0);
    waiter.bounce = bounce;
    one.line_up(waiter);
  }
  std::vector<bool> served;
  for (int i = 0; i < 6; ++i) served.push_back(one.served().bounce);
  CHECK(served == std::vector<bool>{false, true, false, true, true, true});
}
