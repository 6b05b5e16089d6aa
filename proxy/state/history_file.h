// history.db: what became of dialogs, and curves; apart from the state, so that a full or damaged
// history cannot cost anybody's standing. A dialog's id is its rowid, ordered in time, and there is
// no other index: appending costs little, and a search looks through a window of time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "proxy/state/file_result.h"

namespace ravelin::proxy {

// One dialog, or several that were the same but for their time.
struct HistoryRow {
  uint64_t id = 0;     // of the first
  uint32_t count = 1;  // how many
  int64_t last = 0;    // when the last one ended, ms since 1970
  std::string_view client;
  std::string_view account;
};

// One point of a curve: what |data| means is its owner's business.
struct CurvePoint {
  uint32_t step = 0;  // s
  int64_t at = 0;     // s since 1970
  std::string_view data;
};

// What is kept of a time of which the rows may be gone.
struct ReportRow {
  int64_t began = 0;  // s since 1970; there is one for each
  uint32_t number = 0;
  int64_t at = 0;  // when it was made
  std::string_view text;
  std::string_view sketch;
};

// Used by one thread at a time.
class HistoryFile {
 public:
  struct Opened;

  static Opened open(const std::string& path);
  ~HistoryFile();

  // All or nothing. A row that is there already is replaced. |counts|: only their count and last.
  FileResult write(std::span<const HistoryRow> rows, std::span<const HistoryRow> counts,
                   std::span<const CurvePoint> points);
  // Looks at no more than |limit| rows from |*next| downwards and gives them to |row|, newest
  // first; sets |*next| below the last, or to -1 at the end.
  FileResult scan(int64_t* next, size_t limit, const std::function<void(const HistoryRow&)>& row);
  // All of one curve, oldest first.
  FileResult curve(uint32_t step, const std::function<void(int64_t at, std::string_view data)>& to);
  FileResult put_report(const ReportRow& report);
  // The one that began at |began|, if there is one, and then those before it, oldest first, without
  // their texts.
  FileResult reports(int64_t began, const std::function<void(const ReportRow&)>& one);
  // Removes the first of them while there are more than |count| or more than |bytes|, and those
  // made before |oldest|.
  FileResult trim_reports(size_t count, uint64_t bytes, int64_t oldest);
  // Removes rows below |oldest|, and, if the file is larger than |bytes|, the oldest rows, |limit|
  // at most; sets |*more| if there is more to remove.
  FileResult trim(uint64_t bytes, uint64_t oldest, size_t limit, bool* more);
  // The highest id of a row; 0 if there is none.
  FileResult newest(uint64_t* id);
  FileResult trim_curve(uint32_t step, int64_t oldest);

  // In use, of the file; it never shrinks, but uses its pages again.
  FileResult used(uint64_t* bytes);

 private:
  struct Connection;

  HistoryFile();
  FileResult create();
  FileResult complete();
  FileResult prepare();

  std::unique_ptr<Connection> connection_;
};

struct HistoryFile::Opened {
  std::unique_ptr<HistoryFile> file;  // null unless |result| is fine
  FileResult result;
};

}  // namespace ravelin::proxy
