#include "proxy/state/store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "support/alarms.h"
#include "support/manual_reactor.h"
#include "support/map_owner.h"
#include "support/temp_dir.h"

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;

namespace {

std::map<uint32_t, std::string> rows_of(Store& store, Family family) {
  test::MapOwner owner;
  store.load(family, owner);
  store.detach(family);
  return owner.rows();
}

constexpr uint32_t kManyRows = 40'000;

// Its first row takes until it may go on.
struct SlowOwner final : RowOwner {
  void load_row(uint32_t, std::string_view) override {
    begun = true;
    while (!go_on) std::this_thread::yield();
    ++rows;
  }
  void load_end() override {}
  bool dump(uint32_t, const Sink&) override { return false; }

  std::atomic<bool> begun = false;
  std::atomic<bool> go_on = false;
  std::atomic<uint32_t> rows = 0;
};

// Does the thread wait for something? proc(5)
bool sleeps(pid_t thread) {
  const auto stat = test::read_file("/proc/self/task/" + std::to_string(thread) + "/stat");
  return stat.compare(stat.rfind(')'), 3, ") S") == 0;
}

std::unique_ptr<Store> store_with_tuples(const test::TempDir& dir, const Clock& clock,
                                         test::Alarms& alarms, uint32_t rows) {
  auto store = open_store(dir.file("state.db"), clock, alarms.sink());
  for (uint32_t i = 0; i < rows; ++i) store->put(Family::Tuples, i, "row");
  REQUIRE(store->flush(30s));
  return store;
}

}  // namespace

TEST_CASE("no path, no store") {
  test::ManualClock clock;
  test::Alarms alarms;
  CHECK(open_store("", clock, alarms.sink()) == nullptr);
  CHECK(alarms.lines().empty());
}

