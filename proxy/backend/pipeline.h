// The questions of other clients that are under way on a connection behind the one in front. They
// were sent in the same write, each a transaction of its own (RSET, MAIL, RCPT; RFC 2920), so that
// each answer is what it would have been alone; but whoever is behind another's RSET cannot keep
// what was accepted.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace ravelin::proxy {

class BackendConnection;
using ConnectionPtr = std::shared_ptr<BackendConnection>;

// Somebody who has said a question there. Called on the loop's thread; neither may call the
// question's owner before it has returned.
class Pipelined {
 public:
  // All in front are answered: the replies that come now are its own.
  virtual void on_turn(ConnectionPtr connection) noexcept = 0;
  // The connection has gone before.
  virtual void on_cut_off() noexcept = 0;

 protected:
  ~Pipelined() = default;
};

class Pipeline {
 public:
  // For one more. Throws std::bad_alloc.
  void make_room() { turns_.reserve(turns_.size() + 1); }
  // |replies| will come, at least one. There is room.
  void push(Pipelined& who, size_t replies) noexcept;
  // Its replies come all the same.
  void leave(const Pipelined& who) noexcept;

  // To all who are behind the one in front.
  size_t replies() const { return replies_; }
  bool empty() const { return turns_.empty(); }
  // Whose turn it is now; null: one that has left, whose replies come now. Not of an empty one.
  Pipelined* next() noexcept;
  void cut_off() noexcept;

 private:
  struct Turn {
    Pipelined* who;
    size_t replies;
  };
  std::vector<Turn> turns_;  // a handful
  size_t replies_ = 0;
};

}  // namespace ravelin::proxy
