// How workers tell each other something: values and ids, through each worker's post function. A
// letter to a worker that has gone is dropped.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proxy/backend/facts.h"
#include "proxy/backend/permits.h"
#include "proxy/event/guarded.h"
#include "smtp/reply.h"

namespace ravelin::proxy {

class Backend;

// Runs a function on a worker's thread, at the end of a turn of its loop. Thread-safe, never calls
// back before it has returned.
using Post = std::function<void(std::function<void()>)>;

// A connection on its way to another thread, with the permit that it stands for.
struct HandedOver {
  int fd = -1;
  Facts facts;
  Waiter waiter;
};

// A refusal that may be told to others who asked the same.
struct SharedAnswer {
  smtp::Reply reply;
  bool unknown = false;
  std::string relay;
  std::string said;
};
// To those who joined an equal question in flight.
struct Joined {
  uint64_t question = 0;               // the follower's own
  std::optional<SharedAnswer> answer;  // empty: nothing that can be shared
  bool alone = false;                  // then: ask by yourself, do not join again
};

using Letter = std::variant<Order, HandedOver, Joined>;

class Inbox {
 public:
  // |backend| is null for Joined.
  virtual void receive(const std::shared_ptr<Backend>& backend, const Letter& letter) = 0;

 protected:
  ~Inbox() = default;
};

class MailRoom {
 public:
  // Numbers count from 0 in the order of calls and are not used again. |inbox| is called on the
  // thread that |post| runs functions on, until remove() on that same thread.
  uint32_t add(Post post, Inbox& inbox);
  void remove(uint32_t worker);
  void send(uint32_t worker, std::shared_ptr<Backend> backend, Letter letter);
  // Any worker that is there: for work that belongs to none.
  std::optional<uint32_t> first() const;

 private:
  struct Box {
    Post post;
    std::shared_ptr<Inbox*> inbox;  // the pointer inside belongs to the worker's thread
  };
  Guarded<std::vector<Box>> boxes_;
};

}  // namespace ravelin::proxy
