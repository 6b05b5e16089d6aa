// SQLite as our files use it: statements, and a connection that knows whose file it has opened. For
// this folder only: no SQLite type is seen outside.
//
// Write-ahead log with an exclusive lock: so there is no shared-memory file, whose truncation would
// kill the process, and with mmap off a truncated file is an error code. synchronous=NORMAL: after
// a power cut the newest batches may be missing, but what is there is whole; a killed process loses
// nothing that was committed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/state/file_result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace ravelin::proxy {

FileResult sqlite_result(int code);
FileResult damaged(std::string why);

struct SqliteClose {
  void operator()(sqlite3* handle) const;
  void operator()(sqlite3_stmt* statement) const;
};

// A prepared statement. Parameters and columns are numbered from 0.
class Statement {
 public:
  FileResult prepare(sqlite3* handle, const std::string& text);
  // |bytes| must live until reset().
  Statement& bind(int parameter, std::string_view bytes);
  Statement& bind(int parameter, int64_t value);
  // True if there is a row to look at.
  bool step();
  int64_t number(int column);
  // Valid until the next step() or reset().
  std::string_view bytes(int column);
  FileResult reset();  // how it went
  void give_up();      // likewise, when nobody wants to know
  FileResult run() {
    step();
    return reset();
  }

 private:
  std::unique_ptr<sqlite3_stmt, SqliteClose> statement_;
  int code_ = 0;
};

// Resets a statement at its end, also where whoever is shown its rows throws: one in the middle of
// its rows takes no parameters, and keeps a read transaction open.
class Reading {
 public:
  explicit Reading(Statement& statement) : statement_(statement) {}
  ~Reading() { statement_.give_up(); }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  Statement& statement_;
};

// Which of our files it is.
struct SqliteKind {
  int64_t application;    // PRAGMA application_id
  int64_t version;        // PRAGMA user_version
  std::string_view name;  // "state file"
};

class SqliteConnection {
 public:
  // Opens |path|, or creates it empty (mode 0600); |existed| tells which. Nothing is written to a
  // file that is not of this kind: it is Damaged.
  FileResult open(const std::string& path, const SqliteKind& kind, bool& existed);

  FileResult execute(const std::string& text);
  // The first column of the first row.
  FileResult number(const std::string& text, int64_t& value);
  // Has somebody removed, replaced or cut the file under our hands? It would take writes for ever
  // and keep nothing.
  FileResult still_there();
  int64_t changes();  // rows, by the last statement
  sqlite3* handle() { return handle_.get(); }

 private:
  FileResult recognise(const SqliteKind& kind);
  FileResult prepare();

  std::string path_;
  uint64_t largest_ = 0;  // size of the file, when it was last looked at
  std::unique_ptr<sqlite3, SqliteClose> handle_;
};

// Rolls back at its end what is not committed then, also where an exception is the reason: a
// transaction that stayed open would make the next one an error, which looks like damage.
class SqliteTransaction {
 public:
  SqliteTransaction(SqliteConnection& connection, Statement& rollback)
      : connection_(connection), rollback_(rollback) {}
  ~SqliteTransaction();
  SqliteTransaction(const SqliteTransaction&) = delete;
  SqliteTransaction& operator=(const SqliteTransaction&) = delete;

 private:
  SqliteConnection& connection_;
  Statement& rollback_;
};

}  // namespace ravelin::proxy
