#include "proxy/state/sqlite.h"

#include <filesystem>

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

}  // namespace

FileResult sqlite_result(int code) {
  if (state_of(code) == State::Fine) return {};
  return {state_of(code), sqlite3_errstr(code)};
}

FileResult damaged(std::string why) { return {State::Damaged, std::move(why)}; }

FileResult SqliteConnection::open(const std::string& path, const SqliteKind& kind, bool& existed) {
  path_ = path;
  std::error_code error;
  existed = fs::exists(path, error);
  if (existed && fs::is_regular_file(path, error) && fs::file_size(path, error) == 0)
    return damaged("the file is empty");

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
