#include "proxy/backend/tie.h"

#include <cassert>
#include <utility>

#include "proxy/backend/worker.h"

namespace ravelin::proxy {

void Tie::keep(std::unique_ptr<BackendConnection> connection, const Waiter& holder) {
  assert(backend_ == nullptr);
  auto backend = connection->backend().shared_from_this();
  if (!backend->tie(holder)) return worker_.pool(backend).park(std::move(connection));
  holder_ = holder;
  backend_ = std::move(backend);
  connection_ = std::move(connection);
  rest();
}

void Tie::keep_again(std::unique_ptr<BackendConnection> connection) {
  assert(taken());
  connection_ = std::move(connection);
  rest();
}

void Tie::hold(std::shared_ptr<Backend> backend, const Waiter& holder) {
  assert(backend_ == nullptr);
  backend_ = std::move(backend);
  holder_ = holder;
}

// Good clients' ties are not given up for others.
void Tie::rest() {
  connection_->set_user(this);
  connection_->touch();
  if (holder_.good) return;
  idle_tie_ = backend_->tie_idle(worker_.number());
  worker_.list_tie(*backend_, idle_tie_, *this);
}

void Tie::stir() {
  if (idle_tie_ == 0) return;
  backend_->tie_busy(idle_tie_);
  worker_.strike_tie(*backend_, std::exchange(idle_tie_, 0));
}

std::unique_ptr<BackendConnection> Tie::take() {
  stir();
  return std::move(connection_);
}

void Tie::end() {
  if (const auto backend = std::exchange(backend_, nullptr))
    backend->untie(holder_, worker_.reactor().now());
}

void Tie::give_up() {
  if (connection_ == nullptr) return end();
  auto connection = take();
  const auto backend = backend_;
  end();
  worker_.pool(backend).park(std::move(connection));
}

// Nothing was asked, so nothing can be answered; the dialog reports such bytes as nonsense.
void Tie::on_reply(BackendConnection&, smtp::Step, const smtp::Reply&) {}

void Tie::on_lost(BackendConnection&, const Lost&) {
  auto connection = take();
  end();
  BackendConnection::drop(std::move(connection));
}

}  // namespace ravelin::proxy
