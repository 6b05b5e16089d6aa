// Connections of load balancers, until a PROXY header has said who the client is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "dns/ip.h"
#include "proxy/event/stream.h"
#include "proxy/observe/journal.h"
#include "proxy/overload/places.h"

namespace ravelin::proxy {

// Used on the worker's thread.
class Introductions {
 public:
  // |stream| is from |client|, who came to |listener|; the place of the wait is free again. What is
  // not moved away goes at the end of the turn, behind what was written: who is refused holds no
  // descriptor for a farewell.
  using Done = std::function<void(std::unique_ptr<Stream>& stream, const dns::Endpoint& client,
                                  uint32_t listener)>;

  // |reactor|, |journal| and the Places of what is added must outlive it.
  Introductions(Reactor& reactor, Journal& journal, Done done);
  ~Introductions();

  // Nobody is known yet, so |place| is the balancer's: a wait holds a descriptor like any dialog,
  // and a broken balancer could hold them all.
  void add(std::unique_ptr<Stream> stream, const dns::Endpoint& balancer, uint32_t listener,
           Places::Place place);
  void sweep(Time now);  // ends those that have waited too long
  void clear();          // ends all

  size_t size() const { return waiting_.size(); }

 private:
  class Waiting;
  void retire(Waiting& waiting);

  Reactor& reactor_;
  Journal& journal_;
  const Done done_;
  // Shared pointers, as retiring needs them.
  std::unordered_map<Waiting*, std::shared_ptr<Waiting>> waiting_;
};

}  // namespace ravelin::proxy
