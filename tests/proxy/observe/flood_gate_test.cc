#include "proxy/observe/flood_gate.h"

#include <catch2/catch.hpp>

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

TEST_CASE("FloodGate admits so many lines a second and counts the others by reason") {
  FloodGate gate(3);
  const dns::Time now{10s};
  for (int i = 0; i < 3; ++i) CHECK(gate.admit("connect", now + i * 300ms));
  CHECK_FALSE(gate.admit("connect", now + 999ms));
  CHECK_FALSE(gate.admit("reject", now + 999ms));
  CHECK_FALSE(gate.admit("reject", now + 999ms));
  CHECK(gate.admit("connect", now + 1s));
  CHECK(gate.held() == 3);

  const auto held = gate.take();
  REQUIRE(held.size() == 2);
  CHECK((held[0].reason == "connect" && held[0].lines == 1));
  CHECK((held[1].reason == "reject" && held[1].lines == 2));
  CHECK(gate.take().empty());
}

TEST_CASE("FloodGate: a clock read a moment ago opens no new second") {
  FloodGate gate(1);
  CHECK(gate.admit("x", dns::Time{11s}));
  CHECK_FALSE(gate.admit("x", dns::Time{10s}));
  CHECK_FALSE(gate.admit("x", dns::Time{11s}));
}

TEST_CASE("FloodGate: the limit can change, and 0 is none") {
  FloodGate gate(1);
  CHECK(gate.admit("x", dns::Time{1s}));
  CHECK_FALSE(gate.admit("x", dns::Time{1s}));
  gate.set_limit(2);
  CHECK(gate.admit("x", dns::Time{1s}));
  gate.set_limit(0);
  for (int i = 0; i < 100; ++i) CHECK(gate.admit("x", dns::Time{1s}));
}

TEST_CASE("FloodGate keeps a bounded number of reasons") {
  FloodGate gate(1);
  gate.admit("x", dns::Time{1s});
  for (int i = 0; i < 1000; ++i) gate.admit("reason " + std::to_string(i), dns::Time{1s});
  const auto held = gate.take();
  CHECK(held.size() == 65);
  uint64_t lines = 0;
  for (const auto& each : held) lines += each.lines;
  CHECK(lines == 1000);
}

}  // namespace
}  // namespace ravelin::proxy
