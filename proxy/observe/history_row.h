// A row of the history in memory. For history.cc and history_thread.cc only.
#pragma once

#include <memory>
#include <string>

#include "proxy/observe/history.h"
#include "proxy/observe/pair_sample.h"

namespace ravelin::proxy {

// |id|, |client| and |account| never change; the rest under History's mutex.
struct History::Row {
  Id id = 0;
  std::string client;
  std::string account;
  uint32_t count = 1;
  int64_t last = 0;                    // ms since 1970
  size_t counted = 0;                  // of its bytes, while it is one of the latest
  bool waits = false;                  // to be written
  bool on_disk = false;                // but for its count
  bool resampled = false;              // |sample| has changed since it was written
  std::unique_ptr<PairSample> sample;  // of the dialogs behind the first

  size_t bytes() const {
    return sizeof *this + account.capacity() + client.capacity() +
           (sample ? sizeof *sample + sample->bytes() : 0);
  }
  // The account, with what is known of the dialogs that it stands for: "others".
  std::string whole() const {
    if (!sample || account.size() < 2) return account;
    return account.substr(0, account.size() - 1) + ",\"others\":" + sample->text() + "}";
  }
};

// A mixture of who and what: what is found by it is compared once more.
inline uint64_t alike_key(const HistoryEntry& entry) {
  return entry.alike ^ dns::IpHash()(entry.client) * 0x9e3779b97f4a7c15;
}

}  // namespace ravelin::proxy
