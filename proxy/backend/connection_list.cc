#include "proxy/backend/connection_list.h"

#include <cassert>
#include <utility>

#include "proxy/backend/connection.h"

namespace ravelin::proxy {

ConnectionList::~ConnectionList() {
  while (!empty()) pop_front();
}

BackendConnection* ConnectionList::next(const BackendConnection& connection) noexcept {
  return connection.listed_.next;
}

bool ConnectionList::contains(const BackendConnection& connection) const noexcept {
  return connection.listed_.list == this;
}

void ConnectionList::push_front(ConnectionPtr connection) noexcept {
  auto& place = connection->listed_;
  assert(place.list == nullptr);
  place.list = this;
  place.next = std::exchange(first_, connection.get());
  (place.next == nullptr ? last_ : place.next->listed_.previous) = first_;
  ++size_;
  place.owner = std::move(connection);
}

void ConnectionList::push_back(ConnectionPtr connection) noexcept {
  auto& place = connection->listed_;
  assert(place.list == nullptr);
  place.list = this;
  place.previous = std::exchange(last_, connection.get());
  (place.previous == nullptr ? first_ : place.previous->listed_.next) = last_;
  ++size_;
  place.owner = std::move(connection);
}

ConnectionPtr ConnectionList::take(BackendConnection& connection) noexcept {
  auto& place = connection.listed_;
  if (place.list != this) return nullptr;
  (place.previous == nullptr ? first_ : place.previous->listed_.next) = place.next;
  (place.next == nullptr ? last_ : place.next->listed_.previous) = place.previous;
  --size_;
  place.list = nullptr;
  place.previous = place.next = nullptr;
  return std::move(place.owner);
}

}  // namespace ravelin::proxy
