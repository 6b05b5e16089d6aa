// What all workers share. Each part is thread-safe by itself; the order of members is the order in
// which they may refer to each other.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "dns/cache.h"
#include "proxy/backend/backends.h"
#include "proxy/backend_memory.h"
#include "proxy/capture/captures.h"
#include "proxy/event/system_clock.h"
#include "proxy/event/tls.h"
#include "proxy/ids.h"
#include "proxy/observe/history.h"
#include "proxy/observe/journal.h"
#include "proxy/observe/top.h"
#include "proxy/overload/budget.h"
#include "proxy/overload/harvest_shield.h"
#include "proxy/overload/places.h"
#include "proxy/overload/rate.h"
#include "proxy/overload/recent_sources.h"
#include "proxy/standing/greylist.h"
#include "proxy/standing/standing.h"
#include "proxy/state/store.h"

namespace ravelin::proxy {

struct Shared {
  // |history_path|: "" for memory only.
  Shared(const SystemClock& clock_of, Journal& journal_of, std::unique_ptr<Store> store_of,
         const std::string& history_path = "")
      : clock(clock_of),
        journal(journal_of),
        store(std::move(store_of)),
        history(history_path, clock_of, [this](const std::string& text) { warn(text); }),
        captures(clock_of, [this](const std::string& text) { warn(text); }) {}

  const SystemClock& clock;
  Journal& journal;
  const std::unique_ptr<Store> store;  // null: memory only
  const HashKey record_key = store ? store->hash_key() : random_hash_key();
  IdSource ids{clock};
  dns::DnsCache dns_cache;
  Places places;
  RecentSources recent_sources;
  ClientFilter turned_away{size_t{1} << 18};  // strangers without a place; emptied each window
  HarvestShield shield;
  Budget handshakes;
  Budget bounces;  // of strangers
  Rate refusals;   // that a client is told of
  const TicketKeys ticket_keys;
  Standing standing{clock, store.get()};
  Greylist greylist{clock, store.get()};
  Backends backends{journal, clock};
  History history;
  Captures captures;
  TopTable top;
  BackendMemory backend_memory{clock, store.get(), backends};

  // Numbers dialogs; stands in [ ] in the log, where a process id would be.
  uint32_t next_serial() { return serial_.fetch_add(1, std::memory_order_relaxed) + 1; }

 private:
  void warn(const std::string& text) { journal.message(Severity::Warning, text); }

  std::atomic<uint32_t> serial_{0};
};

}  // namespace ravelin::proxy
