// The resolver: cache, then joining of equal questions, then c-ares.
#pragma once

#include <array>
#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "dns/ares_channel.h"
#include "dns/cache.h"
#include "dns/query_counts.h"
#include "dns/resolver.h"

namespace ravelin::dns {

// One per worker, used on the reactor's thread. |reactor| and |cache| must outlive it; whoever
// still has a query when it is destroyed is never called.
class AresResolver final : public Resolver {
 public:
  AresResolver(Reactor& reactor, DnsCache& cache, const AresSettings& settings);
  ~AresResolver() override;  // not from inside a |done|: retire it

  // Besides what the interface says:
  //   - a name that cannot exist (dns/name.h: is_query_name) is NoName at once; one with bytes
  //     above 127 is TempFail, for nothing here turns it into its ASCII form;
  //   - a |limit| of 0 or less is TempFail at once, unless the cache knows;
  //   - with AresSettings::max_in_flight questions of this Trust on their way, for a stranger with
  //     three quarters of it, TempFail at once.
  std::optional<Answer> ask(const Question& question, Asker asker, std::chrono::milliseconds limit,
                            Handle& query, Callback done) override;

  // Other servers from now on; empty: resolv.conf, read again. Questions on their way are repeated
  // there; what is cached stays.
  void reconfigure(std::vector<Endpoint> servers);

  // False: answers may be forged by anybody who guesses a port and an id (RFC 5452); worth a
  // warning.
  bool uses_loopback_only() const { return channels_[0]->loopback_only(); }

  // Questions on their way, those included for which nobody waits any more.
  size_t in_flight() const { return flights_.size(); }
  const QueryCounts& counts() const { return counts_; }  // to read on any thread

 private:
  class Waiter;
  struct Flight;
  using Key = std::tuple<Trust, Type, std::string>;
  using FlightMap = std::map<Key, std::unique_ptr<Flight>>;
  using Deadline = std::pair<Time, Waiter*>;
  using Transport = AresChannel::Transport;

  Flight* join_or_start(const Question& question, Asker asker);
  void send(Flight& flight);
  void on_message(Flight& flight, Status failure, std::span<const uint8_t> message) noexcept;
  void finish(Flight& flight);

  void open_channels();

  void schedule_delivery();
  void deliver();
  void arm(Time deadline);
  void on_timer();

  Reactor& reactor_;
  DnsCache& cache_;
  AresSettings settings_;
  QueryCounts counts_;

  FlightMap flights_;
  std::array<size_t, 2> flights_of_{};  // by Trust
  std::list<Flight*> arrived_;          // answered, but nobody has been told yet
  std::set<Deadline> deadlines_;        // of everybody who waits
  Time armed_{};                        // when timer_ fires
  Handle timer_;                        // one for all deadlines
  Handle delivery_;

  // By Trust and transport. Four, because c-ares fails everything that is in flight to a server
  // when one socket to it fails: names of strangers cannot hurt ours, nor TCP hurt UDP.
  std::array<std::unique_ptr<AresChannel>, 4> channels_;
};

}  // namespace ravelin::dns
