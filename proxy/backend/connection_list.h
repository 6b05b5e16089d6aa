// Connections that lie somewhere: idle, being opened, ending. A list owns what is in it. A
// connection is in one list at most, and joining or leaving one needs no memory, so that none is
// ever lost on the way.
#pragma once

#include <cstddef>
#include <memory>

namespace ravelin::proxy {

class BackendConnection;
using ConnectionPtr = std::shared_ptr<BackendConnection>;

class ConnectionList {
 public:
  // Where a connection is; a member of it.
  struct Place {
    ConnectionList* list = nullptr;
    BackendConnection* previous = nullptr;
    BackendConnection* next = nullptr;
    ConnectionPtr owner;  // of itself, while it is in a list
  };

  ConnectionList() = default;
  ConnectionList(const ConnectionList&) = delete;
  ConnectionList& operator=(const ConnectionList&) = delete;
  ~ConnectionList();

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  void push_front(ConnectionPtr connection) noexcept;
  void push_back(ConnectionPtr connection) noexcept;
  ConnectionPtr pop_front() noexcept { return take(*first_); }  // not of an empty list
  ConnectionPtr pop_back() noexcept { return take(*last_); }
  // Null if |connection| is not in this list.
  ConnectionPtr take(BackendConnection& connection) noexcept;
  bool contains(const BackendConnection& connection) const noexcept;

  // The first for which |test| holds; null if there is none.
  template <class Test>
  BackendConnection* find(const Test& test) const {
    auto* at = first_;
    while (at != nullptr && !test(*at)) at = next(*at);
    return at;
  }

 private:
  static BackendConnection* next(const BackendConnection& connection) noexcept;

  BackendConnection* first_ = nullptr;
  BackendConnection* last_ = nullptr;
  size_t size_ = 0;
};

}  // namespace ravelin::proxy
