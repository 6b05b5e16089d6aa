#include "proxy/state/history_file.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "proxy/state/sqlite.h"

namespace ravelin::proxy {
namespace {

// "RvHs"; rows change with the version.
constexpr SqliteKind kKind{0x52764873, 1, "history file"};
constexpr uint64_t kHighestId = 0xffff'ffff'ffff;  // more can only be damage

constexpr const char* kSchema =
    "CREATE TABLE dialogs(id INTEGER PRIMARY KEY, count INTEGER NOT NULL, last INTEGER NOT NULL,"
    " client BLOB NOT NULL, account BLOB NOT NULL);"
    "CREATE TABLE curves(step INTEGER NOT NULL, at INTEGER NOT NULL, data BLOB NOT NULL,"
    " PRIMARY KEY(step, at)) WITHOUT ROWID;";
constexpr const char* kReports =
    "CREATE TABLE reports(began INTEGER PRIMARY KEY, number INTEGER NOT NULL, at INTEGER NOT NULL,"
    " text BLOB NOT NULL, sketch BLOB NOT NULL);";

}  // namespace

struct HistoryFile::Connection : SqliteConnection {
  Statement begin, commit, rollback, put, count, scan, put_point, curve, drop_below, drop_oldest,
      drop_points, put_report, report, earlier, report_sizes, drop_report;
};

HistoryFile::HistoryFile() : connection_(std::make_unique<Connection>()) {}
HistoryFile::~HistoryFile() = default;

HistoryFile::Opened HistoryFile::open(const std::string& path) {
  std::unique_ptr<HistoryFile> file(new HistoryFile);
  bool existed = false;
  auto result = file->connection_->open(path, kKind, existed);
  if (result.ok()) result = existed ? file->complete() : file->create();
  if (result.ok()) result = file->prepare();
  if (!result.ok()) file.reset();
  return {std::move(file), std::move(result)};
}

FileResult HistoryFile::create() {
  return connection_->execute("BEGIN IMMEDIATE;" + std::string(kSchema) + kReports +
                              "PRAGMA application_id=" + std::to_string(kKind.application) +
                              ";PRAGMA user_version=" + std::to_string(kKind.version) + ";COMMIT");
}

// The first files have no reports.
FileResult HistoryFile::complete() {
  int64_t there = 0;
  const auto result = connection_->number(
      "SELECT count(*) FROM sqlite_master WHERE type='table' AND name='reports'", there);
  return result.ok() && there == 0 ? connection_->execute(kReports) : result;
}

FileResult HistoryFile::prepare() {
  auto& c = *connection_;
  FileResult result;
  const auto add = [&](Statement& statement, const char* text) {
    if (result.ok()) result = statement.prepare(c.handle(), text);
  };
  add(c.begin, "BEGIN IMMEDIATE");
  add(c.commit, "COMMIT");
  add(c.rollback, "ROLLBACK");
  add(c.put, "REPLACE INTO dialogs(id, count, last, client, account) VALUES(?, ?, ?, ?, ?)");
  add(c.count, "UPDATE dialogs SET count = ?, last = ? WHERE id = ?");
  add(c.scan,
      "SELECT id, count, last, client, account FROM dialogs WHERE id <= ? ORDER BY id DESC LIMIT "
      "?");
  add(c.put_point, "REPLACE INTO curves(step, at, data) VALUES(?, ?, ?)");
  add(c.curve, "SELECT at, data FROM curves WHERE step = ? ORDER BY at");
  add(c.drop_below,
      "DELETE FROM dialogs WHERE id IN (SELECT id FROM dialogs WHERE id < ? ORDER BY id LIMIT ?)");
  add(c.drop_oldest,
      "DELETE FROM dialogs WHERE id IN (SELECT id FROM dialogs ORDER BY id LIMIT ?)");
  add(c.drop_points, "DELETE FROM curves WHERE step = ? AND at < ?");
  add(c.put_report, "REPLACE INTO reports(began, number, at, text, sketch) VALUES(?, ?, ?, ?, ?)");
  add(c.report, "SELECT began, number, at, text, sketch FROM reports WHERE began = ?");
  add(c.earlier,
      "SELECT began, number, at, '', sketch FROM reports WHERE began < ? ORDER BY began");
  add(c.report_sizes,
      "SELECT began, at, length(text) + length(sketch) FROM reports ORDER BY began DESC");
  add(c.drop_report, "DELETE FROM reports WHERE began = ?");
  return result;
}

FileResult HistoryFile::write(std::span<const HistoryRow> rows, std::span<const HistoryRow> counts,
                              std::span<const CurvePoint> points) {
  auto& c = *connection_;
  auto result = c.still_there();
  if (!result.ok()) return result;
  const SqliteTransaction transaction(c, c.rollback);
  result = c.begin.run();
  for (const auto& row : rows) {
    if (!result.ok()) break;
    result = c.put.bind(0, static_cast<int64_t>(row.id))
                 .bind(1, int64_t{row.count})
                 .bind(2, row.last)
                 .bind(3, row.client)
                 .bind(4, row.account)
                 .run();
  }
  for (const auto& row : counts) {
    if (!result.ok()) break;
    result = c.count.bind(0, int64_t{row.count})
                 .bind(1, row.last)
                 .bind(2, static_cast<int64_t>(row.id))
                 .run();
  }
  for (const auto& point : points) {
    if (!result.ok()) break;
    result = c.put_point.bind(0, int64_t{point.step}).bind(1, point.at).bind(2, point.data).run();
  }
  if (result.ok()) result = c.commit.run();
  return result;
}

FileResult HistoryFile::scan(int64_t* next, size_t limit,
                             const std::function<void(const HistoryRow&)>& row) {
  auto& select = connection_->scan;
  const Reading reading(select);
  select.bind(0, *next).bind(1, static_cast<int64_t>(limit));
  size_t count = 0;
  for (; select.step(); ++count) {
    const auto id = select.number(0);
    if (id < 0 || static_cast<uint64_t>(id) > kHighestId)
      return damaged("a row has an id that none can have");
    const auto many = std::clamp<int64_t>(select.number(1), 1, UINT32_MAX);
    *next = id - 1;
    row({static_cast<uint64_t>(id), static_cast<uint32_t>(many), select.number(2), select.bytes(3),
         select.bytes(4)});
  }
  if (count < limit) *next = -1;
  return select.reset();
}

FileResult HistoryFile::curve(uint32_t step,
                              const std::function<void(int64_t, std::string_view)>& to) {
  auto& select = connection_->curve;
  const Reading reading(select);
  select.bind(0, int64_t{step});
  while (select.step()) to(select.number(0), select.bytes(1));
  return select.reset();
}

FileResult HistoryFile::trim(uint64_t bytes, uint64_t oldest, size_t limit, bool* more) {
  auto& c = *connection_;
  const auto most = static_cast<int64_t>(limit);
  *more = false;
  auto result = c.drop_below.bind(0, static_cast<int64_t>(oldest)).bind(1, most).run();
  if (!result.ok()) return result;
  int64_t gone = c.changes();
  uint64_t in_use = 0;
  if (gone < most) result = used(&in_use);
  if (result.ok() && in_use > bytes) {
    result = c.drop_oldest.bind(0, most - gone).run();
    if (result.ok()) gone += c.changes();
  }
  *more = result.ok() && gone >= most;
  return result;
}

FileResult HistoryFile::newest(uint64_t* id) {
  int64_t highest = 0;
  const auto result = connection_->number("SELECT max(id) FROM dialogs", highest);
  *id = static_cast<uint64_t>(std::max<int64_t>(0, highest));
  return result;
}

FileResult HistoryFile::trim_curve(uint32_t step, int64_t oldest) {
  return connection_->drop_points.bind(0, int64_t{step}).bind(1, oldest).run();
}

FileResult HistoryFile::put_report(const ReportRow& report) {
  auto& c = *connection_;
  auto result = c.still_there();
  if (!result.ok()) return result;
  return c.put_report.bind(0, report.began)
      .bind(1, int64_t{report.number})
      .bind(2, report.at)
      .bind(3, report.text)
      .bind(4, report.sketch)
      .run();
}

FileResult HistoryFile::reports(int64_t began, const std::function<void(const ReportRow&)>& one) {
  FileResult result;
  for (auto* const select : {&connection_->report, &connection_->earlier}) {
    const Reading reading(*select);
    select->bind(0, began);
    while (result.ok() && select->step()) {
      const auto number = static_cast<uint32_t>(select->number(1));
      one({select->number(0), number, select->number(2), select->bytes(3), select->bytes(4)});
    }
    if (result.ok()) result = select->reset();
  }
  return result;
}

FileResult HistoryFile::trim_reports(size_t count, uint64_t bytes, int64_t oldest) {
  auto& c = *connection_;
  const Reading reading(c.report_sizes);
  std::vector<int64_t> gone;
  uint64_t sum = 0;
  for (size_t i = 0; c.report_sizes.step(); ++i) {
    sum += static_cast<uint64_t>(std::max<int64_t>(0, c.report_sizes.number(2)));
    if (i >= count || sum > bytes || c.report_sizes.number(1) < oldest)
      gone.push_back(c.report_sizes.number(0));
  }
  auto result = c.report_sizes.reset();
  for (const auto began : gone)
    if (result.ok()) result = c.drop_report.bind(0, began).run();
  return result;
}

FileResult HistoryFile::used(uint64_t* bytes) {
  int64_t pages = 0, free = 0, size = 0;
  auto result = connection_->number("PRAGMA page_count", pages);
  if (result.ok()) result = connection_->number("PRAGMA freelist_count", free);
  if (result.ok()) result = connection_->number("PRAGMA page_size", size);
  if (result.ok()) *bytes = static_cast<uint64_t>(std::max<int64_t>(0, pages - free) * size);
  return result;
}

}  // namespace ravelin::proxy
