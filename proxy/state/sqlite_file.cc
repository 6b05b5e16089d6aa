#include "proxy/state/sqlite_file.h"

#include <sqlite3.h>

#include <algorithm>
#include <cassert>
#include <filesystem>
#include <utility>

namespace ravelin::proxy {
namespace {

namespace fs = std::filesystem;
using State = FileResult::State;

constexpr int64_t kApplication = 0x52764c6e;  // "RvLn", for PRAGMA application_id
constexpr int64_t kVersion = 1;               // for PRAGMA user_version; rows change with it
constexpr uint32_t kHighestSlot = INT32_MAX;  // more can only be damage

constexpr const char* kTables[kFamilies] = {"tuples", "standing", "groups", "remembered",
                                            "one_by_one"};
constexpr const char* kLaterTables[] = {"one_by_one"};  // the first files have none of these

// What a result code means for us. An I/O error may be gone after the next remount, but a page that
// ends too early will not come back.
State state_of(int code) {
  switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return State::Fine;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR:  // a table or column that is not there: not our file
    case SQLITE_MISMATCH:
      return State::Damaged;
    case SQLITE_IOERR:
      return code == SQLITE_IOERR_SHORT_READ ? State::Damaged : State::Trouble;
    default:
      return State::Trouble;
  }
}

FileResult result_of(int code) {
  if (state_of(code) == State::Fine) return {};
  return {state_of(code), sqlite3_errstr(code)};
}

FileResult damaged(std::string why) { return {State::Damaged, std::move(why)}; }

struct Close {
  void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

// A prepared statement. Parameters and columns are numbered from 0.
class Statement {
 public:
  FileResult prepare(sqlite3* handle, const std::string& text) {
    sqlite3_stmt* statement = nullptr;
    const auto code = sqlite3_prepare_v3(handle, text.c_str(), -1, SQLITE_PREPARE_PERSISTENT,
                                         &statement, nullptr);
    statement_.reset(statement);
    return result_of(code);
  }
  // |bytes| must live until reset().
  Statement& bind(int parameter, std::string_view bytes) {
    sqlite3_bind_blob64(statement_.get(), parameter + 1, bytes.data(), bytes.size(), SQLITE_STATIC);
    return *this;
  }
  Statement& bind(int parameter, int64_t value) {
    sqlite3_bind_int64(statement_.get(), parameter + 1, value);
    return *this;
  }
  // True if there is a row to look at.
  bool step() {
    code_ = sqlite3_step(statement_.get());
    return code_ == SQLITE_ROW;
  }
  int64_t number(int column) { return sqlite3_column_int64(statement_.get(), column); }
  // Valid until the next step() or reset().
  std::string_view bytes(int column) {
    const auto* data = sqlite3_column_blob(statement_.get(), column);
    const auto size = sqlite3_column_bytes(statement_.get(), column);
    if (data == nullptr) return {};
    return {static_cast<const char*>(data), static_cast<size_t>(size)};
  }
  // How it went.
  FileResult reset() {
    sqlite3_reset(statement_.get());
    return result_of(std::exchange(code_, SQLITE_OK));
  }
  FileResult run() {
    step();
    return reset();
  }

 private:
  std::unique_ptr<sqlite3_stmt, Close> statement_;
  int code_ = SQLITE_OK;
};

}  // namespace

struct SqliteFile::Connection {
  struct FamilyStatements {
    Statement put, erase, read;
  };

  FileResult execute(const std::string& text) {
    return result_of(sqlite3_exec(handle.get(), text.c_str(), nullptr, nullptr, nullptr));
  }
  // The first column of the first row.
  FileResult number(const std::string& text, int64_t& value) {
    Statement statement;
    if (auto result = statement.prepare(handle.get(), text); !result.ok()) return result;
    if (statement.step()) value = statement.number(0);
    return statement.reset();
  }

