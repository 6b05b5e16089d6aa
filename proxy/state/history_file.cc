#include "proxy/state/history_file.h"

#include <algorithm>
#include <utility>

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

}  // namespace

struct HistoryFile::Connection : SqliteConnection {
  Statement begin, commit, rollback, put, count, scan, put_point, curve, drop_below, drop_oldest,
      drop_points;
};

HistoryFile::HistoryFile() : connection_(std::make_unique<Connection>()) {}
HistoryFile::~HistoryFile() = default;

HistoryFile::Opened HistoryFile::open(const std::string& path) {
  std::unique_ptr<HistoryFile> file(new HistoryFile);
  bool existed = false;
  auto result = file->connection_->open(path, kKind, existed);
  if (result.ok()) result = file->prepare(existed);
  if (!result.ok()) file.reset();
  return {std::move(file), std::move(result)};
}

FileResult HistoryFile::prepare(bool existed) {
  auto& c = *connection_;
  FileResult result;
  if (!existed) {
    result = c.execute("BEGIN IMMEDIATE;" + std::string(kSchema) +
                       "PRAGMA application_id=" + std::to_string(kKind.application) +
                       ";PRAGMA user_version=" + std::to_string(kKind.version) + ";COMMIT");
  }
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
  return result;
}

FileResult HistoryFile::write(std::span<const HistoryRow> rows, std::span<const HistoryRow> counts,
                              std::span<const CurvePoint> points) {
  auto& c = *connection_;
  auto result = c.still_there();
  if (result.ok()) result = c.begin.run();
  if (!result.ok()) return result;
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
  if (!result.ok()) c.rollback.run();  // fails where SQLite rolled back by itself
  return result;
}

FileResult HistoryFile::scan(int64_t* next, size_t limit,
                             const std::function<void(const HistoryRow&)>& row) {
  auto& select = connection_->scan;
  select.bind(0, *next).bind(1, static_cast<int64_t>(limit));
  size_t count = 0;
  for (; select.step(); ++count) {
    const auto id = select.number(0);
    if (id < 0 || static_cast<uint64_t>(id) > kHighestId) {
      select.reset();
      return damaged("a row has an id that none can have");
    }
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

FileResult HistoryFile::trim_curve(uint32_t step, int64_t oldest) {
  return connection_->drop_points.bind(0, int64_t{step}).bind(1, oldest).run();
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
