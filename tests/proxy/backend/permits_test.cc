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

namespace {

// |cap| connections, one for a text of each of the good |clients|.
struct Texts {
  Texts(uint32_t cap, std::initializer_list<uint8_t> clients) {
    permits.set_cap(cap, 0, kNow, orders);
    for (const auto last : clients) {
      auto text = of(last);
      REQUIRE(permits.ask(text, kNow, orders) == Permits::Grant::Open);
      permits.connected(kNow, orders);
    }
  }
  static Waiter of(uint8_t last, bool good = true) {
    auto waiter = from(0);
    waiter.want = Want::Message;
    waiter.good = good;
    waiter.client = ravelin::dns::IpAddress::v4({203, 0, 113, last});
    return waiter;
  }
  void idle(int count) {
    std::vector<Waiter> questions(static_cast<size_t>(count), from(0));
    for (auto& question : questions) {
      REQUIRE(permits.ask(question, kNow, orders) == Permits::Grant::Open);
      permits.connected(kNow, orders);
    }
    for (int i = 0; i < count; ++i) {
      PlaceInLine next;
      REQUIRE(permits.park(0, true, next) == Permits::Parked::Idle);
    }
  }

  Permits permits;
  Orders orders;
};

}  // namespace

TEST_CASE("who waits for its own client's share takes nothing from others") {
  Texts texts(15, {1, 1, 1, 1, 1, 1, 1, 1, 1});
  auto& permits = texts.permits;
  auto stranger = Texts::of(2, /*good=*/false);
  REQUIRE(permits.tie(stranger));
  permits.tie_idle(0, texts.orders);

  auto more = Texts::of(1);
  REQUIRE(permits.ask(more, kNow, texts.orders) == Permits::Grant::Wait);
  CHECK(texts.orders.empty());  // nobody is to give up
  CHECK(permits.tie(Texts::of(3, /*good=*/false)));
  permits.tie_idle(0, texts.orders);
  CHECK(texts.orders.empty());
  CHECK(permits.ask_spare(kNow));
  CHECK_FALSE(permits.good_waits());
}

TEST_CASE("a crowd is not one client that waits for its own share") {
  Permits permits;
  Orders orders;
  permits.set_cap(15, 0, kNow, orders);
  uint32_t own = 0;
  for (auto grant = Permits::Grant::Open; grant == Permits::Grant::Open; ++own) {
    auto text = Texts::of(1, /*good=*/false);
    grant = permits.ask(text, kNow, orders);
    if (grant == Permits::Grant::Open) permits.connected(kNow, orders);
  }
  REQUIRE(permits.waiting() == 1);
  CHECK_FALSE(permits.crowded(own));
}

TEST_CASE("two that may go because one has ended both do") {
  Texts texts(19, {1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2});
  auto& permits = texts.permits;
  texts.idle(7);
  auto first = Texts::of(2), second = Texts::of(1);
  for (auto* const more : {&first, &second})
    REQUIRE(permits.ask(*more, kNow, texts.orders) == Permits::Grant::Wait);

  const auto served = [&] {
    PlaceInLine next;
    REQUIRE(texts.orders.size() == 1);
    REQUIRE(texts.orders[0].kind == Order::Kind::HandOver);
    texts.orders.clear();
    REQUIRE(permits.redeem(0));
    REQUIRE(permits.park(0, false, next) == Permits::Parked::Pass);
    return next.value().ticket;
  };
  permits.untie(Texts::of(1), kNow, texts.orders);
  CHECK(served() == first.ticket);
  permits.sweep(kNow, texts.orders);
  CHECK(served() == second.ticket);
}
