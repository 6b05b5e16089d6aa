// What a search finds while rows come and go, and what it says when the disk fails.
#include <catch2/catch.hpp>
#include <filesystem>
#include <future>
#include <set>
#include <vector>

#include "history_world.h"
#include "support/others_without_memory.h"

namespace ravelin::test {

using namespace std::chrono_literals;
using World = HistoryWorld;

TEST_CASE("what left memory and waits for a disk is found, newest first") {
  World world;
  world.settings.memory = 3'000;
  world.settings.disk_free = UINT64_MAX / 2;
  world.history->configure(world.settings);
  for (int i = 0; i < 50; ++i) world.add("192.0.2.1", "row" + std::to_string(i) + " ");
  CHECK(!world.history->flush(10s));
  CHECK(world.history->stats().entries < 50);
  const auto found = world.find({.text = "row", .limit = 100});
  CHECK(!found.more);
  REQUIRE(found.entries.size() == 50);
  for (size_t i = 0; i < 50; ++i)
    CHECK(found.entries[i].account.find("row" + std::to_string(49 - i) + " ") != std::string::npos);
}

TEST_CASE("a search that the disk fails does not say that this was all") {
  World world;
  world.add("192.0.2.1", "old");
  REQUIRE(world.history->flush(10s));
  world.history.reset();
  {
    const proxy::HistoryRow wrong{uint64_t{1} << 48, 1, 0, "192.0.2.1", "{}"};  // no id is so high
    REQUIRE(proxy::HistoryFile::open(world.path).file->write({&wrong, 1}, {}, {}).ok());
  }
  world.open();
  const auto found = world.find({.text = "old"});
  CHECK(found.entries.empty());
  CHECK(found.more);
  CHECK(!world.find({.text = "old"}).more);  // the file that is begun then has nothing
}

TEST_CASE("a search that finds no disk says so, unless none is wanted") {
  World world;
  world.history.reset();
  std::filesystem::remove(world.path);
  std::filesystem::create_directory(world.path);
  world.open();
  world.add("192.0.2.1", "one");
  CHECK(world.find({.text = "one"}).more);
  world.settings.size = 0;
  world.history->configure(world.settings);
  CHECK(!world.find({.text = "one"}).more);
}

TEST_CASE("a search sees each row once, newest first, while rows come and go") {
  constexpr size_t kRows = 3'000;
  World world;
  const bool full = GENERATE(false, true);  // the disk; else rows are written meanwhile
  if (full) world.settings.disk_free = UINT64_MAX / 2;
  world.history->configure(world.settings);
  std::vector<proxy::Id> ids;
  for (size_t i = 0; i < kRows; ++i) ids.push_back(world.add("192.0.2.1", "row"));
  REQUIRE(world.history->stats().entries == kRows);
  std::promise<void> begun, go_on;
  auto may_go_on = go_on.get_future();
  std::promise<bool> over;
  std::vector<std::string> seen;
  REQUIRE(world.history->visit(
      {.patience = 600s},
      [&](std::string_view account, uint32_t, int64_t) {
        if (seen.empty()) {
          begun.set_value();
          may_go_on.wait();
        }
        seen.emplace_back(account.substr(7, 12));
        return true;
      },
      [&](bool more) { over.set_value(more); }));
  begun.get_future().wait();
  world.settings.memory = 200'000;
  world.history->configure(world.settings);
  for (size_t i = 0; i < 10; ++i) world.add("192.0.2.1", "new");
  CHECK(world.history->stats().entries < kRows / 2);
  go_on.set_value();
  CHECK(!over.get_future().get());
  // Those that came meanwhile may be seen, too, but never twice.
  CHECK(std::set(seen.begin(), seen.end()).size() == seen.size());
  std::erase_if(seen, [&](const std::string& id) { return *proxy::parse_id(id) > ids.back(); });
  REQUIRE(seen.size() == kRows);
  for (size_t i = 0; i < kRows; ++i) CHECK(seen[i] == proxy::id_text(ids[kRows - 1 - i]));
}

TEST_CASE("a search does not copy all that is in memory at once") {
  constexpr size_t kRows = 20'000;
  World world(/*with_file=*/false);
  world.settings.memory = 100'000'000;
  world.history->configure(world.settings);
  for (size_t i = 0; i < kRows; ++i) world.add("192.0.2.1", "row");
  // Their ids have room in 256 kB, and pointers to them have not.
  const OthersWithoutMemory large(0, SIZE_MAX, kRows * sizeof(std::shared_ptr<int>));
  std::promise<bool> over;
  size_t seen = 0;
  REQUIRE(world.history->visit(
      {.patience = 600s}, [&](std::string_view, uint32_t, int64_t) { return ++seen > 0; },
      [&](bool more) { over.set_value(more); }));
  CHECK(!over.get_future().get());
  CHECK(seen == kRows);
}

}  // namespace ravelin::test
