// What all workers share. Each part is thread-safe by itself; the order of members is the order in
// which they may refer to each other.
#pragma once

#include <memory>
#include <string>

#include "dns/cache.h"
#include "proxy/backend/backends.h"
#include "proxy/event/system_clock.h"
#include "proxy/ids.h"
#include "proxy/observe/journal.h"
#include "proxy/overload/places.h"
#include "proxy/standing/greylist.h"
#include "proxy/standing/standing.h"
#include "proxy/state/store.h"

namespace ravelin::proxy {

struct Shared {
  Shared(const SystemClock& clock_of, Journal& journal_of, std::unique_ptr<Store> store_of)
      : clock(clock_of), journal(journal_of), store(std::move(store_of)) {}

  const SystemClock& clock;
  Journal& journal;
  const std::unique_ptr<Store> store;  // null: memory only
  IdSource ids{clock};
  dns::DnsCache dns_cache;
  Places places;
  Standing standing{clock, store.get()};
  Greylist greylist{clock, store.get()};
};

}  // namespace ravelin::proxy
