// A connection that holds an open transaction with all recipients accepted so far, while the client
// makes up its mind. A place that others may want more.
#pragma once

#include <memory>

#include "proxy/backend/connection.h"
#include "proxy/backend/pool.h"

namespace ravelin::proxy {

class BackendWorker;

class Tie final : ConnectionUser {
 public:
  // |holder|: the client, as Permits::tie() wants it. Both must outlive the tie.
  explicit Tie(BackendWorker& worker) : worker_(worker) {}
  ~Tie() { give_up(); }

  // Keeps the connection if the client may tie one; else gives it back to its pool.
  void keep(std::unique_ptr<BackendConnection> connection, const Waiter& holder);
  // Again, after it was taken for another recipient.
  void keep_again(std::unique_ptr<BackendConnection> connection);

  explicit operator bool() const { return connection_ != nullptr; }
  const BackendConnection& connection() const { return *connection_; }
  // A message's place, taken with its connection by a replay.
  void hold(std::shared_ptr<Backend> backend, const Waiter& holder);
  // For a command; the place stays taken until keep_again() or end().
  std::unique_ptr<BackendConnection> take();
  bool taken() const { return backend_ != nullptr && connection_ == nullptr; }
  // The place is given back, the connection went elsewhere.
  void end();
  // Place and connection are given back; what was accepted is asked again at DATA.
  void give_up();
  Time idle_since() const { return connection_->idle_since(); }

 private:
  void on_reply(BackendConnection& connection, smtp::Step step, const smtp::Reply& reply) override;
  void on_lost(BackendConnection& connection, const Lost& lost) override;
  void rest();
  void stir();

  BackendWorker& worker_;
  Waiter holder_;
  std::shared_ptr<Backend> backend_;  // while a place is taken
  std::unique_ptr<BackendConnection> connection_;
  uint64_t idle_tie_ = 0;  // under which others may ask for it; 0: not idle, or not to be asked
};

}  // namespace ravelin::proxy