TEST_CASE("rows, texts and the hash key survive a restart") {
  const test::TempDir dir;
  test::ManualClock clock;
  test::Alarms alarms;
  HashKey key;
  {
    const auto store = open_store(dir.file("state.db"), clock, alarms.sink());
    key = store->hash_key();
    CHECK(store->highest_slot(Family::Tuples) == 0);
    store->put(Family::Tuples, 1, "one");
    store->put(Family::Tuples, 70'000, "far");
    store->put(Family::Tuples, 3, "gone");
    store->put(Family::Standing, 1, "other family");
    REQUIRE(store->flush(10s));
    store->put(Family::Tuples, 1, "uno");
    store->erase(Family::Tuples, 3);
    store->put_text("mx1 capabilities", "SIZE 1000\nDSN");
    store->put_text("gone", "x");
    store->erase_text("gone");
  }  // the destructor writes what waits
  const auto store = open_store(dir.file("state.db"), clock, alarms.sink());
  CHECK(store->hash_key() == key);
  CHECK(store->highest_slot(Family::Tuples) == 70'000);
  const std::map<uint32_t, std::string> tuples = {{1, "uno"}, {70'000, "far"}};
  CHECK(rows_of(*store, Family::Tuples) == tuples);
  CHECK(rows_of(*store, Family::Standing).at(1) == "other family");
  CHECK(rows_of(*store, Family::Groups).empty());
  const std::map<std::string, std::string> texts = {{"mx1 capabilities", "SIZE 1000\nDSN"}};
  CHECK(store->texts() == texts);
  CHECK(alarms.lines().empty());
}

TEST_CASE("rows are written by themselves, without a flush") {
  const test::TempDir dir;
  test::ManualClock clock;
  test::Alarms alarms;
  StoreOptions options;
  options.batch_delay = 1ms;
  const auto store = open_store(dir.file("state.db"), clock, alarms.sink(), options);
  store->put(Family::Tuples, 1, "one");
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (store->stats().rows == 0 && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  CHECK(store->stats().rows == 1);
  CHECK(store->stats().pending == 0);
  CHECK(alarms.lines().empty());
}

TEST_CASE("a large batch does not wait for its time") {
  const test::TempDir dir;
  test::ManualClock clock;
  test::Alarms alarms;
  StoreOptions options;
  options.batch_delay = 1h;
  options.batch_rows = 100;
  const auto store = open_store(dir.file("state.db"), clock, alarms.sink(), options);
  for (uint32_t i = 0; i < 100; ++i) store->put(Family::Tuples, i, "row");
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (store->stats().rows < 100 && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  CHECK(store->stats().rows == 100);
  CHECK(store->stats().batches == 1);
  CHECK(alarms.lines().empty());
}

TEST_CASE("only the owner may read the file, and there is no shared-memory file") {
  const test::TempDir dir;
  test::ManualClock clock;
  test::Alarms alarms;
  const auto store = open_store(dir.file("state.db"), clock, alarms.sink());
  store->put(Family::Tuples, 1, "one");
  REQUIRE(store->flush(10s));
  for (const auto& name : dir.list("state.db")) {
    CAPTURE(name);
    struct stat info {};
    REQUIRE(stat(dir.file(name).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    CHECK_FALSE(name.ends_with("-shm"));
  }
  CHECK(alarms.lines().empty());
}

TEST_CASE("many rows are loaded behind while others are written") {
  const test::TempDir dir;
  test::ManualClock clock;
  test::Alarms alarms;
  {
    const auto store = open_store(dir.file("state.db"), clock, alarms.sink());
    for (uint32_t i = 0; i < 20'000; ++i) store->put(Family::Tuples, i, std::to_string(i) + "-");
    REQUIRE(store->flush(30s));
  }
  const auto store = open_store(dir.file("state.db"), clock, alarms.sink());
  test::MapOwner tuples, standing;
  store->load_behind(Family::Tuples, tuples);
  store->load(Family::Standing, standing);
  store->put(Family::Tuples, 20'001, "new");
  CHECK(store->flush(30s));
  const auto end = std::chrono::steady_clock::now() + 30s;
  while (!tuples.loaded() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  CHECK(tuples.rows().at(19'999) == "19999-");
  CHECK(tuples.rows().size() == 20'000);
  CHECK(store->stats().rows_behind == 20'000);
  store->detach(Family::Tuples);
  store->detach(Family::Standing);
  CHECK(alarms.lines().empty());
}

// The row is written while the first piece of the others is read, or behind it.
TEST_CASE("what is put while rows are loaded behind is not read back") {
  const test::TempDir dir;
  test::ManualClock clock;
  test::Alarms alarms;
  { store_with_tuples(dir, clock, alarms, 20'000); }
  StoreOptions options;
  options.batch_delay = 0ms;
  const auto store = open_store(dir.file("state.db"), clock, alarms.sink(), options);
  SlowOwner tuples;
  store->load_behind(Family::Tuples, tuples);
  while (!tuples.begun) std::this_thread::yield();
  store->put(Family::Tuples, 20'001, "new");
  tuples.go_on = true;
  CHECK(store->flush(30s));
  const auto end = std::chrono::steady_clock::now() + 30s;
  while (store->stats().loading && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  CHECK(tuples.rows == 20'000);
  store->detach(Family::Tuples);
  CHECK(rows_of(*store, Family::Tuples).at(20'001) == "new");
  CHECK(alarms.lines().empty());
}

// A run may be disturbed so that the rows behind are there before the others are even asked for;
// all runs are not.
TEST_CASE("who waits for its rows does not wait for those that are loaded behind") {
  const test::TempDir dir;
  test::ManualClock clock;
  test::Alarms alarms;
  const auto store = store_with_tuples(dir, clock, alarms, kManyRows);
  store->put(Family::Standing, 7, "client");
  REQUIRE(store->flush(30s));
  bool first = false;
  for (int run = 0; run < 10 && !first; ++run) {
    test::MapOwner tuples, standing;
    store->load_behind(Family::Tuples, tuples);
    store->load(Family::Standing, standing);
    first = !tuples.loaded();
    CHECK(standing.loaded());
    CHECK(standing.rows().at(7) == "client");
    store->detach(Family::Tuples);
    store->detach(Family::Standing);
  }
  CHECK(first);
}

// The store's thread takes the owners' lock for one piece of 2000 rows after the other. Fair locks
// there are none: so each run could be lucky, but not all.
TEST_CASE("an owner that goes waits for the rows in hand only") {
  const test::TempDir dir;
  test::ManualClock clock;
  test::Alarms alarms;
  const auto store = store_with_tuples(dir, clock, alarms, kManyRows);
  for (int run = 0; run < 20; ++run) {
    SlowOwner tuples;
    store->load_behind(Family::Tuples, tuples);
    while (!tuples.begun) std::this_thread::yield();
    std::atomic<pid_t> goer = 0;
    std::thread thread([&] {
      goer = gettid();
      store->detach(Family::Tuples);
    });
    while (goer == 0 || !sleeps(goer)) std::this_thread::yield();
    tuples.go_on = true;
    thread.join();
    CHECK(tuples.rows == 2000);
  }
}

TEST_CASE("an owner may go while its rows are being loaded") {
  const test::TempDir dir;
  test::ManualClock clock;
  test::Alarms alarms;
  const auto store = open_store(dir.file("state.db"), clock, alarms.sink());
  for (uint32_t i = 0; i < 10'000; ++i) store->put(Family::Tuples, i, "row");
  REQUIRE(store->flush(30s));
  for (int i = 0; i < 20; ++i) {
    test::MapOwner owner;
    store->load_behind(Family::Tuples, owner);
    store->detach(Family::Tuples);
  }
  CHECK(store->flush(10s));
  CHECK_FALSE(store->stats().loading);
  CHECK(alarms.lines().empty());
}

TEST_CASE("threads may put while others flush") {
  const test::TempDir dir;
  test::ManualClock clock;
  test::Alarms alarms;
  {
    const auto store = open_store(dir.file("state.db"), clock, alarms.sink());
    std::vector<std::thread> threads;
    for (uint32_t t = 0; t < 3; ++t) {
      threads.emplace_back([&store, t] {
        for (uint32_t i = 0; i < 3'000; ++i) store->put(Family::Tuples, i * 3 + t, "row");
        store->flush(30s);
      });
    }
    for (auto& thread : threads) thread.join();
  }
  const auto store = open_store(dir.file("state.db"), clock, alarms.sink());
  CHECK(rows_of(*store, Family::Tuples).size() == 9'000);
  CHECK(alarms.lines().empty());
}
