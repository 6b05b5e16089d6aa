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

Claim Claim::granted(std::shared_ptr<Backend> backend, const Waiter& waiter,
                     PlaceInLine place) noexcept {
  const auto counts = waiter.want == Want::Message ? Counts::Tie
                      : waiter.good                ? Counts::Nothing
                                                   : Counts::Question;
  return {std::move(backend), waiter, counts, std::move(place)};
}

Claim& Claim::operator=(Claim&& other) noexcept {
  if (this == &other) return *this;
  end();
  backend_ = std::exchange(other.backend_, nullptr);
  waiter_ = other.waiter_;
  counts_ = other.counts_;
  place_ = std::move(other.place_);
  return *this;
}

void Claim::served() noexcept {
  place_ = {};
  if (counts_ == Counts::Nothing) backend_ = nullptr;
}

void Claim::wait_on() noexcept {
  const auto backend = std::exchange(backend_, nullptr);
  if (backend != nullptr && place_) backend->put_back(std::move(place_));
}

void Claim::end() noexcept {
  const auto backend = std::exchange(backend_, nullptr);
  if (backend != nullptr && counts_ == Counts::Tie) backend->untie(waiter_);
  if (backend != nullptr && counts_ == Counts::Question) backend->answered();
  place_ = {};
}

}  // namespace ravelin::proxy
