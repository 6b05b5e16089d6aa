// The report of an episode: counted from the accounts of its time, and kept in history.db when it
// is over, for the accounts go. Beside it a sketch of who was there, so that a later episode can
// say how many of its sources were in this one.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "proxy/event/clock.h"
#include "proxy/observe/curves.h"
#include "proxy/observe/episodes.h"
#include "proxy/observe/history.h"
#include "proxy/state/hash.h"

namespace ravelin::proxy {

// Used on one thread; the counting is done on the history's.
class EpisodeReports {
 public:
  static constexpr size_t kStoredSources = 5'000;
  // After the end: dialogs that began before it are over by then, and the curves have come down.
  static constexpr int64_t kKeepAfter = 120;  // s

  // |history| and |clock| must outlive it. |key| is the same over restarts, as far as there is one
  // that is.
  EpisodeReports(History& history, const Clock& clock, const HashKey& key)
      : history_(history), clock_(clock), key_(key) {}

  struct Wanted {
    Episode episode;
    nlohmann::json curves;
    bool fresh = false;  // counted anew, whatever is kept
    size_t sources = 0;  // to be named
    std::chrono::seconds patience{45};
  };
  // |done| hears it on the history's thread, at most once. False: too many are searching already.
  bool get(Wanted wanted, std::function<void(nlohmann::json)> done);

  // Once a second: of episodes that are over, one after the other. Those that a restart cut off are
  // over, too.
  void keep(const Episodes& episodes, const Curves& curves);
  // Is one being counted that is to be kept?
  bool keeping() const { return keeping_->busy; }

 private:
  // What the history's thread tells of one that is to be kept.
  struct Keeping {
    std::atomic<bool> busy{false};
    std::atomic<int64_t> later{0};  // its beginning, if there was no room for the search
  };

  bool keep_one(const Episode& episode, const Curves& curves);

  History& history_;
  const Clock& clock_;
  const HashKey key_;
  std::set<int64_t> looked_at_;  // beginnings of episodes
  const std::shared_ptr<Keeping> keeping_ = std::make_shared<Keeping>();
};

// {"step":10,"names":[...],"samples":[[at,value,...],...]}; null if there are none of that step.
nlohmann::json curves_json(const Curves& curves, uint32_t step, int64_t since, int64_t until);
// Those of an episode: as fine as they still are, or, if they are to be |kept|, as they need to be.
nlohmann::json curves_of(const Curves& curves, const Episode& episode, int64_t now, bool kept);

}  // namespace ravelin::proxy
