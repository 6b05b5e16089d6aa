// Keeps the addresses of backends that are configured by name: /etc/hosts and DNS are asked again
// every minute, the last good answer holds without limit.
#pragma once

#include <map>
#include <string>

#include "dns/host_lookup.h"
#include "proxy/backend/backends.h"
#include "proxy/event/loop.h"
#include "proxy/observe/journal.h"

namespace ravelin::proxy {

// On the main thread. All three must outlive it.
class BackendHosts {
 public:
  BackendHosts(Loop& loop, Backends& backends, Journal& journal);

  // Asks for every name that the backends want: at start, after a reload, and by itself.
  void refresh();
  // The same after a reload: resolv.conf may have changed, too.
  void reload();

 private:
  void ask(const Backends::Host& host);
  void on_answer(const Backends::Host& host, dns::Status status,
                 const std::vector<dns::IpAddress>& addresses);

  Loop& loop_;
  Backends& backends_;
  Journal& journal_;
  dns::HostLookup lookup_;
  std::map<std::string, dns::Handle> asked_;  // by backend
  std::map<std::string, bool> failed_;        // said so already
  dns::Handle timer_;
};

}  // namespace ravelin::proxy
