// Addresses of the hosts that the administrator named: backends. By /etc/hosts and DNS as any
// program on this machine would find them, and apart from the resolver of the checks: what
// strangers make that one do cannot keep us from our own mail server.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "dns/ares_channel.h"
#include "dns/resolver.h"

namespace ravelin::dns {

// Used on the reactor's thread; |reactor| must outlive it.
class HostLookup {
 public:
  // |addresses|, IPv4 first, is empty unless |status| is Ok. Ok also if one family has addresses
  // and asking for the other failed. With a search list in resolv.conf, NoName and NoData may hide
  // a failure at one of the names tried: fit for a log, not for a decision.
  using Callback = std::function<void(Status status, std::vector<IpAddress> addresses)>;

  explicit HostLookup(Reactor& reactor, const AresSettings& settings = {});
  ~HostLookup();  // not from inside a |done|; whoever still waits is never called

  // Calls |done| at the end of a turn, never before it has returned, for an address literal too.
  // "localhost" is 127.0.0.1 and ::1.
  // Ends by itself after AresSettings' timeouts, with each name of the search list. Destroying the
  // handle cancels |done|. Nothing is cached: whoever asks keeps the last good addresses.
  [[nodiscard]] Handle look_up(const std::string& name, Callback done);

  // Reads resolv.conf again. What is on its way is repeated.
  void reconfigure();

 private:
  class Waiter;
  struct Job;

  static bool is_done(const std::unique_ptr<Job>& job);
  void open_channel();
  void send(Job& job);
  void store(Job& job, bool v4, Status status, std::vector<IpAddress> addresses) noexcept;
  void schedule_delivery();
  void deliver();

  Reactor& reactor_;
  const AresSettings settings_;
  std::list<std::unique_ptr<Job>> jobs_;
  Handle delivery_;
  std::unique_ptr<AresChannel> channel_;
};

}  // namespace ravelin::dns
