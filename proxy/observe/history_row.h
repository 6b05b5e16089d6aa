// A row of the history in memory. For history.cc and history_thread.cc only.
#pragma once

#include <string>

#include "proxy/observe/history.h"

namespace ravelin::proxy {

// |id|, |client| and |account| never change; the rest under History's mutex.
struct History::Row {
  Id id = 0;
  std::string client;
  std::string account;
  uint32_t count = 1;
  int64_t last = 0;      // ms since 1970
  bool waits = false;    // to be written
  bool on_disk = false;  // but for its count

  size_t bytes() const { return sizeof *this + account.capacity() + client.capacity(); }
};

// A mixture of who and what: what is found by it is compared once more.
inline uint64_t alike_key(const HistoryEntry& entry) {
  return entry.alike ^ dns::IpHash()(entry.client) * 0x9e3779b97f4a7c15;
}

}  // namespace ravelin::proxy
