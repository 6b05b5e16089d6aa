// Takes a sample of all curves once a second, and has the coarse ones kept.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "dns/reactor.h"
#include "proxy/event/clock.h"
#include "proxy/event/loop.h"
#include "proxy/observe/curves.h"
#include "proxy/observe/log_journal.h"
#include "proxy/overload/tally.h"
#include "proxy/shared.h"

namespace ravelin::proxy {

// Used on the main thread.
class CurveWatch {
 public:
  // What the rest of the server knows.
  struct Now {
    uint32_t limit = 0;  // of dialogs
    double reserved = 0;
    uint32_t strangers = 0;
    PressureLevel level = PressureLevel::Calm;
  };

  // Before the history's thread runs: reads what it kept, but for what is of the future.
  void restore(History& history, const Clock& clock);
  // All that it is given must outlive it. What was counted since the start of the process belongs
  // to the first sample: workers may run already.
  void start(Loop& loop, Shared& shared, const LogJournal& journal, std::vector<Tally*> tallies,
             std::function<Now()> now);
  // The last look, when nothing is counted any more; what it is given at start() must still live.
  void finish();

  const Curves& curves() const { return curves_; }

 private:
  struct Sums {
    JournalCounters journal;
    TallySums tally;
    uint64_t questions = 0;
    uint32_t backends = 0;
  };

  void look();
  Sums sums() const;

  Curves curves_;
  Shared* shared_ = nullptr;
  const LogJournal* journal_ = nullptr;
  std::vector<Tally*> tallies_;
  std::function<Now()> now_;
  Sums before_;
  dns::Handle timer_;
};

}  // namespace ravelin::proxy
