// Hard times: from when pressure left calm until it was calm again. The latest are remembered over
// a restart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/event/clock.h"
#include "proxy/observe/curves.h"
#include "proxy/state/store.h"

namespace ravelin::proxy {

struct Episode {
  uint32_t number = 0;    // counts up, never twice
  int64_t onset = 0;      // s since 1970: when it really began, by the curves
  int64_t began = 0;      // when it was noticed
  int64_t ended = 0;      // 0: it goes on
  uint32_t worst = 0;     // level, 1 to 3
  std::string cause;      // of the worst level
  bool restored = false;  // from before this start, so it is over
};

// Used on one thread.
class Episodes {
 public:
  static constexpr size_t kKept = 50;

  // |store| may be null; else it must outlive it. What goes on in it was cut off by a restart, and
  // ended at |now|.
  void restore(Store* store, Wall now);
  // The level is |level| now (0: calm), because of |cause|.
  void level(uint32_t level, const std::string& cause, Wall now, const Curves& curves);

  // Oldest first.
  const std::vector<Episode>& all() const { return all_; }
  const Episode* find(uint32_t number) const;

 private:
  void keep(const Episode& episode);

  Store* store_ = nullptr;
  std::vector<Episode> all_;
};

// When what is going on at |noticed| began: the first second since which there have been clearly
// more connections than before, without a pause of more than a few seconds; two minutes before at
// most.
int64_t onset_of(const std::vector<CurveSample>& seconds, int64_t noticed);

// As it is stored.
std::string episode_text(const Episode& episode);
bool parse_episode(std::string_view text, Episode& episode);

}  // namespace ravelin::proxy
