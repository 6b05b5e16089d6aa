#include "proxy/observe/curves.h"

#include <catch2/catch.hpp>
#include <set>

namespace ravelin::proxy {
namespace {

constexpr auto kAccepted = static_cast<size_t>(Curve::Accepted);
constexpr auto kDialogs = static_cast<size_t>(Curve::Dialogs);

CurveSample sample(int64_t at, uint32_t accepted, uint32_t dialogs = 0) {
  CurveSample made{at, {}};
  made.values[kAccepted] = accepted;
  made.values[kDialogs] = dialogs;
  return made;
}

}  // namespace

TEST_CASE("a ring keeps the last samples, in order of time") {
  CurveRing ring(1, 3);
  CHECK(ring.since(0).empty());
  for (const int64_t at : {10, 11, 12, 13, 13, 9, 14})
    ring.push(sample(at, static_cast<uint32_t>(at)));
  const auto all = ring.since(0);
  REQUIRE(all.size() == 3);
  CHECK(all[0].at == 12);
  CHECK(all[1].values[kAccepted] == 13 + 13);  // two looks in one second
  CHECK(all[2].values[kAccepted] == 14);
  CHECK(ring.since(14).size() == 1);
}

TEST_CASE("a clock that was ahead does not stop a curve") {
  CurveRing ring(10, 4);
  for (const int64_t at : {10, 20, 30, 40, 50, 9990, 10'000})
    ring.push(sample(at, static_cast<uint32_t>(at)));
  const bool put = GENERATE(false, true);
  for (const int64_t at : {50, 60}) put ? ring.put(sample(at, 1)) : ring.push(sample(at, 1));
  const auto all = ring.since(0);
  REQUIRE(all.size() == 3);
  CHECK(all[0].at == 40);
  CHECK(all[1].values[kAccepted] == (put ? 1 : 50 + 1));
  CHECK(all[2].at == 60);
  for (const int64_t at : {70, 80}) ring.push(sample(at, 1));
  CHECK(ring.since(0).size() == 4);
  CHECK(ring.since(0).front().at == 50);
  ring.push(sample(10, 1));  // before all that there is
  CHECK(ring.since(0).size() == 1);
}

TEST_CASE("nothing is lost between a process and the next one") {
  Curves before, after;
  for (int64_t at = 595; at <= 607; ++at) before.add(sample(at, 2, at == 602 ? 50 : 7));
  const auto unfinished = before.unfinished();
  REQUIRE(unfinished.size() == 2);  // of ten seconds and of five minutes
  for (const auto& [step, open] : unfinished) after.restore(step, open);
  for (int64_t at = 608; at <= 610; ++at) after.add(sample(at, 3));
  const auto tens = after.ring(10)->since(600);
  REQUIRE(tens.size() == 1);
  CHECK(tens[0].values[kAccepted] == 8 * 2 + 2 * 3);
  CHECK(tens[0].values[kDialogs] == 50);
}

TEST_CASE("a clock that goes back within a sample and comes again adds up") {
  Curves curves;
  for (const int64_t at : {600, 601, 599, 600, 611}) curves.add(sample(at, 1));
  const auto tens = curves.ring(10)->since(600);
  REQUIRE(tens.size() == 1);
  CHECK(tens[0].values[kAccepted] == 3);
}

TEST_CASE("coarse samples add up counts and keep the highest gauges") {
  Curves curves;
  std::vector<Curves::Done> done;
  for (int64_t at = 595; at <= 900; ++at)
    for (auto& one : curves.add(sample(at, 2, at == 605 ? 50 : 7))) done.push_back(one);
  CHECK(curves.ring(1)->since(0).size() == 306);
  const auto tens = curves.ring(10)->since(0);
  REQUIRE(tens.size() == 31);
  CHECK(tens[0].at == 590);
  CHECK(tens[0].values[kAccepted] == 10);  // of the five seconds that there were
  CHECK(tens[1].values[kAccepted] == 20);
  CHECK(tens[1].values[kDialogs] == 50);
  CHECK(tens[2].values[kDialogs] == 7);
  const auto fives = curves.ring(300)->since(0);
  REQUIRE(fives.size() == 2);
  CHECK(fives[1].at == 600);
  CHECK(fives[1].values[kAccepted] == 600);
  CHECK(done.size() == 33);
  CHECK(curves.ring(5) == nullptr);
}

TEST_CASE("a sample survives its row, and foreign rows are none") {
  auto made = sample(600, 0xfedcba98, 3);
  const auto bytes = pack_sample(made);
  const auto read = unpack_sample(600, bytes);
  REQUIRE(read);
  CHECK(read->values == made.values);
  CHECK(!unpack_sample(600, ""));
  CHECK(!unpack_sample(600, bytes.substr(0, 6)));
  CHECK(!unpack_sample(600, '\2' + bytes.substr(1)));
  // Of a version that knew fewer curves: the rest is 0.
  CHECK(unpack_sample(600, bytes.substr(0, 5))->values[kAccepted] == 0);
}

TEST_CASE("restored samples come before new ones") {
  Curves curves;
  curves.restore(300, sample(300, 5));
  curves.restore(7, sample(300, 5));
  for (int64_t at = 600; at <= 900; ++at) curves.add(sample(at, 1));
  const auto all = curves.ring(300)->since(0);
  REQUIRE(all.size() == 2);
  CHECK(all[0].values[kAccepted] == 5);
  CHECK(all[1].values[kAccepted] == 300);
}

TEST_CASE("every curve has a name of its own") {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kCurves; ++i) CHECK(names.insert(curve_name(i)).second);
}

}  // namespace ravelin::proxy
