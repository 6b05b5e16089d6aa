// What the backend of a drill is to do.
#pragma once

#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tests/bench/drill/options.h"
#include "tests/bench/drill/units.h"

namespace ravelin::drill {

// Who has a mailbox.
class Mailboxes {
 public:
  // "good*", "alice", "alice@example.com"; at most one star, which stands for anything.
  void add(std::string_view pattern);
  // False if there is no such file.
  bool add_file(const std::string& name);
  bool empty() const { return exact_.empty() && starred_.empty(); }
  bool has(std::string_view address) const;

 private:
  std::unordered_set<std::string> exact_;  // in lower case
  std::vector<std::pair<std::string, std::string>> starred_;
};

struct SinkSettings {
  Endpoint listen;
  bool own_address = false;
  Seconds delay{};
  Seconds latency{};
  Mailboxes mailboxes;
  uint64_t connections = 0;  // 0: no limit
  bool pipelining = true;
  bool punish = false;
};

Command sink_command(SinkSettings& settings);

}  // namespace ravelin::drill
