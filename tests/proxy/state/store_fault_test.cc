// What a state file can suffer, before the start and while it is in use: mail is never told.
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "proxy/state/store.h"
#include "support/alarms.h"
#include "support/manual_reactor.h"
#include "support/map_owner.h"
#include "support/temp_dir.h"

using namespace ravelin;
using namespace ravelin::proxy;
using namespace std::chrono_literals;

namespace {

// A file with |rows| rows, closed.
void make_file(const std::string& path, uint32_t rows = 5'000) {
  test::ManualClock clock;
  const auto store = open_store(path, clock, [](const std::string&) {});
  for (uint32_t i = 1; i <= rows; ++i)
    store->put(Family::Standing, i, "some forty bytes of a row, more or less");
  if (!store->flush(30s)) throw std::runtime_error("cannot write the file");
}

void execute(const std::string& path, const char* text) {
  sqlite3* handle = nullptr;
  sqlite3_open(path.c_str(), &handle);
  sqlite3_exec(handle, text, nullptr, nullptr, nullptr);
  sqlite3_close(handle);
}

// Opens, loads, writes, and says how many rows came back.
size_t use(Store& store) {
  test::MapOwner owner;
  store.load(Family::Standing, owner);
  const auto count = owner.rows().size();
  owner.set(1'000'000, "new");
  store.put(Family::Standing, 1'000'000, "new");
  CHECK(store.flush(30s));
  CHECK_FALSE(store.stats().degraded);
  store.detach(Family::Standing);
  return count;
}

size_t rows_after_restart(const std::string& path) {
  test::ManualClock clock;
  test::Alarms alarms;
  const auto store = open_store(path, clock, alarms.sink());
  test::MapOwner owner;
  store->load(Family::Standing, owner);
  store->detach(Family::Standing);
  CHECK(alarms.lines().empty());
  return owner.rows().size();
}

}  // namespace

