// The course of a run: warm-up, good mail alone, the hostile load in its stages, good mail alone
// again, and the time for queues to empty.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "tests/bench/drill/bot.h"
#include "tests/bench/drill/good_sender.h"
#include "tests/bench/drill/report.h"
#include "tests/bench/drill/sources.h"

namespace ravelin::drill {

class Drill {
 public:
  // Both outlive it.
  Drill(Loop& loop, const RunSettings& settings);
  ~Drill();

  // Until the end, or until interrupt(). The report is complete afterwards.
  void run();
  void interrupt();
  const Report& report() const { return report_; }

 private:
  void make_bots();
  void make_turned();
  void make_good();
  Identity identity(uint32_t address, std::string helo);

  void start_warm_up();
  void look_at_warm_up();
  void start_clock();
  void enter(Phase phase);
  void start_load();
  void start_stage(size_t stage);
  void stop_load();
  void look_at_drain(Seconds deadline);
  void finish();

  void tick();         // each second
  void measure_lag();  // each 50 ms
  Seconds elapsed() const { return loop_.now() - scene_.began; }

  Loop& loop_;
  const RunSettings& settings_;
  const Sources sources_;
  const TlsContext tls_;
  Scene scene_;
  World world_;
  Report report_;
  // Of each script, and those at the addresses of senders that turned.
  std::array<std::vector<std::unique_ptr<Bot>>, kScripts + 1> bots_;
  std::vector<std::unique_ptr<GoodSender>> good_;
  Timer course_, stages_, ticks_, lag_;
  Seconds expected_{};  // when measure_lag() should have been called
  uint64_t clients_ = 0;
  bool over_ = false;
};

}  // namespace ravelin::drill
