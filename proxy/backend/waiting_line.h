// Who waits for a connection to a backend, first come, first served. Whose client has its share
// already steps aside, so that it keeps nobody waiting who came later, and is back in its place as
// soon as that client may have another.
//
// Nothing here but add() needs memory: whoever moves does so with its entry.
#pragma once

#include <cstdint>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include "dns/ip.h"

namespace ravelin::proxy {

enum class Want : uint8_t {
  Question,  // one MAIL and RCPT; short
  Message,   // a replay and its DATA: lasts as long as the client likes
};

struct Waiter {
  uint64_t ticket = 0;  // given by Permits::ask(); the order of arrival
  uint32_t worker = 0;
  bool good = false;
  bool fresh = false;          // only a new connection will do: a reused one has just failed
  bool elsewhere = false;      // there is another backend to ask, when this one is down
  bool bounce = false;         // the null sender
  mutable uint8_t passed = 0;  // how often a later one of another worker was served before it
  Want want = Want::Question;
  dns::IpAddress client;
};

class WaitingLine {
  struct ByTicket {
    bool operator()(const Waiter& a, const Waiter& b) const { return a.ticket < b.ticket; }
  };
  struct ByClient {
    bool operator()(const Waiter& a, const Waiter& b) const {
      return std::tie(a.client, a.ticket) < std::tie(b.client, b.ticket);
    }
  };

 public:
  using Queue = std::set<Waiter, ByTicket>;
  // Of one that was served, so that putting it back needs no memory.
  using Place = Queue::node_type;
  using Home = const uint32_t*;  // the worker that has the connection; null: nobody yet

  void add(const Waiter& waiter) { queue_.insert(waiter); }  // throws std::bad_alloc
  void put_back(Place place) noexcept { queue_.insert(std::move(place)); }
  bool erase(const Waiter& waiter) noexcept {
    return queue_.erase(waiter) + aside_.erase(waiter) > 0;
  }

  bool empty() const { return queue_.empty() && aside_.empty(); }
  size_t size() const { return queue_.size() + aside_.size(); }
  // Everybody who is there has stepped aside.
  bool nobody_next() const { return queue_.empty(); }
  const Waiter& any() const { return queue_.empty() ? *aside_.begin() : *queue_.begin(); }

  // The first that |may_go|; null: none may. Looks at each client that has stepped aside, of which
  // there are no more than have connections, or have had one a moment ago.
  template <class MayGo>
  const Waiter* first(const MayGo& may_go);
  // The first whose worker is |home|, if it is not far behind; else the one that first() has found.
  template <class MayGo>
  Place take(Home home, const MayGo& may_go);
  // All of them, in their order, whatever their clients have.
  Queue& all() noexcept {
    while (!aside_.empty()) queue_.insert(aside_.extract(aside_.begin()));
    return queue_;
  }

 private:
  // A connection changes hands for two wake-ups and some ten system calls, so one of the same
  // worker may come before those of others: of the first few in line, and before each of these a
  // few times.
  static constexpr int kLookForOwn = 16;
  static constexpr uint8_t kMayPass = 16;

  Queue queue_;
  std::set<Waiter, ByClient> aside_;
};

template <class MayGo>
const Waiter* WaitingLine::first(const MayGo& may_go) {
  while (!queue_.empty() && !may_go(*queue_.begin())) aside_.insert(queue_.extract(queue_.begin()));
  auto oldest = aside_.end();
  for (auto at = aside_.begin(); at != aside_.end();) {
    if (may_go(*at) && (oldest == aside_.end() || at->ticket < oldest->ticket)) oldest = at;
    auto last = *at;
    last.ticket = std::numeric_limits<uint64_t>::max();
    at = aside_.upper_bound(last);
  }
  if (oldest != aside_.end() && (queue_.empty() || oldest->ticket < queue_.begin()->ticket))
    queue_.insert(aside_.extract(oldest));
  return queue_.empty() ? nullptr : &*queue_.begin();
}

template <class MayGo>
WaitingLine::Place WaitingLine::take(Home home, const MayGo& may_go) {
  const auto first = queue_.begin();
  if (home == nullptr || first->passed >= kMayPass) return queue_.extract(first);
  auto own = first;
  for (int left = kLookForOwn; left > 0 && own != queue_.end(); --left, ++own) {
    if (own->worker != *home || !may_go(*own)) continue;
    if (own != first) ++first->passed;
    return queue_.extract(own);
  }
  return queue_.extract(first);
}

}  // namespace ravelin::proxy
