// A mail server that keeps nothing, for what stands before it to be tried: it takes its time for
// each command, knows its recipients, and counts what it was asked.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/drill/loop.h"
#include "tests/bench/drill/sink_settings.h"

namespace ravelin::drill {

struct SinkCounts {
  uint64_t connections = 0, turned_away = 0, open = 0, peak = 0;
  uint64_t questions = 0, known = 0, unknown = 0;  // RCPTs
  uint64_t mails = 0, rsets = 0, datas = 0, messages = 0, octets = 0;
  uint64_t ahead = 0;     // commands that had come before the last reply was out
  uint64_t punished = 0;  // commands that took their second
  uint64_t hung_up = 0;
};

class SinkDialog;

class Sink {
 public:
  // |loop| and |settings| outlive it. Throws std::system_error if it cannot listen.
  Sink(Loop& loop, const SinkSettings& settings);
  ~Sink();

  // One line.
  std::string totals() const;

 private:
  friend class SinkDialog;

  void on_acceptable();
  void count_question(bool known);
  // At the end of the dialog's own call.
  void forget(SinkDialog* dialog);

  Loop& loop_;
  const SinkSettings& settings_;
  int listener_ = -1;
  event acceptable_{};
  std::list<std::unique_ptr<SinkDialog>> dialogs_;
  SinkCounts counts_;
  Seconds began_{};
  std::chrono::system_clock::time_point wall_start_;
  std::vector<uint32_t> questions_;  // by second since the start
};

}  // namespace ravelin::drill
