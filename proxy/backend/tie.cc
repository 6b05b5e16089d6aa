#include "proxy/backend/tie.h"

#include <cassert>
#include <new>
#include <utility>

#include "proxy/backend/worker.h"

namespace ravelin::proxy {

void Tie::keep(ConnectionPtr connection, const Waiter& holder) noexcept {
  assert(!taken_ && connection_ == nullptr);
  // Another's RSET is on its way behind.
  if (!connection->pipeline().empty()) return worker_.park(std::move(connection));
  auto claim = connection->backend().tie(holder);
  if (!claim) return worker_.park(std::move(connection));
  connection->claim() = *std::move(claim);
  connection_ = std::move(connection);
  rest();
}

void Tie::keep_again(ConnectionPtr connection) noexcept {
  assert(taken_);
  taken_ = false;
  connection_ = std::move(connection);
  rest();
}

// Good clients' ties are not given up for others. Nor is one that there is no memory to note down:
// it is given up in its time.
void Tie::rest() noexcept {
  connection_->set_user(this);
  connection_->touch();
  if (connection_->claim().waiter().good) return;
  auto& backend = connection_->backend();
  try {
    idle_tie_ = backend.tie_idle(worker_.number());
    worker_.list_tie(backend, idle_tie_, *this);
  } catch (const std::bad_alloc&) {
    stir();
  }
}

void Tie::stir() noexcept {
  if (idle_tie_ == 0) return;
  auto& backend = connection_->backend();
  backend.tie_busy(idle_tie_);
  worker_.strike_tie(backend, std::exchange(idle_tie_, 0));
}

ConnectionPtr Tie::take() noexcept {
  stir();
  taken_ = true;
  return std::move(connection_);
}

void Tie::give_up() noexcept {
  taken_ = false;
  if (connection_ == nullptr) return;
  stir();
  worker_.park(std::move(connection_));
}

// Nothing was asked, so nothing can be answered; the dialog reports such bytes as nonsense.
void Tie::on_reply(BackendConnection&, smtp::Step, const smtp::Reply&) {}

void Tie::on_lost(BackendConnection&, const Lost&) {
  stir();
  BackendConnection::drop(std::move(connection_));
}

}  // namespace ravelin::proxy
