// A search that is under way. For history.cc and history_thread.cc only.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "proxy/observe/history.h"

namespace ravelin::proxy {

// Memory first, then the disk, newest first. Used by the thread once it has begun.
struct History::Search {
  HistoryQuery query;
  HistoryVisitor each;
  std::function<void(bool more)> done;

  bool begun = false;
  Steady::time_point end{};  // of its patience
  Id since = 0;
  std::vector<RowPtr> rows{};  // in memory, when it began
  size_t shown = 0;            // of them
  std::vector<Id> known{};     // ids of them, in order: not looked at on the disk again
  int64_t next = INT64_MAX;    // on the disk
  bool failed = false;         // the disk, before all was read
};

}  // namespace ravelin::proxy
