// Owners of what Permits only counts. Connections and letters carry them from thread to thread, and
// whatever becomes of those, nothing stays counted that is not there.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "proxy/backend/health.h"
#include "proxy/backend/permits.h"

namespace ravelin::proxy {

class Backend;

// The right to hold one connection; gives it back when destroyed, which must come after the
// connection is closed.
class Permit {
 public:
  Permit() = default;
  // One that Permits has just granted.
  explicit Permit(std::shared_ptr<Backend> backend) noexcept : backend_(std::move(backend)) {}
  Permit(Permit&& other) noexcept
      : backend_(std::exchange(other.backend_, nullptr)), state_(other.state_) {}
  Permit& operator=(Permit&& other) noexcept;
  ~Permit() { give_back(); }

  void connected(dns::Time now) noexcept;
  void failed(ConnectFault fault, dns::Time now) noexcept;  // to connect

 private:
  enum class State : uint8_t { Connecting, Ready, Failed };
  void give_back() noexcept;

  std::shared_ptr<Backend> backend_;
  State state_ = State::Connecting;
};

// Whom a connection is for: the one at the head of the line to whom it is on its way, and then, if
// it may be kept for a client, the place of a tie.
class Claim {
 public:
  Claim() = default;
  // |tied|: a tie is counted for |waiter|. |place|: where it came from in the line, if it waited.
  Claim(std::shared_ptr<Backend> backend, const Waiter& waiter, bool tied,
        PlaceInLine place = {}) noexcept
      : backend_(std::move(backend)), waiter_(waiter), tied_(tied), place_(std::move(place)) {}
  // Of one that Permits has just granted a connection.
  static Claim granted(std::shared_ptr<Backend> backend, PlaceInLine place) noexcept;
  Claim(Claim&& other) noexcept = default;
  Claim& operator=(Claim&& other) noexcept;
  ~Claim() { end(); }

  explicit operator bool() const { return backend_ != nullptr; }
  const Waiter& waiter() const { return waiter_; }
  // The connection is there: what is left is the tie, if there is one.
  void served() noexcept;
  // It cannot have this connection, and waits on in its place.
  void wait_on() noexcept;
  void end() noexcept;

 private:
  std::shared_ptr<Backend> backend_;
  Waiter waiter_;
  bool tied_ = false;
  PlaceInLine place_;
};

}  // namespace ravelin::proxy
