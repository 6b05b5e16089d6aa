// Connections of load balancers, until a PROXY header has said who the client is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "dns/ip.h"
#include "proxy/event/stream.h"
#include "proxy/observe/journal.h"

namespace ravelin::proxy {

// Used on the worker's thread.
class Introductions {
 public:
  // |stream| is from |client|, who came to |listener|. What is not moved away goes at the end of
  // the turn, behind what was written: who is refused holds no descriptor for a farewell.
  using Done = std::function<void(std::unique_ptr<Stream>& stream, const dns::Endpoint& client,
                                  uint32_t listener)>;

  // |reactor| and |journal| must outlive it.
  Introductions(Reactor& reactor, Journal& journal, Done done);
  ~Introductions();

  void add(std::unique_ptr<Stream> stream, const dns::Endpoint& balancer, uint32_t listener);
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
