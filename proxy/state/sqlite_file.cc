#include "proxy/state/sqlite_file.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "proxy/state/sqlite.h"

namespace ravelin::proxy {
namespace {

// "RvLn"; rows change with the version.
constexpr SqliteKind kKind{0x52764c6e, 1, "state file"};
constexpr uint32_t kHighestSlot = INT32_MAX;  // more can only be damage

constexpr const char* kTables[kFamilies] = {"tuples", "standing", "groups", "remembered",
                                            "one_by_one"};
constexpr const char* kLaterTables[] = {"one_by_one"};  // the first files have none of these

}  // namespace

struct SqliteFile::Connection : SqliteConnection {
  struct FamilyStatements {
    Statement put, erase, read;
  };
  std::array<FamilyStatements, kFamilies> families;
  Statement begin, commit, rollback, put_text, erase_text;
};

SqliteFile::SqliteFile(const HashKey& key)
    : hash_key_(key), connection_(std::make_unique<Connection>()) {}

SqliteFile::~SqliteFile() = default;

SqliteFile::Opened SqliteFile::open(const std::string& path, const HashKey& key) {
  std::unique_ptr<SqliteFile> file(new SqliteFile(key));
  bool existed = false;
  auto result = file->connection_->open(path, kKind, existed);
  if (result.ok()) result = existed ? file->complete() : file->create();
  if (result.ok()) result = file->load_meta();
  if (!result.ok()) file.reset();
  return {std::move(file), std::move(result)};
}

FileResult SqliteFile::create() {
  std::string text = "BEGIN IMMEDIATE;";
  for (const auto* table : kTables)
    text +=
        "CREATE TABLE " + std::string(table) + "(slot INTEGER PRIMARY KEY, data BLOB NOT NULL);";
  text +=
      "CREATE TABLE texts(name BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
      "CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
      "PRAGMA application_id=" +
      std::to_string(kKind.application) + ";PRAGMA user_version=" + std::to_string(kKind.version) +
      ";";
  auto result = connection_->execute(text);
  Statement key;
  if (result.ok())
    result = key.prepare(connection_->handle(), "INSERT INTO meta VALUES('hash_key', ?)");
  if (!result.ok()) return result;
  key.bind(0, {reinterpret_cast<const char*>(hash_key_.data()), hash_key_.size()});
  result = key.run();
  return result.ok() ? connection_->execute("COMMIT") : result;
}

// A file of before a kind of rows was known has no table for them. Looked for first, so that
// nothing is written to one that lacks nothing.
FileResult SqliteFile::complete() {
  FileResult result;
  for (const std::string name : kLaterTables) {
    int64_t there = 0;
    if (result.ok())
      result = connection_->number(
          "SELECT count(*) FROM sqlite_master WHERE type='table' AND name='" + name + "'", there);
    if (result.ok() && there == 0)
      result = connection_->execute("CREATE TABLE " + name +
                                    "(slot INTEGER PRIMARY KEY, data BLOB NOT NULL)");
  }
  return result;
}

FileResult SqliteFile::load_meta() {
  auto& c = *connection_;
  auto* handle = c.handle();
  FileResult result;
  const auto prepare = [&](Statement& statement, const std::string& text) {
    if (result.ok()) result = statement.prepare(handle, text);
  };
  for (size_t i = 0; i < kFamilies && result.ok(); ++i) {
    const std::string table = kTables[i];
    prepare(c.families[i].put, "REPLACE INTO " + table + "(slot, data) VALUES(?, ?)");
    prepare(c.families[i].erase, "DELETE FROM " + table + " WHERE slot = ?");
    prepare(c.families[i].read,
            "SELECT slot, data FROM " + table + " WHERE slot >= ? ORDER BY slot LIMIT ?");
    int64_t highest = 0;
    if (result.ok()) result = c.number("SELECT max(slot) FROM " + table, highest);
    if (result.ok() && (highest < 0 || highest > kHighestSlot)) result = damaged("a slot is wrong");
    highest_[i] = static_cast<uint32_t>(highest);
  }
  prepare(c.begin, "BEGIN IMMEDIATE");
  prepare(c.commit, "COMMIT");
  prepare(c.rollback, "ROLLBACK");
  prepare(c.put_text, "REPLACE INTO texts(name, value) VALUES(?, ?)");
  prepare(c.erase_text, "DELETE FROM texts WHERE name = ?");

  Statement key, texts;
  prepare(key, "SELECT value FROM meta WHERE name = 'hash_key'");
  prepare(texts, "SELECT name, value FROM texts");
  if (!result.ok()) return result;
  if (!key.step() || key.bytes(0).size() != hash_key_.size()) return damaged("it has no hash key");
  std::copy_n(key.bytes(0).begin(), hash_key_.size(), hash_key_.begin());
  while (texts.step()) texts_.emplace(texts.bytes(0), texts.bytes(1));
  return texts.reset();
}

FileResult SqliteFile::write(const Changes& changes) {
  auto result = connection_->still_there();
  if (!result.ok()) return result;
  const SqliteTransaction transaction(*connection_, connection_->rollback);
  result = connection_->begin.run();
  for (const auto& [key, row] : changes.rows)
    if (result.ok()) result = write_row(key, row);
  for (const auto& [name, value] : changes.texts)
    if (result.ok()) result = write_text(name, value);
  if (result.ok()) result = connection_->commit.run();
  return result;
}

FileResult SqliteFile::write_row(const RowKey& key, const std::string& row) {
  auto& family = connection_->families[static_cast<size_t>(key.family)];
  if (row.empty()) return family.erase.bind(0, int64_t{key.slot}).run();
  auto data = row;
  const auto sum = check(key.family, key.slot, data);
  for (int shift = 0; shift < 32; shift += 8) data += static_cast<char>(sum >> shift);
  return family.put.bind(0, int64_t{key.slot}).bind(1, data).run();
}

FileResult SqliteFile::write_text(const std::string& name,
                                  const std::optional<std::string>& value) {
  if (!value) return connection_->erase_text.bind(0, name).run();
  return connection_->put_text.bind(0, name).bind(1, *value).run();
}

// The query has no upper bound: a slot that damage made too high would end it, in silence.
FileResult SqliteFile::read(Family family, int64_t* next, uint32_t last, size_t limit,
                            const std::function<void(uint32_t, std::string_view)>& row) {
  auto& select = connection_->families[static_cast<size_t>(family)].read;
  const Reading reading(select);
  select.bind(0, *next).bind(1, static_cast<int64_t>(limit));
  size_t count = 0;
  for (; select.step(); ++count) {
    const auto slot = select.number(0);
    const auto data = select.bytes(1);
    uint32_t sum = 0;
    for (size_t i = 0; i < 4 && data.size() > 4; ++i)
      sum |= uint32_t{static_cast<uint8_t>(data[data.size() - 4 + i])} << (8 * i);
    const auto bytes = data.substr(0, data.size() > 4 ? data.size() - 4 : 0);
    if (slot < 0 || slot > kHighestSlot || bytes.empty() || bytes.size() > kMaxRow ||
        sum != check(family, static_cast<uint32_t>(slot), bytes))
      return damaged("a row has changed by itself");
    if (slot > last) break;
    *next = slot + 1;
    row(static_cast<uint32_t>(slot), bytes);
  }
  if (count < limit) *next = int64_t{UINT32_MAX} + 1;
  return select.reset();
}

// SQLite notices damage to its pages' structure, not to what is in them; a flipped bit must not
// make somebody's standing. Keyed, so that rows of another file do not pass either.
uint32_t SqliteFile::check(Family family, uint32_t slot, std::string_view row) const {
  std::array<char, 5> place = {static_cast<char>(family)};
  for (size_t i = 0; i < 4; ++i) place[i + 1] = static_cast<char>(slot >> (8 * i));
  return Hasher(hash_key_).add({place.data(), place.size()}).add_raw(row).finish().words[0];
}

}  // namespace ravelin::proxy
