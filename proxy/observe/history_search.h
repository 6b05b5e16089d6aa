// A search that is under way. For history.cc and history_thread.cc only.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "proxy/observe/history.h"

namespace ravelin::proxy {

// Memory first, then what has left it and waits for the disk, then the disk; in each the newest
// first. Used by the thread once it has begun.
struct History::Search {
  HistoryQuery query;
  HistoryVisitor each;
  std::function<void(bool more)> done;

  bool begun = false;
  Steady::time_point end{};  // of its patience
  Id since = 0;
  enum class Place : uint8_t { Memory, Waiting, Disk } place = Place::Memory;
  uint64_t below = 0;        // in memory rows with lower numbers come next, see gone_
  Rows waiting{};            // the next one last
  std::vector<Id> known{};   // of rows seen there, in order: not looked at on the disk again
  int64_t next = INT64_MAX;  // on the disk
  bool failed = false;       // the disk, before all was read
};

}  // namespace ravelin::proxy
