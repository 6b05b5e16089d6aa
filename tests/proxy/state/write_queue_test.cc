#include "proxy/state/write_queue.h"

#include <catch2/catch.hpp>

using namespace ravelin::proxy;

TEST_CASE("the latest row of a slot wins and batches come in the order of slots") {
  WriteQueue queue(10);
  queue.add(Family::Standing, 1, "s");
  queue.add(Family::Tuples, 9, "old");
  queue.add(Family::Tuples, 2, "x");
  queue.add(Family::Tuples, 9, "new");
  const std::map<RowKey, std::string> want = {
      {{Family::Tuples, 2}, "x"}, {{Family::Tuples, 9}, "new"}, {{Family::Standing, 1}, "s"}};
  CHECK(queue.take(10).rows == want);
  CHECK(queue.empty());
}

TEST_CASE("rows that could not be written do not replace newer ones") {
  WriteQueue queue(10);
  queue.add(Family::Tuples, 1, "old");
  queue.add_text("a", "old");
  queue.add_text("b", "old");
  auto changes = queue.take(10);
  queue.add(Family::Tuples, 1, "");
  queue.add_text("a", {});
  queue.give_back(std::move(changes));
  changes = queue.take(10);
  REQUIRE(changes.rows.size() == 1);
  CHECK(changes.rows.begin()->second.empty());
  REQUIRE(changes.texts.size() == 2);
  CHECK_FALSE(changes.texts["a"]);
  CHECK(changes.texts["b"] == "old");
}

TEST_CASE("a full queue drops rows and remembers of which family") {
  WriteQueue queue(2);
  queue.add(Family::Tuples, 1, "a");
  queue.add(Family::Tuples, 2, "b");
  queue.add(Family::Tuples, 2, "c");  // needs no room
  CHECK_FALSE(queue.take_dropped(Family::Tuples));
  queue.add(Family::Standing, 3, "d");
  CHECK(queue.take_dropped(Family::Standing));
  CHECK_FALSE(queue.take_dropped(Family::Standing));
  CHECK_FALSE(queue.take_dropped(Family::Tuples));
  CHECK(queue.size() == 2);
}

TEST_CASE("a batch is no larger than asked") {
  WriteQueue queue(10);
  for (uint32_t i = 0; i < 5; ++i) queue.add(Family::Tuples, i, "x");
  CHECK(queue.take(2).rows.size() == 2);
  CHECK(queue.size() == 3);
}

TEST_CASE("low slots that change all the time do not keep high ones waiting") {
  WriteQueue queue(10);
  queue.add(Family::Remembered, 9, "high");
  for (int round = 0; round < 3; ++round) {
    queue.add(Family::Tuples, 1, "low");
    queue.take(1);
  }
  queue.add(Family::Tuples, 1, "low");
  CHECK(queue.size() == 1);
}
