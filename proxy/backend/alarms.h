// What an operator should know about a backend, said once a minute at most: a backend that is down
// meets thousands of questions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "dns/reactor.h"
#include "proxy/event/guarded.h"
#include "proxy/observe/journal.h"

namespace ravelin::proxy {

enum class Alarm : uint8_t {
  Unreachable,
  Unresolved,
  TooManyConnections,
  NoTls,       // it failed, and mail goes without
  Refuses,     // MAIL, RCPT or text, for reasons that are ours
  NoXforward,  // not offered, or refused
  NoIdentity,  // XCLIENT likewise, or a connection that speaks for a client was not taken
  CatchAll,
  BreakerOpen,
};

// Thread-safe.
class Alarms {
 public:
  explicit Alarms(Journal& journal) : journal_(journal) {}

  // |about|: a backend, route or domain. Equal alarms of the last minute are counted, not said.
  void raise(Alarm kind, const std::string& about, std::string_view text, dns::Time now);
  void info(std::string_view text) { journal_.message(Severity::Info, text); }

 private:
  struct Last {
    dns::Time at{};
    uint64_t held_back = 0;
  };
  Journal& journal_;
  Guarded<std::map<std::pair<Alarm, std::string>, Last>> last_;
};

}  // namespace ravelin::proxy
