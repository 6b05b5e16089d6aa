#include "proxy/state/history_file.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <vector>

#include "support/temp_dir.h"

namespace ravelin::test {
namespace {

using proxy::HistoryFile;
using proxy::HistoryRow;

std::unique_ptr<HistoryFile> open(const std::string& path) {
  auto opened = HistoryFile::open(path);
  INFO(opened.result.why);
  REQUIRE(opened.result.ok());
  return std::move(opened.file);
}

void put(HistoryFile& file, uint64_t id, const std::string& account = "{}") {
  const HistoryRow row{id, 1, 1000, "client", account};
  REQUIRE(file.write({&row, 1}, {}, {}).ok());
}

std::vector<uint64_t> ids(HistoryFile& file, int64_t from = INT64_MAX, size_t step = 2) {
  std::vector<uint64_t> found;
  for (int64_t next = from; next >= 0;)
    REQUIRE(file.scan(&next, step, [&](const HistoryRow& row) { found.push_back(row.id); }).ok());
  return found;
}

}  // namespace

TEST_CASE("history: rows come back newest first, after another start, too") {
  const TempDir dir;
  {
    auto file = open(dir.file("history.db"));
    for (const uint64_t id : {5, 3, 9}) put(*file, id, "{\"id\":" + std::to_string(id) + "}");
    const HistoryRow again{5, 7, 2000, {}, {}};
    REQUIRE(file->write({}, {&again, 1}, {}).ok());
  }
  auto file = open(dir.file("history.db"));
  CHECK(ids(*file) == std::vector<uint64_t>{9, 5, 3});
  CHECK(ids(*file, 8) == std::vector<uint64_t>{5, 3});
  int64_t next = 5;
  REQUIRE(file->scan(&next, 1,
                     [](const HistoryRow& row) {
                       CHECK(row.count == 7);
                       CHECK(row.last == 2000);
                       CHECK(row.client == "client");
                       CHECK(row.account == "{\"id\":5}");
                     })
              .ok());
  CHECK(next == 4);
}

TEST_CASE("history: what is old or too much goes, oldest first and in pieces") {
  const TempDir dir;
  auto file = open(dir.file("history.db"));
  for (uint64_t id = 1; id <= 20; ++id) put(*file, id, std::string(4000, 'x'));
  bool more = false;
  REQUIRE(file->trim(UINT64_MAX, 9, 5, &more).ok());
  CHECK(more);
  REQUIRE(file->trim(UINT64_MAX, 9, 5, &more).ok());
  CHECK(!more);
  CHECK(ids(*file).back() == 9);
  uint64_t before = 0, after = 0;
  REQUIRE(file->used(&before).ok());
  REQUIRE(file->trim(before - 1, 0, 4, &more).ok());
  CHECK(ids(*file).back() == 13);
  REQUIRE(file->used(&after).ok());
  CHECK(after < before);
}

TEST_CASE("history: curves, each step by itself") {
  const TempDir dir;
  auto file = open(dir.file("history.db"));
  const proxy::CurvePoint points[] = {{300, 600, "b"}, {300, 300, "a"}, {10, 10, "c"}};
  REQUIRE(file->write({}, {}, points).ok());
  std::string seen;
  const auto note = [&](int64_t at, std::string_view data) {
    seen.append(std::to_string(at)).append("=").append(data).append(" ");
  };
  REQUIRE(file->curve(300, note).ok());
  CHECK(seen == "300=a 600=b ");
  REQUIRE(file->trim_curve(300, 600).ok());
  seen.clear();
  REQUIRE(file->curve(300, note).ok());
  REQUIRE(file->curve(10, note).ok());
  CHECK(seen == "600=b 10=c ");
}

TEST_CASE("history: a foreign, damaged or removed file is known as such") {
  const TempDir dir;
  std::ofstream(dir.file("text")) << std::string(5000, 'x');
  CHECK(HistoryFile::open(dir.file("text")).result.state == proxy::FileResult::State::Damaged);
  { auto file = open(dir.file("history.db")); }
  auto file = open(dir.file("history.db"));
  put(*file, 1);
  std::filesystem::remove(dir.file("history.db"));
  const HistoryRow row{2, 1, 0, "", "{}"};
  CHECK(file->write({&row, 1}, {}, {}).state == proxy::FileResult::State::Damaged);
}

}  // namespace ravelin::test
