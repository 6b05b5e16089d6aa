// One worker's connections to one backend: those that lie idle, that are being opened, that end.
// Who may have a connection is decided by the backend's permits, for all workers together; the pool
// carries it out for its own.
//
// Whatever is given back here is taken without memory. Only opening a connection needs some;
// without it whoever waits is told that there is none.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "proxy/backend/alarms.h"
#include "proxy/backend/backend.h"
#include "proxy/backend/connection.h"

namespace ravelin::proxy {

// Somebody who waits for a connection. Called on the loop's thread, not from inside take().
class Request {
 public:
  Waiter waiter;  // good, fresh, want, client: filled in before take()

  // If |waiter.want| is Message, the connection comes with its tie.
  virtual void on_connection(ConnectionPtr connection) noexcept = 0;
  virtual void on_no_connection(const Lost& lost) noexcept = 0;
  // Whom the connection is to speak for. Such a one is always fresh.
  virtual const ClientIdentity* speaks_for() const { return nullptr; }
  // Could it say what it wants on |connection|, behind others; and then it does, in the same write,
  // and is in its pipeline, or |waiter| never hears of any connection.
  virtual bool may_follow(const BackendConnection&) const { return false; }
  virtual void follow(BackendConnection&) noexcept {}

 protected:
  ~Request() = default;
};

class Pool final : public ConnectionUser {
 public:
  struct Context {
    Reactor& reactor;
    Connector& connector;
    Alarms& alarms;
    const std::string& hostname;  // may change between calls
    ConnectionList& ending;
    uint32_t worker;
  };
  Pool(const Context& context, std::shared_ptr<Backend> backend);
  ~Pool();

  enum class Took : uint8_t { Now, Later, Down };
  // Now: |connection| is filled, on_connection() will not be called. |request| stays where it is
  // until called, or until cancel().
  // Without memory: Down.
  Took take(Request& request, ConnectionPtr& connection) noexcept;
  void cancel(Request& request) noexcept;
  // Whoever waits here and can says its question on |connection|, on which one was just said, as
  // many as the backend's patience allows.
  void fill(BackendConnection& connection) noexcept;

  // Gives a connection back, and with it the tie that it may hold. With replies still to come it is
  // parked when they are there.
  void park(ConnectionPtr connection) noexcept;

  void receive(const Order& order) noexcept;  // HandOver, Close, Fail
  void receive(Grant& grant) noexcept;
  void receive(HandedOver& parcel) noexcept;
  // |asking|: how long greetings and replies may take.
  void sweep(Time now, std::chrono::nanoseconds asking) noexcept;
  void shutdown() noexcept;  // idle connections QUIT, others when they come back

  // It has no connection, and nobody waits for one: it may go.
  bool empty() const {
    return requests_[0].empty() && requests_[1].empty() && idle_.empty() && opening_.empty() &&
           draining_.empty() && passing_.empty();
  }
  Backend& backend() const { return *backend_; }

 private:
  using Requests = std::map<uint64_t, Request*>;  // by ticket, which is the order of arrival

  void on_ready(BackendConnection& connection) override;
  void on_reply(BackendConnection& connection, smtp::Step step, const smtp::Reply& reply) override;
  void on_lost(BackendConnection& connection, const Lost& lost) override;

  BackendConnection::Place place() const;
  // Nothing new goes to it, and nothing is kept for it.
  bool unwanted() const { return backend_->retired() || backend_->drained(); }
  Took granted(Request& request);
  bool enlist(Request& request) noexcept;
  Request* take_request(const Waiter& waiter) noexcept;
  void park_again() noexcept;
  void next_turn(ConnectionPtr connection) noexcept;
  Introduction introduction(const Claim& claim) const;
  bool open(Permit permit, Claim claim) noexcept;
  void open_ahead(const BackendConnection& used) noexcept;
  void give(ConnectionPtr connection) noexcept;
  void hand_over(ConnectionPtr connection) noexcept;
  void pass_later(ConnectionPtr connection) noexcept;
  void pass_on() noexcept;
  void cannot_open(BackendConnection& connection, const Lost& lost) noexcept;
  void alarm(const BackendConnection& connection, const Lost& lost);
  void alarm_no_tls(const BackendConnection& connection, std::string why);
  bool open_in_the_clear(BackendConnection& failed) noexcept;
  void close_idle(BackendConnection& connection) noexcept;
  void sweep_lost() noexcept;
  void sweep_idle(Time now) noexcept;
  void sweep_silent(Time now, std::chrono::nanoseconds asking) noexcept;
  void probe(Time now) noexcept;

  Context context_;
  std::shared_ptr<Backend> backend_;
  // By want: only questions can follow others, and are not looked for among messages that wait.
  Requests requests_[2];
  // What is in these is used by the pool.
  ConnectionList idle_;      // the newest last
  ConnectionList draining_;  // replies come that interest nobody
  ConnectionList opening_;   // for whom they claim; some for nobody
  ConnectionList passing_;   // likewise, at the end of the turn
  Handle pass_;
  bool closing_ = false;
};

}  // namespace ravelin::proxy
