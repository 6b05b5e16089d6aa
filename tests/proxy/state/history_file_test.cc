#include "proxy/state/history_file.h"

#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <new>
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

TEST_CASE("history: who is shown rows may throw, and the next one begins anew") {
  const TempDir dir;
  auto file = open(dir.file("history.db"));
  for (const uint64_t id : {1, 2, 3}) put(*file, id);
  const proxy::CurvePoint points[] = {{300, 300, "a"}, {300, 600, "b"}};
  REQUIRE(file->write({}, {}, points).ok());
  for (const int64_t began : {10, 20}) REQUIRE(file->put_report({began, 1, 1, "t", "s"}).ok());
  const auto fails = [](auto&&...) { throw std::bad_alloc(); };
  int64_t next = INT64_MAX;
  CHECK_THROWS_AS(file->scan(&next, 9, fails), std::bad_alloc);
  CHECK_THROWS_AS(file->curve(300, fails), std::bad_alloc);
  CHECK_THROWS_AS(file->reports(20, fails), std::bad_alloc);
  CHECK(ids(*file, 2) == std::vector<uint64_t>{2, 1});
  size_t seen = 0;
  const auto count = [&](auto&&...) { ++seen; };
  REQUIRE(file->curve(300, count).ok());
  CHECK(seen == 2);
  REQUIRE(file->reports(10, count).ok());
  CHECK(seen == 3);
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

namespace {

std::string reports(HistoryFile& file, int64_t began) {
  std::string seen;
  REQUIRE(file.reports(began,
                       [&](const proxy::ReportRow& row) {
                         seen += std::to_string(row.began) + "=" + std::string(row.text) + "/" +
                                 std::string(row.sketch) + " ";
                       })
              .ok());
  return seen;
}

void put_report(HistoryFile& file, int64_t began, int64_t at, size_t size = 1) {
  REQUIRE(file.put_report({began, 1, at, std::string(size, 't'), "s"}).ok());
}

}  // namespace

TEST_CASE("history: reports, and what is left of those before") {
  const TempDir dir;
  auto file = open(dir.file("history.db"));
  for (const int64_t began : {30, 10, 20}) put_report(*file, began, 1);
  CHECK(reports(*file, 20) == "20=t/s 10=/s ");
  CHECK(reports(*file, 99) == "10=/s 20=/s 30=/s ");
  put_report(*file, 20, 5, 2);
  CHECK(reports(*file, 20) == "20=tt/s 10=/s ");
}

TEST_CASE("history: reports are bounded in number, size and age, the first go") {
  const TempDir dir;
  auto file = open(dir.file("history.db"));
  for (int64_t i = 1; i <= 9; ++i) put_report(*file, i, i == 8 ? 1 : 100, 1'000);
  REQUIRE(file->trim_reports(7, 1'000'000, 0).ok());
  CHECK(reports(*file, 4) == "4=" + std::string(1'000, 't') + "/s 3=/s ");
  REQUIRE(file->trim_reports(50, 1'000'000, 2).ok());
  CHECK(reports(*file, 99) == "3=/s 4=/s 5=/s 6=/s 7=/s 9=/s ");
  REQUIRE(file->trim_reports(50, 3'100, 0).ok());
  CHECK(reports(*file, 99) == "6=/s 7=/s 9=/s ");
  REQUIRE(file->trim_reports(0, 0, 0).ok());
  CHECK(reports(*file, 99).empty());
}

TEST_CASE("history: a file from before there were reports gets a place for them") {
  const TempDir dir;
  const auto path = dir.file("history.db");
  {
    auto file = open(path);
    put(*file, 1);
  }
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
  CHECK(sqlite3_exec(handle, "DROP TABLE reports", nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(handle);
  auto file = open(path);
  put_report(*file, 10, 1);
  CHECK(ids(*file) == std::vector<uint64_t>{1});
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
