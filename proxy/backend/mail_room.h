// How workers tell each other something: values and ids, through each worker's post function. A
// letter to a worker that has gone is destroyed, and with it what it carries: descriptors, permits.
//
// Sending needs no memory, only the letter itself does: who will have to write when there may be
// none left (to those who wait for an answer) has it ready. If the worker cannot be woken, its next
// sweep finds the letter.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "proxy/backend/facts.h"
#include "proxy/backend/permit.h"
#include "proxy/backend/permits.h"
#include "proxy/event/fd.h"
#include "proxy/event/guarded.h"
#include "proxy/event/tls.h"
#include "smtp/reply.h"

namespace ravelin::proxy {

class Backend;

// Runs a function on a worker's thread, at the end of a turn of its loop. Thread-safe, never calls
// back before it has returned.
using Post = std::function<void(std::function<void()>)>;

// Leave to open a connection, for one who waits.
struct Grant {
  Claim claim;
  Permit permit;
};

// A connection on its way to another thread. Closed before its permit is given back.
struct HandedOver {
  Facts facts;
  Claim claim;
  Permit permit;
  TlsParcel tls{nullptr, nullptr};
  Fd fd;
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
  uint64_t question = 0;                       // the follower's own
  std::shared_ptr<const SharedAnswer> answer;  // null: nothing that can be shared
  bool alone = false;                          // then: ask by yourself, do not join again
};

struct Letter {
  std::shared_ptr<Backend> backend;  // null for Joined
  std::variant<std::monostate, Order, Grant, HandedOver, Joined> text;
  std::unique_ptr<Letter> next;  // for the mail room
};
using LetterPtr = std::unique_ptr<Letter>;

class Inbox {
 public:
  // If memory runs out in it the letter is destroyed.
  virtual void receive(Letter& letter) = 0;

 protected:
  ~Inbox() = default;
};

class MailRoom {
 public:
  // Numbers count from 0 in the order of calls and are not used again. |inbox| is called on the
  // thread that |post| runs functions on, until remove() on that same thread.
  uint32_t add(Post post, Inbox& inbox);
  void remove(uint32_t worker) noexcept;
  void send(uint32_t worker, LetterPtr letter) noexcept;
  // On the worker's thread: reads what it could not be woken for.
  void read_missed(uint32_t worker) const;
  // Any worker that is there: for work that belongs to none.
  std::optional<uint32_t> first() const;

 private:
  // In the order of arrival.
  struct Queue {
    LetterPtr first;
    Letter* last = nullptr;
    bool closed = false;
    bool woken = false;  // a read() is on its way

    void push(LetterPtr letter) noexcept;
  };
  struct Box {
    Box(Post function, Inbox& reader) : post(std::move(function)), inbox(&reader) {}
    ~Box() {
      clear(letters.with([](Queue& queue) { return std::move(queue.first); }));
    }

    const Post post;
    Inbox* inbox;  // of the worker's thread only; null once it has gone
    Guarded<Queue> letters;
  };
  using BoxPtr = std::shared_ptr<Box>;

  BoxPtr box(uint32_t worker) const;
  static void read(Box& box);
  static void clear(LetterPtr letters) noexcept;

  Guarded<std::vector<BoxPtr>> boxes_;  // null: gone
};

}  // namespace ravelin::proxy
