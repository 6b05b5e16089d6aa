// Networks that an administrator has allowed or denied by hand: beside the configuration, each for
// a time, kept over a restart.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dns/ip.h"
#include "proxy/checks/access.h"
#include "proxy/event/clock.h"
#include "proxy/state/store.h"

namespace ravelin::proxy {

// Used on the main thread. Times are of the wall clock, for that is what outlives a restart.
class AccessOverrides {
 public:
  static constexpr size_t kMost = 10'000;  // entries
  static constexpr size_t kMaxNote = 200;  // octets

  struct Entry {
    bool allow = false;
    Wall until{};
    std::string note;
    std::string by;  // who set it
  };
  // By network, as "192.0.2.0/24".
  using Entries = std::map<std::string, Entry>;

  // Both must outlive it; |store| may be null: then a restart forgets.
  AccessOverrides(const Clock& clock, Store* store, size_t most = kMost);

  // In place of what there is for |network|, on either list. "" or why not.
  std::string add(const dns::Cidr& network, Entry entry);
  // False: |network| is not on that list.
  bool remove(const dns::Cidr& network, bool allow);
  // Those whose time is over, which are gone now.
  std::vector<std::pair<std::string, Entry>> expire();

  const Entries& entries() const { return entries_; }
  // For the workers; null if there is no entry.
  std::shared_ptr<const AccessList> list() const { return list_; }

 private:
  void rebuild();
  void forget(const std::string& network);

  const Clock& clock_;
  Store* const store_;
  const size_t most_;
  Entries entries_;
  std::shared_ptr<const AccessList> list_;
};

}  // namespace ravelin::proxy
