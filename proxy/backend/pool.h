// One worker's connections to one backend: those that lie idle, that are being opened, that end.
// Who may have a connection is decided by the backend's permits, for all workers together; the pool
// carries it out for its own.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "proxy/backend/alarms.h"
#include "proxy/backend/backend.h"
#include "proxy/backend/connection.h"

namespace ravelin::proxy {

// Somebody who waits for a connection. Called on the loop's thread, not from inside take().
class Request {
 public:
  Waiter waiter;  // good, fresh, want, client: filled in before take()

  // If |waiter.want| is Message, its tie is the request's from here on.
  virtual void on_connection(std::unique_ptr<BackendConnection> connection) = 0;
  virtual void on_no_connection(const Lost& lost) = 0;

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
    uint32_t worker;
  };
  Pool(const Context& context, std::shared_ptr<Backend> backend);
  ~Pool();

  enum class Took : uint8_t { Now, Later, Down };
  // Now: |connection| is filled, on_connection() will not be called. |request| stays where it is
  // until called, or until cancel().
  Took take(Request& request, std::unique_ptr<BackendConnection>& connection);
  void cancel(Request& request);

  // Gives a connection back, with its dialog at rest.
  void park(std::unique_ptr<BackendConnection> connection);
  // With replies still to come that interest nobody: parked when they are there.
  void park_later(std::unique_ptr<BackendConnection> connection);

  void end(std::unique_ptr<BackendConnection> connection);  // QUIT, whatever could be left of it

  void receive(const Order& order);  // Open, HandOver, Fail
  void receive(const HandedOver& parcel);
  // |asking|: how long greetings and replies may take.
  void sweep(Time now, std::chrono::nanoseconds asking);
  void shutdown();  // idle connections QUIT, others when they come back

  // It has no connection, and nobody waits for one: it may go.
  bool empty() const {
    return requests_.empty() && idle_.empty() && opening_.empty() && ending_.empty() &&
           draining_.empty() && passing_.empty();
  }
  Backend& backend() const { return *backend_; }

 private:
  using Connections = std::vector<std::unique_ptr<BackendConnection>>;
  struct Opening {
    std::unique_ptr<BackendConnection> connection;
    Waiter waiter;  // ticket 0: nobody waits for it
  };
  struct Passing {
    std::unique_ptr<BackendConnection> connection;
    Waiter to;
  };

  void on_ready(BackendConnection& connection) override;
  void on_reply(BackendConnection& connection, smtp::Step step, const smtp::Reply& reply) override;
  void on_lost(BackendConnection& connection, const Lost& lost) override;

  BackendConnection::Place place() const;
  Request* take_request(const Waiter& waiter);
  void park_again();
  void open(const Waiter& waiter);
  void open_ahead(const BackendConnection& used);
  void give(const Waiter& to, std::unique_ptr<BackendConnection> connection);
  void hand_over(const Waiter& to, std::unique_ptr<BackendConnection> connection);
  void pass_later(const Waiter& to, std::unique_ptr<BackendConnection> connection);
  void pass_on();
  void cannot_open(const Opening& attempt, const Lost& lost);
  void sweep_idle(Time now);
  void sweep_silent(Time now, std::chrono::nanoseconds asking);
  void probe(Time now);
  static std::unique_ptr<BackendConnection> take_out(Connections& list,
                                                     const BackendConnection& which);

  Context context_;
  std::shared_ptr<Backend> backend_;
  std::unordered_map<uint64_t, Request*> requests_;  // by ticket
  Connections idle_;                                 // the newest last
  Connections ending_;                               // QUIT was said
  Connections draining_;                             // replies come that interest nobody
  std::vector<Opening> opening_;
  std::vector<Passing> passing_;
  Handle pass_;
  bool closing_ = false;
};

}  // namespace ravelin::proxy
