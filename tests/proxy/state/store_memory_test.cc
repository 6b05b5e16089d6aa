// Memory runs out on the store's thread: no row and no text is lost by that, and mail is not told.
#include <catch2/catch.hpp>
#include <thread>

#include "proxy/state/store.h"
#include "support/alarms.h"
#include "support/manual_reactor.h"
#include "support/map_owner.h"
#include "support/others_without_memory.h"
#include "support/temp_dir.h"

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;

namespace {

const std::string kRow(50, 'x');

StoreOptions impatient() {
  StoreOptions options;
  options.first_retry = 1ms;
  options.last_retry = 2ms;
  return options;
}

struct World {
  const test::TempDir dir;
  test::ManualClock clock;
  test::Alarms alarms;
  test::MapOwner owner;
};

void put(Store& store, test::MapOwner& owner, uint32_t slot) {
  owner.set(slot, kRow);
  store.put(Family::Standing, slot, kRow);
}

// What a restart finds.
void check_file(const std::string& path, const test::MapOwner& owner) {
  test::ManualClock clock;
  test::Alarms alarms;
  const auto store = open_store(path, clock, alarms.sink());
  test::MapOwner found;
  store->load(Family::Standing, found);
  store->detach(Family::Standing);
  CHECK(found.rows() == owner.rows());
  const std::map<std::string, std::string> texts = {{"kept", "value"}};
  CHECK(store->texts() == texts);
  CHECK(alarms.lines().empty());
}

}  // namespace

TEST_CASE_METHOD(World, "without memory rows and texts wait, and are written when there is some") {
  {
    const auto store = open_store(dir.file("state.db"), clock, alarms.sink(), impatient());
    store->load(Family::Standing, owner);
    store->put_text("gone", "value");
    REQUIRE(store->flush(10s));
    {
      const test::OthersWithoutMemory none;
      for (uint32_t i = 0; i < 3'000; ++i) put(*store, owner, i);
      store->put_text("kept", "value");
      store->erase_text("gone");
      CHECK_FALSE(store->flush(10s));
      CHECK(store->stats().degraded);
      CHECK(none.failures() > 0);
    }
    CHECK(store->flush(30s));
    CHECK_FALSE(store->stats().degraded);
    store->detach(Family::Standing);
  }
  check_file(dir.file("state.db"), owner);
  CHECK(alarms.lines().size() == 1);  // for the first there was no memory
}

// At every third allocation: each would take 20 s.
TEST_CASE("wherever memory runs out, a file that is lost is written anew") {
  size_t failures = 1;
  for (size_t first = 0; failures > 0; first += 3) {
    CAPTURE(first);
    const test::TempDir dir;
    const auto path = dir.file("state.db");
    test::ManualClock clock;
    test::Alarms alarms;
    test::MapOwner owner;
    {
      const auto store = open_store(path, clock, alarms.sink(), impatient());
      store->load(Family::Standing, owner);
      for (uint32_t i = 1; i < 4; ++i) put(*store, owner, i);
      store->put_text("kept", "value");
      store->put_text("gone", "value");
      REQUIRE(store->flush(10s));
      store->erase_text("gone");
      std::filesystem::remove(path);
      {
        const test::OthersWithoutMemory none(first, 1);
        put(*store, owner, 4);
        store->flush(10s);
        failures = none.failures();
      }
      CHECK(store->flush(10s));
      CHECK_FALSE(store->stats().memory_only);
      store->detach(Family::Standing);
    }
    check_file(path, owner);
  }
}

TEST_CASE_METHOD(World, "rows for which there is no memory are not waited for") {
  const auto store = open_store(dir.file("state.db"), clock, alarms.sink(), impatient());
  for (uint32_t i = 0; i < 3; ++i) store->put(Family::Standing, i, kRow);
  REQUIRE(store->flush(10s));
  {
    const test::OthersWithoutMemory none;
    store->load(Family::Standing, owner);
  }
  CHECK(owner.loaded());
  CHECK(owner.rows().empty());
  const auto end = std::chrono::steady_clock::now() + 10s;
  while (!store->stats().degraded && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  CHECK(store->stats().degraded);
  store->put(Family::Standing, 7, kRow);
  CHECK(store->flush(10s));
  CHECK_FALSE(store->stats().degraded);
  store->detach(Family::Standing);
}
