// Limits that an administrator has set by hand, each for a time. A reload leaves them, a restart
// forgets them: whoever restarts a daemon wants it to be as its configuration says.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dns/reactor.h"
#include "proxy/config/config.h"
#include "proxy/config/param.h"

namespace ravelin::proxy {

// Used on the main thread.
class LimitOverrides {
 public:
  struct Entry {
    const Param* row = nullptr;
    std::string text;  // as it was given
    dns::Time until{};
    std::string by;  // who set it
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  // A parameter of [limits] by its name, |text| as the file writes it, with or without quotes. ""
  // or why not.
  std::string set(std::string_view name, std::string_view text, dns::Time until, std::string by);
  // False: it was not set.
  bool reset(std::string_view name);
  // The names of those whose time is over, which are gone now.
  std::vector<std::string> expire(dns::Time now);

  const Entries& entries() const { return entries_; }
  Limits apply(Limits configured) const;

 private:
  Entries entries_;
};

}  // namespace ravelin::proxy
