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
  // |worker| must outlive it.
  explicit Tie(BackendWorker& worker) : worker_(worker) {}
  ~Tie() { give_up(); }

  // Keeps the connection if the client, |holder|, may tie one; else gives it back to its pool.
  void keep(ConnectionPtr connection, const Waiter& holder) noexcept;
  // Again, after it was taken for another recipient.
  void keep_again(ConnectionPtr connection) noexcept;

  explicit operator bool() const { return connection_ != nullptr; }
  const BackendConnection& connection() const { return *connection_; }
  // For a command. The connection keeps the place, and gives it back when it is not of use any
  // more.
  ConnectionPtr take() noexcept;
  bool taken() const { return taken_; }
  // What was taken does not come back.
  void end() noexcept { taken_ = false; }
  // Place and connection are given back; what was accepted is asked again at DATA.
  void give_up() noexcept;
  Time idle_since() const { return connection_->idle_since(); }

 private:
  void on_reply(BackendConnection& connection, smtp::Step step, const smtp::Reply& reply) override;
  void on_lost(BackendConnection& connection, const Lost& lost) override;
  void rest() noexcept;
  void stir() noexcept;

  BackendWorker& worker_;
  ConnectionPtr connection_;
  bool taken_ = false;
  uint64_t idle_tie_ = 0;  // under which others may ask for it; 0: not idle, or not to be asked
};

}  // namespace ravelin::proxy
