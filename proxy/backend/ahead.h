// Message text that is taken from a client before there is a connection to the backend for it: in
// memory, so little of it, and in all no more than is given here.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <string_view>

namespace ravelin::proxy {

// How much of it there is in the process. Thread-safe.
class AheadRoom {
 public:
  static constexpr size_t kMost = 64 << 20;  // bytes

  bool full() const { return used_.load(std::memory_order_relaxed) >= kMost; }
  size_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  friend class Ahead;
  std::atomic<size_t> used_{0};
};

// Of one message. |room| must outlive it.
class Ahead {
 public:
  static constexpr size_t kEnough = 64 << 10;  // bytes

  explicit Ahead(AheadRoom& room) : room_(room) {}
  ~Ahead() { room_.used_.fetch_sub(text_.size(), std::memory_order_relaxed); }
  Ahead(const Ahead&) = delete;
  Ahead& operator=(const Ahead&) = delete;

  void append(std::string_view text) {
    text_ += text;
    room_.used_.fetch_add(text.size(), std::memory_order_relaxed);
  }
  // More is not to be taken before there is a connection.
  bool enough() const { return text_.size() >= kEnough || room_.full(); }
  const std::string& text() const { return text_; }

 private:
  AheadRoom& room_;
  std::string text_;
};

}  // namespace ravelin::proxy
