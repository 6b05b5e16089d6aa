#include "proxy/observe/pair_sample.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace ravelin::proxy {
namespace {

std::string quoted(const std::string& text) { return "\"" + text + "\""; }

bool add(PairSample& sample, int number) {
  return sample.add(quoted(""), quoted("user" + std::to_string(number) + "@example.com"));
}

}  // namespace

TEST_CASE("few pairs are all there, with how often they came") {
  PairSample sample;
  CHECK(sample.text() == "[]");
  CHECK(sample.add("\"a@b\"", "\"c\\\"@d\""));
  for (int i = 0; i < 3; ++i) CHECK(add(sample, 1));
  auto pairs = nlohmann::json::parse(sample.text());
  std::sort(pairs.begin(), pairs.end());
  CHECK(pairs == nlohmann::json::parse(R"([["","user1@example.com",3],["a@b","c\"@d",1]])"));
}

TEST_CASE("of many a few are kept, each with all of its occurrences") {
  PairSample sample;
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 2'000; ++i) add(sample, i);
  const auto pairs = nlohmann::json::parse(sample.text());
  CHECK(pairs.size() == PairSample::kPairs);
  for (const auto& pair : pairs) CHECK(pair[2] == 3);
  CHECK(sample.bytes() < PairSample::kPairs * 120);
  PairSample backwards;
  for (int i = 6'000; i-- > 0;) add(backwards, i % 2'000);
  CHECK(backwards.text() == sample.text());
}

}  // namespace ravelin::proxy
