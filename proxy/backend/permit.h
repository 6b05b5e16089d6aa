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

// Whom a connection is for: the one at the head of the line to whom it is on its way, and then what
// is counted of that one: a tie, if it may be kept for a client, or the question of one who is not
// good.
class Claim {
 public:
  Claim() = default;
  // Of one that Permits has just granted a connection; |place|: where it came from in the line, if
  // it waited.
  static Claim granted(std::shared_ptr<Backend> backend, const Waiter& waiter,
                       PlaceInLine place = {}) noexcept;
  // Of one that Permits has just granted a tie.
  static Claim tied(std::shared_ptr<Backend> backend, const Waiter& waiter) noexcept {
    return {std::move(backend), waiter, Counts::Tie, {}};
  }
  Claim(Claim&& other) noexcept = default;
  Claim& operator=(Claim&& other) noexcept;
  ~Claim() { end(); }

  explicit operator bool() const { return backend_ != nullptr; }
  const Waiter& waiter() const { return waiter_; }
  bool tie() const { return backend_ != nullptr && counts_ == Counts::Tie; }
  // The connection is there: what is left is what is counted.
  void served() noexcept;
  // The question that was counted for is answered, and whoever counts has been told. Was there one?
  bool give_away() noexcept {
    return std::exchange(backend_, nullptr) && counts_ == Counts::Question;
  }
  // It cannot have this connection, and waits on in its place.
  void wait_on() noexcept;
  void end() noexcept;

 private:
  enum class Counts : uint8_t { Nothing, Question, Tie };
  Claim(std::shared_ptr<Backend> backend, const Waiter& waiter, Counts counts,
        PlaceInLine place) noexcept
      : backend_(std::move(backend)), waiter_(waiter), counts_(counts), place_(std::move(place)) {}

  std::shared_ptr<Backend> backend_;
  Waiter waiter_;
  Counts counts_ = Counts::Nothing;
  PlaceInLine place_;
};

}  // namespace ravelin::proxy
