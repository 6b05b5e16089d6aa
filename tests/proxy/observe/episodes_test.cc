#include "proxy/observe/episodes.h"

#include <catch2/catch.hpp>

#include "support/manual_reactor.h"
#include "support/temp_dir.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr int64_t kNow = 1'795'000'000;

Wall at(int64_t second) { return Wall{std::chrono::seconds(second)}; }

std::vector<CurveSample> connections(const std::vector<uint32_t>& counts, int64_t last) {
  std::vector<CurveSample> samples;
  for (size_t i = 0; i < counts.size(); ++i) {
    samples.push_back({last - static_cast<int64_t>(counts.size() - 1 - i), {}});
    samples.back().values[static_cast<size_t>(Curve::Connections)] = counts[i];
  }
  return samples;
}

std::vector<uint32_t> pattern(size_t quiet, uint32_t usual, std::vector<uint32_t> then) {
  std::vector<uint32_t> all(quiet, usual);
  all.insert(all.end(), then.begin(), then.end());
  return all;
}

}  // namespace

TEST_CASE("the onset is the first second of many connections") {
  CHECK(onset_of({}, kNow) == kNow);
  CHECK(onset_of(connections(pattern(700, 2, {9, 8, 9, 7}), kNow), kNow) == kNow - 3);
  // A short pause does not begin it anew, a long one does.
  CHECK(onset_of(connections(pattern(700, 2, {9, 1, 1, 9}), kNow), kNow) == kNow - 3);
  CHECK(onset_of(connections(pattern(700, 2, {9, 0, 0, 0, 0, 0, 0, 9}), kNow), kNow) == kNow);
  CHECK(onset_of(connections(pattern(700, 0, {1, 2, 1}), kNow), kNow) == kNow);
  CHECK(onset_of(connections(pattern(15, 8, {200, 200, 30}), kNow), kNow) == kNow - 2);
  CHECK(onset_of(connections(std::vector<uint32_t>(800, 9), kNow), kNow) == kNow);
  CHECK(onset_of(connections(pattern(600, 1, std::vector<uint32_t>(300, 50)), kNow), kNow) >=
        kNow - 120);
}

TEST_CASE("an episode begins above calm and ends with it") {
  Episodes episodes;
  Curves curves;
  episodes.level(0, "", at(kNow), curves);
  CHECK(episodes.all().empty());
  episodes.level(1, "places", at(kNow), curves);
  episodes.level(3, "lag", at(kNow + 10), curves);
  episodes.level(2, "places", at(kNow + 20), curves);
  REQUIRE(episodes.all().size() == 1);
  CHECK(episodes.all()[0].ended == 0);
  episodes.level(0, "", at(kNow + 30), curves);
  episodes.level(1, "again", at(kNow + 40), curves);
  REQUIRE(episodes.all().size() == 2);
  const auto& first = episodes.all()[0];
  CHECK(first.began == kNow);
  CHECK(first.ended == kNow + 30);
  CHECK(first.worst == 3);
  CHECK(first.cause == "lag");
  CHECK(episodes.find(2)->cause == "again");
  CHECK(episodes.find(3) == nullptr);
}

TEST_CASE("episodes outlive a restart, and old ones go") {
  const test::TempDir dir;
  test::ManualClock clock;
  Curves curves;
  for (int run = 0; run < 2; ++run) {
    const auto store = open_store(dir.file("state.db"), clock, [](const std::string&) {});
    Episodes episodes;
    episodes.restore(store.get(), at(kNow + 1000));
    if (run == 1) {
      REQUIRE(episodes.all().size() == Episodes::kKept);
      CHECK(episodes.all().back().number == Episodes::kKept + 5);
      CHECK(episodes.all().back().ended == kNow + 1000);  // by the restart
      CHECK(episodes.all().front().ended == kNow + 1);
      break;
    }
    for (size_t i = 0; i < Episodes::kKept + 5; ++i) {
      episodes.level(2, "why not\nindeed", at(kNow), curves);
      if (i + 1 < Episodes::kKept + 5) episodes.level(0, "", at(kNow + 1), curves);
    }
    REQUIRE(store->flush(10s));
  }
}

TEST_CASE("a text that is no episode is none") {
  Episode episode;
  CHECK(!parse_episode("", episode));
  CHECK(!parse_episode("1 2 3 4", episode));
  CHECK(!parse_episode("1 2 3 4 9 x", episode));
  CHECK(!parse_episode("-1 2 3 4 1 x", episode));
  CHECK(parse_episode("1 2 3 4 1 x y", episode));
  CHECK(episode.cause == "x y");
}

}  // namespace ravelin::proxy
