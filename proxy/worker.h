// One thread of the daemon: its loop, its listeners, its dialogs, its resolver, its connections to
// backends. A client's connection never leaves the worker that accepted it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "dns/query_counts.h"
#include "proxy/event/fd.h"
#include "proxy/overload/tally.h"
#include "proxy/published.h"
#include "proxy/sessions.h"
#include "proxy/shared.h"

namespace ravelin::proxy {

class Services;
class Sessions;

// What lives on a worker's thread, for those who come to see it there.
struct WorkerParts {
  Services& services;
  Sessions& sessions;
  const Published& published;
  // What stays for a while: it removes itself, and is destroyed with the worker's dialogs.
  std::vector<std::shared_ptr<dns::Retirable>>& guests;
};

// What a worker has counted since the start, or the sum of several.
struct WorkerCounts {
  TallySums tally;
  dns::Latencies::Sums verifications;  // what backends took to answer for a recipient
  dns::Latencies::Sums lags;           // how late the worker came to what was due
  dns::QuerySums dns;
  Sessions::Phases phases{};  // now

  WorkerCounts& operator+=(const WorkerCounts& other);
};

class Worker {
 public:
  // |sockets| are listening already. |shared| must outlive the worker. Throws std::system_error or
  // std::bad_alloc.
  Worker(Shared& shared, std::vector<Fd> sockets, Published published);
  ~Worker();  // after join()

  void start();
  void join();
  // Instead of start() and join(): one turn without sleep, on the caller's thread. For a test that
  // is the world around the worker and wants one thing to happen after the other.
  void turn();

  // All of these are for the main thread, and act on the worker's.
  void publish(Published published);
  // |call| is to return soon: dialogs wait.
  void visit(std::function<void(const WorkerParts&)> call);
  // Accepts no more, ends idle dialogs; calls |done| (on the worker's thread) when none is left.
  // For want of memory that may fail: drained() is true all the same.
  void drain(std::function<void()> done);
  // Ends the dialogs that drain() left, but for those whose message is with a backend.
  void hurry();
  // The loop ends and whatever is left is dropped: |at_once|, or after connections to backends had
  // a few seconds to end in order.
  void stop(bool at_once);

  uint32_t sessions() const;    // thread-safe
  bool drained() const;         // thread-safe
  Tally& tally();               // thread-safe, to read
  WorkerCounts counts() const;  // thread-safe
  // Before start(): do all DNS servers live on this machine?
  bool dns_on_loopback() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ravelin::proxy
