#include "proxy/profile/sketch.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>

namespace ravelin::proxy {
namespace {

constexpr HashKey kKey{1, 2, 3};

CrowdSketch crowd(int from, int count, const HashKey& key = kKey) {
  CrowdSketch made(key);
  for (int i = from; i < from + count; ++i) made.add_source("10.1.0." + std::to_string(i));
  return made;
}

}  // namespace

TEST_CASE("small crowds are compared exactly") {
  const auto now = crowd(0, 200), before = crowd(150, 500), others = crowd(5000, 10);
  CHECK(now.sources.size() == 200);
  CHECK(now.sources.overlap(before.sources).members == 50);
  CHECK(now.sources.overlap(before.sources).exact);
  CHECK(before.sources.overlap(now.sources).members == 50);
  CHECK(now.sources.overlap(others.sources).members == 0);
  CHECK(crowd(0, 0).sources.overlap(now.sources).members == 0);
  CHECK(now.sources.overlap(now.sources).members == 200);
  CHECK(crowd(0, Sketch::kKept).sources.whole());
  CHECK(!crowd(0, Sketch::kKept + 1).sources.whole());
}

TEST_CASE("large crowds are compared by a sample, whichever of both is large") {
  const auto large = crowd(0, 100'000), other = crowd(70'000, 100'000), small = crowd(0, 1'000);
  CHECK(large.sources.size() == 100'000);
  const auto half = large.sources.overlap(other.sources);
  CHECK(!half.exact);
  CHECK(half.members == Approx(30'000).epsilon(0.08));
  const auto part = small.sources.overlap(large.sources);
  CHECK(!part.exact);
  CHECK(part.members == 1'000);  // all that were looked at were there
  CHECK(large.sources.overlap(small.sources).members == Approx(1'000).epsilon(0.4));
  CHECK(large.sources.overlap(crowd(500'000, 50'000).sources).members == 0);
}

TEST_CASE("a sketch is bounded, and comes back as it was") {
  for (const int count : {0, 1, 4096, 20'000}) {
    auto made = crowd(0, count);
    made.add_print(7);
    const auto bytes = made.pack();
    CHECK(bytes.size() <= 34'000);
    const auto again = CrowdSketch::unpack(bytes, kKey);
    REQUIRE(again);
    CHECK(again->pack() == bytes);
    CHECK(again->sources.size() == static_cast<uint64_t>(count));
    CHECK(again->prints.overlap(made.prints).members == 1);
    CHECK(!CrowdSketch::unpack(bytes, HashKey{9}));
    for (size_t length = 0; length < bytes.size(); length += 1 + length / 7)
      CHECK(!CrowdSketch::unpack(std::string_view(bytes).substr(0, length), kKey));
  }
}

TEST_CASE("a damaged sketch is none") {
  const auto bytes = crowd(0, 40).pack();
  std::mt19937 random(1);
  for (int i = 0; i < 2'000; ++i) {
    auto bad = bytes;
    bad[random() % bad.size()] ^= static_cast<char>(1 + random() % 255);
    const auto read = CrowdSketch::unpack(bad, kKey);
    if (read) CHECK(read->sources.size() == 40);
  }
}

}  // namespace ravelin::proxy
