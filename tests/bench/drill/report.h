// What a run found, for people and for programs.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/drill/run_settings.h"
#include "tests/bench/drill/tally.h"

namespace ravelin::drill {

struct Report {
  explicit Report(const RunSettings& run) : settings(run) {}

  const RunSettings& settings;
  std::vector<std::unique_ptr<Group>> groups;
  std::chrono::system_clock::time_point wall_start;  // of the clock: the series' second 0
  Seconds warm_up{}, elapsed{};
  Seconds cpu{};  // what the drill itself took
  Seconds lag{};  // the longest that its loop was late: its times are no better than this
  uint64_t peak = 0;
  bool interrupted = false;
  std::string trouble;
};

struct Spread {
  double p50 = 0, p99 = 0, max = 0;
};
Spread spread(std::vector<double> values);

std::string report_table(const Report& report);
std::string report_json(const Report& report);

}  // namespace ravelin::drill
