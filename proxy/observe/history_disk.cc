#include "proxy/observe/history_disk.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "proxy/observe/curves.h"
#include "proxy/state/alarm.h"
#include "proxy/state/broken_file.h"
#include "proxy/state/free_space.h"

namespace ravelin::proxy {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstPause = 1s;
constexpr std::chrono::milliseconds kLongestPause = 1min;
constexpr auto kLongSilence = 24h;      // between two dialogs
constexpr size_t kTrimRows = 500;       // in one piece
constexpr size_t kReports = 50;         // as many as there are episodes
constexpr uint64_t kReportsShare = 10;  // of the file, a tenth is theirs

}  // namespace

HistoryDisk::HistoryDisk(std::string path, const Clock& clock, HistoryAlarm alarm)
    : path_(std::move(path)), clock_(clock), alarm_(std::move(alarm)), pause_(kFirstPause) {}

bool HistoryDisk::may_write() const {
  return wanted() && (!degraded_ || Steady::now() >= retry_at_);
}

// A file that is no good is moved aside: what it held is old news.
bool HistoryDisk::open() {
  if (file_) return true;
  if (!wanted()) return false;
  auto opened = HistoryFile::open(path_);
  if (opened.result.state == FileResult::State::Damaged) {
    const auto name = move_aside(path_, clock_.wall());
    raise_alarm(alarm_, {"history file ", path_, " cannot be used (", opened.result.why, ")",
                         name ? ": it was moved to " : "", name ? *name : std::string_view(),
                         name ? " and a new one begun" : ""});
    if (name) opened = HistoryFile::open(path_);
  }
  file_ = std::move(opened.file);
  if (!file_) trouble(opened.result.why);
  return file_ != nullptr;
}

// History ends before the disk does: mail, the state and the log come first.
bool HistoryDisk::disk_is_full() {
  const auto space = free_space(std::filesystem::path(path_).parent_path());
  return space && *space < settings_.disk_free;
}

bool HistoryDisk::write(std::span<const HistoryRow> rows, std::span<const HistoryRow> counts,
                        std::span<const CurvePoint> points) {
  if (!open()) return false;
  if (disk_is_full()) {
    trouble("less than history.disk_free is left on the disk");
    return false;
  }
  if (!written(file_->write(rows, counts, points))) return false;
  wrote_rows_ = wrote_rows_ || !rows.empty();
  return true;
}

bool HistoryDisk::put_report(const HistoryReport& report) {
  if (!open()) return false;
  return written(
      file_->put_report({report.began, report.number, report.at, report.text, report.sketch}));
}

void HistoryDisk::reports(int64_t began, HistoryReport& report,
                          std::vector<HistoryReport>& earlier) {
  if (!open()) return;
  fine(file_->reports(began, [&](const ReportRow& row) {
    HistoryReport found{row.began, row.number, row.at, std::string(row.text),
                        std::string(row.sketch)};
    if (row.began == began)
      report = std::move(found);
    else
      earlier.push_back(std::move(found));
  }));
}

bool HistoryDisk::fine(const FileResult& result) {
  if (result.state == FileResult::State::Damaged) {
    file_.reset();
    const auto name = move_aside(path_, clock_.wall());
    const bool moved = name && !name->empty();
    raise_alarm(alarm_, {"history file ", path_, " is lost (", result.why, ")",
                         moved ? ", it was moved to " : "", moved ? *name : std::string_view(),
                         ": a new one is begun"});
    return false;
  }
  if (!result.ok()) trouble(result.why);
  return result.ok();
}

// Only what was written shows that it can be: a full disk is read as ever.
bool HistoryDisk::written(const FileResult& result) {
  if (!fine(result)) return false;
  if (std::exchange(degraded_, false))
    raise_alarm(alarm_, {"history file ", path_, " is written again"});
  pause_ = kFirstPause;
  return true;
}

void HistoryDisk::trouble(const std::string& why) {
  retry_at_ = Steady::now() + pause_;
  pause_ = std::min(pause_ * 2, kLongestPause);
  if (std::exchange(degraded_, true)) return;
  raise_alarm(alarm_,
              {"history file ", path_, " is not written (", why, "): mail is not touched by that"});
}

bool HistoryDisk::scan(int64_t* next, size_t limit,
                       const std::function<void(const HistoryRow&)>& row) {
  if (open() && fine(file_->scan(next, limit, row))) return true;
  *next = -1;
  return !wanted();
}

void HistoryDisk::curve(uint32_t step, const std::function<void(int64_t, std::string_view)>& to) {
  if (open()) fine(file_->curve(step, to));
}

// A machine may come up years ahead, until its clock is set: that must not cost the history.
bool HistoryDisk::trust_clock() {
  if (wrote_rows_) return true;
  uint64_t newest = 0;
  return fine(file_->newest(&newest)) && clock_.wall() <= time_of(newest) + kLongSilence;
}

bool HistoryDisk::trim_by_age() {
  const auto now = std::chrono::floor<std::chrono::seconds>(clock_.wall()).time_since_epoch();
  for (size_t i = 0; i < std::size(Curves::kSteps); ++i)
    if (!fine(file_->trim_curve(Curves::kSteps[i], now.count() - Curves::kKept[i]))) return false;
  const auto since = std::chrono::floor<std::chrono::seconds>(now - settings_.keep_reports);
  return fine(file_->trim_reports(kReports, settings_.size / kReportsShare, since.count()));
}

bool HistoryDisk::trim() {
  if (degraded_ || !open()) return false;
  const bool by_age = trust_clock();
  if (degraded_ || !file_ || (by_age && !trim_by_age())) return false;
  const auto oldest = by_age ? id_at(clock_.wall() - settings_.keep) : 0;
  bool more = false;
  return fine(file_->trim(settings_.size, oldest, kTrimRows, &more)) && more;
}

}  // namespace ravelin::proxy