TEST_CASE("a file that is not ours to use is moved aside, and a new one begun") {
  struct Row {
    const char* name;
    void (*harm)(const std::string& path);
  };
  const auto row = GENERATE(values<Row>({
      {"empty", [](const std::string& path) { test::write_file(path, ""); }},
      {"text",
       [](const std::string& path) {
         test::write_file(path, "hello, this is no database, but a longer text than the magic\n");
       }},
      {"zeros",
       [](const std::string& path) { test::write_file(path, std::string(100'000, '\0')); }},
      {"cut inside the first page",
       [](const std::string& path) { std::filesystem::resize_file(path, 100); }},
      {"cut to one page",
       [](const std::string& path) { std::filesystem::resize_file(path, 4096); }},
      {"cut in the middle",
       [](const std::string& path) {
         std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2 / 4096 * 4096);
       }},
      {"another program's",
       [](const std::string& path) {
         std::filesystem::remove(path);
         execute(path, "CREATE TABLE accounts(id); INSERT INTO accounts VALUES(1)");
       }},
      {"of a later version",
       [](const std::string& path) { execute(path, "PRAGMA user_version=99"); }},
      {"a table is missing", [](const std::string& path) { execute(path, "DROP TABLE tuples"); }},
      {"a wrong slot",
       [](const std::string& path) {
         execute(path, "INSERT INTO tuples VALUES(9000000000, x'0011223344')");
       }},
      {"no key", [](const std::string& path) { execute(path, "DELETE FROM meta"); }},
  }));
  CAPTURE(row.name);
  const test::TempDir dir;
  const auto path = dir.file("state.db");
  make_file(path);
  row.harm(path);

  test::ManualClock clock;
  test::Alarms alarms;
  {
    const auto store = open_store(path, clock, alarms.sink());
    use(*store);
  }
  CHECK(alarms.lines().size() == 1);
  CHECK(dir.list("state.db.broken-").size() == 1);
  CHECK(rows_after_restart(path) >= 1);
}

TEST_CASE("a file of before a table was known gets it, and loses nothing") {
  const test::TempDir dir;
  const auto path = dir.file("state.db");
  make_file(path);
  const auto rows = rows_after_restart(path);
  execute(path, "DROP TABLE one_by_one");
  test::ManualClock clock;
  test::Alarms alarms;
  {
    const auto store = open_store(path, clock, alarms.sink());
    store->put(Family::OneByOne, 1, "row");
    CHECK(store->flush(30s));
  }
  {
    const auto store = open_store(path, clock, alarms.sink());
    test::MapOwner owner;
    store->load(Family::OneByOne, owner);
    CHECK(owner.rows().size() == 1);
    store->detach(Family::OneByOne);
  }
  CHECK(alarms.lines().empty());
  CHECK(rows_after_restart(path) == rows);
}

TEST_CASE("wherever a bit flips, no wrong row is believed") {
  const test::TempDir dir;
  const auto path = dir.file("state.db");
  make_file(path, 300);
  const auto good = test::read_file(path);
  const auto step = good.size() / 40 + 1;
  for (size_t at = 17; at < good.size(); at += step) {
    CAPTURE(at);
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    test::write_file(path, bad);
    test::ManualClock clock;
    test::Alarms alarms;
    {
      const auto store = open_store(path, clock, alarms.sink());
      test::MapOwner owner;
      store->load(Family::Standing, owner);
      for (const auto& [slot, bytes] : owner.rows())
        CHECK(bytes == "some forty bytes of a row, more or less");
      CHECK(store->flush(30s));
      store->detach(Family::Standing);
      CHECK(alarms.lines().size() <= 1);
    }
    for (const auto& name : dir.list("state.db.broken-")) std::filesystem::remove(dir.file(name));
  }
}

// Not the last row, whose slot is looked at before any other is read.
TEST_CASE("a row that has the highest number there is, is damage") {
  const test::TempDir dir;
  const auto path = dir.file("state.db");
  make_file(path, 3);
  auto bytes = test::read_file(path);
  const auto second = bytes.find("some forty", bytes.find("some forty") + 1);
  // The cell, behind its length: the row's number in its longest form, and the header of its data.
  constexpr std::string_view kCell("\xbf\xff\xff\xff\xff\xff\xff\xff\xff\x03\0\x62", 12);
  bytes.replace(second - 4, kCell.size(), kCell);
  test::write_file(path, bytes);

  test::ManualClock clock;
  test::Alarms alarms;
  const auto store = open_store(path, clock, alarms.sink());
  CHECK(use(*store) == 1);
  CHECK(alarms.lines().size() == 1);
  CHECK(dir.list("state.db.broken-").size() == 1);
}

TEST_CASE("only a few broken files are kept") {
  const test::TempDir dir;
  test::ManualClock clock;
  for (int i = 0; i < 6; ++i) {
    test::write_file(dir.file("state.db"), "not a database " + std::to_string(i));
    open_store(dir.file("state.db"), clock, [](const std::string&) {});
    clock.advance(i % 2 == 0 ? 1s : 0s);  // two may fall into one second
  }
  CHECK(dir.list("state.db.broken-").size() == 3);
}

TEST_CASE("where no file can be had, the store forgets and says so once") {
  const test::TempDir dir;
  std::filesystem::create_directory(dir.file("directory"));
  test::write_file(dir.file("plain"), "x");
  const auto path = GENERATE(as<std::string>{}, "missing/state.db", "directory", "plain/state.db");
  CAPTURE(path);
  test::ManualClock clock;
  test::Alarms alarms;
  const auto store = open_store(dir.file(path), clock, alarms.sink());
  REQUIRE(store != nullptr);
  test::MapOwner owner;
  store->load(Family::Standing, owner);
  CHECK(owner.loaded());
  store->put(Family::Standing, 1, "row");
  CHECK_FALSE(store->flush(1s));
  CHECK(store->stats().degraded);
  CHECK(store->stats().memory_only);
  CHECK(store->stats().pending == 0);
  store->put_text("name", "value");
  CHECK(store->texts().size() == 1);
  CHECK(alarms.lines().size() == 1);
  store->detach(Family::Standing);
}

// POSIX locks belong to a process, so the other one must be one. It is made first, while this one
// has no threads.
TEST_CASE("a file that another process holds is left alone") {
  const test::TempDir dir;
  test::ManualClock clock;
  test::Alarms alarms;
  int ready[2], done[2];
  REQUIRE((pipe(ready) == 0 && pipe(done) == 0));
  const auto child = fork();
  if (child == 0) {
    close(done[1]);
    const auto first = open_store(dir.file("state.db"), clock, alarms.sink());
    first->put(Family::Standing, 1, "row");
    char byte = first->flush(10s) ? 'y' : 'n';
    if (write(ready[1], &byte, 1) != 1 || read(done[0], &byte, 1) != 0) _exit(2);
    first->put(Family::Standing, 2, "row");
    _exit(first->flush(10s) && alarms.lines().empty() ? 0 : 1);
  }
  char byte = 'n';
  REQUIRE(read(ready[0], &byte, 1) == 1);
  CHECK(byte == 'y');
  CHECK(open_store(dir.file("state.db"), clock, alarms.sink())->stats().degraded);
  CHECK(alarms.lines().size() == 1);
  CHECK(dir.list("state.db.broken-").empty());
  for (const int fd : {done[1], done[0], ready[0], ready[1]}) close(fd);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a full disk is one alarm; rows wait and are written when there is room") {
  const test::TempDir dir;
  test::ManualClock clock;
  test::Alarms alarms;
  StoreOptions options;
  options.first_retry = 1ms;
  options.last_retry = 2ms;
  std::signal(SIGXFSZ, SIG_IGN);
  {
    const auto store = open_store(dir.file("state.db"), clock, alarms.sink(), options);
    test::MapOwner owner;
    store->load(Family::Standing, owner);
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    const auto before = limit;
    limit.rlim_cur = 100'000;
    setrlimit(RLIMIT_FSIZE, &limit);
    for (uint32_t i = 0; i < 10'000; ++i) {
      owner.set(i, std::string(50, 'x'));
      store->put(Family::Standing, i, std::string(50, 'x'));
    }
    const bool written = store->flush(30s);
    const auto stats = store->stats();
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK_FALSE(written);
    CHECK(stats.degraded);
    CHECK_FALSE(stats.memory_only);
    CHECK(stats.failures >= 1);
    CHECK(store->flush(30s));
    CHECK_FALSE(store->stats().degraded);
    CHECK(alarms.lines().size() == 2);  // cannot be written; is written again
    store->detach(Family::Standing);
  }
  CHECK(rows_after_restart(dir.file("state.db")) == 10'000);
}

TEST_CASE("rows that found no room in the queue are written from memory later") {
  const test::TempDir dir;
  test::ManualClock clock;
  test::Alarms alarms;
  StoreOptions options;
  options.max_pending = 10;
  options.batch_rows = 1'000;
  options.batch_delay = 1h;
  {
    const auto store = open_store(dir.file("state.db"), clock, alarms.sink(), options);
    test::MapOwner owner;
    store->load(Family::Standing, owner);
    for (uint32_t i = 0; i < 500; ++i) {
      owner.set(i, "row");
      store->put(Family::Standing, i, "row");
    }
    CHECK(store->stats().pending == 10);
    CHECK(store->flush(30s));
    store->detach(Family::Standing);
  }
  CHECK(rows_after_restart(dir.file("state.db")) == 500);
}

TEST_CASE("a file that is removed, replaced or cut while in use is written anew from memory") {
  const test::TempDir dir;
  const auto path = dir.file("state.db");
  const int harm = GENERATE(0, 1, 2);
  CAPTURE(harm);
  test::ManualClock clock;
  test::Alarms alarms;
  {
    const auto store = open_store(path, clock, alarms.sink());
    test::MapOwner owner;
    store->load(Family::Standing, owner);
    for (uint32_t i = 0; i < 3'000; ++i) {
      owner.set(i, "row");
      store->put(Family::Standing, i, "row");
    }
    store->put_text("name", "value");
    REQUIRE(store->flush(30s));
    if (harm == 0) std::filesystem::remove(path);
    if (harm == 1) {
      test::write_file(dir.file("other"), "somebody else's");
      std::filesystem::rename(dir.file("other"), path);
    }
    if (harm == 2) std::filesystem::resize_file(path, 0);
    owner.set(5'000, "late");
    store->put(Family::Standing, 5'000, "late");
    CHECK(store->flush(30s));
    CHECK_FALSE(store->stats().degraded);
    CHECK(store->stats().damaged_files == 1);
    CHECK(alarms.lines().size() == 1);
    store->detach(Family::Standing);
  }
  CHECK(rows_after_restart(path) == 3'001);
  test::Alarms none;
  CHECK(open_store(path, clock, none.sink())->texts().at("name") == "value");
}

TEST_CASE("damage that never ends is given up, not repeated for ever") {
  const test::TempDir dir;
  const auto path = dir.file("state.db");
  test::ManualClock clock;
  test::Alarms alarms;
  const auto store = open_store(path, clock, alarms.sink());
  for (uint32_t i = 0; i < 20; ++i) {
    std::filesystem::remove(path);
    store->put(Family::Standing, i, "row");
    store->flush(30s);
  }
  CHECK(store->stats().degraded);
  CHECK(store->stats().memory_only);
  CHECK(alarms.lines().size() <= 7);
}

TEST_CASE("kill -9 loses at most what was not yet committed") {
  const test::TempDir dir;
  const auto path = dir.file("state.db");
  const auto child = fork();
  if (child == 0) {
    test::ManualClock clock;
    const auto store = open_store(path, clock, [](const std::string&) {});
    for (uint32_t i = 0; i < 1'000; ++i) store->put(Family::Standing, i, "row");
    if (!store->flush(30s)) _exit(1);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  CHECK(rows_after_restart(path) == 1'000);
}
