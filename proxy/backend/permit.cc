#include "proxy/backend/permit.h"

#include "proxy/backend/backend.h"

namespace ravelin::proxy {

Permit& Permit::operator=(Permit&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  backend_ = std::exchange(other.backend_, nullptr);
  state_ = other.state_;
  return *this;
}

void Permit::connected(dns::Time now) noexcept {
  state_ = State::Ready;
  backend_->connected(now);
}

void Permit::failed(ConnectFault fault, dns::Time now) noexcept {
  state_ = State::Failed;
  backend_->see(now);
  backend_->connect_failed(fault);
}

void Permit::give_back() noexcept {
  const auto backend = std::exchange(backend_, nullptr);
  if (backend == nullptr) return;
  // Dropped before it was known how the attempt would end: that says nothing about the backend.
  if (state_ == State::Connecting) backend->connect_failed(ConnectFault::None);
  backend->closed(state_ == State::Ready);
}

Claim Claim::granted(std::shared_ptr<Backend> backend, PlaceInLine place) noexcept {
  const auto& waiter = place.mapped();
  return {std::move(backend), waiter, waiter.want == Want::Message, std::move(place)};
}

Claim& Claim::operator=(Claim&& other) noexcept {
  if (this == &other) return *this;
  end();
  backend_ = std::exchange(other.backend_, nullptr);
  waiter_ = other.waiter_;
  tied_ = other.tied_;
  place_ = std::move(other.place_);
  return *this;
}

void Claim::served() noexcept {
  place_ = {};
  if (!tied_) backend_ = nullptr;
}

void Claim::wait_on() noexcept {
  const auto backend = std::exchange(backend_, nullptr);
  if (backend != nullptr && place_) backend->put_back(std::move(place_));
}

void Claim::end() noexcept {
  const auto backend = std::exchange(backend_, nullptr);
  if (backend != nullptr && tied_) backend->untie(waiter_);
  place_ = {};
}

}  // namespace ravelin::proxy
