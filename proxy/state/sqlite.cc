#include "proxy/state/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

namespace ravelin::proxy {
namespace {

namespace fs = std::filesystem;
using State = FileResult::State;

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

// SQLite would make it readable for others until it is told otherwise, which the filter of system
// calls may not allow. What cannot be made here cannot be made there, and that is told there.
void make_private(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
}

}  // namespace

FileResult sqlite_result(int code) {
  if (state_of(code) == State::Fine) return {};
  return {state_of(code), sqlite3_errstr(code)};
}

FileResult damaged(std::string why) { return {State::Damaged, std::move(why)}; }

void SqliteClose::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
void SqliteClose::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

FileResult Statement::prepare(sqlite3* handle, const std::string& text) {
  sqlite3_stmt* statement = nullptr;
  const auto code =
      sqlite3_prepare_v3(handle, text.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  statement_.reset(statement);
  return sqlite_result(code);
}

Statement& Statement::bind(int parameter, std::string_view bytes) {
  sqlite3_bind_blob64(statement_.get(), parameter + 1, bytes.data(), bytes.size(), SQLITE_STATIC);
  return *this;
}

Statement& Statement::bind(int parameter, int64_t value) {
  sqlite3_bind_int64(statement_.get(), parameter + 1, value);
  return *this;
}

bool Statement::step() {
  code_ = sqlite3_step(statement_.get());
  return code_ == SQLITE_ROW;
}

int64_t Statement::number(int column) { return sqlite3_column_int64(statement_.get(), column); }

std::string_view Statement::bytes(int column) {
  const auto* data = sqlite3_column_blob(statement_.get(), column);
  const auto size = sqlite3_column_bytes(statement_.get(), column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data), static_cast<size_t>(size)};
}

FileResult Statement::reset() {
  sqlite3_reset(statement_.get());
  return sqlite_result(std::exchange(code_, SQLITE_OK));
}

void Statement::give_up() {
  sqlite3_reset(statement_.get());
  code_ = SQLITE_OK;
}

FileResult SqliteConnection::open(const std::string& path, const SqliteKind& kind, bool& existed) {
  path_ = path;
  std::error_code error;
  existed = fs::exists(path, error);
  if (existed && fs::is_regular_file(path, error) && fs::file_size(path, error) == 0)
    return damaged("the file is empty");

  if (!existed) make_private(path);
  sqlite3* handle = nullptr;
  constexpr int kFlags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const auto code = sqlite3_open_v2(path.c_str(), &handle, kFlags, nullptr);
  handle_.reset(handle);
  auto result = sqlite_result(code);
  if (result.ok() && existed) result = recognise(kind);
  if (!result.ok()) return result;
  // Ours, or empty and just made; the write-ahead log takes its mode from it.
  constexpr auto kMode = fs::perms::owner_read | fs::perms::owner_write;
  fs::permissions(path, kMode, error);
  return prepare();
}

FileResult SqliteConnection::execute(const std::string& text) {
  return sqlite_result(sqlite3_exec(handle(), text.c_str(), nullptr, nullptr, nullptr));
}

FileResult SqliteConnection::number(const std::string& text, int64_t& value) {
  Statement statement;
  if (auto result = statement.prepare(handle(), text); !result.ok()) return result;
  if (statement.step()) value = statement.number(0);
  return statement.reset();
}

// Whose file is it? Nothing is written before that is known.
FileResult SqliteConnection::recognise(const SqliteKind& kind) {
  int64_t application = 0;
  int64_t version = 0;
  auto result = execute("PRAGMA locking_mode=EXCLUSIVE");
  if (result.ok()) result = number("PRAGMA application_id", application);
  if (result.ok()) result = number("PRAGMA user_version", version);
  if (!result.ok()) return result;
  if (application != kind.application)
    return damaged("it is not a " + std::string(kind.name) + " of this program");
  if (version != kind.version) return damaged("it has version " + std::to_string(version));
  return {};
}

FileResult SqliteConnection::prepare() {
  // locking_mode comes first: it must hold before the first access, or there is a -shm file.
  return execute(
      "PRAGMA locking_mode=EXCLUSIVE;"
      "PRAGMA mmap_size=0;"
      "PRAGMA temp_store=MEMORY;"  // a chroot may have no /tmp
      "PRAGMA journal_mode=WAL;"
      "PRAGMA synchronous=NORMAL;"
      "PRAGMA cache_size=-16000;"
      "PRAGMA journal_size_limit=67108864;"
      "PRAGMA trusted_schema=OFF;"
      "PRAGMA cell_size_check=ON;");
}

int64_t SqliteConnection::changes() { return sqlite3_changes64(handle()); }

SqliteTransaction::~SqliteTransaction() {
  if (sqlite3_get_autocommit(connection_.handle()) != 0) return;  // there is none
  rollback_.step();
  rollback_.give_up();
}

// A file of ours never shrinks by itself.
FileResult SqliteConnection::still_there() {
  int moved = 0;
  sqlite3_file_control(handle(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  if (moved != 0) return damaged("the file was removed or replaced");
  std::error_code error;
  const auto size = fs::file_size(path_, error);
  if (error) return {};
  if (size < largest_) return damaged("the file was truncated");
  largest_ = size;
  return {};
}

}  // namespace ravelin::proxy
