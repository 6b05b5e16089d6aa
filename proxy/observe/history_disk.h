// The file behind the history, and what to do when it cannot be written: say so once, try again
// with pauses, and let what waits go when there is too much of it. Mail does not depend on it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/event/clock.h"
#include "proxy/state/history_file.h"

namespace ravelin::proxy {

// The report of an episode, as it is kept.
struct HistoryReport {
  int64_t began = 0;    // of the episode, s since 1970: what it is found by
  uint32_t number = 0;  // of the episode
  int64_t at = 0;       // when it was made, s since 1970
  std::string text;     // "" if there is none
  std::string sketch;   // who was there, see proxy/profile/sketch.h
};

// One line for the operator.
using HistoryAlarm = std::function<void(std::string)>;

// Used by one thread at a time.
class HistoryDisk {
 public:
  // |path| may be "": then there is none.
  HistoryDisk(std::string path, const Clock& clock, HistoryAlarm alarm);

  bool wanted() const { return !path_.empty() && settings_.size > 0; }
  bool degraded() const { return degraded_; }
  void configure(const HistorySettings& settings) { settings_ = settings; }

  // True if it is written. False: try again later.
  bool write(std::span<const HistoryRow> rows, std::span<const HistoryRow> counts,
             std::span<const CurvePoint> points);
  bool put_report(const HistoryReport& report);
  // Likewise a report, and what is left of those before it.
  void reports(int64_t began, HistoryReport& report, std::vector<HistoryReport>& earlier);
  // Is it time for an attempt?
  bool may_write() const;
  // As HistoryFile::scan(). False if the disk fails: what is behind |*next| is not known then, and
  // |*next| is -1. Where no file is wanted, nothing is behind it.
  bool scan(int64_t* next, size_t limit, const std::function<void(const HistoryRow&)>& row);
  void curve(uint32_t step, const std::function<void(int64_t at, std::string_view data)>& to);
  // Removes a piece of what is too old or too much; true if there is more. Nothing is too old yet
  // if the clock is far ahead of the newest row and none was written here: it may be wrong.
  bool trim();

 private:
  using Steady = std::chrono::steady_clock;

  bool open();
  bool disk_is_full();
  bool trust_clock();
  bool trim_by_age();
  bool fine(const FileResult& result);
  bool written(const FileResult& result);
  void trouble(const std::string& why);

  const std::string path_;
  const Clock& clock_;
  const HistoryAlarm alarm_;
  HistorySettings settings_{};
  std::unique_ptr<HistoryFile> file_;
  bool degraded_ = false;
  bool wrote_rows_ = false;
  Steady::time_point retry_at_{};
  std::chrono::milliseconds pause_;
};

}  // namespace ravelin::proxy