  std::unique_ptr<sqlite3, Close> handle;  // closed after the statements
  std::array<FamilyStatements, kFamilies> families;
  Statement begin, commit, rollback, put_text, erase_text;
};

SqliteFile::SqliteFile(std::string path, const HashKey& key)
    : path_(std::move(path)), hash_key_(key), connection_(std::make_unique<Connection>()) {}

SqliteFile::~SqliteFile() = default;

SqliteFile::Opened SqliteFile::open(const std::string& path, const HashKey& key) {
  std::error_code error;
  const bool exists = fs::exists(path, error);
  if (exists && fs::is_regular_file(path, error) && fs::file_size(path, error) == 0)
    return {nullptr, damaged("the file is empty")};

  std::unique_ptr<SqliteFile> file(new SqliteFile(path, key));
  sqlite3* handle = nullptr;
  constexpr int kFlags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const auto code = sqlite3_open_v2(path.c_str(), &handle, kFlags, nullptr);
  file->connection_->handle.reset(handle);
  auto result = result_of(code);
  if (result.ok() && exists) result = file->recognise();
  if (result.ok()) {
    // Ours, or empty and just made; the write-ahead log takes its mode from it.
    constexpr auto kMode = fs::perms::owner_read | fs::perms::owner_write;
    fs::permissions(path, kMode, error);
    result = file->prepare();
  }
  if (result.ok()) result = exists ? file->complete() : file->create();
  if (result.ok()) result = file->load_meta();
  if (!result.ok()) file.reset();
  return {std::move(file), std::move(result)};
}

// Whose file is it? Nothing is written before that is known.
FileResult SqliteFile::recognise() {
  int64_t application = 0;
  int64_t version = 0;
  auto result = connection_->execute("PRAGMA locking_mode=EXCLUSIVE");
  if (result.ok()) result = connection_->number("PRAGMA application_id", application);
  if (result.ok()) result = connection_->number("PRAGMA user_version", version);
  if (!result.ok()) return result;
  if (application != kApplication) return damaged("it is not a state file of this program");
  if (version != kVersion) return damaged("it has version " + std::to_string(version));
  return {};
}

FileResult SqliteFile::prepare() {
  // locking_mode comes first: it must hold before the first access, or there is a -shm file.
  return connection_->execute(
      "PRAGMA locking_mode=EXCLUSIVE;"
      "PRAGMA mmap_size=0;"
      "PRAGMA temp_store=MEMORY;"  // a chroot may have no /tmp
      "PRAGMA journal_mode=WAL;"
      "PRAGMA synchronous=NORMAL;"
      "PRAGMA cache_size=-16000;"
      "PRAGMA journal_size_limit=67108864;"
      "PRAGMA temp_store=MEMORY;"
      "PRAGMA trusted_schema=OFF;"
      "PRAGMA cell_size_check=ON;");
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
      std::to_string(kApplication) + ";PRAGMA user_version=" + std::to_string(kVersion) + ";";
  auto result = connection_->execute(text);
  Statement key;
  if (result.ok())
    result = key.prepare(connection_->handle.get(), "INSERT INTO meta VALUES('hash_key', ?)");
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
  auto* handle = c.handle.get();
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
  auto result = still_there();
  if (result.ok()) result = connection_->begin.run();
  if (!result.ok()) return result;
  for (const auto& row : changes.rows)
    if (result.ok()) result = write_row(row);
  for (const auto& text : changes.texts)
    if (result.ok()) result = write_text(text);
  if (result.ok()) result = connection_->commit.run();
  if (!result.ok()) connection_->rollback.run();  // fails where SQLite rolled back by itself
  return result;
}

// A file that somebody removes, replaces or cuts under our hands takes writes for ever and keeps
// nothing. It never shrinks by itself.
FileResult SqliteFile::still_there() {
  int moved = 0;
  sqlite3_file_control(connection_->handle.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  if (moved != 0) return damaged("the file was removed or replaced");
  std::error_code error;
  const auto size = fs::file_size(path_, error);
  if (error) return {};
  if (size < largest_) return damaged("the file was truncated");
  largest_ = size;
  return {};
}

FileResult SqliteFile::write_row(const RowChange& change) {
  auto& family = connection_->families[static_cast<size_t>(change.family)];
  if (change.row.empty()) return family.erase.bind(0, int64_t{change.slot}).run();
  auto data = change.row;
  const auto sum = check(change.family, change.slot, data);
  for (int shift = 0; shift < 32; shift += 8) data += static_cast<char>(sum >> shift);
  return family.put.bind(0, int64_t{change.slot}).bind(1, data).run();
}

FileResult SqliteFile::write_text(const TextChange& change) {
  if (!change.value) return connection_->erase_text.bind(0, change.name).run();
  return connection_->put_text.bind(0, change.name).bind(1, *change.value).run();
}

FileResult SqliteFile::read(Family family, int64_t* next, size_t limit,
                            const std::function<void(uint32_t, std::string_view)>& row) {
  auto& select = connection_->families[static_cast<size_t>(family)].read;
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
        sum != check(family, static_cast<uint32_t>(slot), bytes)) {
      select.reset();
      return damaged("a row has changed by itself");
    }
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
